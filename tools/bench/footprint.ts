// What a daemon costs that serves one small device: its resident memory after some work, and the time from its exec
// to a node that can be opened. Each measurement has a process of its own; ours and libfuse's take turns.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";
import { median, type Row, rounded } from "./arithmetic.ts";
import { BUILT } from "./built.ts";
import type { Place } from "./contestants.ts";
import { LIMITS, type PeerName } from "./figures.ts";

interface Daemon {
  readonly command: readonly [string, ...string[]];
  readonly path: string;
}

/** Ours and who it is compared with. */
async function daemons({ channel, folder }: Place): Promise<{ ours: Daemon; peer: Daemon; peerName: PeerName }> {
  const smallest = (on: string, path: string) => ({
    command: [process.execPath, join(BUILT, "smallest.mjs"), on, path] as const,
    path,
  });
  if (channel === "fusd")
    return {
      ours: smallest("fusd", "/dev/bench-smallest"),
      peer: smallest("cuse", "/dev/bench-smallest-cuse"),
      peerName: "ours on CUSE",
    };
  const place = async (name: string) => {
    if (channel === "cuse") return `/dev/${name}`;
    await writeFile(join(folder, name), "");
    return join(folder, name);
  };
  const [ours, libfuse] = [await place("bench-smallest"), await place("bench-smallest-libfuse")];
  return {
    ours: smallest(channel, ours),
    peer: { command: [join(BUILT, "libfuse"), channel, libfuse, "memory", "single"], path: libfuse },
    peerName: "libfuse",
  };
}

/** Milliseconds. */
async function startOf({ command, path }: Daemon): Promise<number> {
  const us = Number(await run(join(BUILT, "start"), [path, ...command]));
  if (!(us > 0)) throw new ToolError(`${command.join(" ")} did not start`);
  return us / 1000;
}

/** Work before memory is looked at. */
const CALLS = 5000;
/** Then what the start needed is given back; see serve() in packages/core/src/device. In milliseconds. */
const SETTLE_MS = 3000;

/** MB, as /proc tells of the process when it has answered some calls. */
async function memoryOf({ command, path }: Daemon): Promise<number> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    await Promise.race([once(child.stdout, "data"), ended]);
    await run(join(BUILT, "client"), ["write", path, "--count", String(CALLS)]);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    if (!(kib > 0)) throw new ToolError(`${program} has ended`);
    return (kib * 1024) / 1e6;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** @returns for each figure a row against its limit and one against the peer */
export async function measureFootprint(place: Place, rounds: number, wanted: (row: string) => boolean): Promise<Row[]> {
  const { ours, peer, peerName } = await daemons(place);
  const rows: Row[] = [];
  for (const figure of [
    { figure: "resident memory", unit: "MB", limit: LIMITS.memory, of: memoryOf },
    { figure: "exec to node", unit: "ms", limit: LIMITS.start, of: startOf },
  ] as const) {
    if (!wanted(`${place.channel} ${figure.figure}`)) continue;
    // Where the machine is emulated, its time says nothing about the limit.
    if (place.channel === "fusd" && figure.unit === "ms") continue;
    const samples: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
    for (let round = 0; round < rounds; round++) {
      samples.ours.push(await figure.of(ours));
      samples.peer.push(await figure.of(peer));
    }
    const mine = median(samples.ours);
    const theirs = median(samples.peer);
    const common = {
      figure: figure.figure,
      channel: place.channel,
      op: "one device",
      size: 1,
      placement: "",
      unit: figure.unit,
      ours: rounded(mine),
      oursP99: null,
      peerP99: null,
    } as const;
    const { limit } = figure;
    rows.push(
      { ...common, peer: limit, peerName: "limit", ratio: rounded(mine / limit), target: 1 },
      { ...common, peer: rounded(theirs), peerName, ratio: rounded(mine / theirs), target: null },
    );
  }
  return rows;
}
