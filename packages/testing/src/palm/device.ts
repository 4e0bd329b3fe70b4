// A handheld in a USB cradle. A PalmUsbDevice is one plugged-in handheld: the person at it presses the button
// (pressHotSync), and the HotSync begins when the host starts to read the port. Its sync lives until EndOfSync, the
// host's CLOSE_NOTIFICATION or the unplugging.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
import { type ByteStream, ChunkQueue } from "../hotsync-protocol/byte-stream.ts";
import { ProtocolError } from "../hotsync-protocol/errors.ts";
import type { Family } from "../hotsync-protocol/handshake.ts";
import { Handheld, type SyncOptions, type SyncResult } from "./handheld.ts";
import { configurationDescriptor, deviceDescriptor, PACKET_SIZE, type PalmModel, VENDOR_REQUEST } from "./models.ts";

export interface PalmUsbOptions extends Partial<SyncOptions> {
  /** Default: the model's. */
  readonly family?: Family;
  /** Default: a new one with the model's Palm OS. */
  readonly handheld?: Handheld;
}

/** bRequest of SET_CONFIGURATION (USB 2.0, 9.4). */
const SET_CONFIGURATION = 9;
const TYPE_MASK = 0x60;
const TYPE_VENDOR = 0x40;

export class PalmUsbDevice implements VirtualUsbDevice {
  readonly speed: "full" | "high";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  readonly handheld: Handheld;
  readonly model: PalmModel;
  /** Every vendor request since it was plugged in, in order: what a driver's probe asked. */
  readonly requests: number[] = [];
  /** Bytes that came in on an endpoint that has no HotSync behind it. A handheld never answers those. */
  strayBytes = 0;

  readonly #options: PalmUsbOptions;
  readonly #in = new InPipe();
  #pressed = false;
  #announced = false;
  /** Pressed, and not over yet. */
  #sync: Promise<SyncResult> | undefined;
  /** Called when the host reads the port; of use only while a sync waits for that. */
  #start: () => void = () => undefined;
  /** What the host writes to a sync under way. */
  #received: ChunkQueue | undefined;
  #plugged = true;

  constructor(model: PalmModel, options: PalmUsbOptions = {}) {
    this.model = model;
    this.speed = model.speed;
    this.#options = options;
    this.handheld = options.handheld ?? new Handheld({ profile: model.profile });
    this.descriptors = {
      device: deviceDescriptor(model),
      configurations: [configurationDescriptor(model)],
      strings: [model.manufacturer, model.product],
    };
  }

  /**
   * The person presses the HotSync button: the sync begins as soon as the host reads the port. Resolves when it is
   * over; rejects with ProtocolError as Handheld.sync does. A handheld whose answers differ before the button
   * (`answersBefore`) shows the new ones from now on; a real one leaves the bus and comes back at this moment, which
   * is the caller's to do.
   */
  pressHotSync(): Promise<SyncResult> {
    this.#pressed = true;
    this.#sync ??= this.#run().finally(() => {
      this.#sync = undefined;
    });
    return this.#sync;
  }

  standard(setup: SetupPacket): undefined {
    if (setup.request === SET_CONFIGURATION) this.#announced = false;
    return undefined;
  }

  control(setup: SetupPacket): Uint8Array | typeof STALL {
    if ((setup.requestType & TYPE_MASK) !== TYPE_VENDOR) return STALL;
    this.requests.push(setup.request);
    if (setup.request === VENDOR_REQUEST.CLOSE_NOTIFICATION) this.#hangUp();
    const before = this.#pressed ? undefined : this.model.answersBefore?.[setup.request];
    return (before ?? this.model.answers[setup.request])?.slice(0, setup.length) ?? STALL;
  }

  out(endpoint: number, data: Uint8Array): void {
    if (endpoint === this.model.hotSync.out) this.#received?.push(data.slice());
    else this.strayBytes += data.length;
  }

  in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const { announcement, hotSync } = this.model;
    if (endpoint === hotSync.in) {
      const packets = this.#in.take(length, signal);
      this.#start();
      return packets;
    }
    if (endpoint === announcement?.endpoint && !this.#announced) {
      this.#announced = true;
      return Promise.resolve(announcement.data.slice(0, length));
    }
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(new Uint8Array()), { once: true });
    });
  }

  unplugged(): void {
    this.#plugged = false;
    this.#hangUp();
    this.#start();
  }

  async #run(): Promise<SyncResult> {
    if (!this.#in.hasReader) {
      await new Promise<void>((resolve) => {
        this.#start = resolve;
      });
    }
    if (!this.#plugged) throw hostGone();
    const received = new ChunkQueue();
    this.#received = received;
    this.#in.clear();
    const stream: ByteStream = {
      read: () => received.read(),
      write: (data) => (this.#received === received ? this.#in.send(data) : Promise.reject(hostGone())),
      close: () => {
        received.end();
        return Promise.resolve();
      },
    };
    const { family = this.model.family } = this.#options;
    return this.handheld.sync(stream, { ...this.#options, family });
  }

  #hangUp(): void {
    this.#received?.end();
    this.#received = undefined;
    this.#in.clear();
  }
}

function hostGone(): ProtocolError {
  return new ProtocolError("closed", "USB: the host closed the port");
}

interface Transfer {
  readonly packets: Uint8Array[];
  readonly done: () => void;
  readonly failed: (error: ProtocolError) => void;
}

/** What goes to the host on one endpoint: transfers, which are packets. Lives as long as the device. */
export class InPipe {
  #transfers: Transfer[] = [];
  /** Taken back from a cancelled read: they go out first. */
  #unread: Uint8Array[] = [];
  #wake: (() => void) | undefined;

  /** The host waits for data at this moment. */
  get hasReader(): boolean {
    return this.#wake !== undefined;
  }

  /** One transfer. Resolves when the host has taken its last packet. */
  send(data: Uint8Array): Promise<void> {
    return new Promise((done, failed) => {
      const packets: Uint8Array[] = [];
      // No zero-length packet at the end of a transfer of whole packets: handhelds send none.
      for (let at = 0; at < data.length; at += PACKET_SIZE) packets.push(data.slice(at, at + PACKET_SIZE));
      this.#transfers.push({ packets, done, failed });
      this.#wake?.();
    });
  }

  /** The host is gone, or a new sync begins: what waits is of no use. */
  clear(): void {
    for (const transfer of this.#transfers) transfer.failed(hostGone());
    this.#transfers = [];
    this.#unread = [];
  }

  /** As a host controller does it: packets until one is short or the buffer is full. Empty when cancelled. */
  async take(length: number, signal: AbortSignal): Promise<Uint8Array> {
    const taken: Uint8Array[] = [];
    let left = length;
    while (left > 0) {
      const packet = this.#nextPacket();
      if (packet) {
        const part = packet.subarray(0, left);
        if (part.length < packet.length) this.#unread.unshift(packet.subarray(left));
        taken.push(part);
        left -= part.length;
        if (packet.length < PACKET_SIZE) break;
      } else if (signal.aborted) {
        this.#unread.unshift(...taken);
        return new Uint8Array();
      } else await this.#change(signal);
    }
    return new Uint8Array(Buffer.concat(taken));
  }

  #nextPacket(): Uint8Array | undefined {
    const unread = this.#unread.shift();
    if (unread) return unread;
    const transfer = this.#transfers[0];
    const packet = transfer?.packets.shift();
    if (transfer && transfer.packets.length === 0) {
      this.#transfers.shift();
      transfer.done();
    }
    return packet;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake);
    });
  }
}
