// A CUSE device that the service manager keeps: its descriptor, a file in memory with what outlives a daemon (its open
// files, the requests under way), and what a driver's `recovery` asks for. In the store they are named by the device.
// Lifetime: as long as a daemon serves the device.

import { closeSync, fstatSync, ftruncateSync, readSync } from "node:fs";
import { ERRNO } from "../errno.ts";
import type { Logger } from "../log.ts";
import { map, memoryFile, pageSize, writev } from "../native.ts";
import type { AnyDriver, Keeper } from "../session/driver.ts";
import { type LeftRequest, Outliving } from "../session/outliving.ts";
import * as abi from "../wire/abi.ts";
import { ReplyFront } from "../wire/reply.ts";
import { IN_HEADER_SIZE, RequestView } from "../wire/request.ts";
import type { FdStore } from "./fd-store.ts";
import { KEEPER_HEAD, type KeptRegion, keeperIn, recordedAddress } from "./keeper.ts";

/** Of descriptors that a Keeper keeps, as on the fusd channel (FUSD_KEEP_SLOTS). */
const KEEPER_SLOTS = 16;
/** What is in front of a request's payload that answering it without its driver takes. */
const AT_HAND = IN_HEADER_SIZE + 8;

export class KeptDevice {
  readonly outliving: Outliving;
  /** The file in memory where requests are, too; closed by close(). */
  readonly file: number;
  /** The descriptor of the device that an earlier daemon left, to be served on; undefined: there is none. */
  readonly left: number | undefined;
  readonly #store: FdStore;
  readonly #driver: AnyDriver;

  constructor(store: FdStore, driver: AnyDriver) {
    this.#store = store;
    this.#driver = driver;
    const left = this.#takeLeft();
    if (left === undefined) this.forget();
    this.left = left?.fd;
    this.file = left?.file ?? memoryFile(this.#name("files"), Outliving.SIZE);
    this.outliving = left?.outliving ?? new Outliving(map(this.file, 0, Outliving.SIZE));
    if (left === undefined) store.keep(this.#name("files"), this.file);
  }

  /** The kernel has made the device of this descriptor: from now on it outlives this process. */
  keep(fd: number): void {
    this.#store.keep(this.#name("cuse"), fd);
  }

  /** It ends with this process. */
  forget(): void {
    for (const part of ["cuse", "files", "memory", "keeping"]) this.#store.forget(this.#name(part));
    for (let slot = 0; slot < KEEPER_SLOTS; slot++) this.#store.forget(this.#slot(slot));
  }

  close(): void {
    closeSync(this.file);
  }

  /** Gives the driver the memory that its `recovery` asks for. */
  giveMemory(log: Logger): void {
    const { memory, keeping } = this.#driver.recovery ?? {};
    if (memory !== undefined) {
      const { fd, length, isLeft } = this.#memory("memory", memory.size);
      memory.mapped(map(fd, 0, length), isLeft);
      closeSync(fd);
    }
    if (keeping === undefined) return;
    let keeper: Keeper;
    try {
      keeper = this.#keeper(this.#memory("keeping", keeping.size + KEEPER_HEAD));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn({}, `what is under way with hardware ends with its daemon: ${why}`);
      // Hardware that is kept is nobody's to open.
      for (let slot = 0; slot < KEEPER_SLOTS; slot++) this.#store.forget(this.#slot(slot));
      return;
    }
    keeping.kept(keeper, this.outliving.files().length);
  }

  #keeper(region: KeptRegion): Keeper {
    const recorded = recordedAddress(map(region.fd, 0, region.length));
    const keeper = keeperIn(region, recorded, {
      keep: (slot, fd) => {
        this.#store.forget(this.#slot(slot));
        if (fd >= 0) this.#store.keep(this.#slot(slot), fd);
      },
      take: (slot) => this.#store.take(this.#slot(slot)),
    });
    closeSync(region.fd);
    return keeper;
  }

  /** A file of at least so many bytes, in whole pages. What is smaller was left by another version. */
  #memory(part: string, size: number) {
    const length = Math.ceil(size / pageSize()) * pageSize();
    const name = this.#name(part);
    const left = this.#store.take(name);
    if (left !== undefined && fstatSync(left).size >= length) return { fd: left, offset: 0, length, isLeft: true };
    if (left !== undefined) closeSync(left);
    this.#store.forget(name);
    const fd = memoryFile(name, length);
    this.#store.keep(name, fd);
    return { fd, offset: 0, length, isLeft: false };
  }

  #takeLeft() {
    const fd = this.#store.take(this.#name("cuse"));
    const file = this.#store.take(this.#name("files"));
    const outliving = file === undefined ? undefined : outlivingIn(file);
    if (fd !== undefined && file !== undefined && outliving !== undefined && takeOver(fd, file, outliving))
      return { fd, file, outliving };
    for (const unused of [fd, file]) if (unused !== undefined) closeSync(unused);
    return undefined;
  }

  #name(part: string): string {
    return `${this.#driver.name}.${part}`;
  }

  #slot(slot: number): string {
    return this.#name(`kept-${slot}`);
  }
}

function outlivingIn(file: number): Outliving | undefined {
  if (fstatSync(file).size < Outliving.SIZE) return undefined;
  const memory = map(file, 0, Outliving.SIZE);
  return Outliving.isLeft(memory) ? new Outliving(memory) : undefined;
}

/**
 * Has the kernel send again what the daemon before has not answered, or answers it. Makes room for requests in the file.
 * @returns false for a device that is no more
 */
function takeOver(fd: number, file: number, outliving: Outliving): boolean {
  const front = new ReplyFront();
  const sent = writev(fd, [front.resend()]);
  if (sent < 0 && sent !== -ERRNO.EINVAL) return false;
  // Before Linux 6.9.
  if (sent < 0) answerLeft(fd, outliving, [...outliving.requests(), ...requestAtHand(file, outliving.atHand)]);
  outliving.forgetRequests();
  ftruncateSync(file, Outliving.SIZE);
  return true;
}

/** What the daemon before has read last. It may have its answer. */
function requestAtHand(file: number, at: number): LeftRequest[] {
  const bytes = new Uint8Array(AT_HAND);
  if (at === 0 || readSync(file, bytes, 0, AT_HAND, at) < AT_HAND) return [];
  const { opcodeNumber: opcode, uniqueLow, uniqueHigh, fh } = new RequestView(bytes);
  return opcode === 0 ? [] : [{ opcode, uniqueLow, uniqueHigh, fh }];
}

/** The kernel refuses (ENOENT) the answer to a request that has one; else it is as if the daemon before had given it. */
function answerLeft(fd: number, outliving: Outliving, requests: readonly LeftRequest[]): void {
  const front = new ReplyFront();
  const opens = new Map(outliving.files().map(({ uniqueLow, uniqueHigh, id }) => [`${uniqueHigh}.${uniqueLow}`, id]));
  for (const { opcode, uniqueLow, uniqueHigh, fh } of requests) {
    const to = front.to(uniqueLow, uniqueHigh);
    const opened = opens.get(`${uniqueHigh}.${uniqueLow}`);
    switch (opcode) {
      // Nobody waits for an answer to it.
      case abi.FUSE_OPCODE.INTERRUPT:
        break;
      case abi.FUSE_OPCODE.OPEN:
        writev(fd, [opened === undefined ? to.status(ERRNO.EIO) : to.open(opened, 0)]);
        break;
      case abi.FUSE_OPCODE.RELEASE:
        outliving.closed(fh);
        writev(fd, [to.status(0)]);
        break;
      // Whoever polls is woken, and asks again.
      case abi.FUSE_OPCODE.POLL:
        writev(fd, [to.polled(0)]);
        break;
      default:
        writev(fd, [to.status(ERRNO.EIO)]);
    }
  }
}
