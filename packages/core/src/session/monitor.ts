// Where somebody can look at what a session receives and sends: tracing and recording.
// Lifetimes: one Tap a served device, made by who serves it and read by its session; monitors come and go.

import type { Call } from "./call.ts";
import { Counters } from "./counters.ts";

/** Looks at messages. The bytes are valid only during the call. Must not throw, and must not call the session. */
export interface Monitor {
  /** A request of the kernel, before anything is done with it. It may be malformed. */
  received(message: Uint8Array): void;
  /** An answer or a notification, in the order in which they go out. */
  sent(parts: readonly Uint8Array[]): void;
  /** The session begins to close: every caller that waits is answered now. */
  closing?(): void;
}

export class Tap {
  /** What was received and sent, in numbers. */
  readonly counters: Counters = new Counters();
  #monitors: readonly Monitor[] = [];
  /** undefined: nobody looks, and that is all that it costs. */
  monitor: Monitor | undefined = undefined;
  /** The calls that are not answered. The session that is looked at sets it. */
  waiting: () => Iterable<Call> = () => [];
  #translate: (monitor: Monitor) => Monitor = (monitor) => monitor;

  /** Monitors know FUSE's messages. A session that speaks another protocol says how they come to see them. */
  set translate(translate: (monitor: Monitor) => Monitor) {
    this.#translate = translate;
    this.#set(this.#monitors);
  }

  add(monitor: Monitor): void {
    this.#set([...this.#monitors, monitor]);
  }

  remove(monitor: Monitor): void {
    this.#set(this.#monitors.filter((it) => it !== monitor));
  }

  #set(monitors: readonly Monitor[]): void {
    this.#monitors = monitors;
    const [only] = monitors;
    const seen = monitors.length > 1 ? new Several(monitors) : only;
    this.monitor = seen && this.#translate(seen);
  }
}

class Several implements Monitor {
  readonly #monitors: readonly Monitor[];

  constructor(monitors: readonly Monitor[]) {
    this.#monitors = monitors;
  }

  received(message: Uint8Array): void {
    for (const monitor of this.#monitors) monitor.received(message);
  }

  sent(parts: readonly Uint8Array[]): void {
    for (const monitor of this.#monitors) monitor.sent(parts);
  }

  closing(): void {
    for (const monitor of this.#monitors) monitor.closing?.();
  }
}
