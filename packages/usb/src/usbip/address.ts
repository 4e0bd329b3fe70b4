// Where a driver finds its device, as a person writes it: `libusb` or `usbip://HOST[:PORT]/BUSID`.
// Plain values.

import { UsbUsageError } from "../errors.ts";
import { USBIP_PORT } from "./protocol.ts";

export interface UsbipAddress {
  readonly kind: "usbip";
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** As the server names the device, e.g. "1-1.4". */
  readonly busid: string;
}

export type UsbAddress = { readonly kind: "libusb" } | UsbipAddress;

/** What fits the protocol's 32 bytes: letters, digits, "-", "_" and "." (the kernel's names, and usbip-vudc.0). */
const BUSID = /^[A-Za-z0-9._-]{1,31}$/;

/** Anything else would reach the resolver percent-encoded, and no server has such a name. */
const PLAIN_HOST = /^[!-$&-~]*$/;

/** @throws UsbUsageError that says what is wrong and what would be right */
export function parseUsbAddress(text: string): UsbAddress {
  if (text === "libusb") return { kind: "libusb" };
  const bad = (why: string) =>
    new UsbUsageError(`"${text}" is no USB address: ${why}. Write libusb, or usbip://HOST[:PORT]/BUSID`);
  if (!text.startsWith("usbip://")) throw bad("it is neither libusb nor usbip://...");
  const authority = text.slice("usbip://".length).split("/", 1)[0] ?? "";
  if (!PLAIN_HOST.test(authority))
    throw bad(
      "HOST must be plain ASCII without % (no zone of an IPv6 address; a name in the form that DNS has, xn--...)",
    );
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw bad("HOST or PORT cannot be read");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw bad("it may have no user, query or fragment");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "") throw bad("HOST is missing");
  const port = url.port === "" ? USBIP_PORT : Number(url.port);
  if (port === 0) throw bad("PORT must be 1 to 65535");
  const busid = url.pathname.slice(1);
  if (busid === "") throw bad("BUSID is missing (`usbip list -r HOST` shows what a server exports, e.g. 1-1)");
  if (!BUSID.test(busid)) throw bad(`"${busid}" is no BUSID, like 1-1 or 3-2.4`);
  return { kind: "usbip", host, port, busid };
}

export function formatUsbAddress(address: UsbAddress): string {
  if (address.kind === "libusb") return "libusb";
  return `usbip://${hostAndPort(address)}/${address.busid}`;
}

export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
