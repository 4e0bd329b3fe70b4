// Bytes in, bytes out: one FUSE/CUSE connection that serves one driver. No I/O, no Node.
// A channel reads each request into `buffer`, calls handle(), and writes what that returns; what can only be answered
// later goes through `output`. ROWS has one row an opcode, which turns the request into a Call for the engine;
// #answer() turns a settled Call into a reply.

import { ERRNO } from "../errno.ts";
import { DeviceError, InternalError } from "../errors.ts";
import { type CommandTable, commandTable, type Peek } from "../layout/index.ts";
import type { Logger } from "../log.ts";
import * as abi from "../wire/abi.ts";
import { OPCODES, type OpcodeName } from "../wire/opcodes.ts";
import { REPLY_SIZE, ReplyFront } from "../wire/reply.ts";
import type { RequestView } from "../wire/request.ts";
import { Call, type CallKind, requestKey } from "./call.ts";
import { Engine, type EngineListener, type EngineOptions } from "./engine.ts";
import { File } from "./file.ts";
import type { FuseNode } from "./fuse-node.ts";
import { cuseInfo, speaksOurs } from "./introduction.ts";
import { planIoctl } from "./ioctl.ts";
import { type Monitor, Tap } from "./monitor.ts";
import { RequestBuffers } from "./request-buffers.ts";
import { RestrictedIoctls } from "./restricted.ts";
import { ENLARGED_SIZE, ShownSize } from "./shown-size.ts";

/** A message to the kernel: parts to be written with one writev, valid only during the call that they are passed to. */
export type Parts = readonly Uint8Array[];

export interface SessionMemory {
  /** Where the first part of every answer of handle() will be. */
  readonly reply: Uint8Array;
  /** Memory for requests of up to `size` bytes. */
  allocate(size: number): Uint8Array;
}

export interface FuseSessionOptions extends EngineOptions {
  readonly output: { send(parts: Parts): void };
  /** Where somebody may look at what goes in and out. Default: nobody can */
  readonly tap?: Tap | undefined;
  /** Where requests and replies are. Default: arrays of the session's own */
  readonly memory?: SessionMemory | undefined;
  /**
   * Looks at a caller's memory, as Peek does, by the id of the calling thread: for fewer rounds of an ioctl with
   * pointers. Default: nobody looks
   */
  readonly peek?: ((pid: number, base: bigint, len: number) => Uint8Array | undefined) | undefined;
  /** The file that is served, where it is one of a FUSE mount. Default: it is a CUSE device */
  readonly node?: FuseNode | undefined;
}

/** Room for the largest WRITE with its headers; the kernel refuses to fill a smaller one (fs/fuse/dev.c). */
const BUFFER_SIZE = abi.MAX_TRANSFER + 4096;
const ownMemory = (): SessionMemory => ({
  reply: new Uint8Array(REPLY_SIZE),
  allocate: (size) => new Uint8Array(size),
});
const TOO_MANY_WRITES = new DeviceError("ENOMEM", "this user's waiting writes take up all the memory that they may");

export class FuseSession implements EngineListener {
  readonly #options: FuseSessionOptions;
  readonly #log: Logger;
  readonly #engine: Engine;
  readonly #commands: CommandTable;
  readonly #restricted: RestrictedIoctls;
  readonly #size: ShownSize;
  readonly #maxRead: number;
  readonly #now: () => number;
  readonly #tap: Tap;
  readonly #files = new Map<number, File>();
  readonly #buffers: RequestBuffers;
  #view: RequestView;
  // Two fronts: a late answer may be written while the answer of the request at hand is being made.
  readonly #front: ReplyFront;
  readonly #peek: Peek | undefined;
  #mayPeek = true;
  readonly #lateFront = new ReplyFront();
  #lastFile = 0;
  #handling = false;

  constructor(options: FuseSessionOptions) {
    this.#options = options;
    const memory = options.memory ?? ownMemory();
    this.#buffers = new RequestBuffers(BUFFER_SIZE, (size) => memory.allocate(size));
    this.#view = this.#buffers.take();
    this.#front = new ReplyFront(memory.reply);
    const { peek } = options;
    this.#peek = peek && {
      at: (base, len) => peek(this.#view.pid, base, len),
      missed: () => {
        this.#mayPeek = false;
      },
    };
    this.#log = options.log;
    this.#engine = new Engine(options, this);
    this.#commands = commandTable(options.driver.commands ?? {});
    this.#restricted = new RestrictedIoctls(this.#commands, options.log);
    this.#size = new ShownSize(options.clock, () => this.#send([...this.#lateFront.notifyStore(ENLARGED_SIZE)]));
    this.#maxRead = options.node === undefined ? abi.MAX_TRANSFER : abi.MAX_MOUNT_READ;
    this.#now = options.clock.now;
    this.#tap = options.tap ?? new Tap();
    this.#tap.waiting = () => this.#engine.waiting.values();
  }

  /** Where the next request is to be read into. Ask before each read: it changes when a request has to be kept. */
  get buffer(): Uint8Array {
    return this.#view.bytes;
  }

  /** Calls that wait for an answer. */
  get waiting(): number {
    return this.#engine.waiting.size;
  }

  /** Open files. */
  get opens(): number {
    return this.#files.size;
  }

  /**
   * Takes the request in the first `length` bytes of `buffer`.
   * @returns the answer, valid until the next call of anything here; undefined when it comes later or none is due
   */
  handle(length: number): Parts | undefined {
    if (this.#handling) throw new InternalError("a request came while another was being handled");
    this.#handling = true;
    try {
      const { monitor } = this.#tap;
      const answer = monitor === undefined ? this.#dispatch(length) : this.#watched(length, monitor);
      if (!this.#engine.hasChanges && !this.#size.due) return answer;
      // Who is woken by this call is asked only when its answer, perhaps a view of the driver's own bytes, is out.
      if (answer !== undefined) this.#options.output.send(answer);
      this.#size.settle();
      this.#engine.settleChanges();
      return undefined;
    } finally {
      this.#handling = false;
    }
  }

  #watched(length: number, monitor: Monitor): Parts | undefined {
    monitor.received(this.#view.bytes.subarray(0, length));
    const answer = this.#dispatch(length);
    if (answer !== undefined) monitor.sent(answer);
    return answer;
  }

  /** Sends what does not answer the request at hand. */
  #send(parts: Parts): void {
    this.#tap.monitor?.sent(parts);
    this.#options.output.send(parts);
  }

  #dispatch(length: number): Parts | undefined {
    const malformed = this.#view.load(length);
    if (malformed !== undefined) {
      this.#log.warn({ length }, `a malformed message of the kernel: ${malformed}`);
      const answered = malformed === "argument cut off" && this.#view.opcode?.answered === true;
      return answered ? this.status(ERRNO.EIO) : undefined;
    }
    const opcode = this.#view.opcode;
    if (opcode === undefined) {
      this.#log.debug({ opcode: this.#view.opcodeNumber }, "unknown opcode");
      return this.status(ERRNO.ENOSYS);
    }
    if (this.#engine.waiting.size > 0 && opcode.answered && this.#isNumberInUse()) {
      this.#log.warn({ opcode: opcode.name }, "a malformed message of the kernel: its number is of one that waits");
      return this.status(ERRNO.EIO);
    }
    return HANDLERS[opcode.index]?.(this);
  }

  /** Two that wait under one number could not be told apart, and one would wait for ever. */
  #isNumberInUse(): boolean {
    return this.#engine.waiting.has(requestKey(this.#view.uniqueLow, this.#view.uniqueHigh));
  }

  /** Frees every caller, ends every file. Resolves when the driver has released them all. */
  async close(): Promise<void> {
    this.#tap.monitor?.closing?.();
    await this.#engine.close();
    this.#files.clear();
  }

  late(call: Call): void {
    this.#send(this.#answer(call, this.#lateFront));
    this.#size.settle();
  }

  pollChanged(file: File): void {
    const handle = file.pollHandle;
    if (handle === undefined) return;
    file.pollHandle = undefined;
    this.#send([this.#lateFront.notifyPoll(handle)]);
  }

  // --- one method a request; ROWS names them ---

  init(): Parts {
    if (!speaksOurs(this.#view, 0, this.#log)) return this.status(ERRNO.EPROTO);
    const info = cuseInfo(this.#options.driver.name);
    return [this.#to().cuseInit(info), info];
  }

  initMount(): Parts {
    if (!speaksOurs(this.#view, abi.FUSE_KERNEL_MINOR_VERSION, this.#log)) return this.status(ERRNO.EPROTO);
    const answer = this.mounted("init");
    if (this.#options.node?.parallelWrites === false)
      this.#log.info({}, "this kernel's FUSE has no parallel writes: one that waits keeps all other writers waiting");
    return answer;
  }

  /** What only a mounted file is asked. */
  mounted(question: "init" | "getattr" | "setattr" | "statfs"): Parts {
    const { node } = this.#options;
    if (node === undefined) return this.status(ERRNO.ENOSYS);
    if (question.endsWith("attr") && this.#files.size > 0 && node.parallelWrites) this.#size.due = true;
    return [node[question](this.#view, this.#to())];
  }

  open(): Parts | undefined {
    const flags = this.#view.openFlags;
    // A handle must not come round again to one that is still open.
    do this.#lastFile = (this.#lastFile + 1) >>> 0;
    while (this.#files.has(this.#lastFile));
    const file = new File(this.#lastFile, flags, (flags & abi.O_NONBLOCK) !== 0, this.#engine);
    return this.#run(this.#call("open", file));
  }

  release(): Parts | undefined {
    const file = this.#files.get(this.#view.fh);
    if (file === undefined) return this.status(0);
    this.#files.delete(file.id);
    return this.#run(this.#call("release", file));
  }

  read(): Parts | undefined {
    const file = this.#files.get(this.#view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    file.nonBlocking = (this.#view.readFlags & abi.O_NONBLOCK) !== 0;
    const call = this.#call("read", file);
    call.length = Math.min(this.#view.readSize, this.#maxRead);
    return this.#run(call);
  }

  write(): Parts | undefined {
    const file = this.#files.get(this.#view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    const data = this.#view.payload();
    if (data.length !== this.#view.writeSize) return this.status(ERRNO.EIO);
    file.nonBlocking = (this.#view.writeFlags & abi.O_NONBLOCK) !== 0;
    const call = this.#call("write", file);
    call.data = data;
    if (this.#buffers.isFull(this.#view.uid)) return this.status(this.#engine.errnoOf(call, TOO_MANY_WRITES));
    return this.#run(call);
  }

  ioctl(): Parts | undefined {
    const file = this.#files.get(this.#view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    const call = this.#call("ioctl", file);
    if (file.hungUp) return this.#run(call);
    if (this.#restricted.refuses(this.#view)) return this.status(ERRNO.ENOTTY);
    try {
      const areas = planIoctl(this.#view, this.#commands, call, this.#mayPeek ? this.#peek : undefined);
      if (areas !== undefined) return this.#to().ioctlRetry(areas.in, areas.out);
    } catch (error) {
      return this.status(this.#engine.errnoOf(call, error));
    }
    return this.#run(call);
  }

  poll(): Parts {
    const file = this.#files.get(this.#view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    if ((this.#view.pollFlags & abi.FUSE_POLL_SCHEDULE_NOTIFY) !== 0) file.pollHandle = this.#view.pollHandle;
    return [this.#to().polled(this.#engine.poll(this.#call("poll", file)))];
  }

  interrupt(): undefined {
    const call = this.#engine.waiting.get(requestKey(this.#view.interruptedLow, this.#view.interruptedHigh));
    if (call !== undefined) this.#engine.interrupt(call);
    // None found: it is answered already, and the kernel drops the interrupt with that answer.
    return undefined;
  }

  /** @returns FOPEN bits */
  #opened(file: File): number {
    this.#files.set(file.id, file);
    const { node } = this.#options;
    if (node?.parallelWrites) this.#size.opened((file.flags & abi.O_TRUNC) !== 0);
    return node?.openFlags ?? 0;
  }

  #call(kind: CallKind, file: File): Call {
    const call = new Call(kind, file, this.#view, this.#now);
    call.nonBlocking = file.nonBlocking;
    return call;
  }

  #run(call: Call): Parts | undefined {
    if (this.#engine.run(call)) return this.#answer(call, this.#front);
    if (call.data.length > 0) this.#view = this.#buffers.keep(call, this.#view);
    return undefined;
  }

  #answer(call: Call, front: ReplyFront): Parts {
    front.to(call.uniqueLow, call.uniqueHigh);
    if (call.errno !== 0) return [front.status(errnoFor(call))];
    switch (call.kind) {
      case "read":
        return front.data(call.bytes, call.count);
      case "write":
        return front.written(call.count);
      case "ioctl":
        return front.ioctl(call.count, call.bytes);
      case "open":
        return [front.open(call.file.id, this.#opened(call.file))];
      default:
        return [front.status(0)];
    }
  }

  #to(): ReplyFront {
    return this.#front.to(this.#view.uniqueLow, this.#view.uniqueHigh);
  }

  status(errno: number): Parts {
    return [this.#to().status(errno)];
  }
}

/**
 * ENOSYS would tell the kernel that this daemon knows no OPEN at all, and it would never ask again (fuse_file_open() in
 * fs/fuse/file.c).
 */
function errnoFor({ kind, errno }: Call): number {
  return kind === "open" && errno === ERRNO.ENOSYS ? ERRNO.ENXIO : errno;
}

/** The other half of wire/opcodes.ts: what each opcode does. The compiler sees to it that none is missing. */
const ROWS: Readonly<Record<OpcodeName, (session: FuseSession) => Parts | undefined>> = {
  CUSE_INIT: (session) => session.init(),
  OPEN: (session) => session.open(),
  RELEASE: (session) => session.release(),
  READ: (session) => session.read(),
  WRITE: (session) => session.write(),
  IOCTL: (session) => session.ioctl(),
  POLL: (session) => session.poll(),
  INTERRUPT: (session) => session.interrupt(),
  INIT: (session) => session.initMount(),
  GETATTR: (session) => session.mounted("getattr"),
  SETATTR: (session) => session.mounted("setattr"),
  STATFS: (session) => session.mounted("statfs"),
  // As fsync(2) of a character device without it.
  FSYNC: (session) => session.status(ERRNO.EINVAL),
  DESTROY: (session) => session.status(0),
  // The kernel waits for no answer to these two.
  FORGET: () => undefined,
  BATCH_FORGET: () => undefined,
};

const HANDLERS = OPCODES.map(({ name }) => ROWS[name]);
