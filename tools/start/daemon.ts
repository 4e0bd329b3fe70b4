// devlift-pilot as a child process, its log read as it is written. A Daemon lives from start() to the end of its
// process, which stop() asks for.

import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { ToolError } from "../shared/errors.ts";
import { type Child, howEnded, spawnChild } from "./child.ts";
import { CommandLineError } from "./options.ts";

const BUNDLE = fileURLToPath(new URL("../../packages/drivers/pilot/dist/devlift-pilot.mjs", import.meta.url));

/** What the daemon's log has to say about a line. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  /** With "ready": the path that programs open. */
  readonly device?: string;
  /** With "port closed": bytes from and to the handheld. */
  readonly received?: number;
  readonly sent?: number;
}

export class Daemon {
  readonly #child: Child;
  readonly #onLine: (line: LogLine) => void;
  #channel = "";
  #stopping = false;

  /** Resolves when it serves; stays pending when it ends before. */
  readonly ready: Promise<{ readonly device: string; readonly channel: string }>;
  /**
   * Rejects when it ends without having been asked to: with ToolError, or CommandLineError when it did not like its
   * arguments. Its log has said why.
   */
  readonly failed: Promise<never>;

  private constructor(args: readonly string[], onLine: (line: LogLine) => void) {
    this.#onLine = onLine;
    const output = new PassThrough();
    this.#child = spawnChild([BUNDLE, "--log-format", "json", ...args], {
      onStderr: (text) => output.write(text),
    });
    this.ready = new Promise((resolve) => {
      createInterface({ input: output }).on("line", (text) => {
        const line = parseLine(text);
        if (line.msg.startsWith("channel ")) this.#channel = line.msg.slice("channel ".length);
        this.#onLine(line);
        if (line.msg.startsWith("ready: ") && line.device !== undefined)
          resolve({ device: line.device, channel: this.#channel });
      });
    });
    this.failed = this.#child.ended.then((how) => this.#failWith(how));
    // Heard by whoever waits for it; until somebody does it is not unhandled.
    this.failed.catch(() => undefined);
  }

  /** @param onLine hears each line of the log */
  static start(args: readonly string[], onLine: (line: LogLine) => void): Daemon {
    return new Daemon(args, onLine);
  }

  /** Asks it to end, unless it has. @throws ToolError when it does not end well */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.process.kill("SIGTERM");
    const how = await this.#child.ended;
    if (how !== 0) throw failure(how);
  }

  /** Ends it at once; the kernel frees its clients. */
  kill(): void {
    this.#child.process.kill("SIGKILL");
  }

  #failWith(how: number | string): Promise<never> {
    return this.#stopping ? new Promise(() => undefined) : Promise.reject(failure(how));
  }
}

/** What the daemon's own command line gives. */
const WRONG_ARGUMENTS = 2;

function failure(how: number | string): ToolError {
  if (how === WRONG_ARGUMENTS) return new CommandLineError("try: npm start -- --help");
  return new ToolError(`devlift-pilot ended ${howEnded(how)}`);
}

/** A line that is not of the log's form comes from Node itself, or from before the log. */
function parseLine(text: string): LogLine {
  try {
    const { level, msg, device, received, sent } = JSON.parse(text);
    return { level: String(level), msg: String(msg), device, received, sent };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { level: "text", msg: text };
  }
}
