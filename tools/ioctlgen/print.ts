// Prints a model as a TypeScript module, in the words of @devlift/core's schema language. Its line breaks are left to
// the formatter.

import type { Annotations, DirectionAnnotation } from "./annotations.ts";
import { isRule } from "./annotations-check.ts";
import { shownPlace } from "./macros.ts";
import {
  boxName,
  type Constant,
  type Group,
  type Model,
  type ModelCommand,
  type ModelCount,
  type NamedType,
  type Type,
} from "./model.ts";

export interface Origin {
  readonly annotations: Annotations;
  /** The annotation file's name, and the tool's argument for it. */
  readonly file: string;
  readonly argument: string;
}

/** Prints, and notes which words of the schema language it needs. */
class Printer {
  readonly words = new Set<string>();
  readonly boxes = new Map<string, string>();

  word(name: string): string {
    this.words.add(name);
    return name;
  }

  type(type: Type): string {
    switch (type.kind) {
      case "integer": {
        const { word, names } = type;
        if (names === undefined) return this.word(word);
        const [only = "", ...more] = names.groups;
        const group = more.length === 0 ? only : `{ ${names.groups.map((name) => `...${name}`).join(", ")} }`;
        return `${this.word(names.style === "flags" ? "flags" : "enumeration")}(${this.word(word)}, ${group})`;
      }
      case "named":
        return type.type.name;
      case "bytes":
        return `${this.word("bytes")}(${count(type.count)})`;
      case "string":
        return `${this.word("cstring")}(${count(type.count)})`;
      case "array":
        return `${this.word("array")}(${this.type(type.item)}, ${count(type.count)})`;
      case "union":
        return `${this.word("union")}(${type.members.map((member) => this.type(member)).join(", ")})`;
      case "struct": {
        const fields = type.fields.map(({ name, doc, type }) => `${comment(doc)}${name}: ${this.type(type)},\n`);
        return `${this.word("struct")}({\n${fields.join("")}})`;
      }
      case "pointer": {
        const options = type.nullable ? ", { nullable: true }" : "";
        const target = this.type(type.target);
        return `${this.word("ptr")}(${target}, ${this.#direction(type.direction)}${options})`;
      }
    }
  }

  #direction(direction: DirectionAnnotation): string {
    if (typeof direction === "string") return isRule(direction) ? direction : JSON.stringify(direction);
    const { field, mask, set, clear } = direction;
    const bits = typeof mask === "number" ? `0x${mask.toString(16)}` : mask;
    return `${this.word("flagged")}(${JSON.stringify(field)}, ${bits}, ${JSON.stringify(set)}, ${JSON.stringify(clear)})`;
  }

  group({ name, doc, isHex, constants }: Group): string {
    const lines = constants.map((constant) => `${constant.name}: ${constantValue(constant, isHex)},\n`);
    return `${comment(doc)}export const ${name} = {\n${lines.join("")}} as const;\n`;
  }

  named({ name, c, doc, place, type }: NamedType): string {
    const header = shownPlace(place).replace(/:\d+$/, "");
    const about = comment(`${doc === undefined ? "" : `${doc.replace(/\.?$/, ".")} `}${c} of ${header}.`);
    return `${about}export const ${name} = ${this.type(type)};\nexport type ${name} = ${this.word("Infer")}<typeof ${name}>;\n`;
  }

  command(command: ModelCommand): string {
    return `${comment(command.doc)}export const ${command.name} = ${this.#call(command)};\n`;
  }

  #call({ number, isEncoded, isHex, argument, direction }: ModelCommand): string {
    const [way, letter, nr] = [number >>> 30, (number >>> 8) & 0xff, number & 0xff];
    const character = String.fromCharCode(letter);
    const type = /[A-Za-z0-9]/.test(character) ? JSON.stringify(character) : `0x${letter.toString(16)}`;
    const place = `${type}, ${isHex ? `0x${nr.toString(16)}` : nr}`;
    if (typeof argument === "string") {
      const passing = argument === "value" ? "" : `, ${JSON.stringify(argument)}`;
      return isEncoded ? `${this.word("io")}(${place}${passing})` : `${this.word("command")}(${hex(number)}${passing})`;
    }
    const verb = isEncoded ? (["command", "iow", "ior", "iowr"][way] ?? "command") : "command";
    const usual = { iow: "in", ior: "out", iowr: "inout" }[verb] ?? "in";
    const head = verb === "command" ? hex(number) : place;
    const tail = direction === usual ? "" : `, ${JSON.stringify(direction)}`;
    return `${this.word(verb)}(${head}, ${this.#argument(argument)}${tail})`;
  }

  /** What a pointer points to; an integer in a struct, so that a driver can change it. */
  #argument(type: Type): string {
    if (type.kind !== "integer") return this.type(type);
    if (type.names) return `${this.word("struct")}({ value: ${this.type(type)} })`;
    const name = boxName(type.word);
    this.boxes.set(name, `const ${name} = ${this.word("struct")}({ value: ${this.word(type.word)} });\n`);
    return name;
  }
}

function count(count: ModelCount): string {
  if (typeof count === "number") return String(count);
  return `${isRule(count.by) ? count.by : JSON.stringify(count.by)}, { max: ${count.max} }`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}

function constantValue({ value }: Constant, isHex: boolean): string {
  return isHex && value >= 0 ? `0x${value.toString(16)}` : String(value);
}

/** Broken at 120 columns less the indentation that a field has. */
const WIDTH = 110;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function comment(text: string | undefined): string {
  if (text === undefined) return "";
  const lines = wrapped(text.replaceAll("*/", "* /"));
  return lines.length === 1 ? `/** ${lines[0]} */\n` : `/**\n${lines.map((line) => ` * ${line}\n`).join("")} */\n`;
}

/** The module's text, which nothing has formatted yet. */
export function printModel(model: Model, { annotations, file, argument }: Origin): string {
  const printer = new Printer();
  const groups = model.groups.map((group) => printer.group(group));
  const types = model.types.map((type) => printer.named(type));
  const commands = model.commands.map((command) => printer.command(command));
  const aliases = model.aliases.map(({ name, of }) => `export const ${name} = ${of};\n`);
  const headers = annotations.headers.join(", ");
  const origin =
    `Generated from ${headers} by \`npm run ioctlgen -- ${argument}\`; what C does not say is in ${file}. ` +
    "Never edit this file: change the annotations and generate it again.";
  const head = [...wrapped(origin), "", ...wrapped(annotations.about)].map((line) => `// ${line}`.trimEnd()).join("\n");
  const { words } = printer;
  const imported = [...words].sort().map((word) => (word === "Infer" ? "type Infer" : word));
  const imports = `import { ${imported.join(", ")} } from "@devlift/core";\n`;
  const boxes =
    printer.boxes.size > 0
      ? `/** Integers behind an argument's pointer. */\n${[...printer.boxes.values()].join("")}`
      : "";
  const sections = [`${head}\n`, imports, ...groups, ...types, boxes, commands.join(""), aliases.join("")];
  return sections.filter(Boolean).join("\n");
}
