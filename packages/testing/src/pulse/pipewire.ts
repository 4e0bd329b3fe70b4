// PipeWire without hardware: the daemon, WirePlumber, which links streams to the sink, and pipewire-pulse, which speaks
// PulseAudio's protocol. See server.ts. They are one process group, under a D-Bus session of their own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PulseServerError } from "./process.ts";
import { SINK, SoundServer, type SoundServerOptions } from "./server.ts";

/** WirePlumber ends when there is no PipeWire yet. */
const ALL = `
pipewire &
until [ -S "$PIPEWIRE_RUNTIME_DIR/pipewire-0" ]; do sleep 0.02; done
wireplumber & pipewire-pulse & wait
`;
/**
 * Frames of a period of its graph. Its own choice, 5 ms, takes real-time scheduling: where the machine is busy and that
 * is not to be had, there are gaps in what is played.
 */
export const QUANTUM = 2048;
/** A bound for what is stuck, not a measure of this machine. */
const STUCK_MS = 100_000;
const POLL_MS = 20;

export class PipeWireServer extends SoundServer {
  private constructor(folder: string, options: SoundServerOptions) {
    super(folder, options);
  }

  static async start(options: SoundServerOptions = {}): Promise<PipeWireServer> {
    const server = new PipeWireServer(await SoundServer.folder(), options);
    await server.restart();
    return server;
  }

  protected override launch(): ChildProcess {
    const folder = join(this.folder, ".config/pipewire/pipewire.conf.d");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "quantum.conf"), `context.properties = { default.clock.min-quantum = ${QUANTUM} }\n`);
    // Of one that was killed: WirePlumber would take it for a PipeWire that is there.
    rmSync(join(this.folder, "pipewire-0"), { force: true });
    return spawn("dbus-run-session", ["--", "sh", "-c", ALL], {
      env: { ...this.environment, PIPEWIRE_RUNTIME_DIR: this.folder },
      stdio: "ignore",
      detached: true,
    });
  }

  protected override async ready(server: ChildProcess): Promise<void> {
    let trouble: unknown;
    server.once("error", (cause) => {
      trouble = cause;
    });
    server.once("exit", () => {
      trouble ??= new PulseServerError("it ended");
    });
    // It says nothing when it is ready.
    const end = performance.now() + STUCK_MS;
    const until = async (done: () => Promise<boolean>): Promise<void> => {
      while (!(await done().catch(() => false))) {
        if (trouble !== undefined || performance.now() > end)
          throw new PulseServerError("PipeWire did not start", { cause: trouble });
        await sleep(POLL_MS);
      }
    };
    const sink = [`sink_name=${SINK}`, `rate=${this.rate}`, `channels=${this.channels}`];
    await until(async () => (await this.pactl("load-module", "module-null-sink", ...sink)) !== "");
    await until(async () => (await this.pactl("get-default-sink")).trim() === SINK);
  }

  protected override signal(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }
}
