// What is done to a line's hardware when its port is opened, set up and closed, behind whatever front the port has.

import type { Clock, Logger } from "@devlift/core";
import { TIOCM } from "./commands.ts";
import { interruptible } from "./interruptible.ts";
import { CLOSING_WAIT_MS } from "./limits.ts";
import type { SerialLine } from "./line.ts";
import { CFLAG, settingsOf, type Termios2 } from "./termios.ts";

/** The lines that say that somebody is here. */
const PRESENCE = TIOCM.TIOCM_DTR | TIOCM.TIOCM_RTS;

/** A line that was just opened gets the port's settings, and DTR and RTS unless the speed is 0. */
export async function setUp(line: SerialLine, termios: Termios2, log: Logger): Promise<void> {
  try {
    await line.configure?.(settingsOf(termios));
    if (termios.c_ospeed !== 0) await line.modem?.update(PRESENCE, 0);
  } catch (error) {
    log.warn({ err: error }, "the hardware does not take the port's settings");
  }
}

/** Speed 0 hangs up: it drops DTR and RTS, and another one raises them (usb-serial drivers' set_termios()). */
export async function change(line: SerialLine, before: Termios2, wanted: Termios2): Promise<void> {
  const hangsUp = wanted.c_ospeed === 0;
  if (hangsUp !== (before.c_ospeed === 0)) await line.modem?.update(hangsUp ? 0 : PRESENCE, hangsUp ? PRESENCE : 0);
  await line.configure?.(settingsOf(wanted));
}

/** What a wait for the hardware needs. */
export interface DrainOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Waits until the hardware has what the line has taken, for as long as a last close may. Never rejects. */
export async function drain(line: SerialLine, { clock, log, signal }: DrainOptions): Promise<void> {
  if (line.pendingOutput() === 0) return;
  const limit = new AbortController();
  const cancel = clock.after(CLOSING_WAIT_MS, () => limit.abort());
  const enough = AbortSignal.any([signal, limit.signal]);
  try {
    await interruptible(line.drain(enough), enough);
  } catch (error) {
    log.debug({ err: error, unsent: line.pendingOutput() }, "not all output was sent");
  } finally {
    cancel();
  }
}

/** After the last close: drops DTR and RTS where HUPCL is on, and gives the hardware back. Never rejects. */
export async function giveBack(line: SerialLine, termios: Termios2, log: Logger): Promise<void> {
  try {
    if ((termios.c_cflag & CFLAG.HUPCL) !== 0) await line.modem?.update(0, PRESENCE);
  } catch (error) {
    log.debug({ err: error }, "the modem lines could not be dropped");
  }
  try {
    await line.close();
  } catch (error) {
    log.warn({ err: error }, "the hardware could not be given back");
  }
}
