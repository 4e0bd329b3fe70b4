// Where the sound of a device comes out, and where what it records comes from: the sound server's sink, or the other end
// of the kernel's loopback card. Recorders and players live from their start to stop().

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Bytes: a third of a second. After so much silence a program that has ended is heard no more. */
const SILENCE = 64_000;

export interface Sound {
  record(): Promise<Recording>;
  /** Plays a raw file again and again. */
  play(file: string): Player;
}

/** By processes that give and take 48 kHz, stereo, S16_LE. */
export function soundBy(recorder: readonly string[], player: string, environment: NodeJS.ProcessEnv): Sound {
  return {
    record: () => Recording.start(recorder, environment),
    play: (file) =>
      new Player(
        spawn("sh", ["-c", `while :; do cat "$0"; done | ${player}`, file], {
          env: environment,
          stdio: "ignore",
          detached: true,
        }),
      ),
  };
}

export class Player {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    await ended;
  }
}

export class Recording {
  readonly #child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #arrived: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#arrived();
    });
    child.once("exit", () => this.#arrived());
  }

  static async start([program = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Recording> {
    const recording = new Recording(spawn(program, args, { env, stdio: ["ignore", "pipe", "ignore"] }));
    await recording.#more(1);
    return recording;
  }

  async #more(bytes: number): Promise<void> {
    const enough = this.#length + bytes;
    while (this.#length < enough) {
      if (this.#child.exitCode !== null) return;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** Waits until nothing more is heard, and ends it. @returns all that was recorded, from a frame on */
  async untilSilent(): Promise<Buffer> {
    do await this.#more(SILENCE);
    while (
      !this.#all()
        .subarray(-SILENCE)
        .every((byte) => byte === 0) &&
      this.#child.exitCode === null
    );
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    return this.#all();
  }

  #all(): Buffer {
    return Buffer.concat(this.#chunks, this.#length);
  }
}
