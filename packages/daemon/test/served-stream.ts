// stream-daemon.ts on the fuse channel, with its device file and its control socket in a folder of the test's own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "@devlift/testing/daemon";
import { bundle as bundleDaemon } from "../src/bundle.ts";

export interface ServedStream {
  readonly daemon: Daemon;
  readonly folder: string;
  /** The device file. */
  readonly path: string;
  readonly control: string;
  stop(): Promise<number | string>;
}

export async function serveStream(...args: string[]): Promise<ServedStream> {
  const folder = mkdtempSync(join(tmpdir(), "devlift-control-"));
  const [path, control, bundle] = [
    join(folder, "stream"),
    join(folder, "socket"),
    join(folder, "dist", "devlift-stream.mjs"),
  ];
  writeFileSync(path, "");
  const entry = fileURLToPath(new URL("./stream-daemon.ts", import.meta.url));
  await bundleDaemon({ name: "devlift-stream", entry, folder: join(folder, "dist") });
  const daemon = await Daemon.start(bundle, ["--channel", "fuse", "--path", path, "--control", control, ...args]);
  return {
    daemon,
    folder,
    path,
    control,
    async stop() {
      const status = await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
      return status;
    },
  };
}
