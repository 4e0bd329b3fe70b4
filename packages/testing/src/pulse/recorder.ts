// What a sink played, recorded by parec from its monitor. Lifetime: start() to stop().

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PulseServerError } from "./process.ts";

export class Recorder {
  readonly #process: ChildProcess;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #arrived: (() => void) | undefined;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#arrived?.();
    });
    child.once("exit", () => this.#arrived?.());
  }

  /** Resolves when it records: an idle sink's monitor gives silence. @param args of parec */
  static async start(environment: Readonly<Record<string, string>>, args: readonly string[]): Promise<Recorder> {
    const child = spawn("parec", ["--raw", "--latency-msec=20", ...args], {
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const recorder = new Recorder(child);
    await recorder.until((recorded) => recorded.length > 0);
    return recorder;
  }

  /** All that was recorded so far. */
  get recorded(): Buffer {
    return Buffer.concat(this.#chunks, this.#length);
  }

  /** Resolves with the record as soon as `enough` says so of it, which is asked whenever more has come. */
  async until(enough: (recorded: Buffer) => boolean): Promise<Buffer> {
    for (;;) {
      const { recorded } = this;
      if (enough(recorded)) return recorded;
      if (this.#process.exitCode !== null)
        throw new PulseServerError("parec ended before it had recorded what it should");
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** Records so many bytes more, and gives all. */
  more(bytes: number): Promise<Buffer> {
    const enough = this.#length + bytes;
    return this.until((recorded) => recorded.length >= enough);
  }

  /** Ends it. Idempotent. */
  async stop(): Promise<Buffer> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    return this.recorded;
  }
}
