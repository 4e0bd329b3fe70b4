// A program that makes ioctls and the kernel between it and the planner: the retry rounds as Linux fs/fuse/ioctl.c does
// them, its checks included. A client and its memory live for one test.

import { DeviceError } from "../../src/errors.ts";
import { codecOf, type Fields } from "../../src/layout/codec.ts";
import { type Command, type DataModel, encode, type Peek, plan, type Region } from "../../src/layout/index.ts";
import { counted, type Layout } from "../../src/layout/layout.ts";

const BASE = 0x10_0000n;
const MAX_IOV = 256;
const MAX_BYTES = 128 * 1024;

export class Client {
  readonly model: DataModel;
  readonly memory = new Uint8Array(256 * 1024);
  /** Called before the kernel reads the memory for a round: 1, 2, ... */
  beforeRound: (round: number) => void = () => {};
  rounds = 0;
  /** What the planner sees when it looks ahead. Default: it cannot */
  peek: Peek | undefined = undefined;
  #end = 0;

  constructor(model: DataModel) {
    this.model = model;
  }

  /** Mapped memory at an address. @throws DeviceError EFAULT */
  at(address: bigint, length: number): DataView<ArrayBuffer> {
    const offset = Number(address - BASE);
    if (offset < 0 || offset + length > this.memory.length) throw new DeviceError("EFAULT", "unmapped");
    return new DataView(this.memory.buffer, offset, length);
  }

  allocate(size: number): bigint {
    const address = BASE + BigInt(this.#end);
    this.#end += Math.ceil(size / 16) * 16 + 16;
    return address;
  }

  /** Lays a value out in memory, and all that it points to. @returns its address */
  store(layout: Layout, value: unknown): bigint {
    const last = layout.kind === "struct" ? layout.fields.at(-1) : undefined;
    const tail = last && isOpen(last.layout) ? codecOf(counted(last.layout, fields(value)), this.model).size : 0;
    const address = this.allocate(codecOf(layout, this.model).size + tail);
    this.#storeAt(layout, value, address);
    return address;
  }

  #storeAt(layout: Layout, value: unknown, address: bigint): void {
    if (layout.kind === "struct") {
      for (const { name, layout: field, address: place } of this.fieldsOf(layout, address)) {
        const content = fields(value)[name];
        if (field.kind === "pointer") {
          const target = content === null ? 0n : this.store(counted(field.target, fields(value)), content);
          this.writePointer(place, target);
        } else this.#storeAt(counted(field, fields(value)), content, place);
      }
    } else if (layout.kind === "array" && Array.isArray(value)) {
      const { size } = codecOf(layout.item, this.model);
      value.forEach((item, index) => {
        this.#storeAt(layout.item, item, address + BigInt(index * size));
      });
    } else {
      const { buffer, byteOffset, byteLength } = this.at(address, codecOf(layout, this.model).size);
      encode({ layout }, this.model, value, new Uint8Array(buffer, byteOffset, byteLength));
    }
  }

  /** The value at an address, all that it points to included: a direct reading, without planner or rounds. */
  load(layout: Layout, address: bigint): unknown {
    if (layout.kind === "struct") {
      const value: Fields = {};
      const later = this.fieldsOf(layout, address);
      for (const { name, layout: field, address: place } of later) {
        if (field.kind !== "pointer" && !isOpen(field)) value[name] = this.load(field, place);
      }
      for (const { name, layout: field, address: place } of later) {
        if (isOpen(field)) value[name] = this.load(counted(field, value), place);
        if (field.kind !== "pointer") continue;
        const target = this.readPointer(place);
        const inner = counted(field.target, value);
        // A length of 0 is empty wherever the pointer points.
        const empty = codecOf(inner, this.model).size === 0 && !(field.nullable && target === 0n);
        value[name] = empty ? this.load(inner, BASE) : target === 0n ? null : this.load(inner, target);
      }
      return value;
    }
    const codec = codecOf(layout, this.model);
    if (layout.kind === "array") {
      const { size } = codecOf(layout.item, this.model);
      return Array.from({ length: codec.size / size }, (_, index) =>
        this.load(layout.item, address + BigInt(index * size)),
      );
    }
    return codec.decode(this.at(address, codec.size), 0);
  }

  fieldsOf(layout: Layout, address: bigint): { name: string; layout: Layout; address: bigint }[] {
    const { offsets } = codecOf(layout, this.model);
    const all = layout.kind === "struct" ? layout.fields : [];
    return all.map((field) => ({ ...field, address: address + BigInt(offsets[field.name] ?? Number.NaN) }));
  }

  writePointer(place: bigint, target: bigint): void {
    if (this.model === "lp64") this.at(place, 8).setBigUint64(0, target, true);
    else this.at(place, 4).setUint32(0, Number(target), true);
  }

  readPointer(place: bigint): bigint {
    return this.model === "lp64"
      ? this.at(place, 8).getBigUint64(0, true)
      : BigInt(this.at(place, 4).getUint32(0, true));
  }

  /** One ioctl(2) with a pointer. @param handle the driver's handler. @throws DeviceError, the caller's errno */
  ioctl<Arg>(command: Command<Arg>, arg: bigint, handle: (value: Arg) => void): void {
    let asked: { in: readonly Region[]; out: readonly Region[] } = { in: [], out: [] };
    for (this.rounds = 1; ; this.rounds++) {
      this.beforeRound(this.rounds);
      const input = Uint8Array.from(
        asked.in.flatMap(({ base, len }) => [...new Uint8Array(len).map(reader(this.at(base, len)))]),
      );
      const outSize = total(asked.out);
      const step = plan(command, { model: this.model, arg, input, outSize, peek: this.peek });
      if (step.kind === "call") {
        handle(step.value);
        const reply = step.reply(step.value);
        if (reply.length > outSize) throw new DeviceError("EIO", "more data than asked for");
        this.#copyOut(reply, asked.out);
        return;
      }
      if (step.in.length + step.out.length > MAX_IOV) throw new DeviceError("ENOMEM", "too many areas");
      if (total(step.in) > MAX_BYTES || total(step.out) > MAX_BYTES) throw new DeviceError("ENOMEM", "too many bytes");
      if (this.model !== "lp64" && [...step.in, ...step.out].some(({ base }) => base >= 2n ** 32n)) {
        throw new DeviceError("EIO", "not an address of a 32-bit caller");
      }
      asked = step;
    }
  }

  #copyOut(reply: Uint8Array, areas: readonly Region[]): void {
    let offset = 0;
    for (const { base, len } of areas) {
      const length = Math.min(len, reply.length - offset);
      if (length === 0) return;
      const { buffer, byteOffset } = this.at(base, length);
      new Uint8Array(buffer, byteOffset, length).set(reply.subarray(offset, offset + length));
      offset += length;
    }
  }
}

function reader(view: DataView): (_: number, index: number) => number {
  return (_, index) => view.getUint8(index);
}

function total(areas: readonly Region[]): number {
  return areas.reduce((sum, { len }) => sum + len, 0);
}

function isOpen(layout: Layout): boolean {
  return "count" in layout && typeof layout.count === "object";
}

function fields(value: unknown): Fields {
  return Object.fromEntries(Object.entries(value ?? {}));
}

/** The errno that `act` throws, or "none". Anything but a DeviceError comes through. */
export function errnoOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DeviceError) return error.code;
    throw error;
  }
  return "none";
}
