// The servers that are compared, one process for each that a figure needs. A Contestant lives from its start to end();
// endAll() ends every one that is still there.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";
import { BUILT } from "./built.ts";
import type { ChannelName, OursName, PeerName } from "./figures.ts";
import type { Kind } from "./servers/device.ts";

export type ContestantName = OursName | PeerName;

/** Microseconds that ours may spin, where it does. */
export const SPIN_US = 100;

const READY_LIMIT_MS = 120_000;
const END_LIMIT_MS = 20_000;

export interface Place {
  readonly channel: ChannelName;
  /** A folder for mount points. */
  readonly folder: string;
  /** The folder that fuse-native is installed in. */
  readonly fuseNative: string | undefined;
}

export interface Contestant {
  readonly name: ContestantName;
  /** What a client opens. */
  readonly path: string;
  readonly pid: number;
  pin(cpu: number): Promise<void>;
  end(): Promise<void>;
}

interface Plan {
  readonly command: readonly [string, ...string[]];
  readonly path: string;
  readonly env?: NodeJS.ProcessEnv;
}

function slug(name: string, kind: Kind): string {
  return `bench-${name.toLowerCase().replaceAll(/[^a-z]+/g, "-")}-${kind}`;
}

async function planOf(name: ContestantName, kind: Kind, { channel, folder, fuseNative }: Place): Promise<Plan> {
  const file = slug(name, kind);
  const path = channel === "fuse" ? join(folder, file) : `/dev/${file}`;
  const libfuse = join(BUILT, "libfuse");
  if (channel === "fuse" && name !== "fuse-native") await writeFile(path, "");
  switch (name) {
    case "ours":
      return { command: [process.execPath, join(BUILT, "ours.mjs"), channel, path, kind], path };
    case "ours on CUSE":
      return { command: [process.execPath, join(BUILT, "ours.mjs"), "cuse", path, kind], path };
    case "ours on CUSE, spinning":
      return { command: [process.execPath, join(BUILT, "ours.mjs"), "cuse", path, kind, String(SPIN_US)], path };
    case "ours, spinning":
      return { command: [process.execPath, join(BUILT, "ours.mjs"), channel, path, kind, String(SPIN_US)], path };
    case "libfuse":
      return { command: [libfuse, channel, path, kind, "single"], path };
    case "libfuse, threads":
      return { command: [libfuse, channel, path, kind, "multi"], path };
    case "raw protocol in C":
      return { command: [join(BUILT, "raw"), channel, path, kind], path };
    case "fuse-native": {
      if (fuseNative === undefined) throw new ToolError("fuse-native is not there");
      await mkdir(path, { recursive: true });
      const env = { ...process.env, NODE_PATH: join(fuseNative, "node_modules"), LD_LIBRARY_PATH: fuseNative };
      const script = join(import.meta.dirname, "../../tools/bench/peers/fuse-native.cjs");
      return { command: [process.execPath, script, path], path: join(path, "file"), env };
    }
    case "pipe":
      throw new ToolError("a pipe is no server");
  }
}

const running = new Set<{ readonly child: ChildProcess; readonly mount: string | undefined }>();

/** Starts a server and waits until it serves. @throws ToolError when it does not */
export async function startContestant(name: ContestantName, kind: Kind, place: Place): Promise<Contestant> {
  const plan = await planOf(name, kind, place);
  const [program, ...args] = plan.command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: plan.env ?? process.env });
  const mount = place.channel === "fuse" ? join(place.folder, slug(name, kind)) : undefined;
  const entry = { child, mount };
  running.add(entry);
  await ready(child, name);
  return {
    name,
    path: plan.path,
    pid: child.pid ?? 0,
    pin: async (cpu) => {
      await run("taskset", ["-a", "-p", "-c", String(cpu), String(child.pid)]);
    },
    end: () => end(entry),
  };
}

async function ready(child: ChildProcess, name: string): Promise<void> {
  const { stdout } = child;
  if (stdout === null) throw new ToolError(`${name} has no standard output`);
  const limit = AbortSignal.timeout(READY_LIMIT_MS);
  const lines = createInterface({ input: stdout });
  try {
    const said = await Promise.race([
      once(lines, "line", { signal: limit }).then(([line]) => String(line)),
      once(child, "exit", { signal: limit }).then(() => "nothing, and ended"),
    ]);
    if (said !== "ready") throw new ToolError(`the server ${name} said ${said}`);
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw new ToolError(`the server ${name} did not start`, { cause: error });
  }
}

async function end(entry: { readonly child: ChildProcess; readonly mount: string | undefined }): Promise<void> {
  const { child, mount } = entry;
  if (!running.delete(entry)) return;
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    const late = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(late);
  }
  // Gone already, as it should be, or left by one that was killed.
  if (mount !== undefined) await run("umount", ["-l", mount]).catch(() => undefined);
}

export async function endAll(): Promise<void> {
  await Promise.all([...running].map(end));
}
