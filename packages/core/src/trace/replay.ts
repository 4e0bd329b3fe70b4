// A recorded session made again with a driver: the requests of the recording, in their order, to a fresh session of each
// device; the answers compared with the recorded ones.
//
// Each request is given as soon as every answer that was recorded before it has come again, because a program may have
// made it for what it was answered. So nothing waits but for the driver, and an interrupt meets its call where it met
// it then. What differs is said as two trace lines, the recorded one and the one of now.
//
// What counts as a difference is in docs/tracing.md. Files have new numbers; request numbers and poll handles are the
// kernel's, and are given again as they were.

import { UsageError } from "../errors.ts";
import { decode, offsetsOf, sizeOf } from "../layout/index.ts";
import type { Logger } from "../log.ts";
import { requestKey } from "../session/call.ts";
import type { Clock } from "../session/clock.ts";
import type { AnyDriver } from "../session/driver.ts";
import type { File } from "../session/file.ts";
import { FuseSession } from "../session/fuse-session.ts";
import type { Parts } from "../session/session.ts";
import * as abi from "../wire/abi.ts";
import type { OpcodeName } from "../wire/opcodes.ts";
import { OUT_HEADER_SIZE } from "../wire/reply.ts";
import { IN_HEADER_SIZE, RequestView } from "../wire/request.ts";
import { RECORD, type Recorded } from "./recording.ts";
import { SideLines } from "./side-lines.ts";

/** A device to replay to: what Device of the device layer is. */
export interface Replayable {
  readonly name: string;
  readonly driver: AnyDriver;
  readonly files: Set<File>;
}

export interface ReplayOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes the lines of the differences. */
  write(line: string): void;
  /** Milliseconds that an answer may take longer than it took in the recording. Default 5000 */
  readonly patienceMs?: number | undefined;
  /** Gives no request earlier than it came in the recording. Default false: as fast as the driver answers */
  readonly paced?: boolean | undefined;
}

export interface ReplayResult {
  /** Requests given to the driver. */
  readonly requests: number;
  /** Answers and poll wake-ups of the recording that were compared. */
  readonly compared: number;
  readonly differences: number;
  /** Requests not given, because the file that they were made on could not be opened. */
  readonly skipped: number;
}

const PATIENCE_MS = 5000;
/** setTimeout() takes no more, and a damaged time may ask for it. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
/** A number that no session gives to a file. */
const NO_FILE = 0xffff_ffff_ffff_ffffn;
/** What a program does with a device. The rest is a channel's own, and is left out. */
const GIVEN: ReadonlySet<OpcodeName> = new Set(["OPEN", "RELEASE", "READ", "WRITE", "IOCTL", "POLL", "INTERRUPT"]);

/**
 * Replays a recording.
 * @throws UsageError when it is damaged, or of a device that is not among these
 */
export async function replayRecording(
  devices: readonly Replayable[],
  messages: Iterable<Recorded>,
  options: ReplayOptions,
): Promise<ReplayResult> {
  const counts = { requests: 0, compared: 0, differences: 0, skipped: 0 };
  const sessions = new Map<number, ReplayedSession>();
  const { clock, paced = false } = options;
  const startedAt = clock.now();
  try {
    for (const message of messages) {
      let session = sessions.get(message.device);
      if (session === undefined) {
        const device = devices.find(({ name }) => name === message.name);
        if (device === undefined) {
          const names = devices.map(({ name }) => name).join(", ");
          throw new UsageError(`the recording is of ${message.name}; this program serves ${names}`);
        }
        session = new ReplayedSession(device, options, counts);
        sessions.set(message.device, session);
      }
      if (paced && message.kind !== RECORD.ANSWER) await until(startedAt + message.time / 1000, clock);
      if (message.kind === RECORD.REQUEST) session.give(message);
      else if (message.kind === RECORD.ANSWER) await session.compare(message);
      else session.beginClosing();
    }
  } finally {
    for (const session of sessions.values()) await session.close();
  }
  return counts;
}

/** @param ms by the clock */
async function until(ms: number, clock: Clock): Promise<void> {
  const left = ms - clock.now();
  if (left <= 0) return;
  await new Promise<void>((resolve) => {
    clock.after(left, resolve);
  });
}

type Counts = { -readonly [K in keyof ReplayResult]: number };

interface Given {
  readonly number: number;
  /** Microseconds, in the recording. */
  readonly time: number;
  readonly opcode: OpcodeName;
}

class ReplayedSession {
  readonly #options: ReplayOptions;
  readonly #counts: Counts;
  readonly #session: FuseSession;
  /** Requests whose recorded answer has not come yet. */
  readonly #given = new Map<number, Given>();
  /** Answers that the recorded ones have not caught up with. */
  readonly #answers = new Map<number, Uint8Array>();
  /** Poll wake-ups, by handle: how many have come and were not compared. */
  readonly #wakes = new Map<bigint, number>();
  /** Numbers of open files: recorded, now. */
  readonly #files = new Map<bigint, bigint>();
  /** Recorded numbers of files that were opened then, and not now. */
  readonly #lost = new Set<bigint>();
  readonly #then: SideLines;
  readonly #now: SideLines;
  #onMessage: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor({ name, driver, files }: Replayable, options: ReplayOptions, counts: Counts) {
    this.#options = options;
    this.#counts = counts;
    this.#then = new SideLines(name, driver, options.clock);
    this.#now = new SideLines(name, driver, options.clock);
    const output = { send: (parts: Parts) => this.#take(parts) };
    this.#session = new FuseSession({ driver, files, clock: options.clock, log: options.log, output });
  }

  give({ bytes, time }: Recorded): void {
    const view = new RequestView(bytes);
    const name = view.load(bytes.length) === undefined ? view.opcode?.name : undefined;
    if (name === undefined || !GIVEN.has(name)) return;
    const message = bytes.slice();
    if (name !== "OPEN" && name !== "INTERRUPT" && !this.#mapFile(message)) {
      this.#counts.skipped++;
      return;
    }
    if (message.length > this.#session.buffer.length)
      throw new UsageError(`the recording has a request of ${message.length} bytes, more than a kernel sends`);
    if (this.#given.has(keyOf(view))) throw new UsageError("the recording has two requests of one number at a time");
    const number = ++this.#counts.requests;
    if (name !== "INTERRUPT") this.#given.set(keyOf(view), { number, time, opcode: name });
    for (const lines of [this.#then, this.#now]) lines.tracer.received(bytes);
    this.#session.buffer.set(message);
    const answer = this.#session.handle(message.length);
    if (answer !== undefined) this.#take(answer);
  }

  /** Waits until the answer has come again, and compares. */
  async compare({ bytes, time }: Recorded): Promise<void> {
    const { unique, error } = decode(abi.fuse_out_header, "lp64", bytes);
    if (unique === 0n) {
      if (error === abi.FUSE_NOTIFY_POLL) await this.#compareWake(bytes, time);
      return;
    }
    const key = keyOfUnique(unique);
    const given = this.#given.get(key);
    if (given === undefined) return;
    this.#given.delete(key);
    this.#counts.compared++;
    const took = (time - given.time) / 1000;
    const there = await this.#until(() => this.#answers.has(key), took);
    const answer = this.#answers.get(key);
    this.#answers.delete(key);
    this.#then.tracer.sent([bytes]);
    const recorded = this.#then.take(key);
    if (!there || answer === undefined) {
      this.#differs(given, recorded, `no answer within ${Math.round(took + this.#patienceMs)} ms`);
      return;
    }
    const now = this.#asRecorded(given, answer, bytes);
    this.#now.tracer.sent([now]);
    const line = this.#now.take(key);
    const at = firstDifference(bytes, now);
    if (at === undefined) return;
    this.#differs(given, recorded, line);
    if (recorded === line) this.#options.write(` (the data differ from byte ${at - OUT_HEADER_SIZE} of the answer on)`);
  }

  /** Frees the calls that were freed by the end of the daemon, so that their answers can be compared. */
  beginClosing(): void {
    this.#closing ??= this.#session.close();
  }

  async close(): Promise<void> {
    this.beginClosing();
    await this.#closing;
    this.#then.tracer.stop();
    this.#now.tracer.stop();
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  async #compareWake(bytes: Uint8Array, time: number): Promise<void> {
    if (bytes.length < OUT_HEADER_SIZE + sizeOf(abi.fuse_notify_poll_wakeup_out, "lp64"))
      throw new UsageError("the recording is damaged: a poll wake-up that is cut off");
    this.#counts.compared++;
    const { kh } = decode(abi.fuse_notify_poll_wakeup_out, "lp64", bytes, OUT_HEADER_SIZE);
    const came = await this.#until(() => (this.#wakes.get(kh) ?? 0) > 0, 0);
    if (came) {
      this.#wakes.set(kh, (this.#wakes.get(kh) ?? 1) - 1);
      return;
    }
    this.#then.tracer.sent([bytes]);
    this.#differs({ number: this.#counts.requests, time, opcode: "POLL" }, this.#then.take(0), "no poll wake-up");
  }

  /** What the session says. */
  #take(parts: Parts): void {
    const message = joined(parts);
    const { unique, error } = decode(abi.fuse_out_header, "lp64", message);
    if (unique === 0n) {
      if (error !== abi.FUSE_NOTIFY_POLL) return;
      const { kh } = decode(abi.fuse_notify_poll_wakeup_out, "lp64", message, OUT_HEADER_SIZE);
      this.#wakes.set(kh, (this.#wakes.get(kh) ?? 0) + 1);
    } else this.#answers.set(keyOfUnique(unique), message);
    this.#onMessage();
  }

  /** @returns false when it did not become true in time */
  #until(holds: () => boolean, tookMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (outcome: boolean) => {
        callOff();
        this.#onMessage = () => undefined;
        resolve(outcome);
      };
      const ms = Math.min(tookMs + this.#patienceMs, LONGEST_WAIT_MS);
      const callOff = this.#options.clock.after(ms, () => settle(false));
      this.#onMessage = () => {
        if (holds()) settle(true);
      };
    });
  }

  /** Puts the file's number of now into a request. @returns false when the file was opened then, and not now */
  #mapFile(message: Uint8Array): boolean {
    const view = new DataView(message.buffer, message.byteOffset);
    const recorded = view.getBigUint64(IN_HEADER_SIZE, true);
    view.setBigUint64(IN_HEADER_SIZE, this.#files.get(recorded) ?? NO_FILE, true);
    return !this.#lost.has(recorded);
  }

  /** The answer as it would be in the recording: a file's number and flags are the session's and the channel's. */
  #asRecorded({ opcode }: Given, answer: Uint8Array, recorded: Uint8Array): Uint8Array {
    const body = OUT_HEADER_SIZE + offsetsOf(abi.fuse_open_out, "lp64").fh;
    if (opcode !== "OPEN" || recorded.length < body + 8) return answer;
    const file = new DataView(recorded.buffer, recorded.byteOffset).getBigUint64(body, true);
    if (answer.length < body + 8) {
      this.#lost.add(file);
      return answer;
    }
    this.#files.set(file, new DataView(answer.buffer, answer.byteOffset).getBigUint64(body, true));
    this.#lost.delete(file);
    return recorded;
  }

  #differs({ number, time }: Given, recorded: string, now: string): void {
    this.#counts.differences++;
    this.#options.write(`@@ request ${number}, recorded ${(time / 1e6).toFixed(6)} s after the start @@`);
    this.#options.write(`-${recorded}`);
    this.#options.write(`+${now}`);
  }
}

function keyOf(view: RequestView): number {
  return requestKey(view.uniqueLow, view.uniqueHigh);
}

function keyOfUnique(unique: bigint): number {
  return requestKey(Number(unique & 0xffff_ffffn), Number(unique >> 32n));
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const length = Math.max(a.length, b.length);
  // From the error on: lengths differ where the data do.
  for (let i = 4; i < length; i++) if (a[i] !== b[i]) return i;
  return undefined;
}

function joined(parts: Parts): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
