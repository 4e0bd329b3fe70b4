// Output on its way to the handheld: a bounded queue, and one OUT transfer at a time that takes from its front. The queue
// itself is in the port's memory, which knows what was taken and what is on the wire when the daemon dies.
// Lifetime: one line. After fail() nothing is taken and every waiter is told.
//
// The handheld sees packets and not transfers, so how the stream is cut into transfers is free; one in flight keeps
// the order right when a transfer fails, and what is written meanwhile goes together in the next.

import { setTimeout as sleep } from "node:timers/promises";
import { DeviceError } from "@devlift/core";
import { OUTPUT_RING, type PortMemory } from "@devlift/tty";

/** How long a handheld that takes nothing is waited for before the port is left to the next daemon. */
const REST_MS = 2000;
/** Bytes of one transfer. */
const TRANSFER = 4096;

/** Sends one transfer; the bytes are taken when it returns. @returns how many were sent */
export type SendTransfer = (bytes: Uint8Array) => Promise<number>;

export interface OutputEvents {
  /** There is room again, after write() had too little. */
  writable(): void;
  /** A transfer failed; the bytes in the queue are lost. */
  failed(error: unknown): void;
}

interface Waiter {
  resolve(): void;
  reject(error: DeviceError): void;
}

export class OutputQueue {
  readonly #send: SendTransfer;
  readonly #events: OutputEvents;
  readonly #memory: PortMemory;
  #tooLittle = false;
  /** Resolves with the end of what is on the wire. */
  #transfer: Promise<void> = Promise.resolve();
  /** Nothing more is sent. */
  #resting = false;
  #failure: DeviceError | undefined;
  readonly #draining = new Set<Waiter>();
  /** For the log. */
  sent = 0;

  constructor(send: SendTransfer, events: OutputEvents, memory: PortMemory) {
    this.#send = send;
    this.#events = events;
    this.#memory = memory;
  }

  get pending(): number {
    return this.#failure === undefined ? this.#memory.unsent : 0;
  }

  /** Takes as many bytes as there is room for. */
  write(bytes: Uint8Array): number {
    const taken = this.#failure === undefined ? this.#memory.append(bytes) : 0;
    this.#tooLittle = taken < bytes.length;
    if (taken > 0) this.#pump();
    return taken;
  }

  /**
   * Sends what an earlier daemon left. What it had on the wire is not sent again, as it may have arrived, unless its end
   * will be known.
   * @param endIsKnown of transfers that are asked for again
   * @returns how many bytes may or may not have arrived
   */
  goOn(endIsKnown: boolean): number {
    const { inFlight } = this.#memory.at;
    if (endIsKnown && inFlight > 0) {
      this.#submit(this.#memory.submitted());
      return 0;
    }
    this.#memory.sent(inFlight);
    this.#pump();
    return inFlight;
  }

  /** Sends nothing more. */
  hold(): void {
    this.#resting = true;
  }

  /** The same, and resolves when nothing is on the wire, or when that has had its time. */
  async rest(): Promise<void> {
    this.hold();
    await Promise.race([this.#transfer, sleep(REST_MS)]);
  }

  /** Drops what is not on the wire yet. */
  discard(): void {
    this.#memory.discard();
    this.#roomMade();
  }

  /** Resolves when everything is sent. @throws DeviceError("EINTR") when `signal` aborts, or of fail() */
  async drain(signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (signal.aborted) throw interrupted(signal);
    if (this.pending === 0) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => waiter.reject(interrupted(signal));
      const end = () => {
        this.#draining.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const waiter = {
        resolve: () => {
          end();
          resolve();
        },
        reject: (error: DeviceError) => {
          end();
          reject(error);
        },
      };
      signal.addEventListener("abort", onAbort);
      this.#draining.add(waiter);
    });
  }

  /** Ends it all: nothing is taken any more, and drain() answers with the error. */
  fail(error: DeviceError): void {
    this.#failure ??= error;
    for (const waiter of [...this.#draining]) waiter.reject(this.#failure);
  }

  #pump(): void {
    if (this.#resting || this.#memory.at.inFlight > 0 || this.pending === 0) return;
    this.#submit(this.#memory.submit(TRANSFER));
  }

  #submit(bytes: Uint8Array): void {
    this.#transfer = this.#send(bytes).then(
      (sent) => this.#finished(sent),
      (error: unknown) => {
        if (this.#failure === undefined) this.#events.failed(error);
      },
    );
  }

  #finished(sent: number): void {
    if (this.#failure !== undefined) return;
    if (sent === 0) {
      this.#events.failed(new DeviceError("EIO", "it takes no bytes"));
      return;
    }
    this.sent += sent;
    this.#memory.sent(sent);
    this.#pump();
    this.#roomMade();
  }

  #roomMade(): void {
    if (this.pending === 0) for (const waiter of [...this.#draining]) waiter.resolve();
    if (this.#tooLittle && this.pending < OUTPUT_RING) {
      this.#tooLittle = false;
      this.#events.writable();
    }
  }
}

function interrupted(signal: AbortSignal): DeviceError {
  return new DeviceError("EINTR", "interrupted while waiting for output", { cause: signal.reason });
}
