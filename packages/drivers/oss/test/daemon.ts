// The daemon devlift-oss over a sound server without hardware, with its device files in a folder of the test's own.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallsBuild } from "@devlift/testing/calls";
import { Daemon, MEASURED } from "@devlift/testing/daemon";
import { Client } from "./client.ts";

export const BUNDLE = fileURLToPath(new URL("../dist/devlift-oss.mjs", import.meta.url));

/** The socket of a daemon of serveFiles(). */
export function controlIn(folder: string): string {
  return join(folder, "control");
}

export interface Served {
  readonly daemon: Daemon;
  readonly folder: string;
  /** A program opens a device. @param environment default: that of the daemon's start */
  open(
    name: string,
    flags: number,
    environment?: Readonly<Record<string, string>>,
    build?: CallsBuild,
  ): Promise<Client>;
  /** Ends the programs, then the daemon. */
  stop(): Promise<number | string>;
}

/** On the fuse channel. @param environment where the programs' sound server is */
export async function serveFiles(
  environment: Readonly<Record<string, string>>,
  backend: "pulse" | "auto" = "pulse",
): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "devlift-oss-"));
  const args = ["--channel", "fuse", "--folder", folder, "--control", controlIn(folder), "--backend", backend];
  return serve(args, folder, environment, () => rmSync(folder, { recursive: true, force: true }));
}

/** Character devices, in a virtual machine. @param args more of the command line */
export function serveDevices(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Served> {
  return serve(["--channel", "cuse", "--folder", "/dev", ...args], "/dev", environment, () => undefined);
}

async function serve(
  args: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>>,
  removeFolder: () => void,
): Promise<Served> {
  const daemon = await Daemon.start(BUNDLE, args, MEASURED);
  const clients: Client[] = [];
  return {
    daemon,
    folder,
    async open(name, flags, env = environment, build = 64) {
      const client = await Client.open(join(folder, name), flags, env, build);
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) await client.stop();
      const status = await daemon.stop();
      removeFolder();
      return status;
    },
  };
}
