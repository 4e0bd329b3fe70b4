// The devices that are compared, all there at once inside the virtual machine: the kernel's emulation over its loopback
// card, and osspd and ours over one PulseAudio. Lifetimes: from startDevices() to stop().

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon } from "@devlift/testing/daemon";
import { PulseServer, SINK } from "@devlift/testing/pulse";
import { type Sound, soundBy } from "./sound.ts";

/** A device. */
export interface Column {
  readonly name: string;
  readonly dsp: string;
  readonly mixer: string;
  readonly sound: Sound;
  /** Of the daemon behind it. */
  readonly pid: number | undefined;
}

export interface Devices {
  readonly columns: readonly Column[];
  /** Of the programs. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface Daemons {
  /** The folder that osspd's packages are unpacked in. */
  readonly osspd: string;
  /** Our bundle. */
  readonly ours: string;
}

const RAW = ["-t", "raw", "-f", "S16_LE", "-r", "48000", "-c", "2"];
const SPEC = ["--raw", "--format=s16le", "--rate=48000", "--channels=2"];
const POLL_MS = 50;
const STUCK_MS = 30_000;

export async function startDevices({ osspd, ours }: Daemons): Promise<Devices> {
  execFileSync("modprobe", ["-a", "cuse", "fusd", "snd-aloop", "snd-pcm-oss", "snd-mixer-oss"]);
  await there("/dev/dsp");
  renameSync("/dev/dsp", "/dev/dsp-kernel");
  renameSync("/dev/mixer", "/dev/mixer-kernel");
  const controls = mkdtempSync(join(tmpdir(), "devlift-oss-"));
  const server = await PulseServer.start();
  // Where all find it without a word: what osspd 1.3.2 takes from an environment is garbage now and then, as set_extra_env()
  // frees the memory that it gave to putenv(3).
  mkdirSync("/run/pulse", { recursive: true });
  symlinkSync(server.socket, "/run/pulse/native");
  const environment = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", HOME: server.folder };
  const peer = startOsspd(osspd);
  const daemons = await Promise.all((["cuse", "fusd"] as const).map((channel) => startOurs(ours, channel, controls)));
  await there("/dev/dsp-osspd");
  const onServer = soundBy(
    ["parec", "--latency-msec=20", `--device=${SINK}.monitor`, ...SPEC],
    ["pacat", ...SPEC].join(" "),
    environment,
  );
  const onLoopback = soundBy(
    ["arecord", "-q", "-D", "hw:0,1", "-B", "2000000", ...RAW],
    ["aplay", "-q", "-D", "hw:0,1", ...RAW].join(" "),
    environment,
  );
  const column = (name: string, sound: Sound, pid?: number): Column => ({
    name,
    dsp: `/dev/dsp-${name}`,
    mixer: `/dev/mixer-${name}`,
    sound,
    pid,
  });
  const [cuse, fusd] = daemons;
  return {
    columns: [
      column("kernel", onLoopback),
      column("osspd", onServer, peer.pid),
      column("cuse", onServer, cuse?.pid),
      column("fusd", onServer, fusd?.pid),
    ],
    environment,
    async stop() {
      peer.kill("SIGKILL");
      for (const daemon of daemons) await daemon.kill();
      await server.stop();
      rmSync(controls, { recursive: true, force: true });
    },
  };
}

/** From now on /dev/dsp and /dev/mixer are this column's. */
export function become({ dsp, mixer }: Column): void {
  for (const [name, target] of [
    ["/dev/dsp", dsp],
    ["/dev/mixer", mixer],
  ] as const) {
    rmSync(name, { force: true });
    symlinkSync(target, name);
  }
}

function startOurs(bundle: string, channel: "cuse" | "fusd", controls: string): Promise<Daemon> {
  const names = ["--dsp", `dsp-${channel}`, "--mixer", `mixer-${channel}`, "--adsp", "none", "--audio", "none"];
  const control = ["--control", join(controls, channel)];
  return Daemon.start(bundle, ["--channel", channel, ...names, "--sndstat", "none", ...control]);
}

/** Of the Debian package, unpacked. Its usual numbers are the kernel's emulation's. */
function startOsspd(folder: string): ChildProcess {
  const dsp = ["--dsp=dsp-osspd", "--dsp-maj=240", "--dsp-min=3", "--adsp="];
  const mixer = ["--mixer=mixer-osspd", "--mixer-maj=240", "--mixer-min=0"];
  const slave = `--dsp-slave=${join(folder, "usr/lib/osspd/ossp-padsp")}`;
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, "lib/x86_64-linux-gnu") };
  const stdio = ["ignore", "ignore", "inherit"] as const;
  const child = spawn(join(folder, "usr/sbin/osspd"), ["-f", ...dsp, ...mixer, slave], { env, stdio: [...stdio] });
  once(child, "exit").then(() => process.stderr.write("osspd has ended\n"));
  return child;
}

async function there(path: string): Promise<void> {
  for (let ms = 0; !existsSync(path); ms += POLL_MS) {
    if (ms > STUCK_MS) throw new RangeError(`there is no ${path}`);
    await sleep(POLL_MS);
  }
}
