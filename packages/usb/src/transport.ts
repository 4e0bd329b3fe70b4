// The one seam between a USB driver and the hardware: a host that reports devices, a device that can be opened,
// and an open transport. libusb, USB/IP and the fake for tests stand behind it.
// Lifetimes: UsbHost lives as long as the daemon watches; a UsbDevice until its detach is reported;
// a UsbTransport from open() to close() or unplug, whichever comes first.

import type { Keeper } from "@devlift/core";
import type { ConfigurationDescriptor, DeviceDescriptor } from "./descriptors.ts";
import type { UsbError } from "./errors.ts";

export { UsbError, type UsbErrorCode } from "./errors.ts";

/** Where devices come from: this machine's bus through libusb, or one exported device of a USB/IP server. */
export interface UsbHost {
  /** For logs: "libusb" or "usbip://host:3240/1-1". */
  readonly name: string;
  /**
   * Reports the devices that are there now, then each arrival and departure, until closed.
   * @throws UsbError("access") or ("io") when the bus cannot be watched at all
   */
  watch(listener: UsbHostListener): Promise<UsbWatch>;
}

export interface UsbHostListener {
  attached(device: UsbDevice): void;
  detached(device: UsbDevice): void;
  /** The host itself is in trouble (server unreachable, a device without readable descriptors); it goes on trying. */
  trouble(error: UsbError): void;
}

export interface UsbWatch {
  /** The listener hears nothing more. Close transports first: over USB/IP this gives the device back to the server. */
  close(): Promise<void>;
}

/** A device that is plugged in. Its descriptors were read and validated before it was reported. */
export interface UsbDevice {
  /** Unique among the devices plugged in now, for logs: "1-4" or "1-1@host". */
  readonly id: string;
  /** The same as long as the device stays plugged in, to other processes, too; another one after each plug. */
  readonly plug: string;
  /** Of a device on this machine's bus: busnum and devnum of sysfs. */
  readonly address?: { readonly bus: number; readonly device: number };
  readonly descriptor: DeviceDescriptor;
  /** Of the active configuration; undefined when it is not configured. */
  readonly configuration: ConfigurationDescriptor | undefined;
  /**
   * One open at a time. Over libusb this is a system call that waits, and this thread with it, while the kernel still
   * probes the device: as long as its drivers take, see UsbTransport.claim().
   * @throws UsbError("access") without permission, ("gone") after unplug, ("busy") when it is open already
   */
  open(options?: OpenOptions): Promise<UsbTransport>;
}

export interface OpenOptions {
  /**
   * Where its transfers are, so that they outlive this process: one open device a keeper, whose memory has KEEPER_SIZE.
   * Each has then 4096 bytes at most. This machine's bus only; elsewhere they end with the process. Default: they do
   */
  readonly keeper?: Keeper | undefined;
  /**
   * With `keeper`: an earlier process had the device open, and this one goes on. By endpoint, how many bytes had been taken
   * of it, or sent. Default: it is opened, and what an earlier process has left is let go
   */
  readonly goesOn?: ReadonlyMap<number, number> | undefined;
}

/** bmRequestType, bRequest, wValue, wIndex of a control transfer (USB 2.0, 9.3). */
export interface ControlSetup {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

export interface TransferOptions {
  /** Milliseconds until UsbError("timeout"); default: wait for ever. */
  readonly timeoutMs?: number;
  /** Aborting cancels the transfer: UsbError("cancelled"). */
  readonly signal?: AbortSignal;
}

/**
 * An opened device. After unplug every call rejects with UsbError("gone") and `gone` has fired once; after close() every
 * call rejects with UsbError("cancelled"). What cannot be (an endpoint that belongs to no claimed interface, a length
 * below 0) rejects with UsbUsageError.
 *
 * A bulk or interrupt endpoint that stalls fails all its transfers with UsbError("stall"), those queued behind included,
 * so that a stream gets no hole; its halt is cleared before they reject, so whatever is tried next starts afresh.
 */
export interface UsbTransport {
  readonly device: UsbDevice;
  /** Aborted at unplug (by its event; no transfer has to fail first) and by nothing else. */
  readonly gone: AbortSignal;
  /** Its transfers outlive this process: `keeper` of open() has them. */
  readonly outlives: boolean;
  /**
   * It has those of an earlier process: a transfer that is asked for again, in the same order and of the same length, is not
   * made again; what came of it is the answer. Each that is not known to have been done must be asked for.
   */
  readonly goesOn: LeftTransfers | undefined;
  /**
   * Takes an interface for us. A kernel driver that holds it is detached, and given back by close().
   * Transfers of its endpoints need it; alternate setting 0 is the active one.
   *
   * Over libusb this thread waits for the device's lock (usbdev_ioctl in drivers/usb/core/devio.c), which the kernel holds
   * while a driver probes or is unbound. The bound is that driver's: visor.ko makes one or two requests of at most 300 ms,
   * for an old Clie two of 3 s. /sys cannot tell when it is over: the link to the driver is there before its probe is
   * called (really_probe in drivers/base/dd.c).
   * @returns the name of the kernel driver that was detached ("visor"), or undefined when nothing held it
   * @throws UsbError("busy") when another program has it, ("access")
   */
  claim(interfaceNumber: number): Promise<string | undefined>;
  /**
   * Makes another alternate setting of a claimed interface the active one (SET_INTERFACE). From then on transfers are those
   * of its endpoints, whose halts are over; none of the setting before may be under way.
   * @throws UsbError("stall") when the device refuses
   */
  setAlternate(interfaceNumber: number, setting: number): Promise<void>;
  /** @returns the bytes of the data stage, at most `length` of them */
  controlIn(setup: ControlSetup, length: number, options?: TransferOptions): Promise<Uint8Array>;
  controlOut(setup: ControlSetup, data: Uint8Array, options?: TransferOptions): Promise<void>;
  /**
   * One bulk or interrupt OUT transfer of at most 1 MiB. The bytes are taken before the promise is returned, and several
   * may be queued: they go out in the order of the calls. @returns bytes sent
   */
  write(endpoint: number, data: Uint8Array, options?: TransferOptions): Promise<number>;
  /** One bulk or interrupt IN transfer of at most 1 MiB; it ends with a short packet. */
  read(endpoint: number, length: number, options?: TransferOptions): Promise<Uint8Array>;
  /** Keeps several IN transfers in flight and hands over what comes, in order, until stopped. */
  startReading(endpoint: number, options: ReadingOptions, sink: ReadingSink): UsbReading;
  /**
   * Where its transfers outlive this process: another one is about to go on with them. Nothing more is taken of what ends,
   * and nothing is to be asked for.
   */
  leave(): void;
  /** Stops reading, releases interfaces, re-attaches kernel drivers. Idempotent; never rejects for an unplugged device. */
  close(): Promise<void>;
}

/** What an earlier process had under way. */
export interface LeftTransfers {
  readonly transfers: number;
  /** Of them, those that have ended meanwhile. */
  readonly ended: number;
}

export interface ReadingOptions {
  /** Bytes an IN transfer asks for: a multiple of the endpoint's maxPacketSize, or a device can overflow it. */
  readonly transferSize: number;
  /** IN transfers in flight at once, 1 to 64. */
  readonly transfers: number;
}

export interface ReadingSink {
  /** The array is valid during the call only, and empty for a zero-length packet. Must not throw. */
  data(bytes: Uint8Array): void;
  /**
   * Reading ended by itself: unplug ("gone"), or an endpoint that failed ten times in a row (stalls, bus errors); fewer
   * are overcome in silence. Called at most once, not after stop().
   */
  ended(error: UsbError): void;
}

export interface UsbReading {
  /** Submits no further transfers; data of those in flight is still handed over. For back-pressure. */
  pause(): void;
  resume(): void;
  /**
   * Cancels what is in flight, and hands over what had come by then; resolves when no further data() can come.
   * Idempotent.
   */
  stop(): Promise<void>;
}
