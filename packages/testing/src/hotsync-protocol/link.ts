// What DLP talks over: whole messages, one at a time each way. PadpLink and NetLink are the two of them.

/** Which end of the cable we are. The desktop counts transactions, the handheld answers with the number it got. */
export type Role = "handheld" | "desktop";

export interface MessageLink {
  /** Resolves when the message is on its way (NET) or acknowledged (PADP). Rejects with ProtocolError. */
  send(message: Uint8Array): Promise<void>;
  /** The next message. Rejects with ProtocolError: `timeout` after `timeoutMs` (default: never), or a lost link. */
  receive(timeoutMs?: number): Promise<Uint8Array>;
  /** Says "busy, but alive" to the other end. */
  tickle(): Promise<void>;
  /** Ends the link and closes its stream, once what was sent is written. */
  close(): Promise<void>;
}

/** Somebody waits for a change, somebody else announces one. */
export class Changes {
  #waiting = new Set<() => void>();

  announce(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** False if `timeoutMs` passed first. Infinity waits for ever. */
  wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer =
        timeoutMs === Number.POSITIVE_INFINITY
          ? undefined
          : setTimeout(() => {
              this.#waiting.delete(wake);
              resolve(false);
            }, timeoutMs);
      const wake = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#waiting.add(wake);
    });
  }
}

/** The desktop's transaction numbers: 1 to 0xfe, then 1 again. 0xff is the connection's own. */
export function nextXid(xid: number): number {
  return xid >= 0xfe ? 1 : xid + 1;
}
