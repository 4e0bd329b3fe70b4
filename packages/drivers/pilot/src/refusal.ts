// Why an open was refused: the errno for the client, and for the log a sentence that says what to do. A client that
// tries again every two seconds (pilot-link, ColdSync) gets its errno each time, the log one line a minute.
// Refusal is a value; Refusals lives as long as the driver.

import { DeviceError, type ErrnoName, type Logger } from "@devlift/core";
import { UsbError, type UsbErrorCode } from "@devlift/usb";
import { HandheldError } from "./errors.ts";
import type { Handheld } from "./handhelds.ts";

/**
 * What open(2) says. ENODEV makes HotSync programs try again, which helps when the next press of the button makes a
 * new handheld of it; the others stop them at once, because it is for a person to act.
 */
const ERRNO_OF: Record<UsbErrorCode, ErrnoName> = {
  access: "EACCES",
  busy: "EBUSY",
  gone: "ENODEV",
  stall: "ENODEV",
  timeout: "ENODEV",
  descriptor: "ENODEV",
  io: "EIO",
  overflow: "EIO",
  cancelled: "EINTR",
};

/** The errno and the sentence for what went wrong with a handheld; undefined for what is no fault of it. */
export function refusalOf(error: unknown, { label }: Handheld): DeviceError | undefined {
  if (error instanceof HandheldError)
    return new DeviceError("ENODEV", `${label}: ${error.message}${adviceOnHandheld(error)}`, { cause: error });
  if (!(error instanceof UsbError)) return undefined;
  return new DeviceError(ERRNO_OF[error.code], `${label}: ${error.message}${adviceOnUsb(error)}`, { cause: error });
}

export function nothingThere(hostName: string): DeviceError {
  return new DeviceError("ENODEV", `no handheld on ${hostName}: put it in its cradle and press the HotSync button`);
}

function adviceOnHandheld({ code }: HandheldError): string {
  return code === "probe" ? ". Press HotSync again; if it stays so, reset the handheld" : "";
}

/** "access" and "busy" come with advice already. */
function adviceOnUsb({ code }: UsbError): string {
  switch (code) {
    case "stall":
    case "timeout":
    case "io":
    case "overflow":
      return ". Unplug it and press HotSync again";
    case "descriptor":
      return ". It describes itself wrongly: unplug it and press HotSync again; if it stays so, reset the handheld";
    default:
      return "";
  }
}

/** Says the same sentence again after this long. */
const QUIET_MS = 60_000;

export class Refusals {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  /** @param now milliseconds; default: performance.now */
  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /**
   * Logs one refusal, unless the same was logged within the last minute. Nothing there is no fault: level info.
   * @param waits the client is not refused but waits
   */
  log(error: DeviceError, waits: boolean): void {
    const what = waits ? "open waits" : "open refused";
    const now = this.#now();
    const before = this.#said.get(error.message);
    if (before !== undefined && now - before.at < QUIET_MS) {
      before.unsaid++;
      this.#log.debug({ errno: error.code }, `${what} again: ${error.message}`);
      return;
    }
    for (const [message, { at }] of this.#said) if (now - at >= QUIET_MS) this.#said.delete(message);
    this.#said.set(error.message, { at: now, unsaid: 0 });
    const again = before === undefined || before.unsaid === 0 ? {} : { refusedSince: before.unsaid };
    const level = error.code === "ENODEV" && error.cause === undefined ? "info" : "warn";
    this.#log[level]({ errno: error.code, ...again }, `${what}: ${error.message}`);
  }

  /** A handheld was opened: what was refused before is news if it happens again. */
  forget(): void {
    this.#said.clear();
  }
}
