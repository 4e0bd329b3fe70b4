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
import { Part, type Region } from "./part.ts";

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
  const retry = gather(root, request, { ...limits, depth: depthOf(schema.layout) });
  return retry ?? call(holder.argument, (value) => writeBack(root, value));
}

function byValue(passing: Passing, arg: bigint): number | bigint | undefined {
  if (passing === "value") return Number(BigInt.asIntN(32, arg));
  return passing === "address" ? arg : undefined;
}

function call<Arg>(value: unknown, reply: (value: Arg) => Uint8Array): Call<Arg> {
  // A command's Arg and its schema or way of passing are made together, in ioctl.ts; plan() has followed the latter.
  return { kind: "call", value: value as Arg, reply };
}

type Limits = PlanLimits & { readonly depth: number };

/** Takes the request's data apart, level by level. @returns undefined when it is all there, else what to ask for */
function gather(root: Part, { input, outSize }: IoctlRequest, limits: Limits): Retry | undefined {
  const known: Part[] = [];
  let here = areas(known, 0, limits);
  let next = [root];
  for (let level = 1; ; level++) {
    const matches = input.length === here.inSize && outSize === here.outSize;
    if (matches && next.length === 0) return undefined;
    const ahead = areas([...known, ...next], level, limits);
    if (matches) return { kind: "retry", in: ahead.in, out: ahead.out };
    if (next.length === 0 || input.length < ahead.inSize) {
      throw new DeviceError("EFAULT", `${input.length} bytes in, ${outSize} out: the argument changed meanwhile`);
    }
    known.push(...next);
    let offset = here.inSize;
    next = next.flatMap((part) => {
      const { len } = part.region;
      if (!part.reads) return part.take(new Uint8Array(len));
      offset += len;
      return part.take(input.subarray(offset - len, offset));
    });
    here = ahead;
  }
}

interface Areas {
  readonly in: readonly Region[];
  readonly out: readonly Region[];
  readonly inSize: number;
  readonly outSize: number;
}

/** What a request of this level brings. @throws DeviceError ENOMEM over the limits */
function areas(parts: readonly Part[], level: number, { depth, regions, bytes }: Limits): Areas {
  const reads = parts.filter((part) => part.reads).map((part) => part.region);
  const writes = parts.filter((part) => part.writes).map((part) => part.region);
  // The tag: an area that no reply is long enough to write to. It makes out_size, modulo the depth, tell the level.
  const tag = depth > 2 ? (level + depth - (total(writes) % depth)) % depth : 0;
  const [first] = parts;
  if (first && tag > 0) writes.push({ base: first.region.base, len: tag });
  const found = { in: reads, out: writes, inSize: total(reads), outSize: total(writes) };
  if (reads.length + writes.length > regions || found.inSize > bytes || found.outSize > bytes) {
    const counts = `${reads.length} + ${writes.length} areas, ${found.inSize} bytes in, ${found.outSize} out`;
    throw new DeviceError("ENOMEM", `the argument takes ${counts}; at most ${regions} areas, ${bytes} bytes`);
  }
  return found;
}

function total(regions: readonly Region[]): number {
  return regions.reduce((sum, region) => sum + region.len, 0);
}

/** The bytes of the out areas, in the order in which gather() found them. */
function writeBack(root: Part, value: unknown): Uint8Array {
  return Misfit.named(() => {
    const found = [{ part: root, value }];
    for (const { part, value } of found) found.push(...part.links(value));
    const outs = found.filter(({ part }) => part.writes);
    const reply = new Uint8Array(total(outs.map(({ part }) => part.region)));
    let offset = 0;
    for (const { part, value } of outs) {
      part.write(value, reply.subarray(offset, offset + part.region.len));
      offset += part.region.len;
    }
    return reply;
  });
}
