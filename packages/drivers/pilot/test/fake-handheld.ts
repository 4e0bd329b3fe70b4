// The least that is a handheld on the fake bus: it answers the requests that a test gives answers for, remembers what
// it was asked and sent, and says what the test tells it to.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
import { configurationBytes, deviceBytes, type Identity, type Interface, TWO_PORTS } from "./descriptors.ts";

type Answer = Uint8Array | typeof STALL;

export interface FakeHandheldOptions extends Identity {
  readonly interfaces?: readonly Interface[];
  readonly configurationValue?: number;
  /** By bRequest; what has none stalls. */
  readonly answers?: Readonly<Record<number, Answer | Promise<Answer>>>;
  readonly device?: Uint8Array;
  readonly configuration?: Uint8Array;
}

/** The answers to 0x03 and 0x04 that name port 2, and the bytes that a HotSync of each family begins with. */
export const SAYS_PORT_2 = {
  1: Uint8Array.of(0x01, 0x00),
  2: new Uint8Array(0),
  3: Uint8Array.of(2, 0, 0, 1, 2, 2),
  4: Uint8Array.of(2, 0, 0, 0, ...text("rdbg"), 1, 0, 0, 0, ...text("cnys"), 2, 0, 0, 0),
};

export class FakeHandheld implements VirtualUsbDevice {
  readonly speed = "full";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  /** Vendor requests that came: "c2 4 i0 l20" is request 4 with wIndex 0 for 20 bytes. */
  readonly asked: string[] = [];
  /** GET_CONFIGURATION and GET_INTERFACE, as "80 8" and "81 10". A bus asks for the configuration at the plug. */
  readonly askedStandard: string[] = [];
  /** How many bytes IN transfers asked for. */
  readonly lengths = new Set<number>();
  /** What came, by OUT endpoint. */
  readonly received = new Map<number, number[]>();
  /** Changed by a test, these are what the next request gets. */
  answers: Readonly<Record<number, Answer | Promise<Answer>>>;
  /** While true, OUT transfers stay on the wire. */
  #held: Promise<void> | undefined;
  #release: () => void = () => {};
  #outAnswer: typeof STALL | undefined;
  readonly #sending = new Map<number, Uint8Array[]>();
  readonly #asking = new Map<number, (bytes: Uint8Array) => void>();
  #told: (() => void) | undefined;

  constructor(options: FakeHandheldOptions) {
    const { interfaces = [TWO_PORTS], configurationValue = 1, answers = SAYS_PORT_2 } = options;
    this.answers = answers;
    this.descriptors = {
      device: options.device ?? deviceBytes(options),
      configurations: [options.configuration ?? configurationBytes(interfaces, configurationValue)],
    };
  }

  async control({ requestType, request, index, length }: SetupPacket): Promise<Answer> {
    this.asked.push(`${requestType.toString(16)} ${request} i${index} l${length}`);
    this.#told?.();
    return (await this.answers[request]) ?? STALL;
  }

  standard({ requestType, request }: SetupPacket): Answer | undefined {
    if (request === 8 || request === 10) this.askedStandard.push(`${requestType.toString(16)} ${request}`);
    return undefined;
  }

  async out(endpoint: number, data: Uint8Array): Promise<typeof STALL | undefined> {
    await this.#held;
    if (this.#outAnswer !== undefined) return this.#outAnswer;
    this.received.set(endpoint, [...(this.received.get(endpoint) ?? []), ...data]);
    this.#told?.();
    return undefined;
  }

  async in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    this.lengths.add(length);
    const next = this.#sending.get(endpoint)?.shift();
    if (next !== undefined) return next;
    return await new Promise((resolve, reject) => {
      this.#asking.set(endpoint, resolve);
      signal.addEventListener("abort", () => {
        this.#asking.delete(endpoint);
        reject(signal.reason);
      });
    });
  }

  /** Sends one packet on an IN endpoint, now or when it is asked for. */
  send(endpoint: number, bytes: Uint8Array): void {
    const ask = this.#asking.get(endpoint);
    this.#asking.delete(endpoint);
    if (ask !== undefined) ask(bytes);
    else this.#sending.set(endpoint, [...(this.#sending.get(endpoint) ?? []), bytes]);
  }

  /** Lets OUT transfers hang until release(). */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  stallOutput(): void {
    this.#outAnswer = STALL;
  }

  /** Resolves when `done` holds, checked after each thing that comes. */
  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
  }
}

export function text(characters: string): number[] {
  return [...characters].map((character) => character.charCodeAt(0));
}
