// The seam between the tty layer and the hardware behind a serial port: a driver opens a SerialLine, the tty layer
// gives it a LineHost to report to. The same driver serves a CUSE device (where the tty layer does termios itself)
// and a pty (where the kernel does).
// A line of a driver with `recoverMs` outlives its daemon: see `memory` in OpenLineCall and docs/recovery.md.
// Lifetimes: a SerialDriver lives as long as the daemon; a SerialLine from the first open to the last close or hang-up.

import type { Keeping } from "@devlift/core";
import type { PortMemory } from "./port-memory.ts";

/** What a line tells the port. After hangup() nothing more is taken. */
export interface LineHost {
  /** Bytes from the wire, in order. Copied before the call returns. */
  received(bytes: Uint8Array): void;
  /** The line can take output again after write() took less than it was given. */
  writable(): void;
  /** The hardware is gone: the port's present opens are dead (read 0, write and ioctl EIO, poll HUP). close() follows. */
  hangup(): void;
  /** Modem input lines changed (TIOCMIWAIT, carrier). Only for lines with `modem`. */
  modemChanged?(): void;
}

/** Line settings that hardware may care about, in the terms of termios(3). */
export interface LineSettings {
  /** Bits a second; 0 hangs up. */
  readonly inputSpeed: number;
  readonly outputSpeed: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly stopBits: 1 | 2;
  readonly parity: "none" | "even" | "odd" | "mark" | "space";
  /** CRTSCTS. */
  readonly hardwareFlow: boolean;
}

/** Modem lines as TIOCM_* bits. A driver without them leaves `modem` out, and TIOCM* calls answer ENOTTY. */
export interface ModemLines {
  get(): number | Promise<number>;
  /** Sets the output lines (TIOCM_DTR, TIOCM_RTS) in `set`, clears those in `clear`. */
  update(set: number, clear: number): void | Promise<void>;
}

export interface SerialLine {
  /** Takes as many bytes as it can now, 0 when full (then host.writable() follows). Copies what it takes. */
  write(bytes: Uint8Array): number;
  /** Bytes taken and not yet on the wire (TIOCOUTQ). */
  pendingOutput(): number;
  /** Resolves when pendingOutput() is 0 and the hardware has them; rejects when the line is gone or signal aborts. */
  drain(signal: AbortSignal): Promise<void>;
  /** Drops output not yet sent (TCOFLUSH). */
  discardOutput(): void;
  /** true: the port's input buffer is full, stop reading from the hardware; false: go on. */
  throttle(on: boolean): void;
  /** Applies settings. Optional; default: there is nothing to set and every setting is accepted. */
  configure?(settings: LineSettings): void | Promise<void>;
  /**
   * Sends a break of `ms` milliseconds. Optional; default: setBreak() and a timer; without setBreak() too, tcsendbreak(3)
   * answers ENOTTY, as for a USB serial port whose driver has no break_ctl().
   */
  sendBreak?(ms: number): Promise<void>;
  /** Begins and ends a break (TIOCSBRK, TIOCCBRK). Optional; default: those answer ENOTTY. */
  setBreak?(on: boolean): void | Promise<void>;
  readonly modem?: ModemLines;
  /**
   * Of a driver with `recoverMs`: the line goes on under another daemon. Takes nothing more of the hardware, gives what it
   * had of it to the host, and sends nothing more. Never rejects.
   */
  leave?(): Promise<void>;
  /**
   * Gives the hardware back: after the last close, when the time for drain is over, and after hangup(). Called once;
   * the next SerialDriver.open() waits for it. Never rejects.
   */
  close(): Promise<void>;
}

export interface OpenLineCall {
  /** The open(2) that came first has O_NONBLOCK. Others may wait for the same line. */
  readonly nonBlocking: boolean;
  /** Aborts when all who wait for the line are interrupted, or the daemon stops. */
  readonly signal: AbortSignal;
  /** Of a driver with `recoverMs`: what it has of output is kept there, by append(), submit() and sent(). */
  readonly memory?: PortMemory;
  /** An earlier daemon had the line open: it is to go on as `memory` says, and the hardware is not to notice. */
  readonly goesOn?: boolean;
}

export interface SerialDriver {
  /** Node name under /dev, e.g. "pilot". */
  readonly name: string;
  /**
   * Milliseconds that an open line and its programs wait for the next daemon when this one dies, where the channel can
   * (fusd). Its lines keep their output in `memory`. Default: the port ends with its daemon
   */
  readonly recoverMs?: number;
  /** With `recoverMs`: transfers of its hardware that outlive the daemon, too. Default: they end with it */
  readonly keeping?: Keeping;
  /**
   * First open of the port.
   * @throws DeviceError("ENODEV") when no hardware is there, or another errno that open(2) shall give
   */
  open(host: LineHost, call: OpenLineCall): SerialLine | Promise<SerialLine>;
}
