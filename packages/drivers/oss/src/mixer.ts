// Who hears what a mixer's control says. A program that plays through us has the level of its own streams as PCM; for a
// program that does nothing but mix, PCM is the server's output, as VOLUME is for everybody. IGAIN is what is recorded.
// Lifetimes: Mixers as long as the daemon; a program's own level from its first open of a dsp to its last close.

import { DeviceError } from "@devlift/core";
import { FULL, type MixerControl, type Volume } from "./backend/backend.ts";
import type { Opener } from "./opener.ts";
import type { Playback } from "./playback.ts";

/** The controls that there are, by the numbers of SOUND_MIXER in linux/soundcard.h. */
export type Slot = "volume" | "pcm" | "igain";

export interface Mixer {
  /** @throws DeviceError EIO when the sound server does not answer */
  get(slot: Slot): Promise<Volume>;
  /** @returns what it is now @throws DeviceError EIO when the sound server does not do it */
  set(slot: Slot, volume: Volume): Promise<Volume>;
  /** Grows with each change that came by us. */
  readonly changes: number;
}

interface PlayingProgram {
  readonly streams: Set<Playback>;
  volume: Volume;
}

export class Mixers {
  readonly #programs = new Map<number, PlayingProgram>();
  #changes = 0;

  /** A program has opened a dsp. */
  join(pid: number, playback: Playback): void {
    const program = this.#programs.get(pid) ?? { streams: new Set(), volume: FULL };
    this.#programs.set(pid, program);
    program.streams.add(playback);
    if (program.volume !== FULL) playback.setVolume(program.volume);
  }

  leave(pid: number, playback: Playback): void {
    const program = this.#programs.get(pid);
    program?.streams.delete(playback);
    if (program?.streams.size === 0) this.#programs.delete(pid);
  }

  of(opener: Opener): Mixer {
    const own = () => this.#programs.get(opener.program.pid);
    const changed = () => {
      this.#changes++;
    };
    const mixers = this;
    return {
      get changes() {
        return mixers.#changes;
      },
      async get(slot) {
        const program = slot === "pcm" ? own() : undefined;
        return program?.volume ?? (await onServer(opener, (backend) => backend.volume(controlOf(slot)))) ?? FULL;
      },
      async set(slot, volume) {
        changed();
        const program = slot === "pcm" ? own() : undefined;
        if (program === undefined) {
          await onServer(opener, (backend) => backend.setVolume(controlOf(slot), volume));
          return volume;
        }
        program.volume = volume;
        for (const stream of program.streams) stream.setVolume(volume);
        return volume;
      },
    };
  }
}

function controlOf(slot: Slot): MixerControl {
  return slot === "igain" ? "input" : "output";
}

async function onServer<T>(
  { server }: Opener,
  ask: (backend: Awaited<ReturnType<Opener["server"]["backend"]>>) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await server.backend());
  } catch (error) {
    throw new DeviceError("EIO", error instanceof Error ? error.message : String(error), { cause: error });
  }
}
