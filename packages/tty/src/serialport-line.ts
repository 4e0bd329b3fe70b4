// A SerialDriver over a real serial port of this machine, such as a cradle on /dev/ttyS0: @devlift/tty/serialport, an
// entry of its own because it loads a native binding. The npm package serialport opens, locks, reads, writes and drains;
// a second descriptor of the same port does what it cannot: all settings of an open port, the ring indicator, the length
// of the output queue, and word of a hang-up, at which its read() would spin.
// Lifetimes: a line from open() to close(), with both descriptors.

import { closeSync, constants, openSync } from "node:fs";
import { DeviceError, decode, ERRNO, type ErrnoName, encode, type Logger, native, silent } from "@devlift/core";
import { SerialPort } from "serialport";
import { call, check, flushOutput, getInt, setInt } from "./descriptor.ts";
import { Deferred, interruptible } from "./interruptible.ts";
import type { LineHost, LineSettings, ModemLines, SerialDriver, SerialLine } from "./line.ts";
import { speedBits } from "./speed.ts";
import { CFLAG, Termios2 } from "./termios.ts";

/** Bytes that wait for the kernel to take them, and bytes of one write. */
const CAPACITY = 4096;
const CHUNK = 1024;
/** How often the modem lines are looked at. */
const MODEM_MS = 100;

type Binding = Awaited<ReturnType<typeof SerialPort.binding.open>>;

export interface SerialPortDriverOptions {
  /** Node name under /dev. */
  readonly name: string;
  /** The real port, e.g. "/dev/ttyS0". */
  readonly path: string;
  /** Default: logs nowhere. */
  readonly log?: Logger;
}

export function serialPortDriver({ name, path, log = silent }: SerialPortDriverOptions): SerialDriver {
  return {
    name,
    async open(host) {
      const control = openControl(path);
      if (call(control, "TCGETS2", new Uint8Array(64)) < 0) {
        closeSync(control);
        throw new DeviceError("ENOTTY", `${path} is no serial port`);
      }
      let binding: Binding;
      try {
        binding = await SerialPort.binding.open({ path, baudRate: 9600, lock: true, hupcl: true });
      } catch (cause) {
        closeSync(control);
        throw notOpened(path, cause);
      }
      return new RealLine({ binding, control, host, log });
    },
  };
}

/** @throws DeviceError ENODEV when there is no such port, or with the errno of open(2) */
function openControl(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const missing = code === "ENOENT" || code === "ENXIO" || code === "EIO" || typeof code !== "string";
    const errno = !missing && isErrnoName(code) ? code : "ENODEV";
    throw new DeviceError(errno, `${path} cannot be opened (${code})`, { cause });
  }
}

/** The binding gives no errno, only a text. */
function notOpened(path: string, cause: unknown): DeviceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (/cannot lock/i.test(why)) return new DeviceError("EBUSY", `another program uses ${path}: ${why}`, { cause });
  return new DeviceError("EIO", `${path} cannot be used as a serial port: ${why}`, { cause });
}

function isErrnoName(code: string): code is ErrnoName {
  return code in ERRNO;
}

interface RealLineParts {
  readonly binding: Binding;
  readonly control: number;
  readonly host: LineHost;
  readonly log: Logger;
}

class RealLine implements SerialLine {
  readonly modem?: ModemLines;
  readonly #parts: RealLineParts;
  readonly #watch: native.Watch;
  #queue: Uint8Array[] = [];
  /** Bytes of the queue, and of the write that is under way. */
  #queued = 0;
  #inFlight = 0;
  #sending = false;
  #tooLittle = false;
  #sent: Deferred | undefined;
  #resumed: Deferred | undefined;
  #over = false;
  #modemTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  /** tcdrain(3) in another thread. */
  #draining: Promise<void> | undefined;

  constructor(parts: RealLineParts) {
    this.#parts = parts;
    const { control } = parts;
    this.#watch = native.watch(control, native.READY.DISCONNECT, () => this.#hangup());
    if (call(control, "TIOCMGET", new Uint8Array(4)) >= 0) {
      this.modem = {
        get: () => getInt(control, "TIOCMGET"),
        update: (set, clear) => {
          if (set !== 0) setInt(control, "TIOCMBIS", set);
          if (clear !== 0) setInt(control, "TIOCMBIC", clear);
        },
      };
      this.#watchModem(getInt(control, "TIOCMGET"));
    }
    void this.#read();
  }

  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#over ? 0 : CAPACITY - this.#queued);
    for (let at = 0; at < taken; at += CHUNK) this.#queue.push(bytes.slice(at, Math.min(at + CHUNK, taken)));
    this.#queued += taken;
    this.#tooLittle = taken < bytes.length;
    if (!this.#sending && taken > 0) void this.#send();
    return taken;
  }

  pendingOutput(): number {
    return this.#queued + (this.#over ? 0 : getInt(this.#parts.control, "TIOCOUTQ"));
  }

  async drain(signal: AbortSignal): Promise<void> {
    while (this.#queued > 0) {
      this.#sent ??= new Deferred();
      await interruptible(this.#sent.promise, signal);
    }
    if (this.#over) throw gone();
    // One that is under way may have seen the end before the last bytes came.
    const next = () => this.#drainKernel();
    await interruptible(this.#draining?.then(next, next) ?? next(), signal);
  }

  /** Holds a thread for as long as it takes, whoever gives up waiting: there is one at a time. */
  #drainKernel(): Promise<void> {
    this.#draining ??= this.#parts.binding.drain().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  discardOutput(): void {
    this.#queue = [];
    this.#queued = this.#inFlight;
    if (!this.#over) flushOutput(this.#parts.control);
  }

  throttle(on: boolean): void {
    if (on) this.#resumed ??= new Deferred();
    else {
      this.#resumed?.resolve();
      this.#resumed = undefined;
    }
  }

  /** @throws DeviceError when the driver does not take them */
  configure(settings: LineSettings): void {
    const { control } = this.#parts;
    const area = new Uint8Array(64);
    check("TCGETS2", call(control, "TCGETS2", area));
    const { inputSpeed, outputSpeed, dataBits, stopBits, parity, hardwareFlow } = settings;
    const bits = [
      speedBits(inputSpeed, outputSpeed),
      CFLAG.CREAD | CFLAG.CLOCAL | CFLAG.HUPCL,
      (dataBits - 5) << 4,
      stopBits === 2 ? CFLAG.CSTOPB : 0,
      PARITY[parity],
      hardwareFlow ? CFLAG.CRTSCTS : 0,
    ];
    const c_cflag = bits.reduce((sum, some) => (sum | some) >>> 0, 0);
    const old = decode(Termios2, "lp64", area);
    // Raw: what comes in is made into what programs want by the port above.
    const raw = { ...old, c_iflag: 0, c_oflag: 0, c_lflag: 0, c_cflag, c_ispeed: inputSpeed, c_ospeed: outputSpeed };
    check("TCSETS2", call(control, "TCSETS2", encode(Termios2, "lp64", raw)));
  }

  setBreak(on: boolean): void {
    check("TIOCSBRK", call(this.#parts.control, on ? "TIOCSBRK" : "TIOCCBRK", 0));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { binding, control, log } = this.#parts;
    this.#over = true;
    clearInterval(this.#modemTimer);
    this.#watch.close();
    this.throttle(false);
    this.#sent?.resolve();
    // A drain that still waits in another thread would hold the port open.
    flushOutput(control);
    try {
      await binding.close();
    } catch (error) {
      log.warn({ err: error }, "the serial port could not be closed");
    }
    closeSync(control);
  }

  async #read(): Promise<void> {
    const { binding, host, log } = this.#parts;
    const buffer = Buffer.alloc(CAPACITY);
    try {
      while (!this.#over) {
        const { bytesRead } = await binding.read(buffer, 0, buffer.length);
        if (!this.#over) host.received(buffer.subarray(0, bytesRead));
        await this.#resumed?.promise;
      }
    } catch (error) {
      if (!this.#over) log.warn({ err: error }, "reading the serial port failed");
      this.#hangup();
    }
  }

  async #send(): Promise<void> {
    const { binding, host, log } = this.#parts;
    this.#sending = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined && !this.#over; next = this.#queue.shift()) {
        this.#inFlight = next.length;
        await binding.write(Buffer.from(next));
        this.#queued -= next.length;
        this.#inFlight = 0;
        if (this.#queued === 0) this.#allSent();
        if (this.#tooLittle) {
          this.#tooLittle = false;
          host.writable();
        }
      }
    } catch (error) {
      if (!this.#over) log.warn({ err: error }, "writing to the serial port failed");
      this.#hangup();
    } finally {
      this.#sending = false;
    }
  }

  #allSent(): void {
    this.#sent?.resolve();
    this.#sent = undefined;
  }

  #watchModem(first: number): void {
    let last = first;
    this.#modemTimer = setInterval(() => {
      const now = getInt(this.#parts.control, "TIOCMGET");
      if (now === last) return;
      last = now;
      this.#parts.host.modemChanged?.();
    }, MODEM_MS);
  }

  #hangup(): void {
    if (this.#over) return;
    void this.close();
    this.#parts.host.hangup();
  }
}

const PARITY: Readonly<Record<LineSettings["parity"], number>> = {
  none: 0,
  even: CFLAG.PARENB,
  odd: CFLAG.PARENB | CFLAG.PARODD,
  mark: CFLAG.PARENB | CFLAG.CMSPAR | CFLAG.PARODD,
  space: CFLAG.PARENB | CFLAG.CMSPAR,
};

function gone(): DeviceError {
  return new DeviceError("EIO", "the serial port is gone");
}
