// One descriptor of the kernel that carries requests, /dev/fuse, /dev/cuse or /dev/fusd, served until it ends or is closed.
// The main loop is woken once when requests are there; then each native call writes one answer and reads the next
// request until the kernel has none: two system calls a request.
// Objects: a Connection owns its descriptor and a session from the constructor to the end of close().

import { closeSync } from "node:fs";
import { ERRNO, errnoName } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Link, openLink, READY, WRITE_FAILED, watch, writev } from "../native.ts";
import type { Parts, SessionOptions } from "../session/session.ts";
import type { ChannelOptions } from "./channel.ts";
import { systemClock } from "./clock.ts";

/** Requests answered in one turn of the main loop, so that hardware and timers get theirs. */
const BURST = 64;

/** What a Connection needs of a session. */
export interface ServedSession {
  readonly buffer: Uint8Array;
  handle(length: number): Parts | undefined;
  rest(): Promise<void>;
  close(): Promise<void>;
  recover?(): Promise<void>;
}

export interface ConnectionOptions extends ChannelOptions {
  /** A file in memory, where requests are seen by who takes over from this process. Default: none */
  readonly requests?: number | undefined;
}

export class Connection {
  /** Resolves when the connection has ended, with what ended it if that was not close(). */
  readonly ended: Promise<Error | undefined>;
  readonly #fd: number;
  readonly #log: Logger;
  readonly #session: ServedSession;
  readonly #link: Link;
  /** Where the link reads requests into. */
  #buffer: Uint8Array;
  readonly #spin: number;
  #closed = false;
  #closing: Promise<void> | undefined;
  #end: (error: Error | undefined) => void = () => undefined;

  /**
   * @param fd open for reading and writing, non-blocking; closed by close()
   * @param makeSession gets what is the same for every protocol
   */
  constructor(fd: number, options: ConnectionOptions, makeSession: (options: SessionOptions) => ServedSession) {
    this.#fd = fd;
    this.#log = options.log;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { driver, files, log, tap, requests, spin = 0 } = options;
    const output = { send: (parts: Parts) => this.#send(parts) };
    this.#link = openLink(fd);
    if (requests !== undefined) this.#link.keepIn(requests);
    this.#session = makeSession({ driver, files, log, output, tap, memory: this.#link, clock: systemClock });
    this.#buffer = this.#session.buffer;
    this.#link.use(this.#buffer);
    this.#spin = spin;
  }

  /** Waits for the kernel's first request and answers it. @returns the answer @throws DeviceError("EIO") without one */
  async answerFirst(): Promise<Parts> {
    await readable(this.#fd);
    const length = this.#link.take();
    const answer = length < 0 ? undefined : this.#session.handle(length);
    if (answer === undefined) throw new DeviceError("EIO", `the kernel did not begin the protocol (${length})`);
    this.#send(answer);
    return answer;
  }

  /** Requests and answers go through the descriptor's ring from now on, where they fit. @throws NativeError */
  share(slots: number, slotSize: number): void {
    this.#link.share(slots, slotSize);
  }

  /** Gives the driver the files that an earlier daemon left. Before start(). */
  async recover(): Promise<void> {
    await this.#session.recover?.();
  }

  /** Serves what comes from now on. */
  start(): void {
    this.#link.start((result) => this.#serve(result), this.#spin);
  }

  /**
   * Answers every caller that waits and releases every file before the descriptor goes. Idempotent.
   * @param last what the kernel is told then
   */
  close(last?: Uint8Array): Promise<void> {
    this.#closing ??= this.#shutDown(undefined, last);
    return this.#closing;
  }

  /**
   * Lets the descriptor go without a word to callers and files.
   * @param bringToRest runs when no handler does
   * @param first what the kernel is told before, so that it sends no new requests; without it they are not taken
   */
  leave(bringToRest: () => Promise<void>, first?: Uint8Array): Promise<void> {
    this.#closing ??= this.#leave(bringToRest, first);
    return this.#closing;
  }

  async #leave(bringToRest: () => Promise<void>, first: Uint8Array | undefined): Promise<void> {
    if (first === undefined) this.#link.stop();
    else this.#send([first]);
    await this.#session.rest();
    await bringToRest();
    this.#end(undefined);
    this.#letGo();
  }

  #letGo(): void {
    this.#closed = true;
    this.#link.stop();
    closeSync(this.#fd);
  }

  async #shutDown(error: Error | undefined, last?: Uint8Array): Promise<void> {
    await this.#session.close();
    if (last !== undefined) this.#send([last]);
    this.#letGo();
    this.#end(error);
  }

  /** @param result of the first take */
  #serve(result: number): void {
    const { take, answer, answerWith } = this.#link;
    for (let requests = 1; ; requests++) {
      let parts: Parts | undefined;
      if (result >= 0) parts = this.#session.handle(result);
      else if (!this.#goesOn(result)) return;
      const { buffer } = this.#session;
      if (buffer !== this.#buffer) this.#use(buffer);
      if (requests >= BURST || this.#closed) {
        if (parts !== undefined) this.#send(parts);
        return;
      }
      if (parts === undefined) result = take();
      else {
        // The first part is in the link's memory. By index: taking an array apart goes through its iterator.
        const tail = parts[1];
        result = tail === undefined ? answer() : answerWith(tail);
      }
    }
  }

  #use(buffer: Uint8Array): void {
    this.#buffer = buffer;
    this.#link.use(buffer);
  }

  /** @returns whether there may be more to read now */
  #goesOn(result: number): boolean {
    if (result < WRITE_FAILED) {
      this.#writeFailed(WRITE_FAILED - result);
      return true;
    }
    switch (-result) {
      case ERRNO.EAGAIN:
        return false;
      // The request was withdrawn between the wake-up and the read.
      case ERRNO.ENOENT:
        return true;
      default:
        this.#closing ??= this.#shutDown(
          new DeviceError("ENODEV", `the kernel ended the connection (${errnoName(-result)})`),
        );
        return false;
    }
  }

  #send(parts: Parts): void {
    if (this.#closed) return;
    const result = writev(this.#fd, parts);
    if (result < 0) this.#writeFailed(-result);
    else if (result < parts.reduce((sum, part) => sum + part.length, 0)) this.#writeFailed(ERRNO.EIO);
  }

  #writeFailed(errno: number): void {
    // The connection was aborted; the next read says it and ends the channel.
    if (errno === ERRNO.ENODEV || errno === ERRNO.ECONNABORTED) return;
    // ENOENT: the kernel waits for no such answer. It keeps a request that we have read, even of a killed caller, so
    // that is a defect of ours, but for the moment in which a connection is aborted.
    this.#log.error({ errno: errnoName(errno) }, "the kernel refused an answer");
  }
}

/** Resolves when the kernel has a request for us. */
function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const waiting = watch(fd, READY.READABLE, () => {
      waiting.close();
      resolve();
    });
  });
}
