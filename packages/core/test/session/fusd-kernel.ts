// A kernel in memory that speaks the bytes of /dev/fusd to a session, with a MemoryKernel's calls for tests: one test
// body runs over both. Lifetimes: a FusdKernel serves one device; a FusdFile is one open(2) of it.

import type { Channel, ChannelKind, ChannelOptions, Need } from "../../src/channel/channel.ts";
import { systemClock } from "../../src/channel/clock.ts";
import type { CallOptions, MemoryKernelOptions } from "../../src/channel/memory.ts";
import { Turns } from "../../src/channel/turns.ts";
import { UserMemory } from "../../src/channel/user-memory.ts";
import { errnoCode } from "../../src/errno.ts";
import { DeviceError, InternalError } from "../../src/errors.ts";
import { type DataModel, decode, encode, flatTable, type Infer, type Region, sizeOf } from "../../src/layout/index.ts";
import type { Caller } from "../../src/session/driver.ts";
import { FusdSession } from "../../src/session/fusd-session.ts";
import type { Parts } from "../../src/session/session.ts";
import { O_NONBLOCK } from "../../src/wire/abi.ts";
import * as abi from "../../src/wire/fusd-abi.ts";
import type { FusdOpName } from "../../src/wire/fusd-opcodes.ts";
import { encodeTable } from "../../src/wire/fusd-table.ts";
import { Gatherer } from "../layout/gather.ts";

type Reply = Infer<typeof abi.fusd_reply> & { readonly data: Uint8Array };
type Publish = Infer<typeof abi.fusd_publish>;
type Fields = Partial<Infer<typeof abi.fusd_request>> & { readonly data?: Uint8Array; readonly headFlags?: number };

interface Pending {
  readonly file: bigint;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: DeviceError) => void;
}

const O_RDWR = 2;
const REPLY_SIZE = sizeOf(abi.fusd_reply, "lp64");
const MODEL_FLAGS: Readonly<Record<DataModel, number>> = {
  lp64: 0,
  ilp32: abi.FUSD_IOCTL_32BIT,
  x32: abi.FUSD_IOCTL_X32,
};

export class FusdKernel implements ChannelKind {
  readonly name = "memory";
  readonly serves: ReadonlySet<Need> = new Set(["seekable", "flush", "fsync"]);
  readonly memory = new UserMemory();
  caller: Caller = { uid: 1000, gid: 1000, pid: 4242 };
  /** What was published, in order. */
  readonly published: Publish[] = [];
  /** Requests whose deadline does not count, in the order in which that was said. */
  readonly mayWait: bigint[] = [];
  /** What came in which order. */
  readonly heard: ("publish" | "reply")[] = [];
  /** What poll(2) says of each file, by the kernel's number. */
  readonly events = new Map<bigint, number>();
  readonly wakers = new Map<bigint, () => void>();
  readonly #options: MemoryKernelOptions;
  readonly #pending = new Map<bigint, Pending>();
  readonly #turns = new Turns();
  #gatherer = new Gatherer(encodeTable(flatTable({})));
  #session: FusdSession | undefined;
  #id = 0n;
  #files = 0n;

  constructor(options: MemoryKernelOptions = {}) {
    this.#options = options;
  }

  probe() {
    return { usable: true, why: "" };
  }

  async open({ driver, files, log, path, tap }: ChannelOptions): Promise<Channel> {
    this.#gatherer = new Gatherer(encodeTable(flatTable(driver.commands ?? {})));
    const output = { send: (parts: Parts) => this.#receive(parts) };
    const session = new FusdSession({ clock: systemClock, ...this.#options, driver, files, log, output, tap });
    this.#session = session;
    let end: (error: Error | undefined) => void = () => undefined;
    const ended = new Promise<Error | undefined>((resolve) => {
      end = resolve;
    });
    const close = async () => {
      await session.close();
      this.#session = undefined;
      for (const { reject } of this.#pending.values()) reject(new DeviceError("ENODEV"));
      this.#pending.clear();
      end(undefined);
    };
    return { path, ended, close };
  }

  get session(): FusdSession {
    if (this.#session === undefined) throw new DeviceError("ENODEV", "nothing is served");
    return this.#session;
  }

  get gatherer(): Gatherer {
    return this.#gatherer;
  }

  async openFile(flags: number = O_RDWR, options: CallOptions = {}): Promise<FusdFile> {
    this.#files++;
    const file = this.#files;
    const { value } = await this.request("OPEN", { file, file_flags: flags }, options);
    return new FusdFile(this, { file, cookie: value }, flags);
  }

  /** Sends one request. @returns its answer @throws DeviceError with the errno that the program would get */
  request(name: FusdOpName, fields: Fields, options: CallOptions = {}): Promise<Reply> {
    const id = ++this.#id;
    const { signal } = options;
    const interrupt = () => this.#deliver(() => encodeHead("INTERRUPT", id));
    return new Promise<Reply>((resolve, reject) => {
      this.#pending.set(id, { file: fields.file ?? 0n, resolve, reject });
      signal?.addEventListener("abort", interrupt);
      this.#deliver(() => encodeRequest(name, id, { ...identity(options.caller ?? this.caller), ...fields }));
    }).finally(() => signal?.removeEventListener("abort", interrupt));
  }

  /** A request that wants no answer. */
  tell(name: FusdOpName, fields: Fields): void {
    this.#deliver(() => encodeRequest(name, ++this.#id, { ...fields, headFlags: abi.FUSD_NO_REPLY }));
  }

  #deliver(message: () => Uint8Array): void {
    this.#turns.take(() => this.#handOver(message()));
  }

  #handOver(message: Uint8Array): void {
    const session = this.#session;
    const { id } = decode(abi.fusd_head, "lp64", message);
    if (session === undefined) {
      this.#pending.get(id)?.reject(new DeviceError("ENODEV", "nothing is served"));
      return;
    }
    session.buffer.set(message);
    const answer = session.handle(message.length);
    if (answer !== undefined) this.#receive(answer);
  }

  #receive(parts: Parts): void {
    if (this.#session === undefined) return;
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    for (let at = 0; at < bytes.length; ) {
      const { len, type, flags, id } = decode(abi.fusd_head, "lp64", bytes, at);
      const message = bytes.subarray(at, at + len);
      if (len === 0 || message.length !== len) throw new InternalError("a message with a wrong length");
      at += len;
      if (type === abi.FUSD_PUBLISH) this.#publish(decode(abi.fusd_publish, "lp64", message));
      else if (type === abi.FUSD_REPLY) this.#reply(id, flags, message);
      else if (type === abi.FUSD_WAIT) this.mayWait.push(id);
      else throw new InternalError(`message ${type}`);
    }
  }

  #publish(publish: Publish): void {
    this.published.push(publish);
    this.heard.push("publish");
    this.events.set(publish.file, publish.events);
    if (publish.wake === 0) return;
    const wake = this.wakers.get(publish.file);
    this.wakers.delete(publish.file);
    wake?.();
  }

  #reply(id: bigint, flags: number, message: Uint8Array): void {
    const reply = decode(abi.fusd_reply, "lp64", message);
    this.heard.push("reply");
    const request = this.#pending.get(id);
    if (request === undefined) throw new InternalError(`request ${id} was answered twice or never made`);
    this.#pending.delete(id);
    if ((flags & abi.FUSD_REPLY_EVENTS) !== 0) this.events.set(request.file, reply.events);
    const code = errnoCode(Number(-reply.result));
    if (reply.result >= 0n) request.resolve({ ...reply, data: message.subarray(REPLY_SIZE) });
    else if (code === undefined) throw new InternalError(`a session answered ${reply.result}`);
    else request.reject(new DeviceError(code));
  }
}

/** One open file, with a program's calls on it. */
export class FusdFile {
  readonly #kernel: FusdKernel;
  readonly #numbers: { readonly file: bigint; readonly cookie: bigint };
  #flags: number;

  constructor(kernel: FusdKernel, numbers: { file: bigint; cookie: bigint }, flags: number) {
    this.#kernel = kernel;
    this.#numbers = numbers;
    this.#flags = flags;
  }

  /** The kernel's. */
  get number(): bigint {
    return this.#numbers.file;
  }

  set nonBlocking(on: boolean) {
    this.#flags = on ? this.#flags | O_NONBLOCK : this.#flags & ~O_NONBLOCK;
  }

  request(name: FusdOpName, fields: Fields = {}, options?: CallOptions): Promise<Reply> {
    return this.#kernel.request(name, { ...this.#numbers, file_flags: this.#flags, ...fields }, options);
  }

  async read(size: number, options?: CallOptions, offset = 0n): Promise<Uint8Array> {
    return (await this.request("READ", { size, offset }, options)).data;
  }

  async write(data: Uint8Array, options?: CallOptions, offset = 0n): Promise<number> {
    return Number((await this.request("WRITE", { data, offset }, options)).result);
  }

  async ioctl(cmd: number, arg: bigint, model: DataModel = "lp64", options: CallOptions = {}): Promise<number> {
    const memory = this.#kernel.memory;
    const headFlags = MODEL_FLAGS[model];
    const gathered = this.#kernel.gatherer.gather(cmd, model, arg, (base, len) => memory.read(base, len));
    let { input, out }: { input: Uint8Array; out: readonly Region[] } =
      gathered === "retry" ? { input: new Uint8Array(), out: [] } : gathered;
    for (;;) {
      const out_size = out.reduce((sum, { len }) => sum + len, 0);
      const reply = await this.request("IOCTL", { cmd, arg, headFlags, data: input, out_size }, options);
      const { result, head, value, data } = reply;
      if ((head.flags & abi.FUSD_REPLY_RETRY) === 0) {
        if (data.length > out_size) throw new InternalError("more output than the ioctl has areas for");
        let at = 0;
        for (const { base, len } of out) {
          memory.write(base, data.subarray(at, at + len));
          at += len;
        }
        return Number(result);
      }
      if (gathered !== "retry") throw new InternalError("a retry of a command that the table tells");
      const areas = Array.from({ length: data.length / 16 }, (_, index) => {
        const { base, len } = decode(abi.fusd_area, "lp64", data, 16 * index);
        return { base, len: Number(len) };
      });
      if (BigInt(areas.length) !== result + value) throw new InternalError("another number of areas");
      const ins = areas.slice(0, Number(result));
      out = areas.slice(ins.length);
      input = Uint8Array.from(ins.flatMap(({ base, len }) => [...memory.read(base, len)]));
    }
  }

  /** poll(2) without waiting, from what was published. `onWake` runs once when the daemon wakes. */
  async poll(onWake?: () => void): Promise<number> {
    if (onWake !== undefined) this.#kernel.wakers.set(this.number, onWake);
    return this.#kernel.events.get(this.number) ?? 0;
  }

  async close(options?: CallOptions): Promise<void> {
    await this.request("RELEASE", {}, options);
  }
}

function identity({ pid, uid, gid }: Caller) {
  return { pid: pid + 1, tid: pid, uid, gid };
}

function encodeHead(name: FusdOpName, id: bigint): Uint8Array {
  return encode(abi.fusd_head, "lp64", { len: sizeOf(abi.fusd_head, "lp64"), type: abi.FUSD_OP[name], flags: 0, id });
}

const NO_FIELDS = {
  file: 0n,
  cookie: 0n,
  offset: 0n,
  arg: 0n,
  file_flags: 0,
  cmd: 0,
  out_size: 0,
  pid: 0,
  tid: 0,
  uid: 0,
  gid: 0,
};

function encodeRequest(name: FusdOpName, id: bigint, { headFlags = 0, data, ...fields }: Fields): Uint8Array {
  const size = sizeOf(abi.fusd_request, "lp64");
  const message = new Uint8Array(size + (data?.length ?? 0));
  const head = { len: message.length, type: abi.FUSD_OP[name], flags: headFlags, id };
  encode(abi.fusd_request, "lp64", { ...NO_FIELDS, size: data?.length ?? 0, ...fields, head }, message);
  message.set(data ?? [], size);
  return message;
}
