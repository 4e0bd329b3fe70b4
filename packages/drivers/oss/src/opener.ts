// One program's way to its sound server: what it opens there, and who it says it is.
// Lifetime: as long as its open file. The server may go and come back meanwhile.

import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, DeviceError, processOf } from "@devlift/core";
import {
  type Backend,
  BackendError,
  type BackendSource,
  type PlayEvents,
  type PlayStream,
  type Program,
  type RecordEvents,
  type RecordStream,
  type SoundServer,
  type StreamSpec,
} from "./backend/backend.ts";

/** Milliseconds between two looks for a server that has gone. */
const AGAIN_MS = 100;

export class Opener {
  readonly server: SoundServer;
  /** Who opened it. */
  readonly uid: number;
  #program: Program;

  private constructor(server: SoundServer, program: Program, uid: number) {
    this.server = server;
    this.uid = uid;
    this.#program = program;
  }

  get program(): Program {
    return this.#program;
  }

  /** What the program calls itself from its next stream on. */
  rename(name: string): void {
    this.#program = { ...this.#program, name: printable(name) };
  }

  /** @throws DeviceError ENODEV when the caller has no sound server, or it does not answer */
  static async of(caller: Caller, source: BackendSource): Promise<Opener> {
    const process = processOf(caller);
    const name = printable(process?.name ?? "");
    let server: SoundServer | undefined;
    try {
      server = await source.serverFor(caller);
      await server.backend();
      return new Opener(server, { name, pid: process?.pid ?? caller.pid }, caller.uid);
    } catch (error) {
      server?.release();
      if (error instanceof BackendError) throw new DeviceError("ENODEV", `${name}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  readonly openPlay = (spec: Omit<StreamSpec, "program">, events: PlayEvents, patience: number): Promise<PlayStream> =>
    this.#onServer(patience, (backend) => backend.openPlay({ ...spec, program: this.program }, events));

  readonly openRecord = (
    spec: Omit<StreamSpec, "program">,
    events: RecordEvents,
    patience: number,
  ): Promise<RecordStream> =>
    this.#onServer(patience, (backend) => backend.openRecord({ ...spec, program: this.program }, events));

  /** The program has closed its file. */
  close(): void {
    this.server.release();
  }

  async #onServer<T>(patience: number, open: (backend: Backend) => Promise<T>): Promise<T> {
    const end = performance.now() + patience;
    for (;;) {
      try {
        return await open(await this.server.backend());
      } catch (error) {
        if (!(error instanceof BackendError) || performance.now() >= end) throw error;
        await sleep(AGAIN_MS, undefined, { ref: false });
      }
    }
  }
}

/** A program chooses its name; what a person reads in a list shall be one line. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?") || "program";
}
