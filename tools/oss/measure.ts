// What a device costs: how late its sound is, what GETODELAY says of that, processor time, and many streams at once.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@devlift/pulse";
import { SINK } from "@devlift/testing/pulse";

const SPEC = { format: "s16le", channels: 2, rate: 48_000 } as const;
const FRAME = 4;
/** Bytes a millisecond. */
const BYTES_MS = (SPEC.rate * FRAME) / 1000;
/** Four of 4096 bytes: 85 ms in all. */
const SETFRAGMENT = "0x4000c";
const IMPULSES = 20;
const LOUD = 20_000;
/** Of which ten minutes are reckoned. */
const CPU_SECONDS = 15;
const STREAMS = 32;
const STREAM_SECONDS = 8;
/** Of each of them; all together they are just not too loud. */
const LEVEL = 1000;
/** USER_HZ. */
const TICKS = 100;

export interface Place {
  /** The program in clients/. */
  readonly player: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A heard frame: its larger sample, and when: milliseconds since 1970. */
interface Heard {
  readonly at: number;
  readonly level: number;
}

/** Hears the sink while something goes on. @param each of every stretch of frames, with when its first is heard */
async function hearing<T>(
  place: Place,
  each: (frames: Buffer, at: number) => void,
  during: () => Promise<T>,
): Promise<T> {
  const client = await connect({ clientProperties: { "application.name": "hearing" }, environment: place.environment });
  let opened: { available: number; read(length: number): Buffer; latency(): { delayUsec: number } } | undefined;
  const stream = await client.record(
    {
      spec: SPEC,
      device: `${SINK}.monitor`,
      buffer: { maxlength: 4_000_000, fragsize: 1920 },
      properties: { "media.name": "hearing" },
    },
    {
      readable: () => {
        if (opened === undefined) return;
        const { delayUsec } = opened.latency();
        const now = performance.timeOrigin + performance.now();
        each(opened.read(opened.available), now - delayUsec / 1000);
      },
    },
  );
  await stream.updateLatency();
  opened = stream;
  try {
    return await during();
  } finally {
    client.close();
  }
}

async function play(place: Place, dsp: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(place.player, [dsp, SETFRAGMENT, ...args], {
    env: place.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return text(child.stdout);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface Figures extends Lateness {
  /** Seconds of processor time for ten minutes of playing. */
  readonly processor: number;
  /** Milliseconds in which not all of STREAMS programs were heard. */
  readonly gaps: number;
}

/** Of one device. */
export interface Figure extends Figures {
  readonly column: string;
}

/** @param pid of the daemon */
export async function measure(place: Place, dsp: string, pid: number): Promise<Figures> {
  return {
    ...(await measureLateness(place, dsp)),
    processor: await measureProcessor(place, dsp, pid),
    gaps: await measureGaps(place, dsp),
  };
}

interface Lateness {
  /** Milliseconds from the start of a blocking write to when its first frame is heard, in the middle. */
  readonly latency: number | null;
  /** Milliseconds that GETODELAY is away from what was measured, in the middle. */
  readonly delayError: number | null;
}

async function measureLateness(place: Place, dsp: string): Promise<Lateness> {
  const heard: Heard[] = [];
  const said = await hearing(
    place,
    (frames, at) => {
      for (let offset = 0; offset + FRAME <= frames.length; offset += FRAME) {
        const level = frames.readInt16LE(offset);
        if (level >= LOUD) heard.push({ at: at + offset / BYTES_MS, level });
      }
    },
    async () => {
      const lines = await play(place, dsp, "impulses", String(IMPULSES));
      await sleep(500);
      return lines;
    },
  );
  const latencies: number[] = [];
  const errors: number[] = [];
  const lines = said.trim().split("\n");
  // Some were not heard, or twice: which is whose cannot be told.
  if (heard.length !== lines.length) return { latency: null, delayError: null };
  for (const [index, line] of lines.entries()) {
    const [before = 0, after = 0, bytes = 0, delay = 0] = line.split(" ").map(Number);
    const at = heard[index]?.at ?? Number.NaN;
    latencies.push(at - before / 1000);
    errors.push(Math.abs(at + bytes / BYTES_MS - after / 1000 - delay / BYTES_MS));
  }
  return { latency: median(latencies), delayError: median(errors) };
}

/** @param pid of the daemon; its children count, too @returns seconds of processor time for ten minutes of playing */
async function measureProcessor(place: Place, dsp: string, pid: number): Promise<number> {
  const playing = play(place, dsp, "constant", String(CPU_SECONDS + 4), "1000");
  await sleep(2000);
  const [from, used] = [performance.now(), ticksOf(pid)];
  await sleep(CPU_SECONDS * 1000);
  const seconds = (ticksOf(pid) - used) / TICKS;
  const share = seconds / ((performance.now() - from) / 1000);
  await playing;
  return share * 600;
}

/** Of a process and its children, and theirs: user and system time, proc(5). */
function ticksOf(pid: number): number {
  const all = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return [{ pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
    } catch {
      return [];
    }
  });
  const sum = (of: number): number =>
    all.filter(({ parent }) => parent === of).reduce((total, { pid: child, ticks }) => total + ticks + sum(child), 0);
  return (all.find((one) => one.pid === pid)?.ticks ?? 0) + sum(pid);
}

/** Many programs at once, each with the same sample all the time. @returns milliseconds in which not all were heard */
async function measureGaps(place: Place, dsp: string): Promise<number> {
  const levels: number[] = [];
  await hearing(
    place,
    (frames) => {
      for (let offset = 0; offset + FRAME <= frames.length; offset += FRAME) levels.push(frames.readInt16LE(offset));
    },
    () =>
      Promise.all(
        Array.from({ length: STREAMS }, () => play(place, dsp, "constant", String(STREAM_SECONDS), String(LEVEL))),
      ),
  );
  const whole = STREAMS * LEVEL;
  const [first, last] = [levels.indexOf(whole), levels.lastIndexOf(whole)];
  // Never all of them.
  if (first < 0) return STREAM_SECONDS * 1000;
  return levels.slice(first, last).filter((level) => level < whole).length / (SPEC.rate / 1000);
}
