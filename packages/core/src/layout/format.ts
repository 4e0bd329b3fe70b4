// Values in trace lines, in the manner of strace: {addr=80, flags=I2C_M_RD, len=2, buf="\x01A"}.

import type { Layout, ScalarLayout } from "./layout.ts";
import type { Schema } from "./schema.ts";

/** How many characters of a string and items of an array are shown. */
const SHOWN = 32;

/** A value in one line, cut short. Shows "?" for what does not belong to the schema; never throws. */
export function formatValue<T>(schema: Schema<T>, value: T): string {
  return format(schema.layout, value);
}

function format(layout: Layout, value: unknown): string {
  if (value === null) return "NULL";
  if (layout.kind === "pointer") return format(layout.target, value);
  if (layout.kind === "struct" && typeof value === "object") {
    const values = new Map(Object.entries(value));
    return `{${layout.fields.map(({ name, layout }) => `${name}=${format(layout, values.get(name))}`).join(", ")}}`;
  }
  if (layout.kind === "array" && Array.isArray(value)) {
    const items = value.slice(0, SHOWN).map((item) => format(layout.item, item));
    return `[${items.join(", ")}${value.length > SHOWN ? ", ..." : ""}]`;
  }
  if (layout.kind === "scalar" && (typeof value === "number" || typeof value === "bigint")) {
    return formatScalar(layout, value);
  }
  if (typeof value === "string") return quote(Array.from(value));
  if (value instanceof Uint8Array)
    return quote(Array.from(value.subarray(0, SHOWN + 1), (c) => String.fromCharCode(c)));
  return "?";
}

/** In C's notation; what is not printable ASCII as \xNN or \u{N}. */
function quote(characters: readonly string[]): string {
  const escaped = characters.slice(0, SHOWN).map((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === '"' || character === "\\") return `\\${character}`;
    if (code >= 0x20 && code < 0x7f) return character;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
  return `"${escaped.join("")}"${characters.length > SHOWN ? "..." : ""}`;
}

function formatScalar({ type, names }: ScalarLayout, value: number | bigint): string {
  if (type === "address") return Number(value) === 0 ? "NULL" : `0x${value.toString(16)}`;
  if (names === undefined || (typeof value === "number" && !Number.isInteger(value))) return String(value);
  if (names.style === "enumeration") return names.of.get(BigInt(value)) ?? String(value);
  let rest = BigInt.asUintN(64, BigInt(value));
  const shown: string[] = [];
  for (const [bits, name] of names.of) {
    if (bits === 0n || (rest & bits) !== bits) continue;
    shown.push(name);
    rest &= ~bits;
  }
  if (rest !== 0n) shown.push(`0x${rest.toString(16)}`);
  return shown.length > 0 ? shown.join("|") : (names.of.get(0n) ?? "0");
}
