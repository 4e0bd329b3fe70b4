// /dev/cuse: a real character device on a stock kernel (fs/fuse/cuse.c). One descriptor is one device, which exists
// from the answered CUSE_INIT to the close of the descriptor.
// The main loop is woken once when requests are there; then each native call writes one answer and reads the next
// request until the kernel has none: two system calls a request.

import { closeSync, constants, existsSync, openSync } from "node:fs";
import { chmod, chown } from "node:fs/promises";
import { ERRNO, errnoName } from "../errno.ts";
import { DeviceError, UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { exchange, READY, read, type Watch, WRITE_FAILED, watch, writev } from "../native.ts";
import { FuseSession, type Parts } from "../session/fuse-session.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions, NodePermissions } from "./channel.ts";
import { systemClock } from "./clock.ts";

const DEV_CUSE = "/dev/cuse";
const OPEN_FLAGS = constants.O_RDWR | constants.O_NONBLOCK;
/** Requests answered in one turn of the main loop, so that hardware and timers get theirs. */
const BURST = 64;

/** The CUSE channel. */
export const cuse: ChannelKind = { name: "cuse", probe, open: openCuse };

function probe(): Availability {
  if (!existsSync(DEV_CUSE))
    return {
      usable: false,
      why: `there is no ${DEV_CUSE} ('modprobe cuse' loads the kernel's module where it has one)`,
    };
  try {
    // Opening autoloads the module; the device is not made before the first answer, so nothing is left behind.
    closeSync(openSync(DEV_CUSE, OPEN_FLAGS));
    return { usable: true, why: `${DEV_CUSE} is there and can be opened` };
  } catch (error) {
    return { usable: false, why: refusal(error).message };
  }
}

function refusal(error: unknown): DeviceError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EACCES" || code === "EPERM")
    return new DeviceError("EACCES", `no permission to open ${DEV_CUSE}: run as root`, { cause: error });
  return new DeviceError("ENODEV", `${DEV_CUSE} cannot be opened (${String(code)}): try 'modprobe cuse'`, {
    cause: error,
  });
}

async function openCuse(options: ChannelOptions): Promise<Channel> {
  const { path, driver, permissions } = options;
  if (path !== `/dev/${driver.name}`)
    throw new UsageError(`a CUSE device named ${driver.name} is at /dev/${driver.name}; it cannot be at ${path}`);
  if (existsSync(path))
    throw new DeviceError("EEXIST", `${path} is there already: end what serves it, or remove a file left there`);
  let fd: number;
  try {
    fd = openSync(DEV_CUSE, OPEN_FLAGS);
  } catch (error) {
    throw refusal(error);
  }
  const channel = new CuseChannel(fd, options);
  try {
    await readable(fd);
    channel.initialise();
    await setPermissions(path, permissions);
  } catch (error) {
    await channel.close();
    throw error;
  }
  channel.start();
  return channel;
}

/** Resolves when the kernel has a request for us. */
function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const waiting = watch(fd, READY.READABLE, () => {
      waiting.close();
      resolve();
    });
  });
}

/** The kernel makes the node root's with mode 0600; what udev rules say about it comes on top. */
async function setPermissions(path: string, permissions: NodePermissions | undefined): Promise<void> {
  if (permissions === undefined) return;
  const { mode, uid, gid } = permissions;
  if (uid !== undefined || gid !== undefined) await chown(path, uid ?? -1, gid ?? -1);
  if (mode !== undefined) await chmod(path, mode);
}

class CuseChannel implements Channel {
  readonly path: string;
  readonly ended: Promise<Error | undefined>;
  readonly #fd: number;
  readonly #log: Logger;
  readonly #session: FuseSession;
  #watch: Watch | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  #end: (error: Error | undefined) => void = () => undefined;

  constructor(fd: number, options: ChannelOptions) {
    this.path = options.path;
    this.#fd = fd;
    this.#log = options.log;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { driver, files, log } = options;
    const output = { send: (parts: Parts) => this.#send(parts) };
    this.#session = new FuseSession({ driver, files, log, output, clock: systemClock });
  }

  /** Answers CUSE_INIT. The kernel makes the node inside the write of that answer. */
  initialise(): void {
    const length = read(this.#fd, this.#session.buffer);
    const answer = length < 0 ? undefined : this.#session.handle(length);
    if (answer === undefined) throw new DeviceError("EIO", `${DEV_CUSE} gave no CUSE_INIT (${length})`);
    this.#send(answer);
    if (!existsSync(this.path))
      throw new DeviceError("EBUSY", `the kernel did not make ${this.path}: its log (dmesg) says why`);
  }

  start(): void {
    this.#watch = watch(this.#fd, READY.READABLE, () => this.#serve());
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown(undefined);
    return this.#closing;
  }

  async #shutDown(error: Error | undefined): Promise<void> {
    // Every caller that waits is answered, and every file released, before the descriptor goes.
    await this.#session.close();
    this.#closed = true;
    this.#watch?.close();
    closeSync(this.#fd);
    this.#end(error);
  }

  #serve(): void {
    let answer: Parts | null = null;
    for (let requests = 0; requests < BURST && !this.#closed; requests++) {
      const length = exchange(this.#fd, answer, this.#session.buffer);
      answer = null;
      if (length >= 0) answer = this.#session.handle(length) ?? null;
      else if (!this.#goesOn(length)) return;
    }
    if (answer !== null) this.#send(answer);
  }

  /** @returns whether there may be more to read now */
  #goesOn(result: number): boolean {
    if (result < WRITE_FAILED) {
      this.#writeFailed(WRITE_FAILED - result);
      return true;
    }
    switch (-result) {
      case ERRNO.EAGAIN:
        return false;
      // The request was withdrawn between the wake-up and the read.
      case ERRNO.ENOENT:
        return true;
      default:
        this.#closing ??= this.#shutDown(
          new DeviceError("ENODEV", `the kernel ended the connection (${errnoName(-result)})`),
        );
        return false;
    }
  }

  #send(parts: Parts): void {
    if (this.#closed) return;
    const result = writev(this.#fd, parts);
    if (result < 0) this.#writeFailed(-result);
  }

  #writeFailed(errno: number): void {
    // The connection was aborted; the next read says it and ends the channel.
    if (errno === ERRNO.ENODEV || errno === ERRNO.ECONNABORTED) return;
    // ENOENT: the kernel waits for no such answer. It keeps a request that we have read, even of a killed caller, so
    // that is a defect of ours, but for the moment in which a connection is aborted.
    this.#log.error({ errno: errnoName(errno) }, "the kernel refused an answer");
  }
}
