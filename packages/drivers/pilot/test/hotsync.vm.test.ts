// A HotSync as a person does it, on a stock kernel: cuse, vhci_hcd, libusb, the daemon, a virtual handheld of each
// probe family, and a client that knows nothing but the device file.

import {
  compareDatabases,
  type Family,
  fromImage,
  HotSyncClient,
  MODELS,
  type ModelName,
  OS_PROFILES,
  openSerialPort,
  type PalmDatabase,
  PalmUsbDevice,
  toImage,
} from "@devlift/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Daemon } from "./daemon.ts";
import { syncDatabase } from "./databases.ts";
import { Cradle, PILOT } from "./vm-bench.ts";

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

afterEach(() => cradle.unplug());

/** One of each probe family of visor.c. */
const HANDHELDS: readonly [probe: string, model: ModelName][] = [
  ["palm_os_3", "visor"],
  ["palm_os_4", "tungsten"],
  ["clie_5", "clie5"],
  ["clie_3.5", "clie35"],
];
const FAMILIES: readonly Family[] = ["slp", "net"];

describe.each(HANDHELDS)("%s", (_probe, model) => {
  test.each(FAMILIES)("lists, backs up and installs over %s", async (family) => {
    const device = new PalmUsbDevice(MODELS[model], { family });
    await cradle.plug(device);
    const pressed = device.pressHotSync();
    const client = await HotSyncClient.connect(await openSerialPort(PILOT));
    expect(client.family).toBe(family);

    const names = (await client.listDatabases()).map(({ name }) => name);
    expect(names).toEqual(device.handheld.state.ram.map(({ name }) => name));

    for (const name of names) expect(differences(await client.backup(name), device.handheld.image(name))).toEqual([]);

    const given: PalmDatabase = syncDatabase(7, 40);
    await client.install(toImage(given));
    // A Palm OS before 4 (DLP before 1.2) has no way to be told a database's dates.
    const dates = MODELS[model].profile === OS_PROFILES.palmOs3 ? /^(created|modified|backedUp): / : /^$/;
    const changed = differences(toImage(given), device.handheld.image(given.name));
    expect(changed.filter((line) => !dates.test(line))).toEqual([]);

    await client.endOfSync();
    expect(await pressed).toMatchObject({ endStatus: 0 });
    expect(device.strayBytes).toBe(0);
  });
});

function differences(image: Uint8Array, other: Uint8Array | undefined): string[] {
  return other === undefined ? ["not there"] : compareDatabases(fromImage(image), fromImage(other));
}
