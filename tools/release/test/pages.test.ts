// A command's --help taken apart, and what is made of it.

import { expect, test } from "vitest";
import { parseHelp } from "../help.ts";
import { completion, manual } from "../pages.ts";

const HELP = `tool: does what it does

Usage: tool [options]
       tool list [options]

  --folder FOLDER   where (default /dev),
                    in two lines
  --trace[=FILE]    a line for each request
  --help            prints this

Examples:
  tool --trace       everything

It ends
with SIGTERM.
`;

test("options keep their value and their words", () => {
  expect(parseHelp(HELP)).toEqual({
    summary: "does what it does",
    usage: ["tool [options]", "tool list [options]"],
    options: [
      { name: "--folder", value: "FOLDER", text: "where (default /dev), in two lines" },
      { name: "--trace", value: "FILE", text: "a line for each request" },
      { name: "--help", value: undefined, text: "prints this" },
    ],
    examples: ["tool --trace       everything"],
    rest: ["It ends with SIGTERM."],
  });
});

test("what is not help says so", () => {
  expect(() => parseHelp("tool [options]")).toThrow(/no summary/);
});

test("in the manual, a dash is one that can be searched and copied", () => {
  const page = manual("tool", "1.0", "2026-01-01", parseHelp(HELP));
  expect(page).toContain(".TP\n.B \\-\\-folder \\fIFOLDER\\fR\nwhere (default /dev), in two lines\n");
  expect(page).toContain(".SH NAME\ntool \\- does what it does\n");
});

test("completion knows words, options, and which take a folder", () => {
  const script = completion("tool", parseHelp(HELP));
  expect(script).toContain('compgen -W "list --folder --trace --help"');
  expect(script).toContain("--folder) mapfile -t COMPREPLY < <(compgen -d");
});

test("completion knows the drivers, after a word that takes one", () => {
  const usage = ["tool list", "tool top [DRIVER] [options]", "tool trace DRIVER"];
  expect(completion("tool", { ...parseHelp(HELP), usage })).toContain("\n    top|trace) mapfile");
  expect(completion("tool", parseHelp(HELP))).not.toContain("/usr/share/devlift");
});
