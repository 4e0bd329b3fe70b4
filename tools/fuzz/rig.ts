// A session under test with all around it: the driver, a clock, and the books. It performs steps, one at a time, and
// can record them. A rig lives from a fresh session to its close.

import type { Logger } from "../../packages/core/src/log.ts";
import type { OpenFile } from "../../packages/core/src/session/driver.ts";
import { FuseNode } from "../../packages/core/src/session/fuse-node.ts";
import { FuseSession, type FuseSessionOptions } from "../../packages/core/src/session/fuse-session.ts";
import type { Parts } from "../../packages/core/src/session/session.ts";
import { SteppedClock } from "./clock.ts";
import { type EverythingDevice, everythingDevice } from "./driver.ts";
import { type Failure, Ledger } from "./ledger.ts";
import type { Step } from "./steps.ts";

/** What the rig needs of a session. Tests put one with a planted defect in the place of the real one. */
export type Target = Pick<FuseSession, "buffer" | "handle" | "close" | "waiting" | "opens">;
export type MakeTarget = (options: FuseSessionOptions) => Target;

export const CHANNELS = ["cuse", "fuse"] as const;
export type ChannelName = (typeof CHANNELS)[number];

export const realTarget: MakeTarget = (options) => new FuseSession(options);

/** Longer than any timer of the driver, and than the grace time of an aborted handler. */
const LONG_MS = 10_000;
/** An open that ends late is a file to be released, which can itself take an interrupt: some rounds end everything. */
const QUIESCE_ROUNDS = 6;

const HEADER = 40;
const INTERRUPT = 36;
const RELEASE = 18;

const nothing = () => undefined;
const quiet: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export class Rig {
  readonly ledger: Ledger;
  readonly clock = new SteppedClock();
  /** The files that the driver has to release. */
  readonly held = new Set<OpenFile>();
  readonly device: EverythingDevice = everythingDevice(this.clock, this.held);
  readonly target: Target;
  /** Messages handed in. */
  messages = 0;
  /** Where steps are noted, when somebody wants them. */
  record: Step[] | undefined;
  /** The last number of the requests that quiesce() makes, far from those of the corpus. */
  #unique = 2 ** 50;
  readonly #views = new WeakMap<Uint8Array, DataView>();

  /** @param channel what the session is one of: a CUSE device, or the file of a FUSE mount */
  constructor(make: MakeTarget, channel: ChannelName) {
    this.ledger = new Ledger(channel === "fuse");
    const node = channel === "fuse" ? new FuseNode({ mode: 0o600, uid: 0, gid: 0 }, () => 0) : undefined;
    const output = { send: (parts: Parts) => this.ledger.take(parts) };
    const { driver, files } = this.device;
    this.target = make({ driver, files, clock: this.clock, log: quiet, output, node });
  }

  get failure(): Failure | undefined {
    return this.ledger.failure;
  }

  /** A view of the buffer that the next message is to be put into. */
  view(): DataView {
    const { buffer } = this.target;
    let view = this.#views.get(buffer);
    if (view === undefined) {
      view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      this.#views.set(buffer, view);
    }
    return view;
  }

  /** Hands in what stands in the buffer. */
  message(length: number): void {
    this.record?.push({ kind: "message", bytes: this.target.buffer.slice(0, length) });
    this.#hand(length);
  }

  #hand(length: number): void {
    this.messages++;
    this.ledger.expect(this.view(), length);
    this.#guard(() => {
      const answer = this.target.handle(length);
      if (answer !== undefined) this.ledger.take(answer);
    });
  }

  /** A request that the rig makes by itself, not recorded. @param body 32-bit words */
  #request(opcode: number, unique: number, body: readonly number[]): void {
    const view = this.view();
    const length = HEADER + body.length * 4;
    this.target.buffer.fill(0, 0, HEADER);
    view.setUint32(0, length, true);
    view.setUint32(4, opcode, true);
    view.setUint32(8, unique, true);
    view.setUint32(12, unique / 2 ** 32, true);
    body.forEach((word, index) => {
      view.setUint32(HEADER + index * 4, word, true);
    });
    this.#hand(length);
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.crashed(error);
    }
  }

  crashed(error: unknown): void {
    const [first = "", ...stack] = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split(
      "\n",
    );
    this.ledger.fail(`crash: ${first}`, stack.slice(0, 4).join("\n"));
  }

  async perform(step: Step): Promise<void> {
    switch (step.kind) {
      case "message":
        this.target.buffer.set(step.bytes);
        return this.message(step.bytes.length);
      case "advance":
        return this.advance(step.ms);
      case "drain":
        return this.drain();
      case "quiesce":
        return this.quiesce();
      case "close":
        return this.close();
      default:
        return this.say(step.kind);
    }
  }

  advance(ms: number): void {
    this.record?.push({ kind: "advance", ms });
    this.#guard(() => this.clock.advance(ms));
  }

  say(kind: "readable" | "writable" | "urgent" | "hangup"): void {
    this.record?.push({ kind });
    this.#guard(() => this.device[kind]());
  }

  /** Lets the promises that are fulfilled be seen. */
  async drain(): Promise<void> {
    this.record?.push({ kind: "drain" });
    await undefined;
  }

  /** Kills every caller and closes every file, as the kernel does when programs end; then nothing may be left. */
  async quiesce(): Promise<void> {
    this.record?.push({ kind: "quiesce" });
    const { ledger } = this;
    for (let round = 0; round < QUIESCE_ROUNDS; round++) {
      for (const unique of [...ledger.due.keys()])
        this.#request(INTERRUPT, unique + 1, [unique >>> 0, unique / 2 ** 32]);
      await this.#settle();
      for (const fh of [...ledger.opens]) {
        this.#unique += 2;
        this.#request(RELEASE, this.#unique, [fh, 0, 0, 0, 0, 0]);
      }
      await this.#settle();
    }
    this.#checkIdle();
  }

  /** Ends the session in the midst of it all. */
  async close(): Promise<void> {
    this.record?.push({ kind: "close" });
    const { ledger } = this;
    let closed = false;
    const closing = this.target.close().then(
      () => {
        closed = true;
      },
      (error: unknown) => this.crashed(error),
    );
    for (let round = 0; round < QUIESCE_ROUNDS && !closed; round++) await this.#settle();
    if (!closed && ledger.failure === undefined) ledger.fail("close does not end", this.#state());
    if (closed) await closing;
    ledger.closed = true;
    ledger.opens.length = 0;
    await this.#settle();
    this.#checkIdle();
  }

  /** Promises, timers, and promises that those fulfilled. */
  async #settle(): Promise<void> {
    await macrotask();
    this.#guard(() => this.clock.advance(LONG_MS));
    await macrotask();
  }

  #checkIdle(): void {
    const { target, ledger, device, clock } = this;
    const left = ledger.due.size + ledger.opens.length;
    if (left > 0) ledger.fail("a request without answer", this.#state());
    else if (target.waiting + target.opens + device.files.size + clock.pending + this.held.size > 0)
      ledger.fail("something is left behind", this.#state());
  }

  #state(): string {
    const { target, ledger, device, clock } = this;
    const due = [...ledger.due].slice(0, 3).map(([key, { opcode, fh }]) => `${key} (opcode ${opcode}, file ${fh})`);
    return [
      `owed: ${ledger.due.size} ${due.join(", ")}`,
      `open: ${ledger.opens.length}`,
      `session: ${target.waiting} waiting, ${target.opens} open`,
      `device: ${device.files.size} files`,
      `driver: ${this.held.size} files to release`,
      `clock: ${clock.pending} timers`,
    ].join("; ");
  }
}

/** Lets every promise settle, and Node find the rejections that nobody handles. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
