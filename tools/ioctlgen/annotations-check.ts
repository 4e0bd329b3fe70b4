// Loads an annotation file and looks at the shape of what it exports: tsc would have, but nobody has to have run it.

import { access } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { ToolError } from "../shared/errors.ts";
import type { Annotations } from "./annotations.ts";

type Check = (value: unknown, path: string) => void;

function fail(path: string, what: string): never {
  throw new ToolError(`${path}: ${what}`);
}

const text: Check = (value, path) => {
  if (typeof value !== "string" || value === "") fail(path, "must be a text");
};

const oneOf =
  (...words: readonly string[]): Check =>
  (value, path) => {
    if (!words.some((word) => word === value)) fail(path, `must be one of ${words.join(", ")}`);
  };

const flag: Check = (value, path) => {
  if (typeof value !== "boolean") fail(path, "must be true or false");
};

const limit: Check = (value, path) => {
  if (typeof value === "string") return;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
    fail(path, "must be a positive integer, or a constant's name");
};

const listOf =
  (item: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) fail(path, "must be a list");
    for (const [index, each] of value.entries()) item(each, `${path}[${index}]`);
  };

const groups: Check = (value, path) => (typeof value === "string" ? text : listOf(text))(value, path);

function entriesOf(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "must be an object");
  return Object.entries(value);
}

const recordOf =
  (item: Check): Check =>
  (value, path) => {
    for (const [key, each] of entriesOf(value, path)) item(each, `${path}["${key}"]`);
  };

/** An object with just these properties; those of `required` must be there. */
const shape =
  (properties: Readonly<Record<string, Check>>, ...required: readonly string[]): Check =>
  (value, path) => {
    const entries = entriesOf(value, path);
    for (const [key, each] of entries) {
      const check = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (check === undefined) fail(path, `${key} is no annotation; there are ${Object.keys(properties).join(", ")}`);
      check(each, `${path}.${key}`);
    }
    for (const key of required) if (!entries.some(([name]) => name === key)) fail(path, `${key} is missing`);
  };

const way = oneOf("in", "out", "inout");
const flagged = shape({ field: text, mask: limit, set: way, clear: way }, "field", "mask", "set", "clear");

const direction: Check = (value, path) => {
  if (typeof value === "string" && isRule(value)) return;
  (typeof value === "object" ? flagged : way)(value, path);
};

const FIELD = shape({
  doc: text,
  flags: groups,
  values: groups,
  as: oneOf("string", "bytes", "address"),
  to: text,
  count: text,
  max: limit,
  direction,
  nullable: flag,
});

const COMMAND = shape({
  doc: text,
  argument: text,
  direction: oneOf("in", "out", "inout"),
  flags: groups,
  values: groups,
  with: text,
});

const ANNOTATIONS = shape(
  {
    headers: listOf(text),
    about: text,
    constants: recordOf(shape({ doc: text, names: listOf(text), except: listOf(text), isHex: flag }, "names")),
    types: recordOf(shape({ doc: text, fields: recordOf(FIELD), choose: listOf(text) })),
    commands: recordOf(COMMAND),
    except: listOf(text),
  },
  "headers",
  "about",
  "commands",
);

/** Whether an annotation is TypeScript for the output, and no name. */
export function isRule(value: string): boolean {
  return value.includes("=>");
}

function isAnnotations(value: unknown, path: string): value is Annotations {
  ANNOTATIONS(value, path);
  return true;
}

/** @param name begins the messages. @throws ToolError when it has not the shape of Annotations */
export function checkAnnotations(value: unknown, name: string): Annotations {
  return isAnnotations(value, name) ? value : fail(name, "no annotations");
}

/** @throws ToolError when there is no such file, or its default export has not the shape of Annotations */
export async function loadAnnotations(file: string, name: string): Promise<Annotations> {
  await access(file).catch((cause) => {
    throw new ToolError(`${name}: there is no such file`, { cause });
  });
  const module: { readonly default?: unknown } = await import(pathToFileURL(file).href);
  return checkAnnotations(module.default, name);
}
