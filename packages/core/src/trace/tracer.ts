// A line a request, in the manner of strace: who called, what was asked with flags and errors by their names, what the
// answer was, how long it took. Works from the messages alone, so it shows a recorded session as it shows a live one.
// Lifetimes: a Tracer from the moment at which tracing is switched on to the moment at which it is switched off; it
// keeps a request until its answer, as the session does, and of an ioctl in rounds the areas asked for.

import { errnoName } from "../errno.ts";
import { type CommandTable, commandTable, decode, formatValue, i32 } from "../layout/index.ts";
import { type Call, requestKey } from "../session/call.ts";
import type { Clock } from "../session/clock.ts";
import type { Commands } from "../session/driver.ts";
import type { Monitor } from "../session/monitor.ts";
import * as abi from "../wire/abi.ts";
import { OUT_HEADER_SIZE } from "../wire/reply.ts";
import { RequestView } from "../wire/request.ts";
import type { Areas } from "./argument.ts";
import {
  areasOf,
  decodeRequest,
  ioctlText,
  openText,
  readResult,
  readText,
  type Traced,
  writeText,
} from "./requests.ts";

export interface TraceLine {
  /** "round": an ioctl that was answered with the areas to fetch, and goes on. */
  readonly kind: "call" | "round" | "interrupt" | "wake-up" | "unfinished" | "malformed";
  /** The request, as requestKey() numbers it; 0 for a wake-up. */
  readonly key: number;
  /** `1234 cat  echo: read(3, 4096) = "abc" 3`. */
  readonly text: string;
  /** `<0.000123>`, or empty. */
  readonly time: string;
}

/** The line as a person wants it; undefined for a round, because a program knows nothing of rounds. */
export function lineText({ kind, text, time }: TraceLine): string | undefined {
  if (kind === "round") return undefined;
  return time === "" ? text : `${text} ${time}`;
}

export interface TracerOptions {
  /** The device's name, for each line. */
  readonly device: string;
  readonly commands: Commands;
  readonly clock: Clock;
  write(line: TraceLine): void;
  /** Name of a caller's process. Default: not shown */
  readonly nameOf?: ((pid: number) => string | undefined) | undefined;
  /** The calls that wait, for those that were there before the tracer, and to say what they wait for. Default: none */
  readonly waiting?: (() => Iterable<Call>) | undefined;
}

interface Pending {
  readonly who: string;
  readonly traced: Traced;
  readonly startedAt: number;
  readonly rounds: number;
  announced: boolean;
}

interface Rounds {
  readonly areas: Areas;
  readonly startedAt: number;
  readonly count: number;
}

/** A call that is not answered after so long has a line that says so. */
const UNFINISHED_MS = 1000;
/** Ioctls between two rounds: one a thread of a client, but of a killed one the next round never comes. */
const MOST_BETWEEN_ROUNDS = 1024;

/** What the kernel says without a question. */
const UNANSWERED: ReadonlySet<string> = new Set(["FORGET", "BATCH_FORGET"]);

export class Tracer implements Monitor {
  readonly #options: TracerOptions;
  readonly #commands: CommandTable;
  readonly #pending = new Map<number, Pending>();
  readonly #betweenRounds = new Map<string, Rounds>();
  /** The kernel's handles for whoever polls a file, by file. */
  readonly #pollHandles = new Map<number, bigint>();
  #stopTimer: (() => void) | undefined;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#commands = commandTable(options.commands);
  }

  /** Lists the calls that wait already. */
  start(): void {
    this.#announceWaiting(0);
    this.#watchWaiting();
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#pending.clear();
  }

  received(message: Uint8Array): void {
    const view = new RequestView(message);
    const malformed = view.load(message.length);
    if (malformed !== undefined) {
      this.#write("malformed", 0, this.#line("-", `a message of ${message.length} bytes: ${malformed}`));
      return;
    }
    if (view.opcode?.name === "INTERRUPT") {
      this.#interrupt(view);
      return;
    }
    if (UNANSWERED.has(view.opcode?.name ?? "")) return;
    if (view.opcode?.name === "POLL") this.#pollHandles.set(view.fh, view.pollHandle);
    if (view.opcode?.name === "RELEASE") this.#pollHandles.delete(view.fh);
    const traced = decodeRequest(view, {
      commands: this.#commands,
      asked: (ioctl) => this.#betweenRounds.get(ioctl)?.areas,
    });
    const earlier = this.#earlierRounds(traced);
    const who = this.#who(view.pid);
    // Last: what the tracer takes is not the driver's time.
    const startedAt = earlier?.startedAt ?? this.#options.clock.now();
    const rounds = (earlier?.count ?? 0) + 1;
    this.#pending.set(keyOf(view), { who, traced, startedAt, rounds, announced: false });
    this.#watchWaiting();
  }

  sent(parts: readonly Uint8Array[]): void {
    const [front] = parts;
    if (front === undefined) return;
    const { unique, error } = decode(abi.fuse_out_header, "lp64", front);
    const body = joined(parts).subarray(OUT_HEADER_SIZE);
    if (unique === 0n) {
      this.#notified(error, body);
      return;
    }
    const key = requestKey(Number(unique & 0xffff_ffffn), Number(unique >> 32n));
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (pending === undefined) return;
    const { who, traced, startedAt, rounds } = pending;
    const areas = error === 0 && traced.ioctl !== undefined ? areasOf(body) : undefined;
    if (areas !== undefined) this.#keepRound(traced, { areas, startedAt, count: rounds });
    const seconds = ((this.#options.clock.now() - startedAt) / 1000).toFixed(6);
    const time = rounds > 1 ? `<${seconds}, ${rounds} rounds>` : `<${seconds}>`;
    const result = areas === undefined ? resultText(traced, error, body) : areasText(areas);
    const kind = areas === undefined ? "call" : "round";
    this.#write(kind, key, this.#line(who, `${traced.text} = ${result}`), time);
  }

  #earlierRounds({ ioctl }: Traced): Rounds | undefined {
    if (ioctl === undefined) return undefined;
    const earlier = this.#betweenRounds.get(ioctl);
    this.#betweenRounds.delete(ioctl);
    return earlier;
  }

  #keepRound({ ioctl = "" }: Traced, rounds: Rounds): void {
    if (this.#betweenRounds.size >= MOST_BETWEEN_ROUNDS) this.#betweenRounds.clear();
    this.#betweenRounds.set(ioctl, rounds);
  }

  #interrupt(view: RequestView): void {
    const key = requestKey(view.interruptedLow, view.interruptedHigh);
    const pending = this.#pending.get(key);
    const [who, what] = pending === undefined ? ["-", "a call that is answered"] : [pending.who, pending.traced.text];
    this.#write("interrupt", keyOf(view), this.#line(who, `interrupt of ${what}`));
  }

  #notified(code: number, body: Uint8Array): void {
    // Others are between a channel and the kernel.
    if (code !== abi.FUSE_NOTIFY_POLL) return;
    const { kh } = decode(abi.fuse_notify_poll_wakeup_out, "lp64", body);
    const file = [...this.#pollHandles].find(([, handle]) => handle === kh)?.[0] ?? "?";
    this.#write("wake-up", 0, this.#line("-", `poll wake-up of ${file}`));
  }

  /** One timer for all: when it fires, what has waited too long says so, once. */
  #watchWaiting(): void {
    if (this.#stopTimer !== undefined || this.#options.waiting === undefined) return;
    this.#stopTimer = this.#options.clock.after(UNFINISHED_MS, () => {
      this.#stopTimer = undefined;
      this.#announceWaiting(UNFINISHED_MS);
      if ([...this.#pending.values()].some(({ announced }) => !announced)) this.#watchWaiting();
    });
  }

  #announceWaiting(fromMs: number): void {
    for (const call of this.#options.waiting?.() ?? []) {
      if (call.waitedMs < fromMs) continue;
      const pending = this.#pending.get(call.key) ?? this.#adopt(call);
      if (pending.announced) continue;
      pending.announced = true;
      const why = call.parked ? "waits for the driver's word" : "its handler runs";
      const seconds = ((this.#options.clock.now() - pending.startedAt) / 1000).toFixed(3);
      const text = `${pending.traced.text} <unfinished: ${why} since ${seconds} s>`;
      this.#write("unfinished", call.key, this.#line(pending.who, text));
    }
  }

  /** A call from before the tracer. */
  #adopt(call: Call): Pending {
    const startedAt = this.#options.clock.now() - call.waitedMs;
    const who = this.#who(call.caller.pid);
    const pending = { who, traced: tracedOf(call), startedAt, rounds: 1, announced: false };
    this.#pending.set(call.key, pending);
    return pending;
  }

  #who(pid: number): string {
    const name = pid === 0 ? undefined : this.#options.nameOf?.(pid);
    return `${pid === 0 ? "-" : pid}${name === undefined ? "" : ` ${name}`}`;
  }

  #line(who: string, text: string): string {
    return `${who}  ${this.#options.device}: ${text}`;
  }

  #write(kind: TraceLine["kind"], key: number, text: string, time = ""): void {
    this.#options.write({ kind, key, text, time });
  }
}

function keyOf(view: RequestView): number {
  return requestKey(view.uniqueLow, view.uniqueHigh);
}

/** What is known of a request whose message nobody looked at. */
function tracedOf(call: Call): Traced {
  const { kind, file, length, data, flags, nonBlocking, entry, model, arg } = call;
  const count = (body: Uint8Array) => (body.length < 4 ? "0" : String(decode(i32, "lp64", body)));
  switch (kind) {
    case "open":
      return { text: openText(flags), result: count };
    case "read":
      return { text: readText(file.id, length, nonBlocking), result: readResult };
    case "write":
      return { text: writeText(file.id, data, nonBlocking), result: count };
    case "ioctl": {
      const { schema } = entry?.command ?? {};
      const argument = schema === undefined ? undefined : formatValue(schema, arg);
      return { text: ioctlText(file.id, { name: entry?.name ?? "?", model, argument }), result: count };
    }
    default:
      return { text: `${kind}(${file.id})`, result: count };
  }
}

function resultText(traced: Traced, error: number, body: Uint8Array): string {
  if (error !== 0) return `-1 ${errnoName(-error)}`;
  try {
    return traced.result(body);
  } catch {
    return `an answer of ${body.length} bytes that is none`;
  }
}

function areasText({ in: input, out }: Areas): string {
  const list = (areas: Areas["in"]) => areas.map(({ base, len }) => `0x${base.toString(16)}+${len}`).join(", ");
  return `more: in [${list(input)}], out [${list(out)}]`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
