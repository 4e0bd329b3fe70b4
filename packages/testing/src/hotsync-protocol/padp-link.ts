// A PadpEngine on a ByteStream and the clock. Lives from the first byte of a sync until close.

import type { ByteStream } from "./byte-stream.ts";
import { CMP_XID } from "./cmp.ts";
import { ProtocolError } from "./errors.ts";
import { Changes, type MessageLink, nextXid, type Role } from "./link.ts";
import { PADP_TIMING, PadpEngine, type PadpTiming } from "./padp-engine.ts";

export class PadpLink implements MessageLink {
  readonly #stream: ByteStream;
  readonly #role: Role;
  readonly #engine: PadpEngine;
  readonly #changes = new Changes();
  #xid = CMP_XID;
  #connecting = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: ProtocolError | undefined;

  constructor(stream: ByteStream, role: Role, timing: PadpTiming = PADP_TIMING) {
    this.#stream = stream;
    this.#role = role;
    this.#engine = new PadpEngine(timing);
    void this.#pump();
  }

  /** Until here both ends spoke CMP, with its own transaction number; from here on it is DLP. */
  connected(options: { longHeaders: boolean }): void {
    this.#connecting = false;
    this.#engine.longHeaders = options.longHeaders;
  }

  async send(message: Uint8Array): Promise<void> {
    this.#check();
    if (this.#role === "desktop" && !this.#connecting) this.#xid = nextXid(this.#xid);
    this.#engine.send(message, this.#xid, Date.now());
    this.#settle();
    while (this.#engine.sending) {
      this.#check();
      await this.#changes.wait(Number.POSITIVE_INFINITY);
    }
    const { refused } = this.#engine;
    this.#engine.refused = undefined;
    if (refused) throw refused;
    this.#check();
  }

  async receive(timeoutMs = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      for (let message = this.#engine.inbox.shift(); message; message = this.#engine.inbox.shift()) {
        // An answer to an earlier request than the last one is of no use to anybody.
        if (this.#role === "desktop" && message.xid !== this.#xid) continue;
        this.#xid = message.xid;
        return message.data;
      }
      this.#check();
      const left = until - Date.now();
      if (left <= 0 || !(await this.#changes.wait(left))) {
        if (this.#engine.inbox.length > 0) continue;
        throw new ProtocolError("timeout", `PADP: nothing received in ${timeoutMs} ms`);
      }
    }
  }

  tickle(): Promise<void> {
    this.#engine.tickle(this.#xid);
    this.#settle();
    return this.#writing;
  }

  /** For CMP, between its messages. */
  async setBaudRate(baud: number): Promise<void> {
    await this.#writing;
    await this.#stream.setBaudRate?.(baud);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    this.#fail(new ProtocolError("closed", "PADP: the link was closed"));
    await this.#stream.close();
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.#stream.read();
        if (!chunk) break;
        this.#engine.feed(chunk, Date.now());
        this.#settle();
      }
      this.#fail(new ProtocolError("closed", "PADP: the other end is gone"));
    } catch (cause) {
      this.#fail(new ProtocolError("closed", "PADP: reading failed", { cause }));
    }
  }

  /** After anything that moves the engine: write what it has to say, set the timer, wake who waits. */
  #settle(): void {
    for (const packet of this.#engine.outbox.splice(0)) {
      this.#writing = this.#writing
        .then(() => this.#stream.write(packet))
        .catch((cause: unknown) => this.#fail(new ProtocolError("closed", "PADP: writing failed", { cause })));
    }
    clearTimeout(this.#timer);
    const { deadline } = this.#engine;
    if (deadline !== undefined && !this.#failure) {
      this.#timer = setTimeout(
        () => {
          this.#engine.tick(Date.now());
          this.#settle();
        },
        Math.max(0, deadline - Date.now()),
      );
    }
    this.#changes.announce();
  }

  #fail(failure: ProtocolError): void {
    this.#failure ??= failure;
    clearTimeout(this.#timer);
    this.#changes.announce();
  }

  #check(): void {
    const failure = this.#engine.failure ?? this.#failure;
    if (failure) throw failure;
  }
}
