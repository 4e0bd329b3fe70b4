// A handheld that tells where in its traffic it is, and can stop at a turn: when the host has asked and waits for the
// answer. Lives as long as it is plugged in.

import { type Family, MODELS, type ModelName, PalmUsbDevice } from "@devlift/testing";

export class WatchedPalm extends PalmUsbDevice {
  /** Bytes that the host has taken off the bus since the button was last pressed. */
  given = 0;
  /** A host waits for data. */
  isRead = false;
  /** Bytes that the bus has for the next host. */
  #kept = 0;
  /** How often the handheld began to answer. */
  #turns = 0;
  /** Packets that went either way. */
  #packets = 0;
  #asked = false;
  #turn: { readonly at: number; readonly held: () => void } | undefined;
  #packet: { readonly at: number; readonly passed: () => void } | undefined;

  constructor(model: ModelName, family: Family) {
    super(MODELS[model], { family });
  }

  override pressHotSync() {
    this.given = 0;
    this.#kept = 0;
    return super.pressHotSync();
  }

  /** Resolves when the handheld has an answer for the host, the `count`-th from now; it keeps it until the host is gone. */
  turn(count: number): Promise<void> {
    return new Promise((held) => {
      this.#turn = { at: this.#turns + count, held };
    });
  }

  /** Resolves when the `count`-th packet from now is on the bus. */
  packet(count: number): Promise<void> {
    return new Promise((passed) => {
      this.#packet = { at: this.#packets + count, passed };
    });
  }

  override out(endpoint: number, data: Uint8Array): void {
    this.#asked = true;
    super.out(endpoint, data);
    this.#passed();
  }

  override async in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    if (endpoint !== this.model.hotSync.in) return super.in(endpoint, length, signal);
    this.isRead = true;
    this.given += this.#kept;
    this.#kept = 0;
    const packet = await super.in(endpoint, length, signal).finally(() => {
      this.isRead = false;
    });
    if (packet.length === 0) return packet;
    if (this.#asked) this.#turns++;
    this.#asked = false;
    if (this.#turn?.at === this.#turns) {
      this.#turn.held();
      this.#turn = undefined;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    // What is answered after the host has gone the bus keeps for the next one, and gives to it before it asks again.
    if (signal.aborted) this.#kept += packet.length;
    else this.given += packet.length;
    this.#passed();
    return packet;
  }

  #passed(): void {
    this.#packets++;
    if (this.#packet?.at === this.#packets) this.#packet.passed();
  }
}
