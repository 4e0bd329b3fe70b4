// Ioctl commands: a number that the caller passes, and the schema of what its argument points to. Commands are
// immutable constants of a driver's module; a table of them lives as long as its device.

import { UsageError } from "../errors.ts";
import { countName, type Direction, isOpen, type Layout, toldCount } from "./layout.ts";
import { sizeOf } from "./marshal.ts";
import { DATA_MODELS, type DataModel } from "./model.ts";
import { type Alone, bytes, type Schema } from "./schema.ts";

/** How a command passes its argument: not at all, as an int or an address in place of a pointer, or in memory. */
export type Passing = "none" | "value" | "address" | Direction;

export interface Command<out Arg = unknown> {
  readonly direction: Passing;
  /** What the argument points to; undefined where it is no pointer. */
  readonly schema: Schema<Arg> | undefined;
  /** The 32-bit command number that callers of this data model pass. */
  readonly number: (model: DataModel) => number;
  /** Of a command for every size that its number can have: the one for this size. `number` has size 0 then. */
  readonly ofSize?: (size: number) => Command<Arg>;
}

/** Bits 0-7 nr, 8-15 type, 16-29 size, 30-31 direction as the caller sees it: include/uapi/asm-generic/ioctl.h. */
const NONE = 0;
const WRITE = 1;
const READ = 2;
const SIZE_LIMIT = 1 << 14;
const SIZE_BITS = (SIZE_LIMIT - 1) << 16;

function ioc(direction: number, type: number, nr: number, size: number): number {
  return ((direction << 30) | (size << 16) | (type << 8) | nr) >>> 0;
}

/** A driver's letter, or the number that it uses instead. */
export type IoctlType = string | number;

function typeNumber(type: IoctlType, nr: number): number {
  const number = typeof type === "number" ? type : type.length === 1 ? type.charCodeAt(0) : -1;
  for (const part of [number, nr]) {
    if (!Number.isInteger(part) || part < 0 || part > 0xff) {
      throw new UsageError(`an ioctl's type is one letter or a number to 255, its nr a number to 255: ${type}, ${nr}`);
    }
  }
  return number;
}

/** `_IO(type, nr)`. The argument is an int passed by value; with "address" all of a pointer; with "none" ignored. */
export function io(type: IoctlType, nr: number, passing: "none"): Command<undefined>;
export function io(type: IoctlType, nr: number, passing?: "value"): Command<number>;
export function io(type: IoctlType, nr: number, passing: "address"): Command<bigint>;
export function io(type: IoctlType, nr: number, passing: "none" | "value" | "address" = "value"): Command {
  const number = ioc(NONE, typeNumber(type, nr), nr, 0);
  return { direction: passing, schema: undefined, number: () => number };
}

/** `_IOR(type, nr, schema)`: the caller reads. `direction` is for drivers whose number does not tell what they do. */
export function ior<Arg>(type: IoctlType, nr: number, schema: Alone<Arg>, direction: Direction = "out"): Command<Arg> {
  return sized(ioc(READ, typeNumber(type, nr), nr, 0), schema, direction);
}

/** `_IOW(type, nr, schema)`: the caller writes. */
export function iow<Arg>(type: IoctlType, nr: number, schema: Alone<Arg>, direction: Direction = "in"): Command<Arg> {
  return sized(ioc(WRITE, typeNumber(type, nr), nr, 0), schema, direction);
}

/** `_IOWR(type, nr, schema)`: the caller writes and reads. */
export function iowr<Arg>(
  type: IoctlType,
  nr: number,
  schema: Alone<Arg>,
  direction: Direction = "inout",
): Command<Arg> {
  return sized(ioc(READ | WRITE, typeNumber(type, nr), nr, 0), schema, direction);
}

/** A command whose number holds the size of its argument, which differs between data models. */
function sized<Arg>(base: number, schema: Alone<Arg>, direction: Direction): Command<Arg> {
  checkArgument(schema.layout);
  for (const model of DATA_MODELS) {
    const size = sizeOf(schema, model);
    if (size >= SIZE_LIMIT) throw new UsageError(`${describeIoctl(base)}: ${size} bytes do not fit an ioctl number`);
  }
  return { direction, schema, number: (model) => (base | (sizeOf(schema, model) << 16)) >>> 0 };
}

/**
 * `_IOC(_IOC_READ, type, nr, length)` for every length from 1 that a caller says, as EVIOCGNAME(length) and
 * LPIOC_GET_DEVICE_ID(length) are: the caller's buffer of that length, zeroes at first. Not on fusd, whose module knows
 * commands by their whole number.
 */
export function iorOfAnySize(type: IoctlType, nr: number): Command<Uint8Array> {
  const base = ioc(READ, typeNumber(type, nr), nr, 0);
  const ofSize = (size: number) => ({
    direction: "out" as const,
    schema: bytes(size),
    number: () => (base | (size << 16)) >>> 0,
  });
  return { ...ofSize(1), number: () => base, ofSize };
}

/**
 * A command with a number of its own, as those from before `_IOC` have (TCGETS is 0x5401).
 * @param schema what the argument points to; or how an argument is passed that points to nothing: "value" (an int, the
 *   default), "address" (a cookie as wide as a pointer, a bigint) or "none"
 * @param direction default "in"
 */
export function command(number: number, passing: "none"): Command<undefined>;
export function command(number: number, passing?: "value"): Command<number>;
export function command(number: number, passing: "address"): Command<bigint>;
export function command<Arg>(number: number, schema: Alone<Arg>, direction?: Direction): Command<Arg>;
export function command(
  number: number,
  argument: Alone<unknown> | "none" | "value" | "address" = "value",
  direction: Direction = "in",
): Command {
  if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) {
    throw new UsageError(`an ioctl number has 32 bits: ${number}`);
  }
  if (typeof argument === "string") return { direction: argument, schema: undefined, number: () => number };
  checkArgument(argument.layout);
  return { direction, schema: argument, number: () => number };
}

function checkArgument(layout: Layout): void {
  if (layout.kind === "pointer")
    throw new UsageError("an ioctl's argument is a pointer already: give what it points to");
  const count = toldCount(layout);
  if (count && isOpen(layout)) throw new UsageError(`a length told by ${countName(count)} needs a struct around it`);
}

/** A command number as C writes it, for logs: `_IOR('P', 23, 4)`, `_IO(0x07, 7)`. */
export function describeIoctl(number: number): string {
  const [direction, size] = [number >>> 30, (number >>> 16) & (SIZE_LIMIT - 1)];
  const [type, nr] = [(number >>> 8) & 0xff, number & 0xff];
  const letter = String.fromCharCode(type);
  const shownType = /[A-Za-z0-9]/.test(letter) ? `'${letter}'` : `0x${type.toString(16).padStart(2, "0")}`;
  if (direction === NONE && size !== 0) return `_IOC(0, ${shownType}, ${nr}, ${size})`;
  const name = ["_IO", "_IOW", "_IOR", "_IOWR"][direction];
  return direction === NONE ? `_IO(${shownType}, ${nr})` : `${name}(${shownType}, ${nr}, ${size})`;
}

export interface CommandTable<Name extends string = string> {
  /** The command that callers of this data model mean by this number; undefined: ENOTTY. */
  readonly lookup: (number: number, model: DataModel) => NamedCommand<Name> | undefined;
}

export interface NamedCommand<Name extends string = string> {
  readonly name: Name;
  readonly command: Command;
}

/**
 * Commands by number.
 * @throws UsageError when two commands have the same number in one data model
 */
export function commandTable<Name extends string>(commands: Readonly<Record<Name, Command>>): CommandTable<Name> {
  const tables = new Map(DATA_MODELS.map((model) => [model, new Map<number, NamedCommand<Name>>()]));
  const ofAnySize = new Map<number, { readonly name: Name; readonly command: Command }>();
  // The keys of a Record<Name, ...> are Names; Object.keys() is typed for objects that have more keys than their type.
  for (const name of Object.keys(commands) as Name[]) {
    const command = commands[name];
    if (command.ofSize !== undefined) {
      ofAnySize.set(command.number("lp64"), { name, command });
      continue;
    }
    for (const [model, table] of tables) {
      const number = command.number(model);
      const other = table.get(number);
      if (other) throw new UsageError(`${other.name} and ${name} are both ${describeIoctl(number)} for ${model}`);
      table.set(number, { name, command });
    }
  }
  return {
    lookup(number, model) {
      const table = tables.get(model);
      const exact = table?.get(number >>> 0);
      if (exact !== undefined || ofAnySize.size === 0) return exact;
      const found = ofAnySize.get((number & ~SIZE_BITS) >>> 0);
      const size = (number & SIZE_BITS) >>> 16;
      const command = size === 0 ? undefined : found?.command.ofSize?.(size);
      if (found === undefined || command === undefined) return undefined;
      // Remembered, as others keep books on commands: there are no more than SIZE_LIMIT.
      const named = { name: found.name, command };
      table?.set(number >>> 0, named);
      return named;
    },
  };
}
