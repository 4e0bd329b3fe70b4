// What the sessions of all channels have in common, whatever their messages look like. Bytes in, bytes out: one
// connection that serves one driver. No I/O, no Node.
// A channel reads each request into `buffer`, calls handle(), and writes what that returns; what can only be answered
// later goes through `output`. A subclass knows the messages: dispatch() turns a request into a Call for the engine,
// answer() a settled Call into a reply.

import { DeviceError, InternalError } from "../errors.ts";
import { type CommandTable, commandTable } from "../layout/index.ts";
import type { Logger } from "../log.ts";
import { Call, type CallKind, type CallOrigin, requestKey } from "./call.ts";
import type { Counters } from "./counters.ts";
import { Engine, type EngineListener, type EngineOptions, type PollWake } from "./engine.ts";
import type { File, FileOwner } from "./file.ts";
import { type Monitor, Tap } from "./monitor.ts";
import { RequestBuffers } from "./request-buffers.ts";

/** A message to the kernel: parts to be written with one writev, valid only during the call that they are passed to. */
export type Parts = readonly Uint8Array[];

export interface SessionMemory {
  /** Where the first part of every answer of handle() will be. */
  readonly reply: Uint8Array;
  /** Memory for requests of up to `size` bytes. */
  allocate(size: number): Uint8Array;
}

export interface SessionOptions extends Omit<EngineOptions, "counters"> {
  readonly output: { send(parts: Parts): void };
  /** Where somebody may look at what goes in and out. Default: nobody can */
  readonly tap?: Tap | undefined;
  /** Where requests and replies are. Default: arrays of the session's own */
  readonly memory?: SessionMemory | undefined;
}

/** A view of one request in a buffer, as wire/ has one for each protocol. */
export interface RequestBytes extends CallOrigin {
  readonly bytes: Uint8Array;
}

/** What a session needs to know of its protocol. */
export interface Protocol<V extends RequestBytes> {
  /** Bytes of the largest request. */
  readonly requestSize: number;
  /** Bytes of a reply's first part. */
  readonly replySize: number;
  view(bytes: Uint8Array): V;
}

/** What handlers have to end when the device is left to another daemon. */
const REST_MS = 1000;
const TOO_MANY_WRITES = new DeviceError("ENOMEM", "this user's waiting writes take up all the memory that they may");

export abstract class Session<V extends RequestBytes, F extends File> implements EngineListener {
  protected readonly log: Logger;
  protected readonly engine: Engine;
  protected readonly commands: CommandTable;
  protected readonly counters: Counters;
  /** Open files by what their requests are marked with. */
  protected readonly files: Map<number, F> = new Map();
  /** The request at hand. */
  protected view: V;
  protected readonly replyMemory: Uint8Array;
  readonly #buffers: RequestBuffers<V>;
  readonly #output: SessionOptions["output"];
  readonly #now: () => number;
  readonly #tap: Tap;
  #lastFile = 0;
  #handling = false;

  constructor(options: SessionOptions, { requestSize, replySize, view }: Protocol<V>) {
    const { memory, driver, clock } = options;
    this.#buffers = new RequestBuffers(requestSize, (size) =>
      view(memory === undefined ? new Uint8Array(size) : memory.allocate(size)),
    );
    this.view = this.#buffers.take();
    this.replyMemory = memory === undefined ? new Uint8Array(replySize) : memory.reply;
    this.log = options.log;
    this.commands = commandTable(driver.commands ?? {});
    this.#output = options.output;
    this.#now = clock.now;
    this.#tap = options.tap ?? new Tap();
    this.counters = this.#tap.counters;
    this.engine = new Engine({ ...options, counters: this.counters }, this);
    this.#tap.waiting = () => this.engine.waiting.values();
  }

  /** Where the next request is to be read into. Ask before each read: it changes when a request has to be kept. */
  get buffer(): Uint8Array {
    return this.view.bytes;
  }

  /** Calls that wait for an answer. */
  get waiting(): number {
    return this.engine.waiting.size;
  }

  /** Open files. */
  get opens(): number {
    return this.files.size;
  }

  /**
   * Takes the request in the first `length` bytes of `buffer`.
   * @returns the answer, valid until the next call of anything here; undefined when it comes later or none is due
   */
  handle(length: number): Parts | undefined {
    if (this.#handling) throw new InternalError("a request came while another was being handled");
    this.#handling = true;
    try {
      const { monitor } = this.#tap;
      const answer = monitor === undefined ? this.dispatch(length) : this.#watched(length, monitor);
      if (!this.engine.hasChanges && !this.due) return answer;
      // Who is woken by this call is asked only when its answer, perhaps a view of the driver's own bytes, is out.
      if (answer !== undefined) this.#output.send(answer);
      this.settleDue();
      this.engine.settleChanges();
      return undefined;
    } finally {
      this.#handling = false;
    }
  }

  #watched(length: number, monitor: Monitor): Parts | undefined {
    monitor.received(this.view.bytes.subarray(0, length));
    const answer = this.dispatch(length);
    if (answer !== undefined) monitor.sent(answer);
    return answer;
  }

  /** Frees every caller, ends every file. Resolves when the driver has released them all. */
  async close(): Promise<void> {
    this.#tap.monitor?.closing?.();
    await this.engine.close();
    this.files.clear();
  }

  /** Resolves when no handler runs any more, or when they have had their time. Files stay as they are. */
  async rest(): Promise<void> {
    await this.engine.rest(REST_MS);
  }

  abstract late(call: Call): void;
  abstract pollChanged(file: File, wake: PollWake): void;
  notesChange(_file: File, _wake: PollWake): boolean {
    return false;
  }
  protected abstract dispatch(length: number): Parts | undefined;
  /** The reply to a settled call, perhaps while the request at hand is another. */
  protected abstract answer(call: Call, late: boolean): Parts;

  /** Something of the subclass's own is to be said to the kernel once the answer at hand is out. */
  protected get due(): boolean {
    return false;
  }
  protected settleDue(): void {}

  /** Sends what does not answer the request at hand. */
  protected send(parts: Parts): void {
    this.#tap.monitor?.sent(parts);
    this.#output.send(parts);
  }

  /** Sends several messages with one writev. */
  protected sendTogether(first: Uint8Array, parts: Parts): void {
    this.#tap.monitor?.sent([first]);
    this.#tap.monitor?.sent(parts);
    this.#output.send([first, ...parts]);
  }

  /** Two that wait under one number could not be told apart, and one would wait for ever. */
  protected isNumberInUse(): boolean {
    const { waiting } = this.engine;
    return waiting.size > 0 && waiting.has(requestKey(this.view.uniqueLow, this.view.uniqueHigh));
  }

  /** An open begins. @param make the file, under a number that no open file has */
  protected opening(make: (id: number, owner: FileOwner) => F, kind: "open" | "recover" = "open"): Call {
    // A number must not come round again to one that is still open.
    do this.#lastFile = (this.#lastFile + 1) >>> 0;
    while (this.files.has(this.#lastFile));
    return this.call(kind, make(this.#lastFile, this.engine));
  }

  /** An open has succeeded: requests find the file from now on. */
  protected opened(call: Call): F {
    // opening() has made it.
    const file = call.file as F;
    this.files.set(file.id, file);
    return file;
  }

  protected call(kind: CallKind, file: File): Call {
    const call = new Call(kind, file, this.view, this.#now);
    call.nonBlocking = file.nonBlocking;
    return call;
  }

  /** A write is to be run: it may have to keep its bytes. @returns its errno when it must not */
  protected refusesToKeep(call: Call): number | undefined {
    if (!this.#buffers.isFull(this.view.uid)) return undefined;
    return this.refused(call, TOO_MANY_WRITES);
  }

  /** The errno of a call that does not get to the driver. */
  protected refused(call: Call, error: unknown): number {
    this.counters.refused(call.kind);
    return this.engine.errnoOf(call, error);
  }

  /** @returns the answer, or undefined when it comes later */
  protected run(call: Call): Parts | undefined {
    const isTimed = this.counters.times();
    const from = isTimed ? this.#now() : 0;
    if (this.engine.run(call)) {
      const answer = this.answer(call, false);
      if (isTimed) this.counters.timed(this.#now() - from);
      return answer;
    }
    if (call.data.length > 0) this.view = this.#buffers.keep(call, this.view);
    return undefined;
  }
}
