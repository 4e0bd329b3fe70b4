// What a case of the oracle works on: a C program, and the printer's end of the cable.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { errnoName, POLL } from "@devlift/core";
import { waitFor } from "@devlift/testing";
import type { CallResult, CallsProgram } from "@devlift/testing/calls";

export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const LP = "/dev/usb/lp0";
/** A bound for what is stuck: a wait that ends by an event in every case that passes. */
export const PATIENCE_MS = 60_000;

const _IOC = (direction: number, nr: number, size: number) =>
  ((direction << 30) | (size << 16) | (0x50 << 8) | nr) >>> 0;
const READ = 2;
const WRITE = 1;
export const LPIOC_GET_DEVICE_ID = (length: number) => _IOC(READ, 1, length);
export const LPIOC_GET_PROTOCOLS = (length: number) => _IOC(READ, 2, length);
export const LPIOC_SET_PROTOCOL = _IOC(WRITE, 3, 0);
export const LPIOC_HP_SET_CHANNEL = _IOC(WRITE, 4, 0);
export const LPIOC_GET_BUS_ADDRESS = (length: number) => _IOC(READ, 5, length);
export const LPIOC_GET_VID_PID = (length: number) => _IOC(READ, 6, length);
export const LPIOC_SOFT_RESET = _IOC(0, 7, 0);
export const LPIOC_UNKNOWN = _IOC(READ, 9, 8);
export const LPABORT = 0x0604;
export const LPGETSTATUS = 0x060b;
export const LPRESET = 0x060c;
export const TCGETS = 0x5401;

/** The printer's end. */
export interface PrinterEnd {
  /** Resolves with the next so many bytes that are printed. */
  printed(length: number): Promise<Buffer>;
  /** Sends one transfer. */
  says(text: string): Promise<void>;
  /** Becomes what GET_PORT_STATUS answers. */
  status(byte: number): Promise<void>;
}

/** What is asked of the printer's device file, and what came of it, a line each. */
export class Bench {
  readonly program: CallsProgram;
  readonly end: PrinterEnd;
  readonly lines: string[] = [];

  constructor(program: CallsProgram, end: PrinterEnd) {
    this.program = program;
    this.end = end;
  }

  async note(label: string, call: Promise<CallResult>): Promise<CallResult> {
    const given = await call;
    const data = given.data.length > 0 ? ` ${Buffer.from(given.data).toString("hex")}` : "";
    this.lines.push(`${label}: ${given.result < 0 ? errnoName(given.errno) : `${given.result}${data}`}`);
    return given;
  }

  /** With a buffer of 5a, so that what is not written shows. */
  async ioctl(label: string, request: number, length: number): Promise<CallResult> {
    return await this.note(label, this.program.ioctlBuffer("a", request, new Uint8Array(length).fill(0x5a)));
  }

  /** What is at the address on the bus, as each plug has another one. */
  async busAddress(): Promise<void> {
    const { data } = await this.program.ioctlBuffer("a", LPIOC_GET_BUS_ADDRESS(8), new Uint8Array(8));
    const [bus = "", address = ""] = [0, 4].map((at) => String(Buffer.from(data).readInt32LE(at)).padStart(3, "0"));
    // Its descriptors (usbdev_read() in drivers/usb/core/devio.c): idVendor and idProduct.
    const descriptors = await readFile(`/dev/bus/usb/${bus}/${address}`);
    this.lines.push(`GET_BUS_ADDRESS: of ${descriptors.subarray(8, 12).toString("hex")}`);
  }

  /** Notes what a call gave, and then what the printer has of it, which it takes meanwhile. */
  async prints(expected: Uint8Array, label: string, call: Promise<CallResult>): Promise<void> {
    const printing = this.end.printed(expected.length);
    await this.note(label, call);
    const printed = await printing;
    this.lines.push(`printed ${printed.length}: ${printed.equals(expected) ? "the same" : printed.toString("hex")}`);
  }
}

export interface Case {
  readonly name: string;
  run(bench: Bench): Promise<void>;
  /** Where it is not equal on purpose: lines of the kernel's, ours in their place, and the words of the README. */
  readonly differs?: { readonly kernel: readonly string[]; readonly ours: readonly string[]; readonly why: string };
}

export async function nodeIs(there: boolean): Promise<void> {
  await waitFor(`${LP} to be ${there ? "there" : "gone"}`, PATIENCE_MS, () => existsSync(LP) === there || undefined);
}

export const ANY = POLL.IN | POLL.OUT;
