// Handhelds that misbehave, over USB/IP and the whole driver, on a kernel in memory. Each open ends: with a port, or
// with ENODEV or EIO and a sentence in the log. A port that did open never hangs its program, and the unplug ends it.

import { DeviceError, type MemoryFile, MemoryKernel, serve } from "@devlift/core";
import {
  FaultyDevice,
  faultCatalogue,
  MODELS,
  type ModelName,
  type NamedFaults,
  PalmUsbDevice,
  randomDevice,
  serveRandomDevice,
  UsbipServer,
  type VirtualUsbDevice,
} from "@devlift/testing";
import { defineSerialPort } from "@devlift/tty";
import { openUsbHost, parseUsbAddress } from "@devlift/usb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PilotDriver } from "../src/driver.ts";
import { MemoryLog } from "./bench.ts";

const BUSID = "1-1";
const O_RDWR_NONBLOCK = 0o4002;
const RANDOM_DEVICES = 300;
/** Errors that a program may see on a port whose handheld misbehaves. */
const EXPECTED = new Set(["EAGAIN", "EIO", "ENODEV"]);

let server: UsbipServer;

beforeAll(async () => {
  server = await UsbipServer.listen();
});

afterAll(() => server.close());

/** A program's call: its result, or the errno. Anything else that is thrown fails the test. */
async function outcome<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    expect(EXPECTED).toContain(error.code);
    return error.code;
  }
}

/** Opens a handheld's port, talks a little, pulls the plug, closes. @returns what open gave, and the log */
async function use(device: VirtualUsbDevice): Promise<{ opened: string; log: MemoryLog }> {
  server.plug(BUSID, device);
  const log = new MemoryLog();
  const driver = new PilotDriver({ host: openUsbHost(parseUsbAddress(server.url(BUSID))), log });
  await driver.start();
  const kernel = new MemoryKernel();
  const channel = await serve(defineSerialPort(driver, { log }), { channel: kernel, log });
  try {
    const file = await outcome(kernel.openFile(O_RDWR_NONBLOCK));
    if (typeof file === "string") return { opened: file, log };
    await talk(file);
    return { opened: "open", log };
  } finally {
    await server.unplug(BUSID);
    await channel.close();
    await driver.close();
  }
}

async function talk(file: MemoryFile): Promise<void> {
  await outcome(file.write(new Uint8Array(300)));
  await outcome(file.read(64));
  await outcome(file.ioctl(0x5401, 0n).catch(notFault));
  // A reader that waits is freed by the unplug, whatever the handheld does or does not.
  file.nonBlocking = false;
  const waiting = outcome(readToEnd(file));
  await server.unplug(BUSID);
  await waiting;
  await file.close();
}

/** TCGETS with a bad pointer: EFAULT on a live port, EIO on a dead one. */
function notFault(error: unknown): number {
  if (error instanceof DeviceError && error.code === "EFAULT") return 0;
  throw error;
}

async function readToEnd(file: MemoryFile): Promise<void> {
  while ((await file.read(64)).length > 0);
}

const MODEL_NAMES: readonly ModelName[] = ["visor", "tungsten", "clie5", "clie35", "treo", "treo90"];

describe.each(MODEL_NAMES)("a faulty %s", (name) => {
  test.each(faultCatalogue(MODELS[name]))("$name", async ({ faults }: NamedFaults) => {
    const palm = new PalmUsbDevice(MODELS[name]);
    const pressed = palm.pressHotSync().catch(() => "ended");
    const device = new FaultyDevice(palm, faults, () => void server.unplug(BUSID));
    const { opened, log } = await use(device);
    expect(log.said("error")).toEqual([]);
    if (opened !== "open") expect(log.lines.some((line) => /^(info|warn) /.test(line))).toBe(true);
    device.unplugged();
    await pressed;
  });
});

test(`${RANDOM_DEVICES} random devices over the wire`, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= RANDOM_DEVICES; seed++) {
    const { opened, log } = await use(serveRandomDevice(randomDevice(seed)));
    expect(log.said("error"), `seed ${seed}`).toEqual([]);
    if (opened !== "open") expect(log.lines.length, `seed ${seed}`).toBeGreaterThan(0);
    seen.add(opened);
  }
  // Some get through and some do not, or the generator tests nothing.
  expect(seen).toContain("open");
  expect(seen).toContain("ENODEV");
}, 300_000);
