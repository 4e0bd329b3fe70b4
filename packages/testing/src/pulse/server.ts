// Sound servers without hardware, in a folder of their own: a null sink that gives back every sample, and its monitor.
// Lifetime: start() to stop(), which removes the folder. They touch nothing of the user's own server, and run as root, too.

import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PulseServerError } from "./process.ts";
import { Recorder } from "./recorder.ts";

export interface SoundServerOptions {
  /** The sink's sample format; default s16le. PipeWire's is always float32le, which holds s16le without loss. */
  readonly format?: string;
  /** Default 48000. */
  readonly rate?: number;
  /** Default 2. */
  readonly channels?: number;
}

/** The name of the sink; its monitor is `${SINK}.monitor`. */
export const SINK = "devlift";

export abstract class SoundServer {
  /** The folder that holds everything of the server's. */
  readonly folder: string;
  /** The path of its socket: what PULSE_SERVER names. */
  readonly socket: string;
  /** For clients: PULSE_SERVER and a HOME and runtime folder apart from the user's. */
  readonly environment: Readonly<Record<string, string>>;
  protected readonly format: string;
  protected readonly rate: number;
  protected readonly channels: number;
  #process: ChildProcess | undefined;

  protected constructor(folder: string, { format = "s16le", rate = 48000, channels = 2 }: SoundServerOptions) {
    this.folder = folder;
    this.socket = join(folder, "pulse/native");
    this.format = format;
    this.rate = rate;
    this.channels = channels;
    const PATH = process.env["PATH"] ?? "";
    // The language is that of the messages that are waited for.
    this.environment = {
      PATH,
      LC_ALL: "C",
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      PULSE_SERVER: `unix:${this.socket}`,
    };
  }

  protected static folder(): Promise<string> {
    return mkdtemp(join(tmpdir(), "devlift-sound-"));
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new PulseServerError("the sound server does not run");
    return pid;
  }

  /** Starts it anew at the same address, after kill(). @throws PulseServerError with its last words when it does not start */
  async restart(): Promise<void> {
    await rm(this.socket, { force: true });
    this.#process = this.launch();
    try {
      await this.ready(this.#process);
    } catch (cause) {
      await this.kill();
      throw cause;
    }
  }

  /** Runs pactl, and resolves with what it prints. */
  async pactl(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)("pactl", args, { env: this.environment });
    return stdout;
  }

  /** Records what the sink plays, from the moment that this resolves, in the sink's own format. */
  record(): Promise<Recorder> {
    const spec = [`--format=${this.format}`, `--rate=${this.rate}`, `--channels=${this.channels}`];
    return Recorder.start(this.environment, [`--device=${SINK}.monitor`, ...spec]);
  }

  /** Makes it hang: it takes and answers nothing until resume(). */
  pause(): void {
    this.signal("SIGSTOP");
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  /** Ends it as a crash would. Resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    const server = this.#process;
    if (server === undefined) return;
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, "exit");
      this.signal("SIGKILL");
      await ended;
    }
    this.#process = undefined;
  }

  /** Ends it and removes its folder. Idempotent. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  protected abstract launch(): ChildProcess;
  /** Resolves when clients can connect and the sink is there. @throws PulseServerError when that does not come to be */
  protected abstract ready(server: ChildProcess): Promise<void>;
  /** Sends the server, which runs, a signal. */
  protected abstract signal(signal: NodeJS.Signals): void;
}
