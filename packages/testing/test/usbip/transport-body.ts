// What every UsbHost and its transports must do, over a LoopbackDevice. One body; the fake, USB/IP and libusb run it.

import { once } from "node:events";
import {
  type ControlSetup,
  type ReadingOptions,
  type UsbDevice,
  UsbError,
  type UsbErrorCode,
  type UsbHost,
  type UsbHostListener,
  type UsbReading,
  type UsbTransport,
  UsbUsageError,
  type UsbWatch,
} from "@devlift/usb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOPBACK, VENDOR } from "../../src/usbip/loopback-device.ts";

/** One bus with one loopback device, unplugged at first. */
export interface Rig {
  readonly host: UsbHost;
  plug(): Promise<void>;
  unplug(): Promise<void>;
  close(): Promise<void>;
}

const { IN1, OUT1, IN2, OUT2, INTERRUPT, PACKET } = LOOPBACK;
const AHEAD: ReadingOptions = { transferSize: PACKET, transfers: 4 };

export function vendor(request: number, direction: "in" | "out", index = 0): ControlSetup {
  return { requestType: direction === "in" ? 0xc0 : 0x40, request, value: 0, index };
}

/** @param options.vendorId, productId tell the device from others on the same bus */
export function describeTransport(
  name: string,
  makeRig: () => Promise<Rig>,
  ids: { readonly vendorId: number; readonly productId: number },
): void {
  describe(`a transport over ${name}`, () => {
    let rig: Rig;
    let seen: Plugs;
    let watch: UsbWatch;
    let transport: UsbTransport;

    beforeEach(async () => {
      rig = await makeRig();
      seen = new Plugs((device) => device.descriptor.vendorId === ids.vendorId);
      watch = await rig.host.watch(seen);
      transport = await openPlugged();
    });

    afterEach(async () => {
      await transport.close();
      await watch.close();
      await rig.close();
    });

    async function openPlugged(): Promise<UsbTransport> {
      const attached = seen.next("attached");
      await rig.plug();
      const opened = await (await attached).open();
      await opened.claim(0);
      return opened;
    }

    it("reports the device with its descriptors", () => {
      const { descriptor, configuration } = transport.device;
      expect(descriptor).toMatchObject({ ...ids, usbVersion: 0x0110, configurationCount: 1 });
      expect(configuration?.interfaces[0]?.alternates[0]?.endpoints).toMatchObject([
        { address: IN1, direction: "in", type: "bulk", maxPacketSize: PACKET },
        { address: OUT1, direction: "out", type: "bulk", maxPacketSize: PACKET },
        { address: IN2 },
        { address: OUT2 },
        { address: INTERRUPT, direction: "in", type: "interrupt", interval: 10 },
      ]);
    });

    it("makes control transfers; a stall is the answer to one of them", async () => {
      await transport.controlOut(vendor(VENDOR.ECHO, "out"), bytes("control"));
      expect(text(await transport.controlIn(vendor(VENDOR.ECHO, "in"), 64))).toBe("control");
      expect(text(await transport.controlIn(vendor(VENDOR.ECHO, "in"), 3))).toBe("con");
      await fails(transport.controlIn(vendor(0x77, "in"), 4), "stall");
      await fails(transport.controlOut(vendor(0x77, "out"), new Uint8Array(0)), "stall");
      await fails(transport.controlIn(vendor(VENDOR.SILENCE, "in"), 4, { timeoutMs: 50 }), "timeout");
      expect(text(await transport.controlIn(vendor(VENDOR.ECHO, "in"), 64))).toBe("control");
    });

    it("keeps the order of queued writes and of what comes back", async () => {
      const sent = seededBytes(20_000);
      const got = new Collected(transport, IN1, AHEAD);
      const writes: Promise<number>[] = [];
      for (let at = 0; at < sent.length; at += 777) {
        // The caller may use its buffer again at once.
        const chunk = Buffer.from(sent.subarray(at, at + 777));
        writes.push(transport.write(OUT1, chunk));
        chunk.fill(0);
      }
      expect((await Promise.all(writes)).reduce((sum, count) => sum + count)).toBe(sent.length);
      expect(Buffer.compare(await got.atLeast(sent.length), sent)).toBe(0);
      await got.reading.stop();
    });

    it("reads an interrupt endpoint", async () => {
      const got = new Collected(transport, INTERRUPT, { transferSize: 8, transfers: 2 });
      await transport.controlOut(vendor(VENDOR.INTERRUPT, "out"), bytes("button"));
      expect(text(await got.atLeast(6))).toBe("button");
    });

    it("reads no further while paused, and loses nothing", async () => {
      const got = new Collected(transport, IN1, { transferSize: PACKET, transfers: 2 });
      got.reading.pause();
      const sent = seededBytes(PACKET * 10);
      await transport.write(OUT1, sent);
      // Another pair's round trip: by then whatever is in flight on the first has come.
      await transport.write(OUT2, bytes("barrier"));
      expect(text(await transport.read(IN2, PACKET))).toBe("barrier");
      expect((await got.atLeast(PACKET * 2)).length).toBe(PACKET * 2);
      got.reading.resume();
      expect(Buffer.compare(await got.atLeast(sent.length), sent)).toBe(0);
    });

    it("stops reading: nothing comes after, and nothing is taken that nobody gets", async () => {
      const got = new Collected(transport, IN1, AHEAD);
      await transport.write(OUT1, bytes("before"));
      await got.atLeast(6);
      await got.reading.stop();
      await got.reading.stop();
      await transport.write(OUT1, bytes("after"));
      expect(text(await transport.read(IN1, PACKET))).toBe("after");
      expect(text(await got.atLeast(0))).toBe("before");
    });

    it("ends a transfer at its time limit or by its signal, and only that", async () => {
      const stop = new AbortController();
      const aborted = transport.read(IN1, PACKET, { signal: stop.signal });
      const late = transport.read(IN1, PACKET, { timeoutMs: 50 });
      const patient = transport.read(IN1, PACKET);
      await fails(late, "timeout");
      stop.abort();
      await fails(aborted, "cancelled");
      await fails(transport.read(IN1, PACKET, { signal: stop.signal }), "cancelled");
      await transport.write(OUT1, bytes("in time"), { timeoutMs: 60_000 });
      expect(text(await patient)).toBe("in time");
    });

    it("clears a halt before it reports the stall", async () => {
      await transport.controlOut(vendor(VENDOR.STALL_NEXT, "out", IN1), new Uint8Array(0));
      await fails(transport.read(IN1, PACKET), "stall");
      await transport.controlOut(vendor(VENDOR.STALL_NEXT, "out", OUT1), new Uint8Array(0));
      // What was queued behind a stalled transfer fails with it: a stream must not get a hole.
      const queued = ["one", "two", "three"].map((word) => transport.write(OUT1, bytes(word)));
      for (const write of queued) await fails(write, "stall");
      await transport.write(OUT1, bytes("afresh"));
      expect(text(await transport.read(IN1, PACKET))).toBe("afresh");
    });

    it("goes on reading after a stall", async () => {
      const got = new Collected(transport, IN1, AHEAD);
      await transport.write(OUT1, bytes("one "));
      await got.atLeast(4);
      await transport.controlOut(vendor(VENDOR.STALL_NEXT, "out", IN1), new Uint8Array(0));
      await transport.write(OUT1, bytes("two"));
      expect(text(await got.atLeast(7))).toBe("one two");
    });

    it("takes unplug as a state, and the device back when it is plugged in again", async () => {
      const got = new Collected(transport, IN1, AHEAD);
      const pending = transport.read(IN2, PACKET);
      const gone = once(transport.gone, "abort");
      const detached = seen.next("detached");
      const [, , left] = await Promise.all([fails(pending, "gone"), gone, detached, rig.unplug()]);
      expect(left).toBe(transport.device);
      expect((await got.ended).code).toBe("gone");
      await fails(transport.write(OUT1, bytes("x")), "gone");
      await fails(transport.controlIn(vendor(VENDOR.ECHO, "in"), 1), "gone");
      await fails(transport.claim(0), "gone");
      await fails(transport.device.open(), "gone");
      await transport.close();

      transport = await openPlugged();
      expect(transport.device).not.toBe(left);
      await transport.write(OUT1, bytes("again"));
      expect(text(await transport.read(IN1, PACKET))).toBe("again");
    });

    it("is opened by one at a time, and again after close", async () => {
      await fails(transport.device.open(), "busy");
      const pending = transport.read(IN1, PACKET);
      const got = new Collected(transport, IN2, AHEAD);
      await Promise.all([fails(pending, "cancelled"), transport.close()]);
      await fails(transport.write(OUT1, bytes("x")), "cancelled");
      expect(transport.gone.aborted).toBe(false);
      transport = await transport.device.open();
      expect(await transport.claim(0)).toBeUndefined();
      await transport.write(OUT1, bytes("reopened"));
      expect(text(await transport.read(IN1, PACKET))).toBe("reopened");
      expect(got.chunks).toBe(0);
    });

    it("refuses what cannot be, by name", async () => {
      await misuse(transport.read(OUT1, 8), "0x01 is an OUT endpoint");
      await misuse(transport.write(IN1, bytes("x")), "0x81 is an IN endpoint");
      await misuse(transport.read(0x8f, 8), "0x8f belongs to no claimed interface");
      await misuse(transport.read(IN1, -1), "-1 bytes");
      await misuse(transport.controlIn(vendor(VENDOR.ECHO, "out"), 1), "not for an in transfer");
      await misuse(transport.controlOut(vendor(VENDOR.ECHO, "out"), new Uint8Array(70_000)), "70000 bytes");
      await misuse(transport.claim(7), "no interface 7");
      expect(() => transport.startReading(IN1, { transferSize: 64, transfers: 0 }, new Ignore())).toThrow(
        UsbUsageError,
      );
    });
  });
}

/** A host's listener whose events can be awaited. */
export class Plugs implements UsbHostListener {
  readonly troubles: UsbError[] = [];
  readonly #wanted: (device: UsbDevice) => boolean;
  readonly #waiting = {
    attached: [] as ((device: UsbDevice) => void)[],
    detached: [] as ((device: UsbDevice) => void)[],
  };
  readonly #events = { attached: [] as UsbDevice[], detached: [] as UsbDevice[] };
  #onTrouble: (() => void)[] = [];

  constructor(wanted: (device: UsbDevice) => boolean = () => true) {
    this.#wanted = wanted;
  }

  attached(device: UsbDevice): void {
    this.#happened("attached", device);
  }

  detached(device: UsbDevice): void {
    this.#happened("detached", device);
  }

  trouble(error: UsbError): void {
    this.troubles.push(error);
    for (const tell of this.#onTrouble.splice(0)) tell();
  }

  /** The next event of this kind that nobody has awaited yet. */
  next(kind: "attached" | "detached"): Promise<UsbDevice> {
    const earlier = this.#events[kind].shift();
    if (earlier !== undefined) return Promise.resolve(earlier);
    return new Promise((resolve) => this.#waiting[kind].push(resolve));
  }

  async troubled(count = 1): Promise<readonly UsbError[]> {
    while (this.troubles.length < count) await new Promise<void>((resolve) => this.#onTrouble.push(resolve));
    return this.troubles;
  }

  #happened(kind: "attached" | "detached", device: UsbDevice): void {
    if (!this.#wanted(device)) return;
    const first = this.#waiting[kind].shift();
    if (first === undefined) this.#events[kind].push(device);
    else first(device);
  }
}

/** What a reading brought, to be awaited by amount. */
export class Collected {
  readonly reading: UsbReading;
  readonly ended: Promise<UsbError>;
  chunks = 0;
  #bytes = Buffer.alloc(0);
  #more: (() => void)[] = [];

  constructor(transport: UsbTransport, endpoint: number, options: ReadingOptions) {
    let end: (error: UsbError) => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.reading = transport.startReading(endpoint, options, {
      data: (chunk) => {
        this.chunks++;
        this.#bytes = Buffer.concat([this.#bytes, chunk]);
        for (const tell of this.#more.splice(0)) tell();
      },
      ended: end,
    });
  }

  async atLeast(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) await new Promise<void>((resolve) => this.#more.push(resolve));
    return this.#bytes;
  }
}

class Ignore {
  data(): void {}
  ended(): void {}
}

export async function fails(promise: Promise<unknown>, code: UsbErrorCode): Promise<void> {
  const error = await promise.then(
    (value) => expect.fail(`succeeded with ${value}, not ${code}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsbError);
  expect(error).toMatchObject({ code });
}

async function misuse(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsbUsageError);
  expect(String(error)).toContain(message);
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** xorshift32: the same bytes in every run. */
export function seededBytes(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[at] = state & 0xff;
  }
  return out;
}
