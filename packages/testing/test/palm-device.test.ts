// The handheld as a USB device, driven as a host controller and a driver do it: control requests, IN and OUT transfers.

import { parseConfigurationDescriptor } from "@devlift/usb";
import { STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
import { describe, expect, it, vi } from "vitest";
import { HotSyncClient } from "../src/hotsync/client.ts";
import type { ByteStream } from "../src/hotsync-protocol/byte-stream.ts";
import { DLP_FUNC } from "../src/hotsync-protocol/dlp.ts";
import { answerGreeting } from "../src/hotsync-protocol/handshake.ts";
import { NetLink } from "../src/hotsync-protocol/net-link.ts";
import { InPipe, PalmUsbDevice } from "../src/palm/device.ts";
import { FaultyDevice, faultCatalogue } from "../src/palm/faults.ts";
import { Handheld } from "../src/palm/handheld.ts";
import { configurationDescriptor, MODELS, type ModelName, type PalmModel, VENDOR_REQUEST } from "../src/palm/models.ts";
import { randomDevice, serveRandomDevice } from "../src/palm/random-device.ts";
import { hex } from "./hex.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

const NAMES = Object.keys(MODELS).filter((name): name is ModelName => name in MODELS);

/** A vendor request as the driver sends it. */
function ask(device: VirtualUsbDevice, request: number, length: number): ReturnType<VirtualUsbDevice["control"]> {
  return device.control({ requestType: 0xc2, request, value: 0, index: 0, length }, new Uint8Array());
}

/** The host's side of the port: reads in transfers of `length`, and says goodbye in close. */
function openPort(device: VirtualUsbDevice, model: PalmModel, length = 64): ByteStream {
  const cancel = new AbortController();
  return {
    read: async () => {
      for (;;) {
        const data = await device.in(model.hotSync.in, length, cancel.signal);
        if (cancel.signal.aborted || data === STALL) return undefined;
        if (data.length > 0) return data;
      }
    },
    write: async (data) => {
      await device.out(model.hotSync.out, data);
    },
    close: async () => {
      cancel.abort();
      await ask(device, VENDOR_REQUEST.CLOSE_NOTIFICATION, 0x12);
    },
  };
}

describe.each(NAMES)("%s", (name) => {
  const model: PalmModel = MODELS[name];

  it("does a HotSync through the endpoints that it names, pressed before or after the port is opened", async () => {
    for (const pressFirst of [true, false]) {
      const device = new PalmUsbDevice(model);
      const pressed = pressFirst ? device.pressHotSync() : undefined;
      const connecting = HotSyncClient.connect(openPort(device, model));
      const result = pressed ?? device.pressHotSync();
      const client = await connecting;
      expect(client.family).toBe(model.family);
      expect((await client.readSysInfo()).romVersion).toBe(model.profile.sysInfo.romVersion);
      expect((await client.backup("Devlift Hello")).length).toBeGreaterThan(20000);
      await client.endOfSync();
      expect(await result).toMatchObject({ endStatus: 0 });
      expect(device.requests).toEqual([VENDOR_REQUEST.CLOSE_NOTIFICATION]);
      expect(device.strayBytes).toBe(0);
    }
  });

  it("has a configuration that parses, with its HotSync endpoints in it", () => {
    const { interfaces } = parseConfigurationDescriptor(configurationDescriptor(model));
    const alternates = interfaces.flatMap(({ alternates }) => alternates);
    const addresses = alternates.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
    expect(addresses).toEqual(model.endpoints.map(({ address }) => address));
    expect(addresses).toEqual(expect.arrayContaining([model.hotSync.in | 0x80, model.hotSync.out]));
  });

  it("stalls what it does not know, and cuts answers to the length asked for", () => {
    const device = new PalmUsbDevice(model);
    expect(ask(device, 0x77, 64)).toBe(STALL);
    expect(device.control({ requestType: 0x21, request: 0x20, value: 0, index: 0, length: 7 })).toBe(STALL);
    for (const [request, answer] of Object.entries(model.answers)) {
      expect(ask(device, Number(request), 64)).toEqual(model.answersBefore?.[Number(request)] ?? answer);
      expect(ask(device, Number(request), 1)).toHaveLength(Math.min(1, answer.length));
    }
  });
});

describe("answers to the driver's requests", () => {
  it("are as visor.h lays them out", () => {
    expect(hex(MODELS.visor.answers[VENDOR_REQUEST.CONNECTION_INFO])).toBe("0200" + "0001" + "0202");
    const same = "02 00 0000  4c736672 01 00 0000  636e7973 02 00 0000";
    const different = "02 01 0000  636e7973 01 12 0000  4c736672 02 34 0000";
    expect(hex(MODELS.m505.answers[VENDOR_REQUEST.EXT_CONNECTION_INFO])).toBe(same.replaceAll(" ", ""));
    expect(hex(MODELS.tungsten.answers[VENDOR_REQUEST.EXT_CONNECTION_INFO])).toBe(different.replaceAll(" ", ""));
  });

  it("of a T5 name no HotSync port until the button is pressed", () => {
    const device = new PalmUsbDevice(MODELS.t5);
    const text = (): string =>
      Buffer.from(Object(ask(device, VENDOR_REQUEST.EXT_CONNECTION_INFO, 20))).toString("latin1");
    expect(text()).not.toContain("cnys");
    void device.pressHotSync().catch(() => undefined);
    expect(text()).toContain("cnys");
    device.unplugged();
  });

  it("of a Treo 90 come on its interrupt endpoint, once a configuration", async () => {
    const device = new PalmUsbDevice(MODELS.treo90);
    expect(ask(device, VENDOR_REQUEST.EXT_CONNECTION_INFO, 20)).toEqual(new Uint8Array());
    for (let times = 0; times < 2; times++) {
      device.standard({ requestType: 0, request: 9, value: 1, index: 0, length: 0 });
      const data = await device.in(2, 64, new AbortController().signal);
      expect(data.length).toBe(26);
      expect(Buffer.from(data.subarray(6)).toString("latin1")).toContain("cnys");
      const cancel = new AbortController();
      const silent = device.in(2, 64, cancel.signal);
      cancel.abort();
      expect(await silent).toEqual(new Uint8Array());
    }
  });
});

describe("IN transfers", () => {
  it("end with a short packet, and a NET header is one of its own", async () => {
    const device = new PalmUsbDevice(MODELS.tungsten);
    const sync = device.pressHotSync();
    const signal = new AbortController().signal;
    expect(hex(await device.in(1, 4096, signal))).toBe("01ff00000016");
    expect(await device.in(1, 4096, signal)).toHaveLength(22);
    device.unplugged();
    await expect(sync).rejects.toMatchObject({ kind: "closed" });
  });

  it("of whole packets do not end by themselves, and what a cancelled read had comes again", async () => {
    const model = MODELS.tungsten;
    // With a name of 27 characters the answer to ReadUserInfo is a transfer of 64 bytes.
    const handheld = new Handheld({ userName: "n".repeat(27) });
    const device = new PalmUsbDevice(model, { handheld });
    const sync = device.pressHotSync();
    const port = openPort(device, model);
    const desktop = new NetLink(port, "desktop");
    await answerGreeting(desktop);
    await desktop.send(Uint8Array.of(DLP_FUNC.ReadUserInfo, 0));
    expect((await desktop.receive()).length).toBe(64);
    await port.close();
    await expect(sync).rejects.toMatchObject({ kind: "closed" });

    const pipe = new InPipe();
    const sent = pipe.send(new Uint8Array(64).fill(1));
    const cancel = new AbortController();
    const large = pipe.take(4096, cancel.signal);
    await sent;
    cancel.abort();
    expect(await large).toEqual(new Uint8Array());
    expect(await pipe.take(4096, AbortSignal.abort())).toEqual(new Uint8Array());
    expect(await pipe.take(64, new AbortController().signal)).toEqual(new Uint8Array(64).fill(1));
  });

  it("of a small size get a packet in pieces", async () => {
    const device = new PalmUsbDevice(MODELS.visor);
    void device.pressHotSync().catch(() => undefined);
    const cancel = new AbortController();
    const parts: number[] = [];
    for (let got = 0; got < 26; got += parts.at(-1) ?? 0) parts.push((await device.in(2, 10, cancel.signal)).length);
    expect(parts).toEqual([10, 10, 6]);
    const pending = device.in(2, 64, cancel.signal);
    cancel.abort();
    expect(await pending).toEqual(new Uint8Array());
    device.unplugged();
  });

  it("carry large answers in reads of 64 bytes and of 4096 alike", async () => {
    for (const length of [64, 4096]) {
      const device = new PalmUsbDevice(MODELS.clie35);
      const result = device.pressHotSync();
      const client = await HotSyncClient.connect(openPort(device, MODELS.clie35, length));
      expect((await client.backup("MemoDB")).length).toBeGreaterThan(3600);
      await client.endOfSync();
      await result;
    }
  });
});

describe("the end of a sync", () => {
  it("comes by unplugging, by the host's closing, and before it has begun", async () => {
    const unplugged = new PalmUsbDevice(MODELS.m505);
    const waiting = unplugged.pressHotSync();
    unplugged.unplugged();
    await expect(waiting).rejects.toMatchObject({ kind: "closed" });

    const device = new PalmUsbDevice(MODELS.tungsten);
    for (let times = 0; times < 2; times++) {
      const result = device.pressHotSync();
      const port = openPort(device, MODELS.tungsten);
      const client = await HotSyncClient.connect(port);
      await client.readUserInfo();
      await port.close();
      await expect(result).rejects.toMatchObject({ kind: "closed" });
    }
  });
});

describe("faults", () => {
  it("are many, have names, and leave each model's other answers alone", () => {
    const handheld = new Handheld({ databases: [] });
    for (const name of NAMES) {
      const model: PalmModel = MODELS[name];
      const catalogue = faultCatalogue(model);
      expect(new Set(catalogue.map((entry) => entry.name)).size).toBe(catalogue.length);
      expect(catalogue.length).toBeGreaterThan(30);
      for (const { faults } of catalogue) {
        const device = new FaultyDevice(new PalmUsbDevice(model, { handheld }), faults, () => undefined);
        for (const [request, answer] of Object.entries(model.answers)) {
          if (faults.answers?.[Number(request)] !== undefined) continue;
          const before = model.answersBefore?.[Number(request)];
          expect(ask(device, Number(request), 64)).toEqual(before ?? answer);
        }
      }
    }
  });

  it("stall, fall silent or unplug after so many bytes", async () => {
    const model = MODELS.tungsten;
    for (const what of ["stall", "silence", "unplug"] as const) {
      const inner = new PalmUsbDevice(model);
      const sync = inner.pressHotSync();
      let unplugs = 0;
      const device = new FaultyDevice(inner, { in: { afterBytes: 20, what } }, () => unplugs++);
      const cancel = new AbortController();
      expect(await device.in(1, 64, cancel.signal)).toHaveLength(6);
      expect(await device.in(1, 64, cancel.signal)).toHaveLength(22);
      const next = device.in(1, 64, cancel.signal);
      cancel.abort();
      expect(await next).toEqual(what === "stall" ? STALL : new Uint8Array());
      expect(unplugs).toBe(what === "unplug" ? 1 : 0);
      device.unplugged();
      await expect(sync).rejects.toMatchObject({ kind: "closed" });
    }
  });
});

describe("random devices", () => {
  it("are the same for the same seed, different for another, and always can be served", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 2000; seed++) {
      const data = randomDevice(seed);
      seen.add(JSON.stringify({ ...data, seed: 0 }));
      const device = serveRandomDevice(data);
      expect(device.descriptors.device).toHaveLength(18);
      const silent = Object.entries(data.answers).filter(([, answer]) => answer === "silence");
      for (const request of Object.values(VENDOR_REQUEST)) {
        if (silent.some(([name]) => Number(name) === request)) continue;
        const answer = await ask(device, request, 20);
        if (answer !== STALL) expect(answer.length).toBeLessThanOrEqual(20);
      }
    }
    expect(seen.size).toBeGreaterThan(1900);
    expect(randomDevice(42)).toEqual(randomDevice(42));
  });
});
