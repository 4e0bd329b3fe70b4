// A kernel in memory: speaks the same FUSE/CUSE bytes to a session as Linux does, and gives tests the calls that a
// program would make. Lifetimes: a MemoryKernel serves one device; a MemoryFile is one open(2) of it.

import { errnoCode } from "../errno.ts";
import { DeviceError, InternalError } from "../errors.ts";
import { type DataModel, encode, type Infer, type StructSchema, sizeOf } from "../layout/index.ts";
import type { Clock } from "../session/clock.ts";
import type { Caller } from "../session/driver.ts";
import { FuseSession, type Parts } from "../session/fuse-session.ts";
import * as abi from "../wire/abi.ts";
import type { OpcodeName } from "../wire/opcodes.ts";
import { OUT_HEADER_SIZE } from "../wire/reply.ts";
import { IN_HEADER_SIZE } from "../wire/request.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions } from "./channel.ts";
import { systemClock } from "./clock.ts";
import { UserMemory } from "./user-memory.ts";

export interface MemoryKernelOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly abortGraceMs?: number;
}

export interface CallOptions {
  /** Aborting is a signal for the calling program: FUSE_INTERRUPT. */
  readonly signal?: AbortSignal;
}

interface Request {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: DeviceError) => void;
}

const O_RDWR = 2;
const SOMEBODY: Caller = { uid: 1000, gid: 1000, pid: 4242 };

export class MemoryKernel implements ChannelKind {
  readonly name = "memory";
  readonly memory: UserMemory = new UserMemory();
  /** Who makes the calls from now on. */
  caller: Caller = SOMEBODY;
  readonly #options: MemoryKernelOptions;
  readonly #requests = new Map<bigint, Request>();
  readonly #pollers = new Map<bigint, () => void>();
  #session: FuseSession | undefined;
  #unique = 0n;
  /** Requests made while a handler runs: Linux would let them wait in its queue, too. */
  readonly #queue: (() => void)[] = [];
  #delivering = false;

  constructor(options: MemoryKernelOptions = {}) {
    this.#options = options;
  }

  probe(): Availability {
    return { usable: true, why: "nothing is needed, and no program can see it" };
  }

  async open(options: ChannelOptions): Promise<Channel> {
    const { driver, files, log, path, tap } = options;
    const output = { send: (parts: Parts) => this.#receive(parts) };
    const session = new FuseSession({ clock: systemClock, ...this.#options, driver, files, log, output, tap });
    this.#session = session;
    await this.request("CUSE_INIT", encode(abi.cuse_init_in, "lp64", { major: 7, minor: 39, unused: 0, flags: 1 }));
    let end: (error: Error | undefined) => void = () => undefined;
    const ended = new Promise<Error | undefined>((resolve) => {
      end = resolve;
    });
    const close = async () => {
      await session.close();
      this.#session = undefined;
      for (const { reject } of this.#requests.values()) reject(new DeviceError("ECONNABORTED"));
      this.#requests.clear();
      end(undefined);
    };
    return { path, ended, close };
  }

  /** The session that serves, for tests that look at what it keeps. */
  get session(): FuseSession {
    if (this.#session === undefined) throw new DeviceError("ENODEV", "nothing is served");
    return this.#session;
  }

  /** open(2). */
  async openFile(flags: number = O_RDWR, options: CallOptions = {}): Promise<MemoryFile> {
    const body = await this.request("OPEN", argument(abi.fuse_open_in, { flags, open_flags: 0 }), options);
    return new MemoryFile(this, new DataView(body.buffer, body.byteOffset).getBigUint64(0, true), flags);
  }

  /** Sends one request. @returns the body of its answer @throws DeviceError with the errno that the program would get */
  request(name: OpcodeName, body: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    this.#unique += 2n;
    const unique = this.#unique;
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const interrupt = () => this.#deliver("INTERRUPT", unique | 1n, argument(abi.fuse_interrupt_in, { unique }));
      const settled = () => signal?.removeEventListener("abort", interrupt);
      this.#requests.set(unique, {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      signal?.addEventListener("abort", interrupt);
      this.#deliver(name, unique, body);
    });
  }

  /** Runs `wake` at the next wake-up of who polls with this handle. */
  onPollWake(handle: bigint, wake: () => void): void {
    this.#pollers.set(handle, wake);
  }

  #deliver(name: OpcodeName, unique: bigint, body: Uint8Array): void {
    this.#queue.push(() => this.#handOver(name, unique, body));
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#queue.length > 0) this.#queue.shift()?.();
    } finally {
      this.#delivering = false;
    }
  }

  #handOver(name: OpcodeName, unique: bigint, body: Uint8Array): void {
    const session = this.#session;
    if (session === undefined) {
      this.#requests.get(unique)?.reject(new DeviceError("ENODEV", "nothing is served"));
      return;
    }
    const length = IN_HEADER_SIZE + body.length;
    const opcode = abi.FUSE_OPCODE[name];
    const header = { len: length, opcode, unique, nodeid: 0n, ...this.caller, total_extlen: 0, padding: 0 };
    session.buffer.set(encode(abi.fuse_in_header, "lp64", header));
    session.buffer.set(body, IN_HEADER_SIZE);
    const answer = session.handle(length);
    if (answer !== undefined) this.#receive(answer);
  }

  #receive(parts: Parts): void {
    if (this.#session === undefined) return;
    const message = Uint8Array.from(parts.flatMap((part) => [...part]));
    const view = new DataView(message.buffer);
    if (view.getUint32(0, true) !== message.length) throw new InternalError("a message with a wrong length");
    const error = view.getInt32(4, true);
    const unique = view.getBigUint64(8, true);
    if (unique === 0n) {
      this.#notified(error, view.getBigUint64(OUT_HEADER_SIZE, true));
      return;
    }
    const request = this.#requests.get(unique);
    if (request === undefined) throw new InternalError(`request ${unique} was answered twice or never made`);
    this.#requests.delete(unique);
    if (error === 0) request.resolve(message.subarray(OUT_HEADER_SIZE));
    else request.reject(errorOf(-error));
  }

  #notified(code: number, handle: bigint): void {
    if (code !== abi.FUSE_NOTIFY_POLL) throw new InternalError(`unknown notification ${code}`);
    const wake = this.#pollers.get(handle);
    this.#pollers.delete(handle);
    wake?.();
  }
}

/** One open file, with a program's calls on it. */
export class MemoryFile {
  readonly #kernel: MemoryKernel;
  readonly #fh: bigint;
  #flags: number;

  constructor(kernel: MemoryKernel, fh: bigint, flags: number) {
    this.#kernel = kernel;
    this.#fh = fh;
    this.#flags = flags;
  }

  /** fcntl(F_SETFL). */
  set nonBlocking(on: boolean) {
    this.#flags = on ? this.#flags | abi.O_NONBLOCK : this.#flags & ~abi.O_NONBLOCK;
  }

  read(size: number, options?: CallOptions): Promise<Uint8Array> {
    const rest = { offset: 0n, read_flags: 0, lock_owner: 0n, padding: 0 };
    const body = argument(abi.fuse_read_in, { fh: this.#fh, size, flags: this.#flags, ...rest });
    return this.#kernel.request("READ", body, options);
  }

  /** @returns bytes taken */
  async write(data: Uint8Array, options?: CallOptions): Promise<number> {
    const rest = { offset: 0n, write_flags: 0, lock_owner: 0n, padding: 0 };
    const head = argument(abi.fuse_write_in, { fh: this.#fh, size: data.length, flags: this.#flags, ...rest });
    const answer = await this.#kernel.request("WRITE", concat([head, data]), options);
    return new DataView(answer.buffer, answer.byteOffset).getUint32(0, true);
  }

  /** ioctl(2), in as many rounds as the session asks for, as fuse_do_ioctl() does. @returns the result */
  async ioctl(cmd: number, arg: bigint, model: DataModel = "lp64", options?: CallOptions): Promise<number> {
    const { memory } = this.#kernel;
    let input: readonly Uint8Array[] = [];
    let output: readonly Uint8Array[] = [];
    for (;;) {
      const data = concat(input);
      const flags = abi.FUSE_IOCTL_UNRESTRICTED | MODEL_FLAGS[model];
      const sizes = { in_size: data.length, out_size: output.reduce((sum, area) => sum + area.length, 0) };
      const head = argument(abi.fuse_ioctl_in, { fh: this.#fh, flags, cmd, arg, ...sizes });
      const answer = await this.#kernel.request("IOCTL", concat([head, data]), options);
      const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
      const rest = answer.subarray(sizeOf(abi.fuse_ioctl_out, "lp64"));
      if ((view.getUint32(4, true) & abi.FUSE_IOCTL_RETRY) === 0) {
        if (rest.length > sizes.out_size) throw new InternalError("more output than the ioctl has areas for");
        scatter(rest, output);
        const result = view.getInt32(0, true);
        if (result < 0) throw errorOf(-result);
        return result;
      }
      const areas = decodeAreas(rest).map(({ base, len }) => memory.at(base, Number(len)));
      input = areas.slice(0, view.getUint32(8, true));
      output = areas.slice(input.length);
    }
  }

  /** poll(2) without waiting. @returns POLL bits. `onWake` runs once when the driver says that something changed */
  async poll(onWake?: () => void): Promise<number> {
    const flags = onWake === undefined ? 0 : abi.FUSE_POLL_SCHEDULE_NOTIFY;
    if (onWake !== undefined) this.#kernel.onPollWake(this.#fh, onWake);
    const body = argument(abi.fuse_poll_in, { fh: this.#fh, kh: this.#fh, flags, events: 0xffff });
    const answer = await this.#kernel.request("POLL", body);
    return new DataView(answer.buffer, answer.byteOffset).getUint32(0, true);
  }

  /** The last close(2). */
  async close(options?: CallOptions): Promise<void> {
    const body = { fh: this.#fh, flags: this.#flags, release_flags: 0, lock_owner: 0n };
    await this.#kernel.request("RELEASE", argument(abi.fuse_release_in, body), options);
  }
}

const MODEL_FLAGS: Readonly<Record<DataModel, number>> = {
  lp64: 0,
  ilp32: abi.FUSE_IOCTL_COMPAT | abi.FUSE_IOCTL_32BIT,
  x32: abi.FUSE_IOCTL_COMPAT | abi.FUSE_IOCTL_32BIT | abi.FUSE_IOCTL_COMPAT_X32,
};

function argument<S extends StructSchema>(schema: S, value: Infer<S>): Uint8Array {
  return encode(schema, "lp64", value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

function scatter(bytes: Uint8Array, areas: readonly Uint8Array[]): void {
  let offset = 0;
  for (const area of areas) {
    area.set(bytes.subarray(offset, offset + area.length));
    offset += area.length;
  }
}

function decodeAreas(bytes: Uint8Array): { base: bigint; len: bigint }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / sizeOf(abi.fuse_ioctl_iovec, "lp64");
  return Array.from({ length: count }, (_, index) => ({
    base: view.getBigUint64(index * 16, true),
    len: view.getBigUint64(index * 16 + 8, true),
  }));
}

function errorOf(errno: number): DeviceError {
  const code = errnoCode(errno);
  if (code === undefined) throw new InternalError(`a session answered errno ${errno}`);
  return new DeviceError(code);
}
