// A kernel in memory: speaks the same FUSE/CUSE bytes to a session as Linux does, and gives tests the calls that a
// program would make. Lifetimes: a MemoryKernel serves one device; a MemoryFile is one open(2) of it.

import { errnoCode } from "../errno.ts";
import { DeviceError, InternalError } from "../errors.ts";
import { type DataModel, encode, type Infer, type Region, type StructSchema, sizeOf } from "../layout/index.ts";
import type { Clock } from "../session/clock.ts";
import type { Caller } from "../session/driver.ts";
import { FuseSession } from "../session/fuse-session.ts";
import type { Parts } from "../session/session.ts";
import * as abi from "../wire/abi.ts";
import type { OpcodeName } from "../wire/opcodes.ts";
import { OUT_HEADER_SIZE } from "../wire/reply.ts";
import { IN_HEADER_SIZE } from "../wire/request.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions, Need } from "./channel.ts";
import { systemClock } from "./clock.ts";
import { Turns } from "./turns.ts";
import { type ClientMemory, UserMemory } from "./user-memory.ts";

export interface MemoryKernelOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly abortGraceMs?: number;
}

export interface CallOptions {
  /** Aborting is a signal for the calling program: FUSE_INTERRUPT. */
  readonly signal?: AbortSignal;
  /** Who calls. Default: the kernel's `caller` */
  readonly caller?: Caller;
  /** What ioctl arguments point into. Default: the kernel's `memory` */
  readonly memory?: ClientMemory;
}

interface Request {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: DeviceError) => void;
}

const O_RDWR = 2;
const SOMEBODY: Caller = { uid: 1000, gid: 1000, pid: 4242 };

export class MemoryKernel implements ChannelKind {
  readonly name = "memory";
  readonly serves: ReadonlySet<Need> = new Set(["ioctls of any size"]);
  readonly memory: UserMemory = new UserMemory();
  /** Who makes the calls from now on. */
  caller: Caller = SOMEBODY;
  readonly #options: MemoryKernelOptions;
  readonly #requests = new Map<bigint, Request>();
  readonly #pollers = new Map<bigint, () => void>();
  #session: FuseSession | undefined;
  #unique = 0n;
  readonly #turns = new Turns();

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
      this.#deliver(name, unique, body, options.caller);
    });
  }

  /** Runs `wake` at the next wake-up of who polls with this handle. */
  onPollWake(handle: bigint, wake: () => void): void {
    this.#pollers.set(handle, wake);
  }

  #deliver(name: OpcodeName, unique: bigint, body: Uint8Array, caller: Caller = this.caller): void {
    this.#turns.take(() => this.#handOver(encodeRequest(name, unique, body, caller)));
  }

  #handOver({ unique, message }: Encoded): void {
    const session = this.#session;
    if (session === undefined) {
      this.#requests.get(unique)?.reject(new DeviceError("ENODEV", "nothing is served"));
      return;
    }
    session.buffer.set(message);
    const answer = session.handle(message.length);
    if (answer !== undefined) this.#receive(answer);
  }

  #receive(parts: Parts): void {
    if (this.#session === undefined) return;
    const message = concat(parts);
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
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

  /** As fuse_direct_io() in fs/fuse/file.c: requests of at most 128 KiB, for as long as each is filled. */
  async read(size: number, options?: CallOptions): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const rest = { offset: 0n, read_flags: 0, lock_owner: 0n, padding: 0 };
    for (let left = size; left > 0; ) {
      const length = Math.min(left, abi.MAX_TRANSFER);
      const body = argument(abi.fuse_read_in, { fh: this.#fh, size: length, flags: this.#flags, ...rest });
      const part = await orUndefined(this.#kernel.request("READ", body, options), parts.length > 0);
      if (part === undefined) break;
      parts.push(part);
      left -= part.length;
      if (part.length < length) break;
    }
    return concat(parts);
  }

  /** In requests of at most 128 KiB. @returns bytes taken */
  async write(data: Uint8Array, options?: CallOptions): Promise<number> {
    const rest = { offset: 0n, write_flags: 0, lock_owner: 0n, padding: 0 };
    let taken = 0;
    while (taken < data.length) {
      const part = data.subarray(taken, taken + abi.MAX_TRANSFER);
      const head = argument(abi.fuse_write_in, { fh: this.#fh, size: part.length, flags: this.#flags, ...rest });
      const answer = await orUndefined(this.#kernel.request("WRITE", concat([head, part]), options), taken > 0);
      if (answer === undefined) break;
      const count = viewOf(answer).getUint32(0, true);
      taken += count;
      if (count < part.length) break;
    }
    return taken;
  }

  /** ioctl(2), in as many rounds as the session asks for, as fuse_do_ioctl() does. @returns the result */
  async ioctl(cmd: number, arg: bigint, model: DataModel = "lp64", options: CallOptions = {}): Promise<number> {
    const memory = options.memory ?? this.#kernel.memory;
    let input: readonly Region[] = [];
    let output: readonly Region[] = [];
    for (;;) {
      const data: Uint8Array[] = [];
      // Anew in each round: what the program has changed meanwhile is seen.
      for (const { base, len } of input) data.push(await memory.read(base, len));
      const sent = concat(data);
      const flags = abi.FUSE_IOCTL_UNRESTRICTED | MODEL_FLAGS[model];
      const sizes = { in_size: sent.length, out_size: total(output) };
      const head = argument(abi.fuse_ioctl_in, { fh: this.#fh, flags, cmd, arg, ...sizes });
      const answer = await this.#kernel.request("IOCTL", concat([head, sent]), options).catch(withoutEnosys);
      const view = viewOf(answer);
      const rest = answer.subarray(sizeOf(abi.fuse_ioctl_out, "lp64"));
      if ((view.getUint32(4, true) & abi.FUSE_IOCTL_RETRY) === 0) {
        if (rest.length > sizes.out_size) throw new InternalError("more output than the ioctl has areas for");
        await scatter(rest, output, memory);
        const result = view.getInt32(0, true);
        if (result < 0) throw errorOf(-result);
        return result;
      }
      const areas = decodeAreas(rest);
      input = areas.slice(0, view.getUint32(8, true));
      output = areas.slice(input.length);
      for (const some of [input, output]) if (total(some) > abi.MAX_TRANSFER) throw new DeviceError("ENOMEM");
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

interface Encoded {
  readonly unique: bigint;
  readonly message: Uint8Array;
}

function encodeRequest(name: OpcodeName, unique: bigint, body: Uint8Array, { pid, uid, gid }: Caller): Encoded {
  const len = IN_HEADER_SIZE + body.length;
  const header = { len, opcode: abi.FUSE_OPCODE[name], unique, nodeid: 0n, uid, gid, pid, total_extlen: 0, padding: 0 };
  return { unique, message: concat([encode(abi.fuse_in_header, "lp64", header), body]) };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

async function scatter(bytes: Uint8Array, areas: readonly Region[], memory: ClientMemory): Promise<void> {
  let offset = 0;
  for (const { base, len } of areas) {
    if (offset >= bytes.length) return;
    await memory.write(base, bytes.subarray(offset, offset + len));
    offset += len;
  }
}

function total(areas: readonly Region[]): number {
  return areas.reduce((sum, area) => sum + area.len, 0);
}

function decodeAreas(bytes: Uint8Array): Region[] {
  const view = viewOf(bytes);
  const count = bytes.length / sizeOf(abi.fuse_ioctl_iovec, "lp64");
  return Array.from({ length: count }, (_, index) => ({
    base: view.getBigUint64(index * 16, true),
    len: Number(view.getBigUint64(index * 16 + 8, true)),
  }));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Of a call that was split: what it has got so far counts more than what ended it. */
async function orUndefined<T>(answer: Promise<T>, partly: boolean): Promise<T | undefined> {
  return partly ? answer.catch(() => undefined) : answer;
}

/** An ioctl that is not implemented is ENOTTY: fuse_send_ioctl() in fs/fuse/ioctl.c. */
function withoutEnosys(error: unknown): never {
  throw error instanceof DeviceError && error.code === "ENOSYS" ? new DeviceError("ENOTTY") : error;
}

function errorOf(errno: number): DeviceError {
  const code = errnoCode(errno);
  if (code === undefined) throw new InternalError(`a session answered errno ${errno}`);
  return new DeviceError(code);
}
