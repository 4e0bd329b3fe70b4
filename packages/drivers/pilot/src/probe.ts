// Greets a handheld the way its family wants it, and learns which port runs HotSync. Without this most handhelds
// stay silent. Stateless: a few control transfers on a claimed transport.
// Source: visor_probe, palm_os_3_probe, palm_os_4_probe and clie_3_5_startup of drivers/usb/serial/visor.c (Linux 6.1),
// down to which failures count; USB_configure_generic of pilot-link for what the kernel does not do.

import type { Logger } from "@devlift/core";
import { UsbError, type UsbTransport } from "@devlift/usb";
import type { PilotInterface } from "./endpoints.ts";
import { HandheldError } from "./errors.ts";
import type { Model } from "./models.ts";
import {
  BYTES_AVAILABLE,
  CONNECTION_INFO,
  type ControlRequest,
  EXT_CONNECTION_INFO,
  GET_CONFIGURATION,
  GET_INTERFACE,
  type HotSyncPort,
  parseConnectionInfo,
  parseExtConnectionInfo,
  parseInterruptReport,
  TREO_90,
} from "./protocol.ts";

export interface ProbeTarget {
  readonly transport: UsbTransport;
  readonly model: Model;
  readonly found: PilotInterface;
  readonly log: Logger;
  /** Aborting ends the probe with UsbError("cancelled"). */
  readonly signal: AbortSignal;
}

/**
 * @throws HandheldError("not-ready") when HotSync is not running on the handheld, ("probe") when a model that must
 * answer does not; UsbError("gone") or ("cancelled")
 */
export async function probe(target: ProbeTarget): Promise<HotSyncPort> {
  const { model } = target;
  if (model.needsNoInit) return { kind: "unsaid", ports: 2, why: "this model is not asked" };
  switch (model.family) {
    case "palm_os_3": {
      const said = parseConnectionInfo(await mustAnswer(target, CONNECTION_INFO));
      await mayAnswer(target, BYTES_AVAILABLE);
      return said;
    }
    case "palm_os_4":
    case "clie_5": {
      const said = await askExtended(target);
      if (model.asksBytesAvailable) await mayAnswer(target, BYTES_AVAILABLE);
      return said;
    }
    case "clie_3_5":
      for (const request of [GET_CONFIGURATION, GET_INTERFACE]) {
        const { length } = await mustAnswer(target, request);
        if (length !== 1)
          throw new HandheldError("probe", `it answered standard request ${request.setup.request} with no byte`);
      }
      return { kind: "unsaid", ports: 1, why: "this model is not asked" };
  }
}

async function askExtended(target: ProbeTarget): Promise<HotSyncPort> {
  const answer = await mayAnswer(target, EXT_CONNECTION_INFO);
  if (answer === undefined) return { kind: "unsaid", ports: 2, why: "it did not answer request 0x04" };
  const reports = target.found.interruptIn.some(({ address }) => address === TREO_90.endpoint);
  if (answer.length > 0 || !reports) return parseExtConnectionInfo(answer);
  const options = { timeoutMs: EXT_CONNECTION_INFO.timeoutMs, signal: target.signal };
  const report = await ignoring(target, "its interrupt report", () =>
    target.transport.read(TREO_90.endpoint, TREO_90.length, options),
  );
  return parseInterruptReport(report ?? new Uint8Array(0));
}

async function ask({ transport, signal }: ProbeTarget, request: ControlRequest): Promise<Uint8Array> {
  const { setup, length, timeoutMs } = request;
  return await transport.controlIn(setup, length, { timeoutMs, signal });
}

async function mayAnswer(target: ProbeTarget, request: ControlRequest): Promise<Uint8Array | undefined> {
  return await ignoring(target, nameOf(request), () => ask(target, request));
}

async function mustAnswer(target: ProbeTarget, request: ControlRequest): Promise<Uint8Array> {
  try {
    return await ask(target, request);
  } catch (cause) {
    if (isEnd(cause) || !(cause instanceof UsbError)) throw cause;
    throw new HandheldError("probe", `it did not answer ${nameOf(request)}: ${cause.message}`, { cause });
  }
}

/** Runs a transfer whose failure means nothing, unless the handheld is gone or nobody wants it any more. */
async function ignoring(
  { log }: ProbeTarget,
  what: string,
  transfer: () => Promise<Uint8Array>,
): Promise<Uint8Array | undefined> {
  try {
    return await transfer();
  } catch (error) {
    if (isEnd(error) || !(error instanceof UsbError)) throw error;
    log.debug({ error: error.code }, `${what} failed, which is normal for some handhelds: ${error.message}`);
    return undefined;
  }
}

function isEnd(error: unknown): boolean {
  return error instanceof UsbError && (error.code === "gone" || error.code === "cancelled");
}

function nameOf({ setup }: ControlRequest): string {
  return `request 0x${setup.request.toString(16).padStart(2, "0")}`;
}
