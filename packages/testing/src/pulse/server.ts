// A PulseAudio server without hardware, in a folder of its own: a null sink that gives back every sample, and its monitor.
// Lifetime: start() to stop(), which removes the folder. It touches nothing of the user's own server, and runs as root, too.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PulseServerError, waitForLine } from "./process.ts";
import { Recorder } from "./recorder.ts";

export interface PulseServerOptions {
  /** The sink's sample format; default s16le. */
  readonly format?: string;
  /** Default 48000. */
  readonly rate?: number;
  /** Default 2. */
  readonly channels?: number;
  /** Clients need the cookie; default: anybody is let in. */
  readonly cookie?: boolean;
  /** More modules, each with its arguments. */
  readonly modules?: readonly string[];
}

/** The name of the sink; its monitor is `${SINK}.monitor`. */
export const SINK = "devlift";
const STARTED = "Daemon startup complete.";

export class PulseServer {
  /** The folder that holds everything of the server's. */
  readonly folder: string;
  /** The path of its socket: what PULSE_SERVER names. */
  readonly socket: string;
  /** For clients: PULSE_SERVER and a HOME and runtime folder apart from the user's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #options: PulseServerOptions;
  #process: ChildProcess | undefined;

  private constructor(folder: string, options: PulseServerOptions) {
    this.folder = folder;
    this.socket = join(folder, "native");
    this.#options = options;
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

  /** @throws PulseServerError when it does not start; the message has what it said */
  static async start(options: PulseServerOptions = {}): Promise<PulseServer> {
    const server = new PulseServer(await mkdtemp(join(tmpdir(), "devlift-pulse-")), options);
    await server.restart();
    return server;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new PulseServerError("the PulseAudio server does not run");
    return pid;
  }

  /** Starts it anew at the same address, after kill(). */
  async restart(): Promise<void> {
    const { format = "s16le", rate = 48000, channels = 2, cookie = false, modules = [] } = this.#options;
    // norewinds: without it the sink takes back what it had already given to its monitor, and the start goes missing.
    const sink = `module-null-sink sink_name=${SINK} norewinds=1 format=${format} rate=${rate} channels=${channels}`;
    const access = cookie ? `auth-cookie=${join(this.folder, "cookie")}` : "auth-anonymous=1";
    const protocol = `module-native-protocol-unix socket=${this.socket} ${access}`;
    const loads = [sink, protocol, ...modules].map((module) => `--load=${module}`);
    const server = spawn("pulseaudio", [...FLAGS, ...loads], {
      env: this.environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = server;
    await waitForLine(server, STARTED);
  }

  /** Runs pactl, and resolves with what it prints. */
  async pactl(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)("pactl", args, { env: this.environment });
    return stdout;
  }

  /** Records what the sink plays, from the moment that this resolves. */
  record(): Promise<Recorder> {
    const { format = "s16le", rate = 48000, channels = 2 } = this.#options;
    return Recorder.start(this.environment, [
      `--device=${SINK}.monitor`,
      `--format=${format}`,
      `--rate=${rate}`,
      `--channels=${channels}`,
    ]);
  }

  /** Makes it hang: it takes and answers nothing until resume(). */
  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Ends it as a crash would. Resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    await rm(this.socket, { force: true });
  }

  /** Ends it and removes its folder. Idempotent. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Nothing of the machine's configuration, no limits, priorities or end of its own; what it does is on standard error. */
const FLAGS = [
  "-n",
  "--daemonize=no",
  "--system=no",
  "--use-pid-file=no",
  "--exit-idle-time=-1",
  "--realtime=no",
  "--high-priority=no",
  "--disable-shm=yes",
  "--log-target=stderr",
  "--log-level=info",
  "--log-time=no",
];
