// The kernel in memory for clients in other processes: a Unix socket, on which a client's system calls come as messages
// (client/io-memory.c is the other end). Objects: a Connection is one thread of a client and carries one call at a time,
// an OpenFile one open file description; the files of a process are closed with its last connection, as exit(2) does.

import { createServer, type Socket } from "node:net";
import {
  type AnyDevice,
  type Caller,
  type DataModel,
  DeviceError,
  ERRNO,
  type Logger,
  type MemoryFile,
  MemoryKernel,
  POLL,
  serve,
} from "@devlift/core";

const OP = { OPEN: 1, CLOSE: 2, READ: 3, WRITE: 4, IOCTL: 5, POLL: 6, SETFL: 7, INTERRUPT: 8, DATA: 9 } as const;
const KIND = { RETURN: 0, PEEK: 1, POKE: 2 } as const;

const REQUEST_SIZE = 48;
const ANSWER_SIZE = 32;
const POLLFD_SIZE = 8;
const POLLNVAL = 0x20;
/** More than any call of a client carries. */
const MAX_PAYLOAD = 16 * 1024 * 1024;
const FIRST_FD = 1000;
const O_ACCMODE = 3;
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

interface Request {
  readonly op: number;
  readonly process: number;
  readonly caller: Caller;
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
  readonly payload: Buffer;
}

/** What a call gives: its result, and bytes for the caller's buffer. */
interface Result {
  readonly value: number;
  readonly bytes?: Uint8Array;
}

class OpenFile {
  readonly file: MemoryFile;
  readonly process: number;
  readonly access: number;
  readonly #waiters = new Set<() => void>();
  #users = 1;

  constructor(file: MemoryFile, process: number, flags: number) {
    this.file = file;
    this.process = process;
    this.access = flags & O_ACCMODE;
  }

  /** A call on a file keeps it open, as fdget() does. */
  hold(): void {
    this.#users++;
  }

  async during<T>(call: () => Promise<T>): Promise<T> {
    this.hold();
    try {
      return await call();
    } finally {
      await this.drop();
    }
  }

  /** The last one who drops it releases it; what release() says is told to nobody, as close(2) does not. */
  async drop(): Promise<void> {
    if (--this.#users > 0) return;
    await this.file.close().catch((error: unknown) => {
      if (!(error instanceof DeviceError)) throw error;
    });
  }

  /** @param waiter runs at the next wake-up; undefined: nobody waits */
  ready(waiter: (() => void) | undefined): Promise<number> {
    if (waiter === undefined) return this.file.poll();
    this.#waiters.add(waiter);
    // The kernel keeps one handle a file and wakes everybody who waits at it.
    return this.file.poll(() => {
      for (const wake of [...this.#waiters]) wake();
    });
  }

  forget(waiter: () => void): void {
    this.#waiters.delete(waiter);
  }
}

/** The tables that the processes have in common. */
class Host {
  readonly kernels = new Map<string, MemoryKernel>();
  readonly files = new Map<number, OpenFile>();
  readonly #connections = new Map<number, number>();
  #lastFd = FIRST_FD;

  add(file: OpenFile): number {
    this.files.set(++this.#lastFd, file);
    return this.#lastFd;
  }

  attach(process: number): void {
    this.#connections.set(process, (this.#connections.get(process) ?? 0) + 1);
  }

  detach(process: number): void {
    const left = (this.#connections.get(process) ?? 1) - 1;
    this.#connections.set(process, left);
    if (left > 0) return;
    this.#connections.delete(process);
    for (const [fd, file] of [...this.files]) {
      if (file.process !== process) continue;
      this.files.delete(fd);
      void file.drop();
    }
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #host: Host;
  #bytes: Buffer = Buffer.alloc(0);
  #process: number | undefined;
  #interrupt = new AbortController();
  #dataWanted: ((request: Request) => void) | undefined;

  constructor(socket: Socket, host: Host) {
    this.#socket = socket;
    this.#host = host;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#closed());
  }

  #closed(): void {
    this.#interrupt.abort();
    this.#dataWanted?.({ ...NOBODY, a: BigInt(ERRNO.EFAULT) });
    if (this.#process !== undefined) this.#host.detach(this.#process);
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= REQUEST_SIZE) {
      const length = this.#bytes.readUInt32LE(0);
      if (length > MAX_PAYLOAD) {
        this.#socket.destroy();
        return;
      }
      if (this.#bytes.length < REQUEST_SIZE + length) return;
      const request = parse(this.#bytes.subarray(0, REQUEST_SIZE + length));
      this.#bytes = this.#bytes.subarray(REQUEST_SIZE + length);
      this.#accept(request);
    }
  }

  #accept(request: Request): void {
    if (this.#process === undefined) {
      this.#process = request.process;
      this.#host.attach(request.process);
    }
    if (request.op === OP.INTERRUPT) this.#interrupt.abort();
    else if (request.op === OP.DATA) this.#dataWanted?.(request);
    else void this.#answer(request);
  }

  async #answer(request: Request): Promise<void> {
    this.#interrupt = new AbortController();
    let result: Result;
    try {
      result = await this.#call(request);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      result = { value: -error.errno };
    }
    this.#send({ kind: KIND.RETURN, value: BigInt(result.value) }, result.bytes);
  }

  async #call(request: Request): Promise<Result> {
    const { signal } = this.#interrupt;
    const { caller, payload } = request;
    const options = { signal, caller };
    switch (request.op) {
      case OP.OPEN: {
        const kernel = this.#host.kernels.get(payload.toString());
        if (kernel === undefined) throw new DeviceError("ENOENT");
        const flags = Number(request.a);
        const file = await kernel.openFile(flags, options);
        return { value: this.#host.add(new OpenFile(file, request.process, flags)) };
      }
      case OP.CLOSE: {
        const file = this.#file(request);
        this.#host.files.delete(Number(request.a));
        await file.drop();
        return { value: 0 };
      }
      case OP.READ: {
        const file = this.#file(request);
        if (file.access !== O_RDONLY && file.access !== O_RDWR) throw new DeviceError("EBADF");
        const bytes = await file.during(() => file.file.read(Number(request.b), options));
        return { value: bytes.length, bytes };
      }
      case OP.WRITE: {
        const file = this.#file(request);
        if (file.access !== O_WRONLY && file.access !== O_RDWR) throw new DeviceError("EBADF");
        return { value: await file.during(() => file.file.write(payload, options)) };
      }
      case OP.IOCTL: {
        const file = this.#file(request);
        const memory = { read: this.#peek, write: this.#poke };
        const model = MODELS[payload.readUInt32LE(0)] ?? "lp64";
        const command = Number(request.b);
        const act = () => file.file.ioctl(command, BigInt.asUintN(64, request.c), model, { ...options, memory });
        return { value: await file.during(act) };
      }
      case OP.SETFL:
        this.#file(request).file.nonBlocking = (Number(request.b) & O_NONBLOCK) !== 0;
        return { value: 0 };
      case OP.POLL:
        return this.#poll(payload, Number(request.a), signal);
      default:
        throw new DeviceError("ENOSYS");
    }
  }

  async #poll(fds: Buffer, timeout: number, signal: AbortSignal): Promise<Result> {
    const bytes = Buffer.from(fds);
    let wake = () => undefined as void;
    const waiter = timeout === 0 ? undefined : () => wake();
    // Who polls a file holds it, even when its number is gone (poll_get_entry() in fs/select.c).
    const held = new Set<OpenFile>();
    let over = timeout === 0;
    const end = () => {
      over = true;
      wake();
    };
    // One more: a timer of Node's can be early by a part of a millisecond.
    const timer = timeout > 0 ? setTimeout(end, timeout + 1) : undefined;
    const interrupt = () => wake();
    signal.addEventListener("abort", interrupt);
    try {
      for (;;) {
        let woken = false;
        wake = () => {
          woken = true;
        };
        let count = 0;
        for (let at = 0; at < bytes.length; at += POLLFD_SIZE) {
          const fd = bytes.readInt32LE(at);
          const wanted = bytes.readUInt16LE(at + 4) | POLL.ERR | POLL.HUP;
          const file = this.#host.files.get(fd);
          if (file !== undefined && !held.has(file)) {
            file.hold();
            held.add(file);
          }
          const ready = fd < 0 ? 0 : file === undefined ? POLLNVAL : (await file.ready(waiter)) & wanted;
          bytes.writeUInt16LE(ready, at + 6);
          if (ready !== 0) count++;
        }
        if (count > 0 || over) return { value: count, bytes };
        if (signal.aborted) throw new DeviceError("EINTR");
        if (woken) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", interrupt);
      for (const file of held) {
        if (waiter !== undefined) file.forget(waiter);
        await file.drop();
      }
    }
  }

  #file({ a }: Request): OpenFile {
    const file = this.#host.files.get(Number(a));
    if (file === undefined) throw new DeviceError("EBADF");
    return file;
  }

  readonly #peek = async (address: bigint, size: number): Promise<Uint8Array> => {
    const { a, payload } = await this.#ask({ kind: KIND.PEEK, value: 0n, address, size });
    if (a !== 0n || payload.length !== size) throw new DeviceError("EFAULT");
    return payload;
  };

  readonly #poke = async (address: bigint, bytes: Uint8Array): Promise<void> => {
    const { a } = await this.#ask({ kind: KIND.POKE, value: 0n, address, size: bytes.length }, bytes);
    if (a !== 0n) throw new DeviceError("EFAULT");
  };

  async #ask(answer: Answer, bytes?: Uint8Array): Promise<Request> {
    const reply = await new Promise<Request>((resolve) => {
      this.#dataWanted = resolve;
      if (this.#socket.destroyed) resolve({ ...NOBODY, a: BigInt(ERRNO.EFAULT) });
      else this.#send(answer, bytes);
    });
    this.#dataWanted = undefined;
    return reply;
  }

  #send({ kind, value, address = 0n, size = 0 }: Answer, bytes: Uint8Array = new Uint8Array(0)): void {
    if (this.#socket.destroyed) return;
    const head = Buffer.alloc(ANSWER_SIZE);
    head.writeUInt32LE(bytes.length, 0);
    head.writeUInt32LE(kind, 4);
    head.writeBigInt64LE(value, 8);
    head.writeBigUInt64LE(address, 16);
    head.writeBigUInt64LE(BigInt(size), 24);
    this.#socket.write(Buffer.concat([head, bytes]));
  }
}

interface Answer {
  readonly kind: number;
  readonly value: bigint;
  readonly address?: bigint;
  readonly size?: number;
}

const NOBODY: Request = {
  op: OP.DATA,
  process: 0,
  caller: { pid: 0, uid: 0, gid: 0 },
  a: 0n,
  b: 0n,
  c: 0n,
  payload: Buffer.alloc(0),
};

function parse(bytes: Buffer): Request {
  return {
    op: bytes.readUInt32LE(4),
    process: bytes.readUInt32LE(8),
    caller: { pid: bytes.readUInt32LE(12), uid: bytes.readUInt32LE(16), gid: bytes.readUInt32LE(20) },
    a: bytes.readBigInt64LE(24),
    b: bytes.readBigInt64LE(32),
    c: bytes.readBigInt64LE(40),
    payload: Buffer.from(bytes.subarray(REQUEST_SIZE)),
  };
}

/** Serves the devices at /dev/NAME of a kernel in memory, to whoever connects to `path`. */
export async function serveMemory(path: string, devices: readonly AnyDevice[], log: Logger): Promise<void> {
  const host = new Host();
  for (const device of devices) {
    const kernel = new MemoryKernel();
    await serve(device, { channel: kernel, log });
    host.kernels.set(`/dev/${device.name}`, kernel);
  }
  const server = createServer((socket) => new Connection(socket, host));
  await new Promise<void>((resolve) => server.listen(path, resolve));
}
