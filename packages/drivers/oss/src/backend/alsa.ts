// The seam over plain ALSA, by alsa-utils' aplay and arecord, one process a stream, that are run as the user: for machines
// without a sound server. What they cannot say is worked out by the clock: alsa-play.ts.
// Lifetimes: an AlsaServer while a program of its user's has it; a process as long as its stream, or from the first byte
// after a drain.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { AlsaPlayStream } from "./alsa-play.ts";
import { AlsaRecordStream } from "./alsa-record.ts";
import {
  type Backend,
  BackendError,
  type PlayEvents,
  type PlayStream,
  type RecordEvents,
  type RecordStream,
  type SampleFormat,
  type StreamSpec,
  type UserServer,
  type Volume,
} from "./backend.ts";
import { isRoot, type User } from "./user.ts";

const FORMATS: Readonly<Record<SampleFormat, { readonly alsa: string; readonly bytes: number }>> = {
  u8: { alsa: "U8", bytes: 1 },
  alaw: { alsa: "A_LAW", bytes: 1 },
  ulaw: { alsa: "MU_LAW", bytes: 1 },
  s16le: { alsa: "S16_LE", bytes: 2 },
  s16be: { alsa: "S16_BE", bytes: 2 },
  s24le: { alsa: "S24_3LE", bytes: 3 },
  s24be: { alsa: "S24_3BE", bytes: 3 },
  s24_32le: { alsa: "S24_LE", bytes: 4 },
  s24_32be: { alsa: "S24_BE", bytes: 4 },
  s32le: { alsa: "S32_LE", bytes: 4 },
  s32be: { alsa: "S32_BE", bytes: 4 },
  float32le: { alsa: "FLOAT_LE", bytes: 4 },
  float32be: { alsa: "FLOAT_BE", bytes: 4 },
};
/** Milliseconds that opening a sound card may take. */
const PATIENCE_MS = 1500;
/** Characters of what a program says that are kept. */
const MOST_WORDS = 500;

/** Runs aplay or arecord. */
export type Run = (stdin: number | "ignore", stdout: "ignore" | "pipe") => AlsaProcess;

/** A running aplay or arecord. */
export interface AlsaProcess {
  readonly child: ChildProcess;
  /** Resolves when it has ended: undefined when all is well, else why. */
  readonly ended: Promise<BackendError | undefined>;
}

export class AlsaServer implements UserServer {
  readonly name: string;
  readonly #user: User;
  readonly #pcm: string;
  #backend: Promise<AlsaBackend> | undefined;

  /** @param pcm default: "default", as that user's configuration has it */
  constructor(user: User, pcm: string | undefined) {
    this.#user = user;
    this.#pcm = pcm ?? "default";
    this.name = `ALSA's ${this.#pcm}`;
  }

  backend(): Promise<Backend> {
    if (this.#backend === undefined) {
      const opening = this.#open();
      this.#backend = opening;
      opening.catch(() => {
        this.#backend = undefined;
      });
    }
    return this.#backend;
  }

  close(): void {
    this.#backend?.then(
      (backend) => backend.close(),
      () => undefined,
    );
    this.#backend = undefined;
  }

  /** Plays nothing, to see whether there is anything to play on. */
  async #open(): Promise<AlsaBackend> {
    const runAs =
      (program: "aplay" | "arecord", args: readonly string[]): Run =>
      (stdin, stdout) =>
        start(program, ["-q", "-D", this.#pcm, "-t", "raw", ...args], {
          stdio: [stdin, stdout, "pipe"],
          ...identityOf(this.#user),
        });
    const { child, ended } = runAs("aplay", ["-f", "S16_LE", "-r", "48000", "-c", "2"])("ignore", "ignore");
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, PATIENCE_MS);
    const error = await ended;
    clearTimeout(late);
    if (isLate) throw new BackendError(`${this.name} does not open`, { hangs: true });
    if (error !== undefined) throw error;
    return new AlsaBackend(this.name, runAs);
  }
}

class AlsaBackend implements Backend {
  readonly name: string;
  readonly #runAs: (program: "aplay" | "arecord", args: readonly string[]) => Run;
  readonly #streams = new Set<{ close(): void }>();

  constructor(name: string, runAs: (program: "aplay" | "arecord", args: readonly string[]) => Run) {
    this.name = name;
    this.#runAs = runAs;
  }

  async openPlay(spec: StreamSpec, events: PlayEvents): Promise<PlayStream> {
    const { frame, args } = told(spec);
    const run = this.#runAs("aplay", [...args, "--start-delay=1"]);
    const { rate, fragment, buffer, corked } = spec;
    return this.#kept(new AlsaPlayStream({ run, frame, rate, fragment, buffer, corked }, events));
  }

  async openRecord(spec: StreamSpec, events: RecordEvents): Promise<RecordStream> {
    const { frame, args } = told(spec);
    return this.#kept(new AlsaRecordStream(this.#runAs("arecord", args), frame, events));
  }

  #kept<S extends { close(): void }>(stream: S): S {
    this.#streams.add(stream);
    return stream;
  }

  /** The card's levels are another program's, amixer. */
  async volume(): Promise<Volume | undefined> {
    return undefined;
  }

  async setVolume(): Promise<void> {
    throw new BackendError("levels cannot be set without a sound server");
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }
}

function told({ format, rate, channels, fragment, buffer }: StreamSpec) {
  const { alsa, bytes } = FORMATS[format];
  const frame = bytes * channels;
  const sizes = [`--period-size=${fragment / frame}`, `--buffer-size=${buffer / frame}`];
  return { frame, args: ["-f", alsa, "-r", String(rate), "-c", String(channels), ...sizes] };
}

/** The configuration is the user's to choose, and may name code: so it counts only where that user runs it. */
function identityOf({ uid, gid, environment }: User): SpawnOptions {
  const isOurs = uid === process.geteuid?.();
  const ids = isRoot() && !isOurs ? { uid, gid } : {};
  const own = isOurs || isRoot() ? environment : {};
  return { ...ids, env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", ...own }, cwd: "/" };
}

function start(program: string, args: readonly string[], options: SpawnOptions): AlsaProcess {
  const child = spawn(program, [...args], options);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-MOST_WORDS);
  });
  const ended = new Promise<BackendError | undefined>((resolve) => {
    child.on("error", (cause) => resolve(new BackendError(`${program} cannot be run: ${cause.message}`, { cause })));
    child.on("close", (status, signal) => {
      const why = said.trim().split("\n").at(-1) || `it ended with ${status ?? signal}`;
      resolve(status === 0 ? undefined : new BackendError(`${program}: ${why}`));
    });
  });
  return { child, ended };
}
