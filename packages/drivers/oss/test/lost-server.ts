// Sixteen programs with a dsp open while their sound server hangs, dies and comes back: what each of their calls gave, and
// how long it took.

import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { SoundServer } from "@devlift/testing/pulse";
import * as oss from "@devlift/uapi/soundcard";
import { expect } from "vitest";
import type { Client } from "./client.ts";
import type { Served } from "./daemon.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const POLLIN = 1;
const POLLOUT = 4;
/** Little to carry, so that sixteen programs are no burden to a machine that is emulated. */
const RATE = 8000;
/** Four fragments of 1024 bytes, an eighth of a second each. */
const FRAGMENTS = 0x4_000a;
/** Bytes of a call. */
const PIECE = 2048;
/** The sound server's sink, so that it need not convert. */
export const SINK_OPTIONS = { format: "u8", rate: RATE, channels: 1 };
/** What issue 5 promises: milliseconds from the loss to an error or to going on. */
const PROMISED_MS = 2000;
/** More than PROMISED_MS, so that a poll(2) that nobody wakes is seen to be too late. */
const POLL_MS = 5000;
/** A program that had an error tries again after so long. */
const AFTER_ERROR_MS = 20;
const GOES_ON = "goes on";

type Deed = (client: Client) => Promise<unknown>;

/** What the programs do again and again: how many, how they open the device, and a turn of each. */
const PARTS: readonly (readonly [name: string, programs: number, flags: number, deed: Deed])[] = [
  ["write", 6, O_WRONLY, (client) => client.fill(PIECE)],
  [
    "write and SYNC",
    3,
    O_WRONLY,
    async (client) => {
      await client.fill(PIECE);
      await client.plain(oss.SNDCTL_DSP_SYNC);
    },
  ],
  [
    "poll for writing",
    3,
    O_WRONLY,
    async (client) => {
      if ((await client.poll(POLLOUT, POLL_MS)) !== 0) await client.nonBlockingFill(PIECE);
    },
  ],
  ["read", 2, O_RDONLY, (client) => client.read(PIECE)],
  [
    "poll for reading",
    1,
    O_RDONLY,
    async (client) => {
      if ((await client.poll(POLLIN, POLL_MS)) !== 0) await client.read(1024);
    },
  ],
  [
    "write and read",
    1,
    O_RDWR,
    async (client) => {
      await client.fill(PIECE);
      await client.read(PIECE);
    },
  ],
];

/** One program at work, from its open(2) to end(). */
class Worker {
  readonly name: string;
  readonly #client: Client;
  #working = true;
  readonly #done: Promise<void>;
  #since = performance.now();
  /** Milliseconds of the longest turn since watch(). */
  #longest = 0;
  #watched = 0;
  #waiting: (() => void)[] = [];
  readonly #outcomes: string[] = [];

  constructor(name: string, client: Client, deed: Deed) {
    this.name = name;
    this.#client = client;
    this.#done = this.#work(deed);
  }

  async #work(deed: Deed): Promise<void> {
    while (this.#working) {
      this.#since = performance.now();
      const outcome = await deed(this.#client).then(
        () => GOES_ON,
        (error: { code?: string }) => String(error.code ?? error),
      );
      this.#longest = Math.max(this.#longest, performance.now() - Math.max(this.#since, this.#watched));
      this.#outcomes.push(outcome);
      for (const wake of this.#waiting.splice(0)) wake();
      if (outcome !== GOES_ON) await sleep(AFTER_ERROR_MS);
    }
  }

  /** From now on it is measured. */
  watch(): void {
    this.#longest = 0;
    this.#watched = performance.now();
    this.forget();
  }

  /** What a turn gave before now does not count. */
  forget(): void {
    this.#outcomes.length = 0;
  }

  get longest(): number {
    return this.#longest;
  }

  /** Resolves when a turn has ended that way. */
  async until(wanted: (outcome: string) => boolean): Promise<void> {
    while (!this.#outcomes.some(wanted)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async end(): Promise<void> {
    this.#working = false;
    await this.#done;
    await this.#client.close().catch(() => undefined);
    await this.#client.stop();
  }
}

/** Sixteen programs at work. */
export class Crowd {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async start(served: Served): Promise<Crowd> {
    const workers: Worker[] = [];
    for (const [name, programs, flags, deed] of PARTS) {
      for (let number = 0; number < programs; number++) {
        const client = await served.open(number % 2 === 0 ? "dsp" : "adsp", flags);
        await client.int(oss.SNDCTL_DSP_SETFRAGMENT, FRAGMENTS);
        await client.configure(oss.AFMT.AFMT_U8, 1, RATE);
        workers.push(new Worker(name, client, deed));
      }
    }
    const crowd = new Crowd(workers);
    await crowd.#all((outcome) => outcome === GOES_ON);
    return crowd;
  }

  get size(): number {
    return this.#workers.length;
  }

  /** The server is lost until each program has had an error; then it is back, and each goes on. */
  async outage(loss: () => Promise<void> | void, back: () => Promise<void> | void): Promise<void> {
    await this.#through(async () => {
      await loss();
      await this.#all((outcome) => outcome !== GOES_ON);
      await back();
    });
  }

  /** The server is lost and soon back; whether a program has an error or none, it goes on. */
  blink(loss: () => Promise<void>): Promise<void> {
    return this.#through(loss);
  }

  /** Fails when a turn of any program took longer than what is promised. */
  async #through(what: () => Promise<void>): Promise<void> {
    for (const worker of this.#workers) worker.watch();
    await what();
    // A turn that was under way when the server came back, and one after it.
    for (let turn = 0; turn < 2; turn++) {
      for (const worker of this.#workers) worker.forget();
      await this.#all((outcome) => outcome === GOES_ON);
    }
    const late = this.#workers.filter(({ longest }) => longest >= PROMISED_MS);
    expect(late.map(({ name, longest }) => `${name}: ${longest.toFixed(0)} ms`)).toEqual([]);
  }

  /** How long the longest turn took since watch(), by what the programs do. */
  get longest(): Readonly<Record<string, number>> {
    const all: Record<string, number> = {};
    for (const { name, longest } of this.#workers) all[name] = Math.max(all[name] ?? 0, Math.round(longest));
    return all;
  }

  async #all(wanted: (outcome: string) => boolean): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.until(wanted)));
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }
}

/** The streams that programs have on a server, a line each. */
export async function streamsOn(server: SoundServer): Promise<string> {
  const inputs = await server.pactl("list", "short", "sink-inputs");
  return inputs + (await server.pactl("list", "short", "source-outputs"));
}
