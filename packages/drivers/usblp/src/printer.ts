// A printer that is plugged in: what is under way to it and from it, and who waits for that. One block is written at a
// time, and one transfer reads ahead while it is open, as drivers/usb/class/usblp.c does it; what its file operations
// (usblp_open() and so on) answer is answered here.
// Lifetime: from take() to close(), which is after unplug or at the daemon's end. Its interface is ours all that time.

import {
  DeviceError,
  type Logger,
  POLL,
  type WaitingCall,
  type WouldBlock,
  type WriteCall,
  wouldBlock,
} from "@devlift/core";
import { type UsbDevice, UsbError, type UsbTransport } from "@devlift/usb";
import {
  BLOCK,
  BLOCK_IN,
  CONTROL_MS,
  type Condition,
  conditionOf,
  deviceIdOf,
  firstProtocol,
  getDeviceId,
  getStatus,
  type Protocol,
  printerInterface,
  setHpChannel,
  softReset,
  type Way,
  type Ways,
  waysOf,
} from "./protocol.ts";

/** A printer that takes nothing for so long is asked for its status, which wakes some (usblp_wwait()). */
const PROD_MS = 1500;
const NO_DATA = new Uint8Array(0);

export interface PrinterOptions {
  readonly log: Logger;
  /** Milliseconds; default 1500, as the kernel's. */
  readonly prodMs?: number;
}

export class Printer {
  readonly device: UsbDevice;
  readonly ways: Ways;
  /** Told when a read, a write or a poll may have another answer. */
  changed: () => void = () => undefined;
  /** LPABORT: a write gives up when paper is out. */
  abortsWithoutPaper = false;
  readonly #transport: UsbTransport;
  readonly #interface: { readonly number: number; readonly settings: number };
  readonly #log: Logger;
  readonly #prodMs: number;
  /** Those who wait for a change. */
  readonly #waiting = new Set<() => void>();
  #protocol: Protocol;
  #way: Way;
  #isOpen = false;
  /** Ends what is under way. */
  #stop = new AbortController();
  #reading: Promise<void> | undefined;
  /** What came and was not read yet, or why nothing came; undefined while nothing has. */
  #received: Uint8Array | UsbError | undefined;
  #writing: Promise<void> | undefined;
  /** What came of the last block: bytes, or why it failed. */
  #written: number | UsbError = 0;
  #isWritten = false;
  #noPaper = false;
  #condition: Condition = "ok";

  private constructor(transport: UsbTransport, found: Found, { log, prodMs = PROD_MS }: PrinterOptions) {
    this.device = transport.device;
    this.#transport = transport;
    this.#interface = found.interface;
    this.ways = found.ways;
    this.#protocol = found.protocol;
    this.#way = found.way;
    this.#log = log;
    this.#prodMs = prodMs;
    transport.gone.addEventListener("abort", () => {
      log.info({ usb: this.device.id }, `printer ${this.device.id} was unplugged`);
      this.#tell();
    });
  }

  /**
   * Takes a printer, from the kernel's driver if that has it.
   * @returns undefined for a device that is none, or lacks the endpoints of one
   * @throws UsbError when it cannot be had
   */
  static async take(device: UsbDevice, options: PrinterOptions): Promise<Printer | undefined> {
    const found = printerInterface(device);
    if (found === undefined) return undefined;
    const ways = waysOf(device.descriptor, found);
    const protocol = firstProtocol(ways);
    const way = protocol === undefined ? undefined : ways.get(protocol);
    if (protocol === undefined || way === undefined) return undefined;
    const transport = await device.open();
    try {
      await transport.claim(found.number);
      const settings = found.alternates.length;
      const interface_ = { number: found.number, settings };
      const printer = new Printer(transport, { interface: interface_, ways, protocol, way }, options);
      await printer.#select(protocol, way);
      return printer;
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  /** It is plugged in. */
  get isPresent(): boolean {
    return !this.#transport.gone.aborted;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get protocol(): Protocol {
    return this.#protocol;
  }

  get isRead(): boolean {
    return this.#way.in !== undefined;
  }

  /** Resolves when it is unplugged and nobody has it open. */
  async gone(): Promise<void> {
    while (this.isPresent || this.#isOpen) await this.#change();
  }

  /** Gives it back. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  open(): void {
    this.#checkPresent();
    if (this.#isOpen) throw new DeviceError("EBUSY", "a printer can be open once");
    this.#isOpen = true;
    this.#read();
  }

  async release(): Promise<void> {
    this.abortsWithoutPaper = false;
    await this.#cancel();
    this.#received = undefined;
    this.#noPaper = false;
    this.#isOpen = false;
    this.#tell();
  }

  read(length: number): Uint8Array | WouldBlock {
    if (!this.isRead) throw new DeviceError("EINVAL", "nothing can be read from this printer");
    this.#checkPresent();
    const received = this.#received;
    if (received === undefined) return wouldBlock;
    if (received instanceof UsbError) {
      this.#read();
      throw new DeviceError("EIO", received.message, { cause: received });
    }
    const given = received.subarray(0, length);
    if (given.length === received.length) this.#read();
    else this.#received = received.subarray(length);
    return given;
  }

  /** Several writers take turns: each waits until its last block is with the printer. */
  async write(call: Pick<WriteCall<unknown>, "data" | "nonBlocking" | "signal">): Promise<number | WouldBlock> {
    while (this.#isWritten) {
      if (call.nonBlocking) return wouldBlock;
      await this.#change(call.signal);
      call.signal.throwIfAborted();
    }
    this.#isWritten = true;
    try {
      return await this.#writeAll(call);
    } finally {
      this.#isWritten = false;
      this.#wake();
    }
  }

  async #writeAll(call: Pick<WriteCall<unknown>, "data" | "nonBlocking" | "signal">): Promise<number | WouldBlock> {
    const { data } = call;
    const before = await this.#idle(call);
    if (before === "busy") return wouldBlock;
    if (before === "no paper") throw new DeviceError("ENOSPC", "paper is out");
    let taken = 0;
    while (taken < data.length) {
      const block = data.subarray(taken, taken + BLOCK);
      this.#send(block);
      let now: Idle;
      try {
        now = await this.#idle(call);
      } catch (error) {
        // What is on its way stays on its way, and is not counted.
        if (taken > 0) return taken;
        throw error;
      }
      if (now !== "idle") {
        // It is presumed to arrive.
        this.#noPaper = now === "no paper";
        return taken + block.length;
      }
      if (this.#written instanceof UsbError) {
        if (taken > 0) return taken;
        throw new DeviceError("EIO", this.#written.message, { cause: this.#written });
      }
      taken += this.#written;
    }
    return taken;
  }

  /** In POLL bits. */
  poll(): number {
    const isReadable = this.isRead && this.#received !== undefined;
    const isWritable = this.#noPaper || this.#writing === undefined;
    return (isReadable ? POLL.IN : 0) | (isWritable ? POLL.OUT : 0) | (this.isPresent ? 0 : POLL.HUP);
  }

  /** As a program gets it. @throws UsbError */
  async deviceId(signal: AbortSignal): Promise<Uint8Array> {
    const [setup, length] = getDeviceId(this.#interface.number, this.#way.setting);
    return deviceIdOf(await this.#transport.controlIn(setup, length, { signal, timeoutMs: CONTROL_MS }));
  }

  /** The byte of GET_PORT_STATUS. @throws UsbError */
  async status(signal: AbortSignal): Promise<number> {
    const [setup, length] = getStatus(this.#interface.number);
    const [status = 0] = await this.#transport.controlIn(setup, length, { signal, timeoutMs: CONTROL_MS });
    return status;
  }

  /** @throws UsbError */
  async reset(signal: AbortSignal): Promise<void> {
    await this.#transport.controlOut(softReset(this.#interface.number), NO_DATA, { signal, timeoutMs: CONTROL_MS });
  }

  /** @throws UsbError */
  async setHpChannel(channel: number, signal: AbortSignal): Promise<void> {
    const [setup, length] = setHpChannel(this.#interface.number, channel);
    await this.#transport.controlIn(setup, length, { signal, timeoutMs: CONTROL_MS });
  }

  /** What is under way ends by it, even where it cannot be spoken. @throws DeviceError("EINVAL") for that; UsbError */
  async speak(wanted: number): Promise<void> {
    this.#checkPresent();
    await this.#cancel();
    const found = [...this.ways].find(([protocol]) => protocol === wanted);
    if (found === undefined) throw new DeviceError("EINVAL", `it does not speak protocol ${wanted}`);
    try {
      await this.#select(...found);
    } catch (error) {
      await this.#select(this.#protocol, this.#way).catch(() => undefined);
      throw error;
    }
  }

  async #select(protocol: Protocol, way: Way): Promise<void> {
    // Some do not like to be asked for the only one that they have.
    const { number, settings } = this.#interface;
    if (settings > 1) await this.#transport.setAlternate(number, way.setting);
    this.#protocol = protocol;
    this.#way = way;
  }

  /** Starts a transfer of the endpoint in. */
  #read(): void {
    this.#received = undefined;
    const { in: endpoint } = this.#way;
    if (endpoint === undefined) return;
    this.#reading = this.#transport.read(endpoint, BLOCK_IN, { signal: this.#stop.signal }).then(
      (bytes) => this.#came(bytes),
      (error: unknown) => this.#came(failureOf(error)),
    );
  }

  #came(received: Uint8Array | UsbError): void {
    this.#reading = undefined;
    this.#received = received;
    this.#tell();
  }

  /** Starts a transfer of the endpoint out. The bytes are taken at once. */
  #send(block: Uint8Array): void {
    this.#writing = this.#transport.write(this.#way.out, block, { signal: this.#stop.signal }).then(
      (count) => this.#went(count),
      (error: unknown) => this.#went(failureOf(error)),
    );
  }

  #went(written: number | UsbError): void {
    this.#writing = undefined;
    this.#written = written;
    this.#noPaper = false;
    this.#tell();
  }

  /** Ends what is under way, and waits for that. */
  async #cancel(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#reading, this.#writing]);
    this.#stop = new AbortController();
  }

  /**
   * Waits until the last block is with the printer, or has failed.
   * @throws DeviceError("ENODEV") after unplug; what the signal was aborted with
   */
  async #idle({ nonBlocking, signal }: Pick<WaitingCall<unknown>, "nonBlocking" | "signal">): Promise<Idle> {
    for (;;) {
      this.#checkPresent();
      signal.throwIfAborted();
      if (this.#writing === undefined) return "idle";
      if (nonBlocking) return "busy";
      if ((await this.#change(signal, this.#prodMs)) === "late" && (await this.#isOutOfPaper(signal)))
        return "no paper";
    }
  }

  /** Asks a printer that takes nothing how it is. @returns whether a write is to give up */
  async #isOutOfPaper(signal: AbortSignal): Promise<boolean> {
    const status = await this.status(signal).catch(() => undefined);
    if (status === undefined) return false;
    const condition = conditionOf(status);
    if (condition !== this.#condition)
      this.#log.info({ usb: this.device.id }, `printer ${this.device.id}: ${condition}`);
    this.#condition = condition;
    return this.abortsWithoutPaper && condition === "out of paper";
  }

  #checkPresent(): void {
    if (!this.isPresent) throw new DeviceError("ENODEV", "the printer was unplugged");
  }

  #tell(): void {
    this.#wake();
    this.changed();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when something has changed; also when the signal aborts, or "late" after so many milliseconds. */
  async #change(signal?: AbortSignal, ms?: number): Promise<"late" | undefined> {
    return await new Promise((resolve) => {
      const end = (how?: "late") => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve(how);
      };
      const wake = () => end();
      const timer = ms === undefined ? undefined : setTimeout(() => end("late"), ms);
      signal?.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}

/** How a wait for the last block ended. "busy": nobody waited. */
type Idle = "idle" | "busy" | "no paper";

interface Found {
  readonly interface: { readonly number: number; readonly settings: number };
  readonly ways: Ways;
  readonly protocol: Protocol;
  readonly way: Way;
}

function failureOf(error: unknown): UsbError {
  if (error instanceof UsbError) return error;
  throw error;
}
