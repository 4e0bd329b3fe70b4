// What host and handheld say to each other on the control pipe, as bytes: the requests, and what the answers mean.
// Pure functions over immutable values. Sources: drivers/usb/serial/visor.h (Linux 6.1) for the requests and the two
// structs, pilot-link's libpisock/usb.c for creators, the Treo 90 and handhelds that answer garbage.
//
// A handheld has up to two ports, each a bulk-IN and a bulk-OUT endpoint, and says which of them runs HotSync:
// - 0x03 (6 bytes):  le16 number of ports, then twice { u8 function, u8 endpoint number }
// - 0x04 (20 bytes): u8 number of ports, u8 "IN and OUT numbers differ", le16 reserved, then twice
//   { char[4] creator of the program that has the port, u8 endpoint number, u8 IN << 4 | OUT, le16 reserved };
//   of the two number fields the one that does not apply is 0.

import { type ControlSetup, REQUEST } from "@devlift/usb";
import { HandheldError } from "./errors.ts";

export interface ControlRequest {
  readonly setup: ControlSetup;
  /** Bytes of the answer; a handheld may send fewer. */
  readonly length: number;
  readonly timeoutMs: number;
}

/** Vendor requests are device-to-host and say "endpoint" as their recipient, all of them. */
function vendorRequest(request: number, index: number, length: number): ControlRequest {
  return { setup: { requestType: 0xc2, request, value: 0, index }, length, timeoutMs: 300 };
}

function standardRequest(requestType: number, request: number): ControlRequest {
  return { setup: { requestType, request, value: 0, index: 0 }, length: 1, timeoutMs: 3000 };
}

/** 0x01, VISOR_REQUEST_BYTES_AVAILABLE. Answered wrongly by all: the answer is of no use, the asking is. */
export const BYTES_AVAILABLE = vendorRequest(0x01, 5, 2);
/** 0x02, VISOR_CLOSE_NOTIFICATION. */
export const CLOSE_NOTIFICATION = vendorRequest(0x02, 0, 0x12);
/** 0x03, VISOR_GET_CONNECTION_INFORMATION. */
export const CONNECTION_INFO = vendorRequest(0x03, 0, 6);
/** 0x04, PALM_GET_EXT_CONNECTION_INFORMATION. */
export const EXT_CONNECTION_INFO = vendorRequest(0x04, 0, 20);
/** What a Clie of Palm OS 3.5 waits for. */
export const GET_CONFIGURATION = standardRequest(0x80, REQUEST.GET_CONFIGURATION);
export const GET_INTERFACE = standardRequest(0x81, REQUEST.GET_INTERFACE);

/** Where a Treo 90 reports what it leaves out of its answer to 0x04, and how many bytes stand before it there. */
export const TREO_90 = { endpoint: 0x82, length: 64, skip: 6 } as const;

/** Which port runs HotSync, as far as the handheld says. Endpoint numbers are 1 to 15, without direction bit. */
export type HotSyncPort =
  | { readonly kind: "endpoints"; readonly in: number; readonly out: number }
  | { readonly kind: "port"; readonly number: number }
  | { readonly kind: "unsaid"; readonly ports: 1 | 2; readonly why: string };

const FUNCTION_HOTSYNC = 2;
const FUNCTIONS = ["generic", "debugger", "HotSync", "console", "remote file system"];
const CREATOR_HOTSYNC = "cnys";
/** What some T5, TX and E2 report instead of HotSync's creator until its button is pressed. */
const CREATOR_IDLE = "Lsfr";

/**
 * Reads the answer to 0x03.
 * @throws HandheldError("probe") when it has not 6 bytes: the kernel's driver refuses such a handheld too
 */
export function parseConnectionInfo(bytes: Uint8Array): HotSyncPort {
  const expected = CONNECTION_INFO.length;
  if (bytes.length !== expected)
    throw new HandheldError(
      "probe",
      `it answered the question for its ports (request 0x03) with ${bytes.length} bytes, not ${expected}`,
    );
  const view = viewOf(bytes);
  const ports = portCount(view.getUint16(0, true));
  const functions: number[] = [];
  for (let port = 0; port < ports; port++) {
    const use = view.getUint8(2 + 2 * port);
    const number = endpointNumber(view.getUint8(3 + 2 * port));
    if (use === FUNCTION_HOTSYNC && number !== undefined) return { kind: "port", number };
    functions.push(use);
  }
  const named = functions.map((use) => FUNCTIONS[use] ?? `function ${use}`).join(", ");
  return { kind: "unsaid", ports, why: `it names no HotSync port (${named})` };
}

/**
 * Reads the answer to 0x04. Every answer is taken: visor.c ignores what comes, and so garbage says nothing.
 * @throws HandheldError("not-ready") when the handheld says that HotSync is not running
 */
export function parseExtConnectionInfo(bytes: Uint8Array): HotSyncPort {
  const expected = EXT_CONNECTION_INFO.length;
  if (bytes.length < expected)
    return unsaid(`it answered the question for its ports (request 0x04) with ${bytes.length} bytes, not ${expected}`);
  const view = viewOf(bytes);
  const ports = portCount(view.getUint8(0));
  const differ = view.getUint8(1) !== 0;
  const creators: string[] = [];
  for (let port = 0; port < ports; port++) {
    const offset = 4 + 8 * port;
    const creator = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    const found = creator === CREATOR_HOTSYNC ? extPort(view, offset, differ) : undefined;
    if (found !== undefined) return found;
    creators.push(creator);
  }
  if (creators.includes(CREATOR_IDLE) && !creators.includes(CREATOR_HOTSYNC))
    throw new HandheldError(
      "not-ready",
      "it is plugged in, but HotSync is not running on it: press the HotSync button",
    );
  return unsaid(`it names no HotSync port (${creators.map(printable).join(", ")})`);
}

/**
 * Reads what a Treo 90 sends on its interrupt endpoint: something of 6 bytes, then the answer to 0x04.
 * @throws HandheldError("not-ready")
 */
export function parseInterruptReport(bytes: Uint8Array): HotSyncPort {
  return parseExtConnectionInfo(bytes.subarray(TREO_90.skip));
}

function unsaid(why: string): HotSyncPort {
  return { kind: "unsaid", ports: 2, why };
}

function extPort(view: DataView, offset: number, differ: boolean): HotSyncPort | undefined {
  if (!differ) {
    const number = endpointNumber(view.getUint8(offset + 4));
    return number === undefined ? undefined : { kind: "port", number };
  }
  const pair = view.getUint8(offset + 5);
  const input = endpointNumber(pair >> 4);
  const output = endpointNumber(pair & 0x0f);
  return input === undefined || output === undefined ? undefined : { kind: "endpoints", in: input, out: output };
}

/** 0 and more than 2 are garbage, and there is room for two: so two are looked at, as visor.c does. */
function portCount(said: number): 1 | 2 {
  return said === 1 ? 1 : 2;
}

function endpointNumber(byte: number): number | undefined {
  return byte >= 1 && byte <= 15 ? byte : undefined;
}

/** A creator for the log: four characters of a hostile device. */
function printable(creator: string): string {
  return `'${creator.replace(/[^\x20-\x7e]/g, ".")}'`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
