// An ioctl's argument as the driver's schema has it, from the messages alone: as it came in, and, because a trace shows
// what the caller got back, as it stands in the caller's memory afterwards. That memory is put together from what the
// request brought and what the answer writes, and planned again, this time with everything in it to be read.

import {
  areasOf,
  type Command,
  type DataModel,
  formatValue,
  type IoctlRequest,
  plan,
  type Region,
} from "../layout/index.ts";
import type { Layout } from "../layout/layout.ts";

/** One round of an ioctl, as the request tells it. */
export interface Round {
  readonly command: Command;
  readonly model: DataModel;
  readonly arg: bigint;
  readonly input: Uint8Array;
  readonly outSize: number;
  /** It brings all areas at once, and nobody asked for them: restricted ioctls, and those of /dev/fusd. */
  readonly complete: boolean;
}

export interface Areas {
  readonly in: readonly Region[];
  readonly out: readonly Region[];
}

/** More rounds than any schema has levels: memory that cannot be planned ends here. */
const MOST_ROUNDS = 16;

/** What the caller gives: undefined for a command that takes nothing in, or when it cannot be told. */
export function argumentIn(round: Round): string | undefined {
  const { command } = round;
  if (command.direction === "none" || command.direction === "out") return undefined;
  try {
    const planned = plan(command, round);
    return planned.kind === "retry" ? address(round.arg) : show(command, planned.value);
  } catch {
    return address(round.arg);
  }
}

/**
 * What the caller has after an answer that wrote to it.
 * @param asked the areas that the session asked the kernel for; undefined: the request is complete
 */
export function argumentOut(round: Round, asked: Areas | undefined, output: Uint8Array): string | undefined {
  const { command, model, arg, input } = round;
  if (command.schema === undefined || output.length === 0) return undefined;
  const reading: Command = { ...command, direction: "in", schema: { layout: readable(command.schema.layout) } };
  try {
    const areas = asked ?? areasOf(command, round);
    const memory = [...mapped(areas.in, input), ...mapped(areas.out, output)];
    let request: IoctlRequest = { model, arg, input: new Uint8Array(), outSize: 0 };
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
      const planned = plan(reading, request);
      if (planned.kind === "call") return show(reading, planned.value);
      const size = planned.out.reduce((sum, area) => sum + area.len, 0);
      request = { model, arg, input: joined(planned.in.map((area) => read(memory, area))), outSize: size };
    }
  } catch {
    // Memory that changed meanwhile.
  }
  return "?";
}

export function address(value: bigint): string {
  return value === 0n ? "NULL" : `0x${value.toString(16)}`;
}

function show({ schema }: Command, value: unknown): string {
  return schema === undefined ? String(value) : formatValue(schema, value);
}

interface Mapped {
  readonly base: bigint;
  readonly bytes: Uint8Array;
}

function mapped(areas: readonly Region[], bytes: Uint8Array): Mapped[] {
  let offset = 0;
  return areas.map(({ base, len }) => {
    offset += len;
    return { base, bytes: bytes.subarray(offset - len, offset) };
  });
}

/** Later entries lie over earlier ones; what nobody brought is zero. */
function read(memory: readonly Mapped[], { base, len }: Region): Uint8Array {
  const found = new Uint8Array(len);
  for (const piece of memory) {
    const shift = Number(piece.base - base);
    const part = shift < 0 ? piece.bytes.subarray(-shift) : piece.bytes;
    const at = Math.max(0, shift);
    if (at < len) found.set(part.subarray(0, len - at), at);
  }
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const readables = new WeakMap<Layout, Layout>();

/** The same layout with every pointer to be read. */
function readable(layout: Layout): Layout {
  const found = readables.get(layout) ?? makeReadable(layout);
  readables.set(layout, found);
  return found;
}

function makeReadable(layout: Layout): Layout {
  switch (layout.kind) {
    case "pointer":
      return { ...layout, target: readable(layout.target), direction: () => "in" };
    case "struct":
      return {
        ...layout,
        fields: layout.fields.map((field) => ({ name: field.name, layout: readable(field.layout) })),
      };
    case "array":
      return { ...layout, item: readable(layout.item) };
    default:
      return layout;
  }
}
