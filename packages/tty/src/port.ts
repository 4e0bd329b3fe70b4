// A serial port as a device: one line, one set of settings, any number of opens. What an open file is to the session, a
// connection (connection.ts) is to the hardware. A Port lives as long as the device; its settings outlive the last
// close and are forgotten when the hardware goes, as those of a USB serial port are (usb-serial.c registers its driver
// with TTY_DRIVER_RESET_SAVED_TERMIOS).

import {
  type Clock,
  type Device,
  DeviceError,
  decode,
  defineDevice,
  encode,
  type Keeping,
  type Logger,
  type OpenCall,
  POLL,
  type RecoverCall,
  type Recovery,
  silent,
  sizeOf,
  systemClock,
  type WaitingCall,
} from "@devlift/core";
import { portCommands, Winsize } from "./commands.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { change } from "./hardware.ts";
import { interruptible } from "./interruptible.ts";
import { portIoctls } from "./ioctls.ts";
import { CLOSING_WAIT_MS } from "./limits.ts";
import type { SerialDriver } from "./line.ts";
import { PortMemory } from "./port-memory.ts";
import { hardwareDiffers, RAW_AND_SILENT, Termios2, withHardwareOf } from "./termios.ts";

export interface SerialPortOptions {
  /** Default: logs nowhere. */
  readonly log?: Logger;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** What open() gives. */
export interface PortFile {
  readonly connection: Connection;
}

export type SerialDevice = Device<PortFile, typeof portCommands>;

const TERMIOS_SIZE = sizeOf(Termios2, "lp64");

/** 65535 of TIOCSSERIAL: the last close does not wait for output. */
const CLOSING_WAIT_NONE = 65535;
/** Stands in for CAP_SYS_ADMIN. */
const ROOT = 0;

export class Port {
  readonly #driver: SerialDriver;
  readonly #log: Logger;
  readonly clock: Clock;
  #memory = new PortMemory();
  #termios: Termios2 = RAW_AND_SILENT;
  #winsize: Winsize = { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
  /** In hundredths of a second, as in struct serial_struct; tty_port_init()'s values. */
  closeDelay = 50;
  closingWait = CLOSING_WAIT_MS / 10;
  /** What an open joins. */
  #connection: Connection | undefined;
  /** Resolves when the hardware of the last connection is given back; undefined when it is. */
  #closing: Promise<void> | undefined;
  /** Settings that are on their way to the hardware. */
  #configuring: Promise<void> = Promise.resolve();

  constructor(driver: SerialDriver, options: SerialPortOptions) {
    this.#driver = driver;
    this.#log = options.log ?? silent;
    this.clock = options.clock ?? systemClock;
  }

  get termios(): Termios2 {
    return this.#termios;
  }

  get winsize(): Winsize {
    return this.#winsize;
  }

  set winsize(winsize: Winsize) {
    this.#winsize = winsize;
    this.#keepSettings();
  }

  /** TIOCEXCL; ends with the connection. */
  get exclusive(): boolean {
    return this.#memory.at.exclusive !== 0;
  }

  set exclusive(on: boolean) {
    this.#memory.at.exclusive = Number(on);
    this.#memory.commit();
  }

  /** What it knows is there from now on, and comes from there where an earlier daemon left it. Before the first open. */
  keepIn(memory: Uint8Array<ArrayBuffer>, recovered: boolean): void {
    this.#memory = new PortMemory(memory, recovered);
    if (!this.#memory.isLeft) {
      this.#keepSettings();
      return;
    }
    this.#termios = decode(Termios2, "lp64", this.#memory.settings);
    this.#winsize = decode(Winsize, "lp64", this.#memory.settings, TERMIOS_SIZE);
  }

  /** Another daemon will go on with the line. */
  async leave(): Promise<void> {
    await this.#connection?.leaveLine();
  }

  /** A file that an earlier daemon had open. @throws DeviceError EIO where its line cannot go on */
  async recover({ file, signal }: RecoverCall): Promise<PortFile> {
    if (!this.#memory.isLeft) throw new DeviceError("EIO", "the daemon before was of another version");
    this.#connection ??= this.#connect({ nonBlocking: true, goesOn: true });
    const connection = this.#connection;
    try {
      await connection.join(file, { nonBlocking: true, signal });
    } catch (cause) {
      this.#log.warn({ err: cause }, "the line of the daemon before cannot go on: EIO for its programs");
      throw new DeviceError("EIO", "the line of the daemon before cannot go on", { cause });
    }
    return { connection };
  }

  /** @throws DeviceError EBUSY after TIOCEXCL, EINTR, or what the driver's open() threw */
  async open(call: OpenCall): Promise<PortFile> {
    const { file, nonBlocking, signal } = call;
    while (this.#closing !== undefined) await interruptible(this.#closing, signal);
    if (this.#connection !== undefined && this.exclusive && call.caller.uid !== ROOT)
      throw new DeviceError("EBUSY", "a program has the port for itself (TIOCEXCL)");
    this.#connection ??= this.#connect({ nonBlocking, goesOn: false });
    const connection = this.#connection;
    await connection.join(file, { nonBlocking, signal });
    return { connection };
  }

  async release({ file, state, signal }: WaitingCall<PortFile>): Promise<void> {
    const centiseconds = this.closingWait;
    const waitMs = centiseconds === CLOSING_WAIT_NONE ? 0 : centiseconds === 0 ? Infinity : centiseconds * 10;
    await state.connection.leave(file, { signal, waitMs });
  }

  /**
   * tty_set_termios(). Hardware that refuses keeps what it had, and the next TCGETS tells; the call succeeds, as
   * tcsetattr(3) does when it could do some of what was asked.
   */
  setTermios(connection: Connection, wanted: Termios2): Promise<void> | undefined {
    const before = this.#termios;
    const { line, modem, discipline, transmitter, receiver } = connection.live;
    this.#use(connection, wanted);
    discipline.modesChanged(before.c_lflag);
    transmitter.modesChanged(before.c_iflag);
    receiver.refill();
    connection.wakeReaders();
    connection.wakeWriters();
    if (!hardwareDiffers(before, wanted) || (line.configure === undefined && modem === undefined)) return undefined;
    this.#configuring = this.#configuring.then(async () => {
      try {
        await change(line, before, wanted);
      } catch (error) {
        this.#log.warn({ err: error }, "the hardware does not take these settings; it keeps those it had");
        if (this.#termios === wanted) this.#use(connection, withHardwareOf(before, wanted));
      }
    });
    return this.#configuring;
  }

  #use(connection: Connection, termios: Termios2): void {
    this.#termios = termios;
    this.#keepSettings();
    connection.modes.termios = termios;
  }

  #keepSettings(): void {
    const { settings } = this.#memory;
    settings.set(encode(Termios2, "lp64", this.#termios));
    settings.set(encode(Winsize, "lp64", this.#winsize), TERMIOS_SIZE);
    this.#memory.commit();
  }

  #connect(how: Pick<ConnectionOptions, "nonBlocking" | "goesOn">): Connection {
    return new Connection({
      driver: this.#driver,
      clock: this.clock,
      log: this.#log,
      termios: this.#termios,
      memory: this.#memory,
      ...how,
      onOver: (gone, closed) => this.#over(gone, closed),
    });
  }

  #over(gone: boolean, closed: Promise<void>): void {
    this.#connection = undefined;
    this.exclusive = false;
    if (gone) this.#termios = RAW_AND_SILENT;
    this.#keepSettings();
    const closing = closed.finally(() => {
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#closing = closing;
  }
}

/**
 * A serial port over `driver`, for any channel that makes a device file. README.md says what it can and cannot do.
 * @throws UsageError when the driver's name cannot stand under /dev
 */
export function defineSerialPort(driver: SerialDriver, options: SerialPortOptions = {}): SerialDevice {
  const port = new Port(driver, options);
  return defineDevice<PortFile, typeof portCommands>({
    name: driver.name,
    open: (call) => port.open(call),
    release: (call) => port.release(call),
    // closing_wait of the port bounds it, which a program can set.
    releaseMs: Infinity,
    read: (call) => call.state.connection.live.receiver.read(call),
    write: (call) => call.state.connection.live.transmitter.write(call.data, call),
    poll: ({ state }) => {
      const { discipline, transmitter } = state.connection.live;
      return (discipline.pollsReadable ? POLL.IN : 0) | (transmitter.ready ? POLL.OUT : 0);
    },
    commands: portCommands,
    ioctl: portIoctls(port),
    ...(driver.recoverMs === undefined ? {} : outliving(port, driver.recoverMs, driver.keeping)),
  });
}

/** Calls that the dead daemon had are asked again: the port's memory says what they have done. */
function outliving(port: Port, ms: number, keeping: Keeping | undefined) {
  const memory = {
    size: PortMemory.SIZE,
    mapped: (bytes: Uint8Array<ArrayBuffer>, recovered: boolean) => port.keepIn(bytes, recovered),
  };
  const policy = { open: "reissue", read: "reissue", write: "reissue", ioctl: "reissue" } as const;
  const recovery: Recovery = { ms, policy, memory, ...(keeping === undefined ? {} : { keeping }) };
  return { recovery, recover: (call: RecoverCall) => port.recover(call), leave: () => port.leave() };
}
