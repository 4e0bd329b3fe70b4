// The bytes of FUSD_TABLE: a driver's commands, as layout/table.ts flattens them, for the kernel.

import { encode, type FlatLink, type FlatTable, sizeOf } from "../layout/index.ts";
import * as abi from "./fusd-abi.ts";

const PASSING = {
  none: abi.FUSD_ARG.NONE,
  in: abi.FUSD_ARG.IN,
  out: abi.FUSD_ARG.OUT,
  inout: abi.FUSD_ARG.INOUT,
  rounds: abi.FUSD_ARG.RETRY,
  parent: abi.FUSD_ARG.PARENT,
} as const;

/** The whole message. */
export function encodeTable({ commands, types }: FlatTable): Uint8Array {
  const links = types.flatMap((type) => type.links);
  const rows: Uint8Array[] = commands.map(({ number: cmd, model, passing, type }) =>
    encode(abi.fusd_command, "lp64", {
      cmd,
      model: abi.FUSD_MODEL[model],
      passing: PASSING[passing],
      reserved: 0,
      type,
      reserved2: 0,
    }),
  );
  let link = 0;
  for (const type of types) {
    rows.push(encode(abi.fusd_type, "lp64", { size: type.size, link, links: type.links.length, reserved: 0 }));
    link += type.links.length;
  }
  for (const it of links) rows.push(encodeLink(it));
  const len = rows.reduce((sum, row) => sum + row.length, sizeOf(abi.fusd_table, "lp64"));
  const head = encode(abi.fusd_table, "lp64", {
    head: { len, type: abi.FUSD_TABLE, flags: 0, id: 0n },
    commands: commands.length,
    types: types.length,
    links: links.length,
    reserved: 0,
  });
  const message = new Uint8Array(len);
  let at = 0;
  for (const part of [head, ...rows]) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}

function encodeLink({ offset, type, max, count, tail, nullable, passing }: FlatLink): Uint8Array {
  const masked = typeof passing === "object" ? passing : undefined;
  const flags =
    (tail ? abi.FUSD_LINK_TAIL : 0) |
    (nullable ? abi.FUSD_LINK_NULLABLE : 0) |
    (count?.signed ? abi.FUSD_LINK_SIGNED : 0);
  return encode(abi.fusd_link, "lp64", {
    mask: BigInt(masked?.flagged.mask ?? 0),
    offset,
    type,
    max,
    count_offset: count?.offset ?? 0,
    mask_offset: masked?.field.offset ?? 0,
    count_size: count?.size ?? 0,
    mask_size: masked?.field.size ?? 0,
    passing: PASSING[typeof passing === "string" ? passing : passing.flagged.clear],
    passing_if: masked === undefined ? 0 : PASSING[masked.flagged.set],
    flags,
    reserved: new Array(7).fill(0),
  });
}
