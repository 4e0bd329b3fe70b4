// A FUSD_TABLE followed over a client's memory, as kernel/fusd/uapi/fusd.h says that the kernel does it: from the
// message's bytes alone. A Gatherer lives as long as the table.

import { DeviceError, InternalError } from "../../src/errors.ts";
import { type DataModel, decode, type Infer, type Region, type StructSchema, sizeOf } from "../../src/layout/index.ts";
import * as abi from "../../src/wire/fusd-abi.ts";

/** Reads the client's memory. @throws DeviceError EFAULT */
export type Read = (base: bigint, len: number) => Uint8Array;

export interface Gathered {
  readonly input: Uint8Array;
  /** Where the answer's bytes go, in order. */
  readonly out: readonly Region[];
}

type Link = Infer<typeof abi.fusd_link>;
type Passing = number;

interface Area {
  readonly base: bigint;
  readonly items: number;
  readonly type: number;
  readonly passing: Passing;
}

const { NONE, IN, OUT, RETRY, PARENT } = abi.FUSD_ARG;

export class Gatherer {
  readonly #commands: readonly Infer<typeof abi.fusd_command>[];
  readonly #types: readonly Infer<typeof abi.fusd_type>[];
  readonly #links: readonly Link[];

  constructor(message: Uint8Array) {
    const { head, commands, types, links } = decode(abi.fusd_table, "lp64", message);
    if (head.len !== message.length || head.type !== abi.FUSD_TABLE) throw new InternalError("no FUSD_TABLE");
    let at = sizeOf(abi.fusd_table, "lp64");
    function rows<T>(schema: StructSchema<T>, count: number): T[] {
      const from = at;
      at += count * sizeOf(schema, "lp64");
      return Array.from({ length: count }, (_, index) =>
        decode(schema, "lp64", message, from + index * sizeOf(schema, "lp64")),
      );
    }
    this.#commands = rows(abi.fusd_command, commands);
    this.#types = rows(abi.fusd_type, types);
    this.#links = rows(abi.fusd_link, links);
    if (at !== message.length) throw new InternalError("bytes left over");
    this.#types.forEach(({ size, link, links }, index) => {
      if (size === 0 || link + links > this.#links.length) throw new InternalError("a wrong type");
      for (const { type } of this.#linksOf(index))
        if (type <= index || type >= this.#types.length) throw new InternalError("a link that leads back");
    });
  }

  /** @returns "retry" where only the daemon knows @throws DeviceError as the caller gets it */
  gather(cmd: number, model: DataModel, arg: bigint, read: Read): Gathered | "retry" {
    const command = this.#commands.find((it) => it.cmd === cmd && it.model === abi.FUSD_MODEL[model]);
    if (command === undefined) throw new DeviceError("ENOTTY");
    const { passing, type } = command;
    if (passing === RETRY) return "retry";
    const input: Uint8Array[] = [];
    const out: Region[] = [];
    if (passing === NONE) return { input: new Uint8Array(), out };
    if (arg === 0n) throw new DeviceError("EFAULT");
    let level: Area[] = [{ base: arg, items: 1, type, passing }];
    while (level.length > 0) {
      const next: Area[] = [];
      for (const area of level) {
        const { size } = this.#typeAt(area.type);
        const len = size * area.items;
        const links = this.#linksOf(area.type);
        if (area.passing !== IN) out.push({ base: area.base, len });
        if (area.passing === OUT && links.length === 0) continue;
        const bytes = read(area.base, len);
        input.push(bytes);
        for (let item = 0; item < area.items; item++)
          for (const link of links) this.#follow(link, { area, bytes, item: item * size, model }, next);
      }
      level = next;
    }
    return { input: Uint8Array.from(input.flatMap((part) => [...part])), out };
  }

  #typeAt(index: number): Infer<typeof abi.fusd_type> {
    const type = this.#types[index];
    if (type === undefined) throw new InternalError(`no type ${index}`);
    return type;
  }

  #linksOf(type: number): readonly Link[] {
    const { link, links } = this.#typeAt(type);
    return this.#links.slice(link, link + links);
  }

  #follow(link: Link, from: { area: Area; bytes: Uint8Array; item: number; model: DataModel }, next: Area[]): void {
    const { area, bytes, item, model } = from;
    const view = new DataView(bytes.buffer, bytes.byteOffset + item);
    const isTail = (link.flags & abi.FUSD_LINK_TAIL) !== 0;
    const pointerSize = model === "lp64" ? 8 : 4;
    const base = isTail ? area.base + BigInt(item + link.offset) : field(view, link.offset, pointerSize, false);
    if (base === 0n && (link.flags & abi.FUSD_LINK_NULLABLE) !== 0) return;
    let items = BigInt(link.max);
    if (link.count_size > 0) {
      items = field(view, link.count_offset, link.count_size, (link.flags & abi.FUSD_LINK_SIGNED) !== 0);
      if (items < 0n || items > BigInt(link.max)) throw new DeviceError("EINVAL");
    }
    if (items === 0n) return;
    if (base === 0n) throw new DeviceError("EFAULT");
    const isSet = link.mask_size > 0 && (field(view, link.mask_offset, link.mask_size, false) & link.mask) !== 0n;
    const told = isSet ? link.passing_if : link.passing;
    next.push({ base, items: Number(items), type: link.type, passing: told === PARENT ? area.passing : told });
  }
}

function field(view: DataView, at: number, size: number, signed: boolean): bigint {
  let value = 0n;
  for (let byte = size; byte-- > 0; ) value = (value << 8n) | BigInt(view.getUint8(at + byte));
  return signed ? BigInt.asIntN(8 * size, value) : value;
}
