// An open descriptor of usbfs as a UrbPort, whose transfers outlive the process: they are in a keeper's memory, and the
// descriptor is kept. The next process opens the port with `goesOn`; then each transfer that it asks for again, in order,
// is the one that is under way already, or what came of it.
// Lifetime: from open to release(), or to the end of the process, which usbfs does not notice.

import { closeSync } from "node:fs";
import type { Keeper } from "@devlift/core";
import { native } from "@devlift/core";
import { UsbError, UsbUsageError } from "../errors.ts";
import type { LibusbIdentity, LibusbPlug } from "../libusb/port.ts";
import { interfaceDriver } from "../libusb/sysfs.ts";
import { clearHalt } from "../requests.ts";
import type { LeftTransfers } from "../transport.ts";
import {
  failed,
  goneError,
  type SubmittedUrb,
  succeeded,
  type Urb,
  type UrbDone,
  type UrbPort,
  type UrbResult,
} from "../urb.ts";
import * as abi from "./abi.ts";
import { forgetKept, keepOpen } from "./kept.ts";
import { type LeftSlots, leftSlots } from "./left.ts";
import { MOST_BYTES, type Slot, Slots } from "./slots.ts";

/** The kernel's side of a descriptor. */
export interface UsbfsKernel {
  ioctl(fd: number, request: number, argument: bigint | Uint8Array): number;
  watch(fd: number, events: number, callback: (result: number) => void): { close(): void };
  close(fd: number): void;
}

export interface UsbfsParts {
  readonly fd: number;
  readonly keeper: Keeper;
  readonly identity: LibusbIdentity;
  readonly plug: LibusbPlug;
  /** By endpoint, how many bytes of its stream have been taken, or sent: an earlier process had the descriptor. */
  readonly goesOn: ReadonlyMap<number, number> | undefined;
  /** Default: this machine's. */
  readonly kernel?: UsbfsKernel;
}

const KERNEL: UsbfsKernel = { ioctl: native.ioctl, watch: native.watch, close: closeSync };

interface InFlight {
  readonly urb: Urb;
  readonly done: UrbDone;
}

export class UsbfsPort implements UrbPort {
  readonly gone: AbortSignal;
  readonly outlives: boolean = true;
  readonly goesOn: LeftTransfers | undefined;
  readonly #parts: UsbfsParts;
  readonly #kernel: UsbfsKernel;
  readonly #slots: Slots;
  readonly #left: LeftSlots = new Map();
  readonly #inFlight = new Map<Slot, InFlight>();
  /** Those of #left that were asked for when they had ended: what comes later waits for them. */
  readonly #ended: Slot[] = [];
  /** Bytes that each endpoint has had. */
  readonly #positions: Map<number, number>;
  readonly #claimed: number[] = [];
  #watch: { close(): void } | undefined;
  #released = false;

  /** The descriptor is kept from now on. @throws DeviceError where it cannot be */
  constructor(parts: UsbfsParts) {
    const { fd, keeper, plug, goesOn, kernel = KERNEL } = parts;
    this.#parts = parts;
    this.#kernel = kernel;
    this.gone = plug.gone;
    this.#positions = new Map(goesOn);
    this.#slots = new Slots(keeper.memory, keeper.address);
    if (goesOn === undefined) this.#slots.clear();
    else this.#left = leftSlots(this.#slots, (request, argument) => kernel.ioctl(fd, request, argument), goesOn);
    if (goesOn === undefined) keepOpen(keeper, fd);
    this.goesOn = goesOn === undefined ? undefined : countOf(this.#left);
    this.#watch = kernel.watch(fd, native.READY.WRITABLE, (result) => this.#ready(result));
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    const bytes = (urb.setup?.length ?? 0) + urb.length;
    if (bytes > MOST_BYTES)
      throw new UsbUsageError(`a transfer of ${bytes} bytes cannot be kept; ${MOST_BYTES} are possible`);
    if (this.gone.aborted) return refused(done, goneError(this.gone));
    const left = this.#left.get(urb.endpoint)?.shift();
    const slot = left ?? this.#slots.prepare(urb);
    if (slot === undefined) return refused(done, new UsbError("io", "too many transfers are under way"));
    this.#inFlight.set(slot, { urb, done });
    if (left === undefined) {
      const result = this.#ioctl(abi.USBDEVFS_SUBMITURB, slot.urbAddress);
      if (result < 0) {
        this.#inFlight.delete(slot);
        slot.free();
        return refused(done, this.#error(-result, "a transfer was refused"));
      }
      slot.submitted();
    } else if (left.isReaped) {
      this.#ended.push(left);
      // Whoever asks for the first of them asks for others, too.
      setImmediate(() => this.#giveEnded());
    }
    return { cancel: () => this.#cancel(slot) };
  }

  async claim(interfaceNumber: number): Promise<string | undefined> {
    const { name, configurationValue, node } = this.#parts.identity;
    const driver = interfaceDriver(name, configurationValue, interfaceNumber);
    const result =
      this.goesOn === undefined
        ? this.#ioctl(abi.USBDEVFS_DISCONNECT_CLAIM, unlessUsbfs(interfaceNumber))
        : this.#ioctl(abi.USBDEVFS_CLAIMINTERFACE, words(interfaceNumber));
    if (result === -abi.ERRNO.EBUSY) {
      const sentence = `another program has interface ${interfaceNumber} of ${name}; \`fuser -v ${node}\` shows which`;
      throw new UsbError("busy", sentence);
    }
    if (result < 0) throw this.#error(-result, `interface ${interfaceNumber} of ${name} cannot be claimed`);
    this.#claimed.push(interfaceNumber);
    return driver === "usbfs" ? undefined : driver;
  }

  async setAlternate(interfaceNumber: number, setting: number): Promise<void> {
    // The kernel talks to the device meanwhile, and this thread waits.
    const result = this.#ioctl(abi.USBDEVFS_SETINTERFACE, words(interfaceNumber, setting));
    if (result < 0) throw this.#error(-result, `alternate setting ${setting} cannot be had`);
  }

  /** As usb_clear_halt() does it, but without making this thread wait for the device. */
  async clearHalt(endpoint: number): Promise<void> {
    await clearHalt(this, endpoint);
    const result = this.#ioctl(abi.USBDEVFS_RESETEP, words(endpoint));
    if (result < 0) throw this.#error(-result, "an endpoint cannot be reset");
  }

  leave(): void {
    this.#released = true;
    this.#watch?.close();
  }

  async release(): Promise<void> {
    const { fd, keeper, plug } = this.#parts;
    this.leave();
    try {
      for (const interfaceNumber of this.#claimed.splice(0)) {
        // Neither finds anything after unplug. A kernel driver may talk to the device now: see UsbTransport.claim().
        this.#ioctl(abi.USBDEVFS_RELEASEINTERFACE, words(interfaceNumber));
        this.#ioctl(abi.USBDEVFS_IOCTL, words(interfaceNumber, abi.USBDEVFS_CONNECT, 0, 0));
      }
      forgetKept(keeper);
    } finally {
      this.#kernel.close(fd);
      plug.released();
    }
  }

  #ready(result: number): void {
    this.#giveEnded();
    this.#reap();
    // POLLERR: it was unplugged, and what had ended by then is reaped.
    if (result < 0 && !this.#released) this.#lost();
  }

  /** What had ended in an earlier process's time. */
  #giveEnded(): void {
    if (this.#released) return;
    for (let slot = this.#ended.shift(); slot !== undefined; slot = this.#ended.shift()) this.#finish(slot);
  }

  #reap(): void {
    while (!this.#released) {
      const result = this.#ioctl(abi.USBDEVFS_REAPURBNDELAY, this.#slots.reapedAt);
      if (result === -abi.ERRNO.EAGAIN) return;
      if (result < 0) break;
      const slot = this.#slots.reaped();
      if (slot !== undefined) this.#finish(slot);
    }
    if (!this.#released) this.#lost();
  }

  #finish(slot: Slot): void {
    const found = this.#inFlight.get(slot);
    // Of an earlier process's: nobody has asked for it yet.
    if (found === undefined) return;
    this.#inFlight.delete(slot);
    const { endpoint } = found.urb;
    const position = this.#positions.get(endpoint) ?? 0;
    slot.position = position;
    this.#positions.set(endpoint, position + slot.actual);
    found.done(this.#resultOf(slot, found.urb));
    // When all who heard of it, by promises, have written down that they did.
    setImmediate(() => this.#free(slot));
  }

  #free(slot: Slot): void {
    if (!this.#released) slot.free();
  }

  #resultOf(slot: Slot, urb: Urb): UrbResult {
    const { status, actual } = slot;
    const bytes = urb.direction === "in" ? slot.data : slot.data.subarray(0, 0);
    if (status === 0) return succeeded(bytes, actual);
    return failed(this.#error(-status, "a transfer failed"), bytes, actual);
  }

  #cancel(slot: Slot): void {
    // EINVAL: it has ended already, and is reaped in its turn.
    if (this.#inFlight.has(slot)) this.#ioctl(abi.USBDEVFS_DISCARDURB, slot.urbAddress);
  }

  #lost(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#parts.plug.unplugged();
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const { done } of lost) done(failed(goneError(this.gone)));
  }

  #ioctl(request: number, argument: bigint | Uint8Array): number {
    return this.#kernel.ioctl(this.#parts.fd, request, argument);
  }

  #error(errno: number, what: string): UsbError {
    const code = codeOf(errno);
    if (code !== "gone") return new UsbError(code, `${this.#parts.identity.name}: ${what} (errno ${errno})`);
    this.#parts.plug.unplugged();
    return goneError(this.gone);
  }
}

function codeOf(errno: number) {
  switch (errno) {
    case abi.ERRNO.EPIPE:
      return "stall";
    case abi.ERRNO.ENOENT:
    case abi.ERRNO.ECONNRESET:
      return "cancelled";
    case abi.ERRNO.ENODEV:
    case abi.ERRNO.ESHUTDOWN:
      return "gone";
    case abi.ERRNO.EOVERFLOW:
      return "overflow";
    case abi.ERRNO.EACCES:
      return "access";
    case abi.ERRNO.EBUSY:
      return "busy";
    default:
      return "io";
  }
}

function countOf(left: LeftSlots): LeftTransfers {
  const slots = [...left.values()].flat();
  return { transfers: slots.length, ended: slots.filter(({ isReaped }) => isReaped).length };
}

function refused(done: UrbDone, error: UsbError): SubmittedUrb {
  queueMicrotask(() => done(failed(error)));
  return { cancel: () => {} };
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** struct usbdevfs_disconnect_claim: { unsigned interface, flags; char driver[256]; } */
function unlessUsbfs(interfaceNumber: number): Uint8Array {
  const claim = new Uint8Array(264);
  claim.set(words(interfaceNumber, abi.USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER));
  new TextEncoder().encodeInto("usbfs", claim.subarray(8));
  return claim;
}
