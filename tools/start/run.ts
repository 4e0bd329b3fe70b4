// `npm start` from its options to its end: a handheld, the daemon, one HotSync, and then whatever other programs do.
// Lifetimes: the process's. What was started ends in the reverse order, whatever happens.

import { ToolError } from "../shared/errors.ts";
import { Daemon, type LogLine } from "./daemon.ts";
import { readHandheld } from "./hotsync.ts";
import { Interrupted, type Interruption, watchSignals } from "./interrupt.ts";
import { DEFAULT_VIRTUAL, type Options } from "./options.ts";
import { findHandheld } from "./plugged.ts";
import type { Screen } from "./screen.ts";
import { databaseTable, describeHandheld } from "./table.ts";
import { VirtualPalm } from "./virtual-palm.ts";

/** Where handhelds come from. */
interface Source {
  readonly usb: string;
  readonly what: string;
  readonly isVirtual: boolean;
  close(): Promise<void>;
}

/** @returns the exit status. @throws ToolError, CommandLineError */
export async function run(options: Options, screen: Screen): Promise<number> {
  let kill = (): void => undefined;
  const interruption = watchSignals(() => kill());
  const source = await chooseSource(options.handheld);
  const traffic = new Traffic(screen, source.isVirtual);
  const daemon = Daemon.start(["--usb", source.usb, ...options.daemonArgs], (line) => traffic.take(line));
  kill = () => daemon.kill();
  try {
    screen.fact("handheld", source.what);
    await serve({ options, source, daemon, interruption, traffic, screen });
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return options.once ? error.status : 0;
  } finally {
    const ending = screen.waiting("ending");
    try {
      await daemon.stop();
    } finally {
      await source.close();
      ending.done();
    }
  }
}

async function chooseSource(wanted: Options["handheld"]): Promise<Source> {
  const none = { isVirtual: false, close: () => Promise.resolve() };
  if (typeof wanted === "string") return { ...none, usb: wanted, what: `yours, on ${wanted}` };
  const plugged = wanted === undefined ? findHandheld() : undefined;
  if (plugged !== undefined) return { ...none, usb: "libusb", what: plugged };
  const palm = await VirtualPalm.plugIn(wanted ?? DEFAULT_VIRTUAL);
  return { usb: palm.usb, what: palm.what, isVirtual: true, close: () => palm.close() };
}

interface Running {
  readonly options: Options;
  readonly source: Source;
  readonly daemon: Daemon;
  readonly interruption: Interruption;
  readonly traffic: Traffic;
  readonly screen: Screen;
}

/** @throws Interrupted; ToolError when the daemon ends, or with --once when the HotSync fails */
async function serve({ options, source, daemon, interruption, traffic, screen }: Running): Promise<void> {
  const unlessOver = <T>(work: Promise<T>): Promise<T> => Promise.race([work, daemon.failed, interruption.came]);
  const starting = screen.waiting("starting the daemon");
  const { device, channel } = await unlessOver(daemon.ready).finally(() => starting.done());
  screen.fact("channel", ...channel.split("; "));
  screen.fact("device", device);
  if (!source.isVirtual) screen.print("", "Press the HotSync button of your handheld.");

  const waiting = screen.waiting(source.isVirtual ? "HotSync" : "waiting for your handheld's HotSync");
  try {
    const overview = await unlessOver(readHandheld(device, interruption.signal)).finally(() => waiting.done());
    screen.fact("HotSync", `done, over ${overview.family.toUpperCase()}`);
    screen.print("", describeHandheld(overview), "", ...databaseTable(overview));
  } catch (error) {
    if (options.once || !(error instanceof ToolError)) throw error;
    screen.warn(error.message);
  }
  if (options.once) return;

  traffic.watchOthers();
  const pressed = source.isVirtual
    ? "The virtual Palm's HotSync button is pressed whenever a program opens the port."
    : "Then press the HotSync button.";
  screen.print("", `For a program of your own:  pilot-xfer --port ${device} --list`, pressed);
  screen.print("", "Serving until Ctrl-C.");
  await unlessOver(new Promise<never>(() => undefined));
}

/** The daemon's log as a person wants it: trouble at once, and what programs do with the port once ours is done. */
class Traffic {
  readonly #screen: Screen;
  readonly #isVirtual: boolean;
  /** The port is open since before others were watched: by the HotSync that we did ourselves. */
  #isOurs = false;
  #watching = false;

  constructor(screen: Screen, isVirtual: boolean) {
    this.#screen = screen;
    this.#isVirtual = isVirtual;
  }

  watchOthers(): void {
    this.#watching = true;
  }

  take({ level, msg, received, sent }: LogLine): void {
    if (level !== "info" && level !== "debug") this.#trouble(msg);
    else if (msg.startsWith("port open: ")) this.#isOurs = !this.#watching;
    else if (msg === "port closed") {
      if (!this.#isOurs) this.#event(`a program used the port: ${received} bytes from the handheld, ${sent} to it`);
    } else if (!this.#isVirtual && msg.startsWith("handheld ")) this.#event(msg);
  }

  #event(text: string): void {
    this.#screen.fact(new Date().toLocaleTimeString("en-GB"), text);
  }

  /** A wrong command line is refused before there is a log, in words for somebody who ran the daemon by hand. */
  #trouble(text: string): void {
    if (!text.startsWith("Try 'devlift-pilot"))
      this.#screen.warn(text.replace(/^devlift-pilot: /, ""), "devlift-pilot");
  }
}
