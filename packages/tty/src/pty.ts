// One pseudoterminal: its slave is what programs open, its master is here. The slave is raw and silent before anybody
// can know of it. Lives from open() to close(), which hangs the slave up (drivers/tty/pty.c, pty_close()).

import { chmodSync, chownSync, closeSync, constants, openSync } from "node:fs";
import { type Availability, DeviceError, decode, encode, errnoName, type NodePermissions, native } from "@devlift/core";
import { FLUSH, Int, portCommands } from "./commands.ts";
import { RAW_AND_SILENT, Termios2 } from "./termios.ts";

/** Packet mode: each read of the master begins with what it is (ioctl_tty(2)). */
const TIOCPKT = 0x5420;
const TIOCPKT_DATA = 0;
const TIOCPKT_FLUSHREAD = 1;
const TIOCPKT_FLUSHWRITE = 2;

const EAGAIN = -11;
const EIO = -5;

/** Bytes of one read. */
const CHUNK = 4096;

/** What the master has to say. */
export type PtyEvent =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** A program has thrown away input, or output. */
  | { readonly kind: "flushed"; readonly input: boolean; readonly output: boolean }
  /** Nothing now, and programs have it open. */
  | { readonly kind: "quiet" }
  /** Nobody has it open, and all that was written has been read. */
  | { readonly kind: "closed" };

const QUIET: PtyEvent = { kind: "quiet" };
const CLOSED: PtyEvent = { kind: "closed" };

/** Whether ptys can be made here. */
export function ptyAvailability(): Availability {
  try {
    closeSync(native.openPty().master);
    return { usable: true, why: "a pseudoterminal needs no privilege, and is a real tty" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { usable: false, why: `no pseudoterminal can be made: ${why}` };
  }
}

export class Pty {
  readonly slavePath: string;
  readonly master: number;
  readonly #buffer = new Uint8Array(CHUNK + 1);

  /** @throws NativeError when the kernel has no more; Node's errors for permissions that cannot be set */
  constructor(permissions: NodePermissions) {
    const { master, slavePath } = native.openPty();
    this.master = master;
    this.slavePath = slavePath;
    try {
      this.#onSlave((slave) => {
        control(slave, "TCSETS2", encode(Termios2, "lp64", RAW_AND_SILENT));
        check("TIOCPKT", native.ioctl(master, TIOCPKT, encode(Int, "lp64", { value: 1 })));
      });
      const { mode, uid, gid } = permissions;
      if (uid !== undefined || gid !== undefined) chownSync(slavePath, uid ?? -1, gid ?? -1);
      if (mode !== undefined) chmodSync(slavePath, mode);
    } catch (error) {
      closeSync(master);
      throw error;
    }
  }

  /** The next event. Bytes are valid until the next one. */
  next(): PtyEvent {
    const count = native.read(this.master, this.#buffer);
    if (count === EAGAIN) return QUIET;
    if (count === EIO || count === 0) return CLOSED;
    check("reading the pty", count);
    const status = this.#buffer[0] ?? TIOCPKT_DATA;
    if (status === TIOCPKT_DATA) return { kind: "data", bytes: this.#buffer.subarray(1, count) };
    return {
      kind: "flushed",
      input: (status & TIOCPKT_FLUSHREAD) !== 0,
      output: (status & TIOCPKT_FLUSHWRITE) !== 0,
    };
  }

  /** Gives programs something to read. @returns bytes taken, 0 when there is no room; undefined when nobody has it open */
  write(bytes: Uint8Array): number | undefined {
    const count = native.writev(this.master, [bytes]);
    if (count === EAGAIN) return 0;
    if (count === EIO) return undefined;
    check("writing to the pty", count);
    return count;
  }

  /** The slave's settings, as programs have made them. */
  termios(): Termios2 {
    const area = new Uint8Array(64);
    control(this.master, "TCGETS2", area);
    return decode(Termios2, "lp64", area);
  }

  /** Throws away what nobody has read. @throws as renew() */
  flushInput(): void {
    this.#onSlave((slave) => control(slave, "TCFLSH", FLUSH.TCIFLUSH));
  }

  /**
   * Makes it fit for the next program, after the last close: what nobody has read is thrown away, and TIOCEXCL, which
   * outlives the last close while the master is open, is taken back.
   * @throws Node's errors: EBUSY after TIOCEXCL without CAP_SYS_ADMIN, EACCES when its mode was changed
   */
  renew(): void {
    this.#onSlave((slave) => {
      control(slave, "TIOCNXCL", 0);
      control(slave, "TCFLSH", FLUSH.TCIFLUSH);
    });
  }

  close(): void {
    closeSync(this.master);
  }

  #onSlave(act: (slave: number) => void): void {
    const slave = openSync(this.slavePath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      act(slave);
    } finally {
      closeSync(slave);
    }
  }
}

function control(fd: number, name: keyof typeof portCommands, arg: number | Uint8Array): void {
  check(name, native.ioctl(fd, portCommands[name].number("lp64"), arg));
}

function check(what: string, result: number): void {
  if (result < 0) throw new DeviceError("EIO", `${what}: ${errnoName(-result)}`);
}
