// A command's manual page (man(7)) and its completion for bash, both of its --help.

import type { Help } from "./help.ts";

/** roff's own characters, as text. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}

/** @param date as YYYY-MM-DD @returns the source of COMMAND(8) */
export function manual(command: string, version: string, date: string, help: Help): string {
  const { summary, usage, options, examples, rest } = help;
  const literal = (lines: readonly string[]) => [".nf", ...lines.map(roff), ".fi"];
  return [
    `.TH ${command.toUpperCase()} 8 ${date} "Devlift ${version}" "System Administration"`,
    ".SH NAME",
    `${roff(command)} \\- ${roff(summary)}`,
    ".SH SYNOPSIS",
    ...literal(usage),
    ".SH DESCRIPTION",
    ...rest.flatMap((paragraph) => [".PP", roff(paragraph)]),
    ".SH OPTIONS",
    ...options.flatMap(({ name, value, text }) => [
      ".TP",
      `.B ${roff(name)}${value === undefined ? "" : ` \\fI${value}\\fR`}`,
      roff(text),
    ]),
    ...(examples.length === 0 ? [] : [".SH EXAMPLES", ...literal(examples)]),
    "",
  ].join("\n");
}

/** Values that are names of files. */
const PATHS = ["PATH", "FILE"];
const FOLDERS = ["FOLDER"];

/** @returns a script that bash sources when the command is first completed */
export function completion(command: string, { options, usage }: Help): string {
  const words = usage.flatMap((line) => /^\S+ ([a-z]+)/.exec(line)?.[1] ?? []);
  const having = (values: readonly string[]) =>
    options.filter(({ value }) => value !== undefined && values.includes(value)).map(({ name }) => name);
  const cases = [
    [having(PATHS), "-f"],
    [having(FOLDERS), "-d"],
    [
      options
        .filter(({ value }) => value !== undefined && ![...PATHS, ...FOLDERS].includes(value))
        .map(({ name }) => name),
    ],
  ] as const;
  const ofDrivers = usage.flatMap((line) => /^\S+ ([a-z]+) \[?DRIVER\b/.exec(line)?.[1] ?? []);
  const name = `_${command.replaceAll("-", "_")}`;
  return [
    `# bash completion for ${command}`,
    `${name}() {`,
    '  local word="$2" before="$3"',
    '  case "$before" in',
    ...cases
      .filter(([names]) => names.length > 0)
      .map(([names, kind]) =>
        kind === undefined
          ? `    ${names.join("|")}) COMPREPLY=() ; return ;;`
          : `    ${names.join("|")}) mapfile -t COMPREPLY < <(compgen ${kind} -- "$word") ; return ;;`,
      ),
    ...(ofDrivers.length === 0
      ? []
      : [
          // Where Debian packages put what devlift knows of each driver.
          `    ${ofDrivers.join("|")}) mapfile -t COMPREPLY < <(compgen -W "$(ls /usr/share/devlift 2>/dev/null)" -- "$word") ; return ;;`,
        ]),
    "  esac",
    `  mapfile -t COMPREPLY < <(compgen -W "${[...words, ...options.map((option) => option.name)].join(" ")}" -- "$word")`,
    "}",
    `complete -F ${name} ${command}`,
    "",
  ].join("\n");
}
