// How the two ends come together, each family from each end, up to the first DLP message.
// Facts: pilot-link libpisock/cmp.c (cmp_rx_handshake), net.c (net_rx_handshake, net_tx_handshake), socket.c
// (protocol_queue_build: which family by the first bytes).

import { type ByteStream, withFirstBytes } from "./byte-stream.ts";
import { concat } from "./bytes.ts";
import { CMP_ABORT_VERSION, CMP_FIRST_BAUD, CMP_FLAG, CMP_TYPE, decodeCmp, encodeCmp } from "./cmp.ts";
import { ProtocolError } from "./errors.ts";
import type { MessageLink } from "./link.ts";
import { encodeNet, NET_HANDSHAKE, NET_HEADER_LENGTH, NET_TYPE } from "./net.ts";
import { NetLink } from "./net-link.ts";
import type { PadpTiming } from "./padp-engine.ts";
import { PadpLink } from "./padp-link.ts";

/** `slp`: CMP, PADP and SLP, on serial lines and older USB handhelds. `net`: newer USB. */
export type Family = "slp" | "net";

const CMP_VERSION_HANDHELD = 0x0103;
const CMP_VERSION_DESKTOP = 0x0101;

/** The handheld's end of CMP: WAKEUP, INIT, the new speed. */
export async function wakeUpDesktop(link: PadpLink, maxBaud: number, timeoutMs?: number): Promise<void> {
  const wakeup = { type: CMP_TYPE.WAKEUP, flags: CMP_FLAG.LONG_PACKETS, version: CMP_VERSION_HANDHELD, baud: maxBaud };
  await link.send(encodeCmp(wakeup));
  const init = decodeCmp(await link.receive(timeoutMs));
  if (init.type !== CMP_TYPE.INIT) throw new ProtocolError("refused", "CMP: the desktop aborted the connection");
  if (init.flags & CMP_FLAG.CHANGE_BAUD) await link.setBaudRate(init.baud);
  link.connected({ longHeaders: (init.flags & CMP_FLAG.LONG_PACKETS) !== 0 });
}

/** The desktop's end of CMP. `maxBaud` limits what the handheld offers. */
export async function answerWakeUp(link: PadpLink, maxBaud: number, timeoutMs?: number): Promise<void> {
  let wakeup = decodeCmp(await link.receive(timeoutMs));
  while (wakeup.type !== CMP_TYPE.WAKEUP) wakeup = decodeCmp(await link.receive(timeoutMs));
  if (wakeup.version >> 8 !== CMP_VERSION_DESKTOP >> 8) {
    await link.send(
      encodeCmp({ type: CMP_TYPE.ABORT, flags: CMP_ABORT_VERSION, version: CMP_VERSION_DESKTOP, baud: 0 }),
    );
    throw new ProtocolError("refused", `CMP: the handheld speaks version 0x${wakeup.version.toString(16)}`);
  }
  const baud = Math.min(wakeup.baud, maxBaud);
  const change = baud !== CMP_FIRST_BAUD;
  const long = wakeup.flags & CMP_FLAG.LONG_PACKETS;
  const flags = (change ? CMP_FLAG.CHANGE_BAUD : 0) | long;
  await link.send(encodeCmp({ type: CMP_TYPE.INIT, flags, version: CMP_VERSION_DESKTOP, baud: change ? baud : 0 }));
  if (change) await link.setBaudRate(baud);
  // Our own headers stay short wherever they can be: every handheld reads those.
  link.connected({ longHeaders: false });
}

/**
 * Between two greetings. A desktop that flushes its port after opening it, as serialport does, may lose the first one,
 * and NET repeats nothing: then the person presses the button again.
 */
const GREET_AGAIN_MS = 3000;
/** No desktop is so slow that more of them wait for it. */
const GREETINGS_LIMIT = 100;

/** The handheld's end of NET's hand-shake. */
export async function greetDesktop(link: NetLink, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
  await greet(link, timeoutMs);
  await link.send(NET_HANDSHAKE.SETUP);
  await expect(link, NET_HANDSHAKE.SETUP_REPLY, timeoutMs);
  await link.send(NET_HANDSHAKE.DONE);
}

async function greet(link: NetLink, timeoutMs: number): Promise<void> {
  for (let left = timeoutMs; ; left -= GREET_AGAIN_MS) {
    await link.send(NET_HANDSHAKE.HELLO);
    try {
      await expect(link, NET_HANDSHAKE.HELLO_REPLY, Math.min(left, GREET_AGAIN_MS));
      return;
    } catch (error) {
      const isSilence = error instanceof ProtocolError && error.kind === "timeout";
      if (!isSilence || left <= GREET_AGAIN_MS) throw error;
    }
  }
}

/** The desktop's end of NET's hand-shake. */
export async function answerGreeting(link: NetLink, timeoutMs?: number): Promise<void> {
  await expect(link, NET_HANDSHAKE.HELLO, timeoutMs);
  await link.send(NET_HANDSHAKE.HELLO_REPLY);
  let setup = await link.receive(timeoutMs);
  // Greetings from before our answer was seen.
  for (let more = GREETINGS_LIMIT; more > 0 && resembles(setup, NET_HANDSHAKE.HELLO); more--)
    setup = await link.receive(timeoutMs);
  check(setup, NET_HANDSHAKE.SETUP);
  await link.send(NET_HANDSHAKE.SETUP_REPLY);
  await expect(link, NET_HANDSHAKE.DONE, timeoutMs);
}

async function expect(link: NetLink, model: Uint8Array, timeoutMs?: number): Promise<void> {
  check(await link.receive(timeoutMs), model);
}

/** The first byte names the message; of the rest only that it is all there counts, the fields differ by device. */
function resembles(message: Uint8Array, model: Uint8Array): boolean {
  return message[0] === model[0] && message.length === model.length;
}

function check(message: Uint8Array, model: Uint8Array): void {
  if (resembles(message, model)) return;
  throw new ProtocolError(
    "malformed",
    `NET: ${model.length} bytes beginning 0x${model[0]?.toString(16)} expected in the hand-shake, ` +
      `but ${message.length} bytes came: ${Buffer.from(message.subarray(0, 16)).toString("hex")}`,
  );
}

export interface DesktopOptions {
  /** The fastest line speed to agree to. Default 115200. */
  readonly maxBaud?: number;
  /** How long to wait for the handheld's first bytes and then for each step. Default: for ever. */
  readonly timeoutMs?: number;
  readonly timing?: PadpTiming;
}

export interface Connection {
  readonly family: Family;
  readonly link: MessageLink;
}

/** Waits for a handheld, finds out what it speaks, and shakes hands. Rejects with ProtocolError. */
export async function connectDesktop(stream: ByteStream, options: DesktopOptions = {}): Promise<Connection> {
  const { maxBaud = 115200, timeoutMs } = options;
  const { family, first } = await detectFamily(stream, timeoutMs);
  const rest = withFirstBytes(stream, first);
  if (family === "slp") {
    const link = new PadpLink(rest, "desktop", options.timing);
    await answerWakeUp(link, maxBaud, timeoutMs);
    return { family, link };
  }
  const link = new NetLink(rest, "desktop");
  await answerGreeting(link, timeoutMs);
  return { family, link };
}

/** What a family's first bytes look like, at any offset: a line that was just opened may have noise on it. */
export function recogniseFamily(bytes: Uint8Array): { family: Family; first: Uint8Array } | undefined {
  for (let at = 0; at < bytes.length; at++) {
    const rest = bytes.subarray(at);
    if (rest[0] === 0xbe && rest[1] === 0xef && rest[2] === 0xed) return { family: "slp", first: rest };
    if (startsWith(rest, [NET_TYPE.DATA, undefined, 0, 0, 0, NET_HANDSHAKE.HELLO.length])) {
      return { family: "net", first: rest };
    }
    // The header alone was lost, as happens when a port's first transfer comes before its first reader.
    if (startsWith(rest, [...NET_HANDSHAKE.HELLO.subarray(0, 10)])) {
      const [header] = encodeNet({ type: NET_TYPE.DATA, xid: 0xff, data: NET_HANDSHAKE.HELLO });
      return { family: "net", first: concat([header.subarray(0, NET_HEADER_LENGTH), rest]) };
    }
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, pattern: readonly (number | undefined)[]): boolean {
  return pattern.every((byte, i) => i < bytes.length && (byte === undefined || bytes[i] === byte));
}

/** As much noise as is taken before the line is given up. */
const NOISE_LIMIT = 4096;

async function detectFamily(stream: ByteStream, timeoutMs?: number): Promise<{ family: Family; first: Uint8Array }> {
  let seen: Uint8Array = new Uint8Array();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    if (timeoutMs === undefined) return;
    timer = setTimeout(
      () => reject(new ProtocolError("timeout", `no HotSync within ${timeoutMs} ms, ${seen.length} other bytes came`)),
      timeoutMs,
    );
  });
  try {
    while (seen.length <= NOISE_LIMIT) {
      const chunk = await Promise.race([stream.read(), late]);
      if (!chunk) throw new ProtocolError("closed", "the port was closed before a HotSync began");
      seen = concat([seen, chunk]);
      const found = recogniseFamily(seen);
      if (found) return found;
    }
    throw new ProtocolError("malformed", `no HotSync in the first ${seen.length} bytes`);
  } finally {
    clearTimeout(timer);
  }
}
