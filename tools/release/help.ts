// What a command says by --help, taken apart: manual page and completion are made of it, so that they say the same.

import { ToolError } from "../shared/errors.ts";

export interface Option {
  /** E.g. "--channel", or "--trace". */
  readonly name: string;
  /** E.g. "CHANNEL"; undefined: it takes none. */
  readonly value: string | undefined;
  readonly text: string;
}

export interface Help {
  readonly summary: string;
  readonly usage: readonly string[];
  readonly options: readonly Option[];
  readonly examples: readonly string[];
  /** Paragraphs. */
  readonly rest: readonly string[];
}

/** @throws ToolError when it is not of the usual form */
export function parseHelp(text: string): Help {
  const [first = "", ...blocks] = text.trimEnd().split(/\n\n+/);
  const summary = /^\S+: (.+)$/.exec(first)?.[1];
  if (summary === undefined) throw new ToolError(`no summary in the help: ${first}`);
  const help = {
    summary,
    usage: [] as string[],
    options: [] as Option[],
    examples: [] as string[],
    rest: [] as string[],
  };
  for (const block of blocks) {
    if (block.startsWith("Usage:"))
      help.usage.push(...block.split("\n").map((line) => line.replace(/^Usage:|^ {6}/, "").trim()));
    else if (block.startsWith("Examples:"))
      help.examples.push(
        ...block
          .split("\n")
          .slice(1)
          .map((line) => line.trim()),
      );
    else if (block.startsWith("  --")) help.options.push(...block.split(/\n(?= {2}--)/).map(parseOption));
    else help.rest.push(block.replace(/\s+/g, " "));
  }
  return help;
}

function parseOption(lines: string): Option {
  const [, name, value, text] = /^ {2}(--[a-z-]+)(?:[ =]|\[=)?([A-Z]+)?\]?\s+([\s\S]*)$/.exec(lines) ?? [];
  if (name === undefined || text === undefined) throw new ToolError(`no option in the help: ${lines}`);
  return { name, value, text: text.replace(/\s+/g, " ") };
}
