// Bytes in, bytes out: one FUSE/CUSE connection that serves one driver, as session.ts has it.
// ROWS has one row an opcode, which turns the request into a Call for the engine; answer() turns a settled Call into a
// reply.

import { ERRNO } from "../errno.ts";
import type { Peek } from "../layout/index.ts";
import * as abi from "../wire/abi.ts";
import { OPCODES, type OpcodeName } from "../wire/opcodes.ts";
import { REPLY_SIZE, ReplyFront } from "../wire/reply.ts";
import { RequestView } from "../wire/request.ts";
import { type Call, requestKey } from "./call.ts";
import type { File, HangUp } from "./file.ts";
import { FuseFile } from "./fuse-file.ts";
import type { FuseNode } from "./fuse-node.ts";
import { cuseInfo, speaksOurs } from "./introduction.ts";
import { planIoctl } from "./ioctl.ts";
import { LeftFiles, mayRepeat } from "./left-files.ts";
import type { Outliving } from "./outliving.ts";
import { RestrictedIoctls } from "./restricted.ts";
import { type Parts, type Protocol, Session, type SessionOptions } from "./session.ts";
import { ENLARGED_SIZE, ShownSize } from "./shown-size.ts";

export interface FuseSessionOptions extends SessionOptions {
  /**
   * Looks at a caller's memory, as Peek does, by the id of the calling thread: for fewer rounds of an ioctl with
   * pointers. Default: nobody looks
   */
  readonly peek?: ((pid: number, base: bigint, len: number) => Uint8Array | undefined) | undefined;
  /** The file that is served, where it is one of a FUSE mount. Default: it is a CUSE device */
  readonly node?: FuseNode | undefined;
  /** What an earlier daemon left of this device, and where what this one leaves is. Default: nothing outlives it */
  readonly outliving?: Outliving | undefined;
}

/** Room for the largest WRITE with its headers; the kernel refuses to fill a smaller one (fs/fuse/dev.c). */
const BUFFER_SIZE = abi.MAX_TRANSFER + 4096;
const PROTOCOL: Protocol<RequestView> = {
  requestSize: BUFFER_SIZE,
  replySize: REPLY_SIZE,
  view: (bytes) => new RequestView(bytes),
};

export class FuseSession extends Session<RequestView, FuseFile> {
  readonly #options: FuseSessionOptions;
  readonly #restricted: RestrictedIoctls;
  readonly #size: ShownSize;
  readonly #maxRead: number;
  // Two fronts: a late answer may be written while the answer of the request at hand is being made.
  readonly #front: ReplyFront;
  readonly #lateFront = new ReplyFront();
  readonly #peek: Peek | undefined;
  #mayPeek = true;
  readonly #outliving: Outliving | undefined;
  readonly #left: LeftFiles;

  constructor(options: FuseSessionOptions) {
    super(options, PROTOCOL);
    this.#options = options;
    this.#front = new ReplyFront(this.replyMemory);
    const { peek } = options;
    this.#peek = peek && {
      at: (base, len) => peek(this.view.pid, base, len),
      missed: () => {
        this.#mayPeek = false;
      },
    };
    this.#restricted = new RestrictedIoctls(this.commands, options.log);
    this.#size = new ShownSize(options.clock, () => this.send([...this.#lateFront.notifyStore(ENLARGED_SIZE)]));
    this.#outliving = options.outliving;
    this.#left = new LeftFiles(this.engine, options);
    this.#maxRead = options.node === undefined ? abi.MAX_TRANSFER : abi.MAX_MOUNT_READ;
  }

  protected override get due(): boolean {
    return this.#size.due;
  }

  protected override settleDue(): void {
    this.#size.settle();
  }

  protected override dispatch(length: number): Parts | undefined {
    const malformed = this.view.load(length);
    if (malformed !== undefined) {
      this.log.warn({ length }, `a malformed message of the kernel: ${malformed}`);
      const answered = malformed === "argument cut off" && this.view.opcode?.answered === true;
      return answered ? this.status(ERRNO.EIO) : undefined;
    }
    const opcode = this.view.opcode;
    if (opcode === undefined) {
      this.log.debug({ opcode: this.view.opcodeNumber }, "unknown opcode");
      return this.status(ERRNO.ENOSYS);
    }
    if (opcode.answered && this.isNumberInUse()) {
      this.log.warn({ opcode: opcode.name }, "a malformed message of the kernel: its number is of one that waits");
      return this.status(ERRNO.EIO);
    }
    return HANDLERS[opcode.index]?.(this);
  }

  override late(call: Call): void {
    if (call.kind === "recover") {
      this.#left.settled(call);
      return;
    }
    this.send(this.answer(call, true));
    this.#outliving?.answered(call);
    this.#size.settle();
  }

  hungUp(file: File, hangUp: HangUp): void {
    this.#outliving?.hungUp(file.id, hangUp);
  }

  /** Gives the driver the files that an earlier daemon left. To be waited for before the first request. */
  async recover(): Promise<void> {
    if (this.#outliving === undefined) return;
    const files = await this.#left.recover(this.#outliving);
    for (const file of files) this.files.set(file.id, file);
    // Whoever was polling asks this daemon now.
    for (const { pollHandle } of files) if (pollHandle !== 0n) this.send([this.#lateFront.notifyPoll(pollHandle)]);
  }

  override pollChanged(file: File): void {
    const polled = this.files.get(file.id);
    file.polled = false;
    if (polled !== undefined) this.send([this.#lateFront.notifyPoll(polled.pollHandle)]);
  }

  // --- one method a request; ROWS names them ---

  init(): Parts {
    if (!speaksOurs(this.view, 0, this.log)) return this.status(ERRNO.EPROTO);
    const info = cuseInfo(this.#options.driver.name);
    return [this.#to().cuseInit(info), info];
  }

  initMount(): Parts {
    if (!speaksOurs(this.view, abi.FUSE_KERNEL_MINOR_VERSION, this.log)) return this.status(ERRNO.EPROTO);
    const answer = this.mounted("init");
    if (this.#options.node?.parallelWrites === false)
      this.log.info({}, "this kernel's FUSE has no parallel writes: one that waits keeps all other writers waiting");
    return answer;
  }

  /** What only a mounted file is asked. */
  mounted(question: "init" | "getattr" | "setattr" | "statfs"): Parts {
    const { node } = this.#options;
    if (node === undefined) return this.status(ERRNO.ENOSYS);
    if (question.endsWith("attr") && this.files.size > 0 && node.parallelWrites) this.#size.due = true;
    return [node[question](this.view, this.#to())];
  }

  open(): Parts | undefined {
    const { openFlags: flags, uniqueLow, uniqueHigh, isResent } = this.view;
    const left = isResent ? this.#left.openedBy(uniqueLow, uniqueHigh) : undefined;
    // The daemon before had opened it, and nobody knows.
    if (left !== undefined) return [this.#to().open(left.id, 0)];
    return this.run(this.opening((id, owner) => new FuseFile(id, flags, owner)));
  }

  release(): Parts | undefined {
    const file = this.files.get(this.view.fh);
    if (file === undefined) return this.status(0);
    this.files.delete(file.id);
    return this.run(this.call("release", file));
  }

  read(): Parts | undefined {
    const file = this.files.get(this.view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    file.saw(this.view.readFlags);
    const call = this.call("read", file);
    call.length = Math.min(this.view.readSize, this.#maxRead);
    return this.run(call);
  }

  write(): Parts | undefined {
    const file = this.files.get(this.view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    const data = this.view.payload();
    if (data.length !== this.view.writeSize) return this.status(ERRNO.EIO);
    file.saw(this.view.writeFlags);
    const call = this.call("write", file);
    call.data = data;
    const refused = this.refusesToKeep(call);
    if (refused !== undefined) return this.status(refused);
    return this.run(call);
  }

  ioctl(): Parts | undefined {
    const file = this.files.get(this.view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    const call = this.call("ioctl", file);
    if (file.hungUp) return this.run(call);
    if (this.#restricted.refuses(this.view)) return this.status(ERRNO.ENOTTY);
    try {
      const areas = planIoctl(this.view, this.commands, call, this.#mayPeek ? this.#peek : undefined);
      if (areas !== undefined) return this.#to().ioctlRetry(areas.in, areas.out);
    } catch (error) {
      return this.status(this.refused(call, error));
    }
    return this.run(call);
  }

  poll(): Parts {
    const file = this.files.get(this.view.fh);
    if (file === undefined) return this.status(ERRNO.EBADF);
    if ((this.view.pollFlags & abi.FUSE_POLL_SCHEDULE_NOTIFY) !== 0) {
      this.#polledBy(file, this.view.pollHandle);
    }
    this.counters.polled();
    return [this.#to().polled(this.engine.poll(this.call("poll", file)))];
  }

  #polledBy(file: FuseFile, handle: bigint): void {
    if (file.pollHandle !== handle) this.#outliving?.polled(file.id, handle);
    file.pollHandle = handle;
    file.polled = true;
  }

  interrupt(): undefined {
    const call = this.engine.waiting.get(requestKey(this.view.interruptedLow, this.view.interruptedHigh));
    if (call !== undefined) this.engine.interrupt(call);
    // None found: it is answered already, and the kernel drops the interrupt with that answer.
    return undefined;
  }

  /** @returns FOPEN bits */
  #opened(call: Call): number {
    const file = this.opened(call);
    const { node } = this.#options;
    if (node?.parallelWrites) this.#size.opened((file.flags & abi.O_TRUNC) !== 0);
    this.#outliving?.opened(call);
    return node?.openFlags ?? 0;
  }

  protected override run(call: Call): Parts | undefined {
    if (this.#outliving !== undefined && this.view.isResent) {
      if (!mayRepeat(this.#options.driver, call.kind)) return this.status(ERRNO.EIO);
      call.reissued = true;
    }
    const answer = super.run(call);
    if (answer === undefined) this.#outliving?.waits(call);
    return answer;
  }

  protected override answer(call: Call, late: boolean): Parts {
    if (call.kind === "release") this.#outliving?.closed(call.file.id);
    const front = (late ? this.#lateFront : this.#front).to(call.uniqueLow, call.uniqueHigh);
    if (call.errno !== 0) return [front.status(call.errno)];
    switch (call.kind) {
      case "read":
        return front.data(call.bytes, call.count);
      case "write":
        return front.written(call.count);
      case "ioctl":
        return front.ioctl(call.count, call.bytes);
      case "open":
        return [front.open(call.file.id, this.#opened(call))];
      default:
        return [front.status(0)];
    }
  }

  #to(): ReplyFront {
    return this.#front.to(this.view.uniqueLow, this.view.uniqueHigh);
  }

  status(errno: number): Parts {
    return [this.#to().status(errno)];
  }
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
