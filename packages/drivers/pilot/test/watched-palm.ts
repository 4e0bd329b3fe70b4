// A handheld that tells where in its traffic it is, and can stop at a turn: when the host has asked and waits for the
// answer. Lives as long as it is plugged in.

import { type Family, MODELS, type ModelName, PalmUsbDevice } from "@devlift/testing";

export class WatchedPalm extends PalmUsbDevice {
  /** How often the handheld began to answer. */
  #turns = 0;
  /** Packets that went either way. */
  #packets = 0;
  #asked = false;
  #turn: { readonly at: number; readonly held: () => void } | undefined;
  #packet: { readonly at: number; readonly passed: () => void } | undefined;
  #answer: () => void = () => undefined;

  constructor(model: ModelName, family: Family) {
    super(MODELS[model], { family });
  }

  /** Resolves when the handheld has an answer for the host, the `count`-th from now; it keeps it until answer(). */
  turn(count: number): Promise<void> {
    return new Promise((held) => {
      this.#turn = { at: this.#turns + count, held };
    });
  }

  /** Gives the host what turn() has held. */
  answer(): void {
    this.#answer();
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
    const packet = await super.in(endpoint, length, signal);
    if (endpoint !== this.model.hotSync.in || packet.length === 0) return packet;
    if (this.#asked) this.#turns++;
    this.#asked = false;
    if (this.#turn?.at === this.#turns) {
      this.#turn.held();
      this.#turn = undefined;
      await new Promise<void>((resolve) => {
        this.#answer = resolve;
      });
    }
    this.#passed();
    return packet;
  }

  #passed(): void {
    this.#packets++;
    if (this.#packet?.at === this.#packets) this.#packet.passed();
  }
}
