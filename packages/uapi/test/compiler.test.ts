// The C compiler is the judge of all that the generated files say, for each data model: every size, alignment and
// offset, every command's number, every constant. The generator asks clang before it writes; this asks gcc about what
// stands there, and takes from the files nothing but their exports.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  alignOf,
  type Command,
  type DataModel,
  offsetsOf,
  type Schema,
  type StructSchema,
  sizeOf,
} from "@devlift/core";
import { afterAll, describe, expect, test } from "vitest";
import i2cAnnotations from "../src/i2c.annotations.ts";
import * as i2c from "../src/i2c.ts";
import ppdevAnnotations from "../src/ppdev.annotations.ts";
import * as ppdev from "../src/ppdev.ts";
import soundcardAnnotations from "../src/soundcard.annotations.ts";
import * as soundcard from "../src/soundcard.ts";
import termiosAnnotations from "../src/termios.annotations.ts";
import * as termios from "../src/termios.ts";
import usbdevice_fsAnnotations from "../src/usbdevice_fs.annotations.ts";
import * as usbdevice_fs from "../src/usbdevice_fs.ts";

type Exports = Readonly<Record<string, unknown>>;

const FILES: readonly (readonly [string, readonly string[], Exports])[] = [
  ["i2c", i2cAnnotations.headers, i2c],
  ["ppdev", ppdevAnnotations.headers, ppdev],
  ["soundcard", soundcardAnnotations.headers, soundcard],
  ["termios", termiosAnnotations.headers, termios],
  ["usbdevice_fs", usbdevice_fsAnnotations.headers, usbdevice_fs],
];

const MODELS: readonly (readonly [DataModel, string])[] = [
  ["lp64", "-m64"],
  ["ilp32", "-m32"],
  ["x32", "-mx32"],
];

/** Types that C does not call "struct NAME". */
const C_TYPES: Readonly<Record<string, string>> = {
  i2c_smbus_data: "union i2c_smbus_data",
  mpu_command_rec: "mpu_command_rec",
};

/** Commands whose macros have parameters. */
const C_NUMBERS: Readonly<Record<string, string>> = {
  USBDEVFS_CONNINFO_EX: "USBDEVFS_CONNINFO_EX(sizeof(struct usbdevfs_conninfo_ex))",
};

const folder = mkdtempSync(join(tmpdir(), "devlift-uapi-"));
afterAll(() => rmSync(folder, { recursive: true }));

const multiarch = execFileSync("cc", ["-print-multiarch"], { encoding: "utf8" }).trim();

/** The first that the compiler has to say against a source. */
function complaints(flag: string, headers: readonly string[], facts: readonly string[]): string {
  const file = join(folder, `check${flag}.c`);
  const asserted = facts.map((fact) => `_Static_assert(${fact}, "");`);
  writeFileSync(file, ["stddef.h", ...headers].map((name) => `#include <${name}>\n`).join("") + asserted.join("\n"));
  const options = ["-std=gnu11", "-ffreestanding", "-fsyntax-only", "-isystem", `/usr/include/${multiarch}`];
  const { status, stderr } = spawnSync("cc", [flag, ...options, file], { encoding: "utf8" });
  expect(status, "cc did not run").not.toBeNull();
  return stderr.slice(0, 2000);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "layout" in value;
}

function isStruct(schema: Schema): schema is StructSchema {
  return schema.layout.kind === "struct";
}

/** The size and the signedness of each field. A flexible array has no size, and what is no integer no sign. */
function fieldFacts(type: string, schema: StructSchema, model: DataModel): string[] {
  const pointerSize = model === "lp64" ? 8 : 4;
  return schema.layout.fields.flatMap(({ name, layout }) => {
    if ("count" in layout && typeof layout.count === "object") return [];
    const field = `((${type} *)0)->${name}`;
    const size = layout.kind === "pointer" ? pointerSize : sizeOf({ layout }, model);
    const facts = [`sizeof(${field}) == ${size}`];
    if (layout.kind === "scalar" && layout.type !== "address") {
      facts.push(`((__typeof__(${field}))-1 < 0) == ${Number(/^(i|long|kernelLong)/.test(layout.type))}`);
    }
    return facts;
  });
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "number" in value && typeof value.number === "function";
}

function isGroup(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "number");
}

interface Facts {
  readonly types: string[];
  readonly numbers: string[];
  readonly constants: string[];
}

function factsOf(exports: Exports, model: DataModel): Facts {
  const facts: Facts = { types: [], numbers: [], constants: [] };
  for (const [name, value] of Object.entries(exports)) {
    if (isCommand(value)) facts.numbers.push(`(${C_NUMBERS[name] ?? name}) == ${value.number(model)}u`);
    else if (isSchema(value)) {
      const type = C_TYPES[name] ?? `struct ${name}`;
      const offsets = isStruct(value) ? Object.entries(offsetsOf(value, model)) : [];
      facts.types.push(`sizeof(${type}) == ${sizeOf(value, model)}`, `_Alignof(${type}) == ${alignOf(value, model)}`);
      if (isStruct(value)) facts.types.push(...fieldFacts(type, value, model));
      facts.types.push(...offsets.map(([field, offset]) => `offsetof(${type}, ${field}) == ${offset}`));
    } else if (isGroup(value)) {
      facts.constants.push(...Object.entries(value).map(([constant, number]) => `(${constant}) == ${number}`));
    } else throw new TypeError(`${name} is neither a schema nor a command nor constants`);
  }
  return facts;
}

describe.each(FILES)("%s", (_, headers, exports) => {
  test.each(MODELS)("%s", (model, flag) => {
    const facts = factsOf(exports, model);
    // All exports are among them: factsOf() throws for what it does not know.
    for (const some of Object.values(facts)) expect(some).not.toHaveLength(0);
    expect(complaints(flag, headers, [...facts.types, ...facts.numbers, ...facts.constants])).toBe("");
  });

  test.each(MODELS)("a wrong offset, number or constant would be seen, %s", (model, flag) => {
    const { types, numbers, constants } = factsOf(exports, model);
    for (const facts of [types, numbers, constants]) {
      const [last = "", ...others] = [...facts].reverse();
      expect(complaints(flag, headers, [...others, last.replace("==", "!=")])).toContain("assertion failed");
    }
  });
});
