// How often a daemon calls the kernel while several programs write to its device and it looks for requests without
// sleeping. The kernel counts: a histogram of raw_syscalls:sys_enter for all threads of the daemon, which lives in an
// instance of tracefs from the start of the count to its end.

import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";
import { type Row, rounded } from "./arithmetic.ts";
import { BUILT } from "./built.ts";
import { type Place, startContestant } from "./contestants.ts";
import { STREAM, TWO_CPUS } from "./figures.ts";
import { CLIENT_CPU, OTHER_CPU } from "./measure.ts";

const INSTANCE = "/sys/kernel/tracing/instances/devlift-bench";
const EVENT = join(INSTANCE, "events/raw_syscalls/sys_enter");

/** Of each writer, before the count and in it. */
const CALLS = { warm: 400, counted: 1500 };

/** @returns system calls of all threads of the process meanwhile */
async function callsOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  await mkdir(INSTANCE);
  try {
    await writeFile(join(EVENT, "trigger"), `hist:keys=id if ${threads.map((id) => `common_pid==${id}`).join("||")}`);
    await work();
    const text = await readFile(join(EVENT, "hist"), "utf8");
    const hits = /Hits: (\d+)/.exec(text)?.[1];
    if (hits === undefined) throw new ToolError(`no count of system calls: ${text}`);
    return Number(hits);
  } finally {
    await rmdir(INSTANCE);
  }
}

/** @returns the row, where it is wanted */
export async function measureKernelCalls(place: Place, wanted: (row: string) => boolean): Promise<Row[]> {
  const { writers, limit } = STREAM;
  const row = { figure: "calls into the kernel", op: "write 1 B", size: writers, placement: TWO_CPUS } as const;
  if (!wanted(`${place.channel} ${row.figure} ${row.op} ${row.size} ${row.placement}`)) return [];
  const daemon = await startContestant("ours, spinning", "memory", place);
  await daemon.pin(OTHER_CPU);
  const write = (count: number) =>
    run(join(BUILT, "client"), [
      ...["write", daemon.path, "--size", "1", "--warm", "1", "--cpu", String(CLIENT_CPU)],
      ...["--clients", String(writers), "--count", String(count - 1)],
    ]);
  await write(CALLS.warm);
  const each = (await callsOf(daemon.pid, () => write(CALLS.counted))) / (writers * CALLS.counted);
  const of = { channel: place.channel, unit: "calls", ours: rounded(each), oursP99: null, peerP99: null } as const;
  return [{ ...row, ...of, peer: limit, peerName: "limit", ratio: rounded(each / limit), target: 1 }];
}
