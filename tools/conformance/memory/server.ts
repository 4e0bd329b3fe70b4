// The kernel in memory for clients in other processes: a Unix socket, on which a client's system calls come as messages
// (client/io-memory.c is the other end). A Connection is one thread of a client and carries one call at a time.

import { createServer, type Socket } from "node:net";
import {
  type AnyDevice,
  type DataModel,
  DeviceError,
  ERRNO,
  type Logger,
  MemoryKernel,
  POLL,
  serve,
} from "@devlift/core";
import { Host, OpenFile } from "./files.ts";
import {
  type Answer,
  encodeAnswer,
  KIND,
  MAX_PAYLOAD,
  NOBODY,
  OP,
  parseRequest,
  REQUEST_SIZE,
  type Request,
} from "./wire.ts";

const POLLFD_SIZE = 8;
const POLLNVAL = 0x20;
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

/** What a call gives: its result, and bytes for the caller's buffer. */
interface Result {
  readonly value: number;
  readonly bytes?: Uint8Array;
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
      const request = parseRequest(this.#bytes.subarray(0, REQUEST_SIZE + length));
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

  #send(answer: Answer, bytes: Uint8Array = new Uint8Array(0)): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(encodeAnswer(answer, bytes));
  }
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
