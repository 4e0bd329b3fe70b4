// The serial driver `pilot`: watches a USB host, and opens the HotSync port of the handheld that is there.
// Lifetimes: one PilotDriver a daemon, from start() to close(); at most one line at a time, opens are waited for in
// turn. The device file stays whether a handheld is there or not, which is why ENODEV is an answer here.

import { setTimeout as sleep } from "node:timers/promises";
import { DeviceError, type Keeper, type Keeping, type Logger } from "@devlift/core";
import type { LineHost, OpenLineCall, PortMemory, SerialDriver, SerialLine } from "@devlift/tty";
import {
  type ConfigurationDescriptor,
  forgetKept,
  KEEPER_SIZE,
  UsbError,
  type UsbHost,
  type UsbTransport,
  type UsbWatch,
} from "@devlift/usb";
import { choosePort, findInterface } from "./endpoints.ts";
import { HandheldError } from "./errors.ts";
import { type Handheld, Handhelds } from "./handhelds.ts";
import { noteOf, portOf } from "./left-line.ts";
import { PilotLine } from "./line.ts";
import { type ProbeTarget, probe } from "./probe.ts";
import type { HotSyncPort } from "./protocol.ts";
import { nothingThere, Refusals, refusalOf } from "./refusal.ts";

export interface PilotDriverOptions {
  readonly host: UsbHost;
  readonly log: Logger;
  /** An open waits for a handheld, also one with O_NONBLOCK; default: it answers ENODEV. */
  readonly wait?: boolean;
  /** The device's name under /dev; default "pilot". */
  readonly name?: string;
  /** Milliseconds; see SerialDriver. Default: a port ends with its daemon */
  readonly recoverMs?: number | undefined;
}

/** How often a handheld that is plugged in but does not run HotSync is asked again, when an open waits for it. */
const ASK_AGAIN_MS = 1000;

export class PilotDriver implements SerialDriver {
  readonly name: string;
  readonly recoverMs?: number;
  readonly keeping?: Keeping;
  readonly #host: UsbHost;
  readonly #log: Logger;
  readonly #wait: boolean;
  readonly #handhelds: Handhelds;
  readonly #refusals: Refusals;
  /** Opens under way; aborted by close(). */
  readonly #opens = new Set<AbortController>();
  #closed = false;
  #watch: Promise<UsbWatch> | undefined;
  #line: SerialLine | undefined;
  /** Where transfers are kept for the next daemon. */
  #keeper: Keeper | undefined;

  constructor({ host, log, wait = false, name = "pilot", recoverMs }: PilotDriverOptions) {
    if (recoverMs !== undefined) {
      this.recoverMs = recoverMs;
      this.keeping = { size: KEEPER_SIZE, kept: (keeper, files) => this.#keepIn(keeper, files) };
    }
    this.name = name;
    this.#host = host;
    this.#log = log;
    this.#wait = wait;
    this.#handhelds = new Handhelds(log);
    this.#refusals = new Refusals(log);
  }

  /** Those that are plugged in, a name each: "Palm m500 (0830:0001) at 1-4". */
  get handhelds(): readonly string[] {
    return this.#handhelds.labels;
  }

  /** Begins to watch for handhelds. @throws UsbError when the bus cannot be watched at all */
  async start(): Promise<void> {
    this.#watch = this.#host.watch(this.#handhelds);
    await this.#watch;
  }

  #keepIn(keeper: Keeper, files: number): void {
    this.#keeper = keeper;
    // Nobody goes on with what is there.
    if (files === 0) forgetKept(keeper);
  }

  /** Frees waiting opens, gives the handheld back, stops watching; also while start() waits. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const opening of this.#opens) opening.abort();
    await this.#line?.close();
    // Whoever called start() knows why it failed.
    const watch = await this.#watch?.catch(() => undefined);
    await watch?.close();
  }

  /** @throws DeviceError as refusal.ts says; ("EINTR") when the call's signal aborts or the driver closes */
  async open(host: LineHost, call: OpenLineCall): Promise<SerialLine> {
    // One controller an open, and not AbortSignal.any() with a signal as old as the driver: Node 20
    // keeps each composite of such a one for ever (nodejs/node#54614).
    const opening = new AbortController();
    const abort = () => opening.abort(call.signal.reason);
    if (this.#closed || call.signal.aborted) abort();
    call.signal.addEventListener("abort", abort);
    this.#opens.add(opening);
    try {
      const parts = { host, memory: call.memory, signal: opening.signal };
      return call.goesOn ? await this.#goOn(parts) : await this.#open(parts);
    } finally {
      this.#opens.delete(opening);
      call.signal.removeEventListener("abort", abort);
    }
  }

  async #open(opening: Opening): Promise<SerialLine> {
    const { signal } = opening;
    // A line that hung up may still be giving its handheld back.
    await this.#line?.close();
    for (;;) {
      const { current, changes } = this.#handhelds;
      const opened = current === undefined ? nothingThere(this.#host.name) : await this.#tryOpen(current, opening);
      if (!(opened instanceof DeviceError)) return opened;
      const waits = this.#wait && opened.code === "ENODEV";
      if (opened.code !== "EINTR") this.#refusals.log(opened, waits);
      if (!waits) throw opened;
      await this.#handhelds.change(changes, signal);
    }
  }

  /** @returns the refusal instead of a line, when it is the handheld's or the bus's fault */
  async #tryOpen(handheld: Handheld, opening: Opening): Promise<SerialLine | DeviceError> {
    try {
      const line = await this.#openLine(handheld, opening);
      this.#refusals.forget();
      return line;
    } catch (error) {
      const refusal = refusalOf(error, handheld);
      if (refusal === undefined) throw error;
      return refusal;
    }
  }

  /** The line of an earlier daemon: the handheld is not asked and not told anything. */
  async #goOn({ host, memory, signal }: Opening): Promise<SerialLine> {
    const note = memory?.note ?? "";
    const handheld = this.#handhelds.find((one) => portOf(one, note) !== undefined);
    const port = handheld === undefined ? undefined : portOf(handheld, note);
    if (handheld === undefined || port === undefined) {
      if (this.#keeper !== undefined) forgetKept(this.#keeper);
      throw nothingThere(this.#host.name);
    }
    const { device, model, label } = handheld;
    const log = this.#log;
    const found = findInterface(model, usableConfiguration(handheld));
    const { received = 0, sent = 0 } = memory?.at ?? {};
    const goesOn = new Map([
      [port.in.address, received],
      [port.out.address, sent],
    ]);
    const transport = await device.open({ keeper: this.#keeper, goesOn });
    try {
      await transport.claim(found.number);
      if (signal.aborted) throw new UsbError("cancelled", "nobody waits for the port any more");
      const line = new PilotLine({ transport, port, host, log, memory });
      this.#line = line;
      const unknown = line.goOn();
      const { transfers, ended } = transport.goesOn ?? { transfers: 0, ended: 0 };
      const underWay = `${transfers} transfers were under way, ${ended} of them have ended`;
      log.info({ usb: device.id, received, sent }, `port goes on: ${label}; ${underWay}`);
      if (unknown > 0) log.warn({ unknown }, `${unknown} bytes were on the wire; whether they arrived nobody can know`);
      return line;
    } catch (error) {
      await giveBack(transport, log);
      throw error;
    }
  }

  async #openLine(handheld: Handheld, { host, memory, signal }: Opening): Promise<SerialLine> {
    const { device, model, label } = handheld;
    const log = this.#log;
    const found = findInterface(model, usableConfiguration(handheld));
    const transport = await device.open({ keeper: this.#keeper });
    try {
      const detached = await transport.claim(found.number);
      const said = await this.#greet(handheld, { transport, model, found, log, signal });
      const port = choosePort(model, found, said);
      if (signal.aborted) throw new UsbError("cancelled", "nobody waits for the port any more");
      if (memory !== undefined) memory.note = noteOf(handheld, port);
      const line = new PilotLine({ transport, port, host, log, memory });
      this.#line = line;
      const fields = { usb: device.id, in: hex2(port.in.address), out: hex2(port.out.address), said: said.kind };
      const taken = detached === undefined ? "" : `; taken from the ${detached} until the last close`;
      const why = said.kind === "unsaid" ? `; the usual port, because ${said.why}` : "";
      log.info(fields, `port open: ${label}${taken}${why}`);
      return line;
    } catch (error) {
      await giveBack(transport, log);
      throw error;
    }
  }

  /** Probes, and while an open waits for the HotSync button, probes again. */
  async #greet({ label }: Handheld, target: ProbeTarget): Promise<HotSyncPort> {
    // Once: a handheld may be asked for days.
    const ended = new AbortController();
    const end = () => ended.abort();
    const signals = [target.signal, target.transport.gone];
    for (const signal of signals) signal.addEventListener("abort", end);
    try {
      return await this.#greetUntil(ended.signal, label, target);
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", end);
    }
  }

  /** @param ended aborts a pause between two probes; the next probe says by what */
  async #greetUntil(ended: AbortSignal, label: string, target: ProbeTarget): Promise<HotSyncPort> {
    for (;;) {
      try {
        return await probe(target);
      } catch (error) {
        if (!this.#wait || !(error instanceof HandheldError) || error.code !== "not-ready") throw error;
        this.#refusals.log(new DeviceError("ENODEV", `${label}: ${error.message}`, { cause: error }), true);
      }
      await sleep(ASK_AGAIN_MS, undefined, { signal: ended }).catch(() => undefined);
    }
  }
}

interface Opening {
  readonly host: LineHost;
  readonly memory: PortMemory | undefined;
  readonly signal: AbortSignal;
}

/** @throws HandheldError for another configuration than visor_probe() accepts */
function usableConfiguration({ device, model }: Handheld): ConfigurationDescriptor {
  const { configuration } = device;
  if (configuration === undefined) throw new HandheldError("endpoints", "it is not configured");
  if (configuration.value !== 1 && model.family !== "clie_3_5")
    throw new HandheldError("endpoints", `its active configuration is ${configuration.value}, not 1`);
  return configuration;
}

async function giveBack(transport: UsbTransport, log: Logger): Promise<void> {
  try {
    await transport.close();
  } catch (error) {
    log.warn({}, `the handheld could not be given back: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function hex2(address: number): string {
  return `0x${address.toString(16).padStart(2, "0")}`;
}
