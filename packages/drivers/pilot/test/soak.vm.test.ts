// Fifty times plugged in, synced and pulled out: every byte arrives, and the daemon is as small as before.

import {
  compareDatabases,
  type Family,
  fromImage,
  HotSyncClient,
  MODELS,
  type ModelName,
  openSerialPort,
  PalmUsbDevice,
  toImage,
} from "@devlift/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon } from "./daemon.ts";
import { syncDatabase } from "./databases.ts";
import { Cradle, PILOT } from "./vm-bench.ts";

const ROUNDS = 50;
/** From here on the daemon has seen everything once, its code is compiled and its buffers are there. */
const WARM = 15;
/** What the resident size may move by between two equal states, KiB: V8 gives pages back when it likes. */
const NOISE_KIB = 8 * 1024;
const MODEL_NAMES: readonly ModelName[] = ["visor", "tungsten", "clie5", "clie35", "m505"];

let cradle: Cradle;
let daemon: Daemon;

beforeAll(async () => {
  cradle = await Cradle.open();
  daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb"]);
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  await cradle.close();
});

/** One round; every third time the handheld is pulled out in the middle of a backup. */
async function round(number: number): Promise<void> {
  const model = MODEL_NAMES[number % MODEL_NAMES.length] ?? "visor";
  const family: Family = number % 2 === 0 ? "slp" : "net";
  const device = new PalmUsbDevice(MODELS[model], { family });
  const stored = syncDatabase(number + 1, 24);
  device.handheld.state.ram.push(stored);
  await cradle.plug(device);
  const pressed = device.pressHotSync();
  const client = await HotSyncClient.connect(await openSerialPort(PILOT));
  if (number % 3 === 2) {
    const ended = expect(pressed).rejects.toThrow();
    const backup = expect(client.backup(stored.name)).rejects.toThrow();
    await cradle.unplug();
    await Promise.all([ended, backup]);
    await client.close();
    return;
  }
  expect(compareDatabases(fromImage(await client.backup(stored.name)), stored)).toEqual([]);
  const given = syncDatabase(number + 1000, 24);
  await client.install(toImage(given));
  await client.endOfSync();
  await pressed;
  const kept = device.handheld.image(given.name);
  // A Palm OS before 4 keeps no dates of what is installed; hotsync.vm.test.ts looks at those.
  const dateless = { created: 0, modified: 0, backedUp: 0 };
  const same = kept && compareDatabases({ ...fromImage(kept), ...dateless }, { ...given, ...dateless });
  expect(same).toEqual([]);
  expect(device.strayBytes).toBe(0);
  await cradle.unplug();
}

test(`${ROUNDS} connects, syncs and unplugs`, async () => {
  let handles: readonly string[] = [];
  let resident = 0;
  for (let number = 0; number < ROUNDS; number++) {
    await round(number);
    if (number === WARM) [handles, resident] = [daemon.handles(), daemon.resident()];
  }
  expect(daemon.handles().length, daemon.handles().join(" ")).toBeLessThanOrEqual(handles.length);
  expect(daemon.resident()).toBeLessThan(resident + NOISE_KIB);
  expect(daemon.log.filter(({ level }) => level === 50 || level === "error")).toEqual([]);
}, 600_000);
