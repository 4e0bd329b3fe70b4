// The settings of a line behind a pty: they follow what programs set on the slave. Lives as long as the pty's session.

import type { Clock, Logger } from "@devlift/core";
import { change, drain, setUp } from "./hardware.ts";
import type { SerialLine } from "./line.ts";
import type { Pty } from "./pty.ts";
import { hardwareDiffers, type Termios2 } from "./termios.ts";

/** How often the slave's settings are looked at: the kernel does not tell of a change. */
const SETTINGS_MS = 50;

export interface PtySettingsOptions {
  readonly pty: Pty;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts with the session. */
  readonly signal: AbortSignal;
  /** The hardware has new settings: it may be written to again. */
  readonly onApplied: () => void;
}

export class PtySettings {
  readonly #options: PtySettingsOptions;
  #line: SerialLine | undefined;
  #termios: Termios2;
  #applying = false;
  #cancelLook: (() => void) | undefined;

  constructor(options: PtySettingsOptions) {
    this.#options = options;
    this.#termios = options.pty.termios();
  }

  /** Those that the line has. */
  get termios(): Termios2 {
    return this.#termios;
  }

  /** New settings are on their way to the hardware: what programs write now is for them. */
  get applying(): boolean {
    return this.#applying;
  }

  /** Sets a line up that was just opened, and follows from then on. */
  async start(line: SerialLine): Promise<void> {
    this.#termios = this.#options.pty.termios();
    await setUp(line, this.#termios, this.#options.log);
    if (line.configure === undefined || this.#options.signal.aborted) return;
    this.#line = line;
    this.#lookLater();
  }

  /** Looks for new settings. What was written before goes out with the old ones, as with TCSADRAIN. */
  look(): void {
    if (this.#line === undefined || this.#applying) return;
    const wanted = this.#options.pty.termios();
    if (!hardwareDiffers(this.#termios, wanted)) return;
    this.#applying = true;
    void this.#apply(this.#line, wanted).finally(() => {
      this.#applying = false;
      this.#options.onApplied();
    });
  }

  /** Follows no more: the settings that programs make now are for the next session. */
  stop(): void {
    this.#line = undefined;
    this.#cancelLook?.();
  }

  #lookLater(): void {
    this.#cancelLook = this.#options.clock.after(SETTINGS_MS, () => {
      this.look();
      this.#lookLater();
    });
  }

  async #apply(line: SerialLine, wanted: Termios2): Promise<void> {
    const { log, signal } = this.#options;
    await drain(line, this.#options);
    if (signal.aborted) return;
    const before = this.#termios;
    this.#termios = wanted;
    try {
      await change(line, before, wanted);
    } catch (error) {
      log.warn({ err: error }, "the hardware does not take these settings");
    }
  }
}
