// The C compiler: what it makes of headers, in text. A CSource lives for one run of the tool.

import { spawn } from "node:child_process";
import { dirname } from "node:path";
import type { DataModel } from "@devlift/core";
import { ToolError } from "../shared/errors.ts";

/** The programs that call: the targets of the three data models. */
const TARGETS: Readonly<Record<DataModel, string>> = {
  lp64: "x86_64-linux-gnu",
  ilp32: "i386-linux-gnu",
  x32: "x86_64-linux-gnux32",
};

export interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PipeOptions {
  readonly input: string;
  /** Default: the tool's own. */
  readonly cwd?: string;
}

/** Runs a program with `input` on its standard input. @throws ToolError when it does not start */
export function pipe(program: string, args: readonly string[], { input, ...options }: PipeOptions): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (cause) => reject(new ToolError(`${program} cannot be run: ${cause.message}`, { cause })));
    child.on("close", (status) => {
      resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A program that fails at once does not read; what it says then is what counts.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** A fault that the compiler found in a line that the tool wrote below the includes. */
export interface Complaint {
  /** Counted from 0, below the includes. */
  readonly line: number;
  readonly message: string;
}

/** Some headers, to which C text is appended for the compiler to judge. */
export class CSource {
  readonly #includes: string;
  readonly #count: number;
  readonly #folder: string;

  /** @param headers as in Annotations. @param file the annotation file, beside which "./" is */
  constructor(headers: readonly string[], file: string) {
    const quoted = headers.map((header) => (header.startsWith(".") ? `"${header}"` : `<${header}>`));
    this.#count = quoted.length;
    this.#folder = dirname(file);
    this.#includes = quoted.map((header) => `#include ${header}\n`).join("");
  }

  /** The text after preprocessing, macro definitions kept. @throws ToolError when a header is not there */
  async preprocess(): Promise<string> {
    const { status, stdout, stderr } = await this.#run("lp64", ["-E", "-dD"], "");
    if (status !== 0) throw new ToolError(`the headers cannot be read:\n${stderr.trimEnd()}`);
    return stdout;
  }

  /** The syntax tree, in clang's JSON, and the lines that did not compile. @throws ToolError for faults in the headers */
  async parse(
    lines: readonly string[],
  ): Promise<{ readonly tree: unknown; readonly complaints: readonly Complaint[] }> {
    const { stdout, stderr } = await this.#run(
      "lp64",
      ["-fsyntax-only", "-Xclang", "-ast-dump=json"],
      lines.join("\n"),
    );
    const complaints = this.#complaints(stderr);
    return { tree: JSON.parse(stdout), complaints };
  }

  /** What the compiler of a data model has against some lines. @throws ToolError for faults in the headers */
  async judge(model: DataModel, lines: readonly string[]): Promise<Complaint[]> {
    const { stderr } = await this.#run(model, ["-fsyntax-only"], lines.join("\n"));
    return this.#complaints(stderr);
  }

  #run(model: DataModel, what: readonly string[], text: string): Promise<Output> {
    // The kernel's headers serve all three models, but the compiler looks for them under the name of its own alone.
    const headers = ["-isystem", "/usr/include/x86_64-linux-gnu"];
    const options = ["-std=gnu11", "-ffreestanding", "-w", "-ferror-limit=0", "-fno-caret-diagnostics", ...headers];
    // "./my.h" is looked for, and named in messages, from where the compiler runs.
    const where = { input: this.#includes + text, cwd: this.#folder };
    return pipe("clang", [`--target=${TARGETS[model]}`, ...options, ...what, "-x", "c", "-"], where);
  }

  #complaints(stderr: string): Complaint[] {
    const found: Complaint[] = [];
    for (const line of stderr.split("\n")) {
      const [, file = "", number = "", message = ""] = /^(.*?):(\d+):\d+: (?:fatal )?error: (.*)$/.exec(line) ?? [];
      if (file === "") continue;
      const at = Number(number) - this.#count - 1;
      if (file !== "<stdin>" || at < 0) throw new ToolError(`the headers do not compile:\n${stderr.trimEnd()}`);
      found.push({ line: at, message });
    }
    return found;
  }
}
