// Bytes in, bytes out: one descriptor of /dev/fusd that serves one driver, as session.ts has it.
// ROWS has one row an operation, which turns the request into a Call for the engine; answer() turns a settled Call into
// a reply. poll(2) is answered by the kernel from what polled-files.ts publishes, and never asks here.

import { ERRNO } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import { type Command, type DataModel, describeIoctl, flatTable, plan } from "../layout/index.ts";
import * as abi from "../wire/fusd-abi.ts";
import { FUSD_OPS, type FusdOpName } from "../wire/fusd-opcodes.ts";
import { FUSD_REPLY_SIZE, FusdReplyFront, waitMessage } from "../wire/fusd-reply.ts";
import { FusdRequestView } from "../wire/fusd-request.ts";
import { type Call, type CallKind, requestKey } from "./call.ts";
import type { PollWake } from "./engine.ts";
import type { File } from "./file.ts";
import { FusdAsFuse } from "./fusd-as-fuse.ts";
import { PolledFile, PolledFiles } from "./polled-files.ts";
import { type Parts, type Protocol, Session, type SessionOptions } from "./session.ts";

export interface FusdSessionOptions extends SessionOptions {
  /** Bytes of one READ or WRITE and of an IOCTL's areas each way. Default 1 MiB */
  readonly maxIo?: number | undefined;
  /** Areas of one IOCTL. Default 256 */
  readonly maxAreas?: number | undefined;
}

/** A page more than the data: what is in front of it. */
const FRONT_ROOM = 4096;
const MAX_AREAS = 256;

function protocol(maxIo: number): Protocol<FusdRequestView> {
  return {
    requestSize: maxIo + FRONT_ROOM,
    replySize: FUSD_REPLY_SIZE,
    view: (bytes) => new FusdRequestView(bytes),
  };
}

export class FusdSession extends Session<FusdRequestView, PolledFile> {
  // Two fronts: a late answer may be written while the answer of the request at hand is being made.
  readonly #front: FusdReplyFront;
  readonly #lateFront = new FusdReplyFront();
  readonly #polled: PolledFiles;
  readonly #isSeekable: boolean;
  readonly #hasDeadline: boolean;
  readonly #limits: { readonly regions: number; readonly bytes: number };
  /** Commands whose areas the kernel cannot find by itself. */
  readonly #inRounds: ReadonlySet<Command>;

  constructor(options: FusdSessionOptions) {
    const { maxIo = abi.MAX_IO, maxAreas = MAX_AREAS } = options;
    super(options, protocol(maxIo));
    if (options.tap !== undefined) options.tap.translate = (monitor) => new FusdAsFuse(monitor);
    this.#hasDeadline = options.driver.deadlineMs !== undefined;
    this.#isSeekable = options.driver.seekable ?? false;
    this.#limits = { regions: maxAreas, bytes: maxIo };
    this.#front = new FusdReplyFront(this.replyMemory);
    this.#polled = new PolledFiles(this.engine, this.files, options.driver.poll !== undefined);
    this.#inRounds = flatTable(options.driver.commands ?? {}).inRounds;
  }

  protected override dispatch(length: number): Parts | undefined {
    const { view } = this;
    const malformed = view.load(length);
    if (malformed !== undefined) {
      this.log.warn({ length }, `a malformed message of the kernel: ${malformed}`);
      return malformed === "size does not match" ? this.status(ERRNO.EIO) : undefined;
    }
    const { op } = view;
    if (op === undefined) {
      this.log.debug({ type: view.type }, "unknown operation");
      return this.status(ERRNO.ENOSYS);
    }
    if (op.name !== "INTERRUPT" && this.isNumberInUse()) {
      this.log.warn({ op: op.name }, "a malformed message of the kernel: its number is of one that waits");
      return this.status(ERRNO.EIO);
    }
    return HANDLERS[op.index]?.(this);
  }

  override late(call: Call): void {
    const answer = this.answer(call, true);
    const now = this.#preceded(call.isAnswered ? answer : undefined);
    if (now !== undefined) this.send(now);
  }

  /** It waits for good reason: the deadline is for handlers. */
  parked({ uniqueLow, uniqueHigh }: Call): void {
    if (this.#hasDeadline) this.send([waitMessage(uniqueLow, uniqueHigh)]);
  }

  override pollChanged({ id }: File, wake: PollWake): void {
    this.#polled.note(id, wake);
    this.#polled.publishNotes();
    this.#preceded(undefined);
  }

  /** A poller is woken before the answer is out: it has then heard of all that the caller can know of. */
  override notesChange({ id }: File, wake: PollWake): boolean {
    this.#polled.note(id, wake);
    return true;
  }

  /** Sends what is published, and with it the answer that follows. @returns the answer where nothing was to be said */
  #preceded(answer: Parts | undefined): Parts | undefined {
    const publications = this.#polled.take();
    if (publications === undefined) return answer;
    if (answer === undefined) this.send([publications]);
    else this.sendTogether(publications, answer);
    return undefined;
  }

  // --- one method a request; ROWS names them ---

  /** @param kind "recover": an earlier daemon had it open */
  open(kind: "open" | "recover"): Parts | undefined {
    const { fileFlags, file: number } = this.view;
    const from = { number, opener: this.view };
    return this.#run(this.opening((id, owner) => new PolledFile(id, fileFlags, { owner, ...from }), kind));
  }

  release(): Parts | undefined {
    const file = this.files.get(this.view.cookie);
    if (file === undefined) return this.status(0);
    this.files.delete(file.id);
    return this.#run(this.call("release", file));
  }

  read(): Parts | undefined {
    const call = this.#callOn("read");
    if (call === undefined) return this.status(ERRNO.EBADF);
    call.length = Math.min(this.view.size, this.#limits.bytes);
    if (this.#isSeekable) call.offset = this.view.offset;
    return this.#run(call);
  }

  write(): Parts | undefined {
    const call = this.#callOn("write");
    if (call === undefined) return this.status(ERRNO.EBADF);
    call.data = this.view.payload();
    if (this.#isSeekable) call.offset = this.view.offset;
    const refused = this.refusesToKeep(call);
    if (refused !== undefined) return this.status(refused);
    return this.#run(call);
  }

  ioctl(): Parts | undefined {
    const call = this.#callOn("ioctl");
    if (call === undefined) return this.status(ERRNO.EBADF);
    if (call.file.hungUp !== undefined) return this.#run(call);
    try {
      const retry = this.#plan(call);
      if (retry !== undefined) return retry;
    } catch (error) {
      return this.status(this.refused(call, error));
    }
    return this.#run(call);
  }

  /** Those that are the same but for what they are called. */
  plain(kind: "seek" | "flush" | "fsync"): Parts | undefined {
    const call = this.#callOn(kind);
    if (call === undefined) return this.status(ERRNO.EBADF);
    const { view } = this;
    call.offset = view.offset;
    call.whence = view.cmd;
    call.dataOnly = view.cmd === 1;
    return this.#run(call);
  }

  interrupt(): undefined {
    const call = this.engine.waiting.get(requestKey(this.view.uniqueLow, this.view.uniqueHigh));
    if (call !== undefined) this.engine.interrupt(call);
    // None found: it is answered already.
    return undefined;
  }

  status(errno: number): Parts | undefined {
    if ((this.view.flags & abi.FUSD_NO_REPLY) !== 0) return undefined;
    return this.#front.to(this.view.uniqueLow, this.view.uniqueHigh).status(errno);
  }

  #callOn(kind: CallKind): Call | undefined {
    const file = this.files.get(this.view.cookie);
    if (file === undefined) return undefined;
    file.saw(this.view.fileFlags);
    return this.call(kind, file);
  }

  /** Fills in what an ioctl is. @returns what the kernel is asked for, where that is still missing */
  #plan(call: Call): Parts | undefined {
    const { view } = this;
    const model = modelOf(view.flags);
    const entry = this.commands.lookup(view.cmd, model);
    if (entry === undefined) throw new DeviceError("ENOTTY", `no such ioctl: ${describeIoctl(view.cmd)} (${model})`);
    const complete = !this.#inRounds.has(entry.command);
    const request = { model, arg: view.arg, input: view.payload(), outSize: view.outSize, complete };
    const found = plan(entry.command, request, this.#limits);
    if (found.kind === "retry") return this.#front.to(view.uniqueLow, view.uniqueHigh).retry(found.in, found.out);
    call.entry = entry;
    call.model = model;
    call.arg = found.value;
    call.encodeOutput = found.reply;
    return undefined;
  }

  #run(call: Call): Parts | undefined {
    call.reissued = (this.view.flags & abi.FUSD_REISSUED) !== 0;
    call.isAnswered = (this.view.flags & abi.FUSD_NO_REPLY) === 0;
    const answer = this.run(call);
    if (answer === undefined) this.#polled.compare(undefined);
    return this.#preceded(call.isAnswered ? answer : undefined);
  }

  protected override answer(call: Call, late: boolean): Parts {
    const front = (late ? this.#lateFront : this.#front).to(call.uniqueLow, call.uniqueHigh);
    const file = call.isOpening && call.errno === 0 ? this.opened(call) : this.files.get(call.file.id);
    const events = this.#polled.compare(file);
    if (events !== undefined) front.events(events);
    if (call.errno !== 0) return front.status(call.errno);
    switch (call.kind) {
      case "read":
        return front.data(call.bytes, call.count);
      case "write":
        return front.count(call.count);
      case "ioctl":
        return front.count(call.count, call.bytes);
      case "seek":
        return front.position(call.count);
      case "open":
      case "recover":
        return front.cookie(call.file.id);
      default:
        return front.status(0);
    }
  }
}

function modelOf(flags: number): DataModel {
  if ((flags & abi.FUSD_IOCTL_X32) !== 0) return "x32";
  return (flags & abi.FUSD_IOCTL_32BIT) === 0 ? "lp64" : "ilp32";
}

/** The other half of wire/fusd-opcodes.ts: what each operation does. The compiler sees to it that none is missing. */
const ROWS: Readonly<Record<FusdOpName, (session: FusdSession) => Parts | undefined>> = {
  OPEN: (session) => session.open("open"),
  RELEASE: (session) => session.release(),
  READ: (session) => session.read(),
  WRITE: (session) => session.write(),
  IOCTL: (session) => session.ioctl(),
  INTERRUPT: (session) => session.interrupt(),
  LLSEEK: (session) => session.plain("seek"),
  FLUSH: (session) => session.plain("flush"),
  FSYNC: (session) => session.plain("fsync"),
  RESTORE: (session) => session.open("recover"),
};

const HANDLERS = FUSD_OPS.map(({ name }) => ROWS[name]);
