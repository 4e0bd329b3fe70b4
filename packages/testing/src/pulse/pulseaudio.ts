// PulseAudio without hardware. See server.ts.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { waitForLine } from "./process.ts";
import { SINK, SoundServer, type SoundServerOptions } from "./server.ts";

export interface PulseServerOptions extends SoundServerOptions {
  /** More modules, each with its arguments. */
  readonly modules?: readonly string[];
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
const STARTED = "Daemon startup complete.";

export class PulseServer extends SoundServer {
  readonly #modules: readonly string[];

  private constructor(folder: string, options: PulseServerOptions) {
    super(folder, options);
    this.#modules = options.modules ?? [];
  }

  static async start(options: PulseServerOptions = {}): Promise<PulseServer> {
    const server = new PulseServer(await SoundServer.folder(), options);
    await server.restart();
    return server;
  }

  protected override launch(): ChildProcess {
    mkdirSync(dirname(this.socket), { recursive: true });
    const spec = `format=${this.format} rate=${this.rate} channels=${this.channels}`;
    // norewinds: without it the sink takes back what it had already given to its monitor, and the start goes missing.
    const sink = `module-null-sink sink_name=${SINK} norewinds=1 ${spec}`;
    const protocol = `module-native-protocol-unix socket=${this.socket} auth-anonymous=1`;
    const loads = [sink, protocol, ...this.#modules].map((module) => `--load=${module}`);
    return spawn("pulseaudio", [...FLAGS, ...loads], { env: this.environment, stdio: ["ignore", "ignore", "pipe"] });
  }

  protected override ready(server: ChildProcess): Promise<void> {
    return waitForLine(server, STARTED);
  }

  protected override signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }
}
