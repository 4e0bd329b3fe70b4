// What to copy for one ioctl. CUSE's unrestricted ioctls come with a bare pointer; the server answers with the areas of
// client memory that it wants (FUSE_IOCTL_RETRY), and the kernel starts over with a new request that carries the
// concatenation of the "in" areas and says how many bytes of "out" areas there are (Linux fs/fuse/ioctl.c). So a
// struct, the array it points to, and the buffers that the array's items point to are three levels, each found in the
// data of the one before; a request of level n brings the data of levels 1 to n, and level 0 brings none.
//
// No request says which level it is, and the client's memory can change between two of them. So nothing is kept: each
// request is planned anew from its own bytes, and is of the level whose sizes it has exactly; of none, EFAULT. Every
// retry asks for more than the level it found. For that to bound the rounds by the schema's depth, a level must not be
// taken for another when memory changes: level 1 has a fixed size and cannot be; from depth 3 on a tag sees to it.
// Changed memory of the same sizes gives the client a mixture of its own data, as a race with a kernel driver would.

import { DeviceError } from "../errors.ts";
import type { Fields } from "./codec.ts";
import type { Command, Passing } from "./ioctl.ts";
import { depthOf } from "./layout.ts";
import { Misfit } from "./misfit.ts";
import type { DataModel } from "./model.ts";
import { Part, type Region, viewOf } from "./part.ts";

/** Ask the kernel for these areas: all of them, known ones again. */
export interface Retry {
  readonly kind: "retry";
  readonly in: readonly Region[];
  readonly out: readonly Region[];
}

/** All data is there. */
export interface Call<Arg> {
  readonly kind: "call";
  /** The handler may change it in place, or replace parts of it. */
  readonly value: Arg;
  /**
   * The bytes for the "out" areas. They can be fewer than the request's outSize; the kernel then writes just those.
   * @throws UsageError with the path of what does not fit its C type
   */
  readonly reply: (value: Arg) => Uint8Array;
}

export type Plan<Arg> = Retry | Call<Arg>;

export interface IoctlRequest {
  readonly model: DataModel;
  /** The ioctl's third argument. */
  readonly arg: bigint;
  /** The data of the "in" areas, all in_size bytes. */
  readonly input: Uint8Array;
  /** Bytes of the "out" areas: out_size. */
  readonly outSize: number;
  /** Looks at the client's memory, where that is possible: for fewer rounds. */
  readonly peek?: Peek | undefined;
  /** The kernel has followed the links itself (tables of /dev/fusd): there is one level, the last, and no retry. */
  readonly complete?: boolean | undefined;
}

/** A look at the client's memory before the kernel copies it. */
export interface Peek {
  /** Some of it as it is now, valid until the next call; undefined when it cannot be had. */
  at(base: bigint, len: number): Uint8Array | undefined;
  /** What the kernel copied was of other sizes: not to be given to plan() again, so that the rounds stay bounded. */
  missed(): void;
}

export interface PlanLimits {
  /** Areas, in and out together. */
  readonly regions: number;
  /** Bytes of in areas, and bytes of out areas. */
  readonly bytes: number;
}

/** FUSE_IOCTL_MAX_IOV, and FUSE_DEFAULT_MAX_PAGES_PER_REQ pages each way: Linux fs/fuse/fuse_i.h. */
export const CUSE_LIMITS: PlanLimits = { regions: 256, bytes: 128 * 1024 };

/**
 * The next step of an ioctl. Out areas are zeros for the handler, but a part with pointers or lengths in it is always
 * read, and keeps its pointers when it is written back. Padding is written as zeros, or in such a part as it was.
 * @throws DeviceError EFAULT for NULL, or sizes that fit no level; EINVAL for a length over its schema's limit;
 *   ENOMEM, as the kernel would, for more areas or bytes than `limits`
 */
export function plan<Arg>(command: Command<Arg>, request: IoctlRequest, limits: PlanLimits = CUSE_LIMITS): Plan<Arg> {
  const { schema, direction } = command;
  if (schema === undefined || direction === "none" || direction === "value" || direction === "address") {
    return call(byValue(direction, request.arg), () => new Uint8Array());
  }
  const holder: Fields & { argument: unknown } = { argument: undefined };
  const site = { base: request.arg, direction, parent: holder, name: "argument" };
  const root = new Part(schema.layout, request.model, site);
  const { complete = false } = request;
  const depth = complete ? 1 : depthOf(schema.layout);
  const { regions, bytes } = limits;
  const retry = gather([], root, request, { regions, bytes, complete, depth });
  return retry ?? call(holder.argument, (value) => writeBack(root, value));
}

/** The areas that a `complete` request has brought, and that its answer goes to. @throws as plan() */
export function areasOf({ schema, direction }: Command, request: IoctlRequest): Omit<Retry, "kind"> {
  if (schema === undefined || direction === "none" || direction === "value" || direction === "address")
    return { in: [], out: [] };
  const site = { base: request.arg, direction, parent: {}, name: "argument" };
  const known: Part[] = [];
  const root = new Part(schema.layout, request.model, site);
  gather(known, root, request, { regions: Infinity, bytes: Infinity, complete: true, depth: 1 });
  return retry(known, NOTHING);
}

function byValue(passing: Passing, arg: bigint): number | bigint | undefined {
  if (passing === "value") return Number(BigInt.asIntN(32, arg));
  return passing === "address" ? arg : undefined;
}

function call<Arg>(value: unknown, reply: (value: Arg) => Uint8Array): Call<Arg> {
  // A command's Arg and its schema or way of passing are made together, in ioctl.ts; plan() has followed the latter.
  return { kind: "call", value: value as Arg, reply };
}

interface Limits extends PlanLimits {
  /** For the tags: of what comes in one level, 1. */
  readonly depth: number;
  readonly complete: boolean;
}

/**
 * Takes the request's data apart, level by level.
 * @param known gets the parts that it brings @returns undefined when it is all there, else what to ask for
 */
function gather(known: Part[], root: Part, { input, outSize, peek }: IoctlRequest, limits: Limits): Retry | undefined {
  let here: Extent = NOTHING;
  let view: DataView | undefined;
  let next = [root];
  for (let level = 1; ; level++) {
    const isLast = next.length === 0;
    const matches = input.length === here.inSize && outSize === here.outSize + here.tag && (isLast || !limits.complete);
    if (matches && isLast) return undefined;
    const ahead = extended(here, next, level, limits);
    const from = here.inSize;
    if (!matches && (isLast || input.length < ahead.inSize)) {
      if (peek !== undefined) {
        peek.missed();
        return retry([root], extended(NOTHING, [root], 1, limits));
      }
      throw new DeviceError("EFAULT", `${input.length} bytes in, ${outSize} out: the argument changed meanwhile`);
    }
    for (const part of next) known.push(part);
    here = ahead;
    if (matches) return retry(known, peek === undefined ? here : peekAhead({ known, next, here, level, limits }, peek));
    view ??= viewOf(input);
    next = taken(next, view, from);
  }
}

/** What an area that is not read begins as. A longer one gets zeros of its own. */
const ZEROS = zeroed(4096);

/** @returns the parts that these lead to */
function taken(parts: readonly Part[], input: DataView, from: number): Part[] {
  const next: Part[] = [];
  let offset = from;
  for (const part of parts) {
    const { len } = part.region;
    if (part.reads) {
      part.take(input, offset, next);
      offset += len;
    } else part.take(len <= ZEROS.byteLength ? ZEROS : zeroed(len), 0, next);
  }
  return next;
}

interface Reached {
  readonly known: Part[];
  /** The last of the known. */
  readonly next: readonly Part[];
  readonly here: Extent;
  readonly level: number;
  readonly limits: Limits;
}

/**
 * Follows the links as they look now, so that one round brings what would take several. What it finds is a hint: it
 * only decides which areas are asked for, and whatever is wrong with it ends the looking ahead.
 * @returns the extent of the level that was reached, whose parts are known now
 */
function peekAhead({ known, next, here, level, limits }: Reached, peek: Peek): Extent {
  let reached = here;
  let parts = next;
  try {
    for (let ahead = level + 1; ; ahead++) {
      const found: Part[] = [];
      for (const part of parts) {
        if (!part.leads) continue;
        const data = peek.at(part.region.base, part.region.len);
        if (data === undefined) return reached;
        part.take(viewOf(data), 0, found);
      }
      if (found.length === 0) return reached;
      reached = extended(reached, found, ahead, limits);
      for (const part of found) known.push(part);
      parts = found;
    }
  } catch (error) {
    // What is wrong with the client's data is said when the kernel has copied it.
    if (error instanceof DeviceError) return reached;
    throw error;
  }
}

/** What a request of a level brings. */
interface Extent {
  readonly inSize: number;
  readonly outSize: number;
  readonly regions: number;
  /** Bytes of an area more that no reply is long enough to write to: out_size, modulo the depth, tells the level. */
  readonly tag: number;
}

const NOTHING: Extent = { inSize: 0, outSize: 0, regions: 0, tag: 0 };

/** The extent of a level that brings these parts, too. @throws DeviceError ENOMEM over the limits */
function extended(here: Extent, parts: readonly Part[], level: number, limits: Limits): Extent {
  let { inSize, outSize, regions } = here;
  for (const { region, reads, writes } of parts) {
    if (reads) {
      inSize += region.len;
      regions++;
    }
    if (writes) {
      outSize += region.len;
      regions++;
    }
  }
  const { depth, bytes } = limits;
  const tag = depth > 2 ? (level + depth - (outSize % depth)) % depth : 0;
  const tagged = tag > 0 ? 1 : 0;
  if (regions + tagged > limits.regions || inSize > bytes || outSize + tag > bytes) {
    const counts = `${regions + tagged} areas, ${inSize} bytes in, ${outSize + tag} out`;
    throw new DeviceError("ENOMEM", `the argument takes ${counts}; at most ${limits.regions} areas, ${bytes} bytes`);
  }
  return { inSize, outSize, regions, tag };
}

function retry(parts: readonly Part[], { tag }: Extent): Retry {
  const reads: Region[] = [];
  const writes: Region[] = [];
  for (const part of parts) {
    if (part.reads) reads.push(part.region);
    if (part.writes) writes.push(part.region);
  }
  const first = parts[0];
  if (first && tag > 0) writes.push({ base: first.region.base, len: tag });
  return { kind: "retry", in: reads, out: writes };
}

/** The bytes of the out areas, in the order in which gather() found them. */
function writeBack(root: Part, value: unknown): Uint8Array {
  return Misfit.named(() => {
    const found = [{ part: root, value }];
    let size = 0;
    for (let index = 0; index < found.length; index++) {
      const place = found[index];
      if (place === undefined) break;
      place.part.links(place.value, found);
      if (place.part.writes) size += place.part.region.len;
    }
    const { view, at: start } = zeros(size);
    let at = start;
    for (const { part, value } of found) {
      if (!part.writes) continue;
      part.write(value, { view, at });
      at += part.region.len;
    }
    return new Uint8Array(view.buffer, start, size);
  });
}

/** What replies are cut from, each byte once: memory of its own for a short one, and a view of that, cost more than it. */
let fresh = zeroed(8192);
let used = 0;

function zeroed(size: number): DataView {
  return new DataView(new ArrayBuffer(size));
}

/** Memory that nobody has, zeroed. */
function zeros(size: number): { view: DataView; at: number } {
  if (size > fresh.byteLength / 8) return { view: zeroed(size), at: 0 };
  if (used + size > fresh.byteLength) {
    fresh = zeroed(fresh.byteLength);
    used = 0;
  }
  const at = used;
  used += size;
  return { view: fresh, at };
}
