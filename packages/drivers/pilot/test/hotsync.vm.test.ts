// A HotSync as a person does it, on a stock kernel: cuse or fusd, vhci_hcd, libusb, the daemon, a virtual handheld of each
// probe family, and a client program that knows nothing but the device file.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  compareDatabases,
  type Family,
  fromImage,
  MODELS,
  type ModelName,
  OS_PROFILES,
  PalmUsbDevice,
  toImage,
} from "@devlift/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Daemon, DaemonError } from "./daemon.ts";
import { syncDatabase } from "./databases.ts";
import { HotSyncProgram } from "./program.ts";
import { Cradle, PILOT } from "./vm-bench.ts";

let cradle: Cradle;
let daemon: Daemon;
let hotsync: HotSyncProgram;

beforeAll(async () => {
  execFileSync("modprobe", ["fusd"]);
  hotsync = await HotSyncProgram.start(PILOT);
  cradle = await Cradle.open();
});

afterAll(async () => {
  await hotsync.stop();
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

/** The button is pressed, and the program syncs. @returns what it found out */
async function sync(device: PalmUsbDevice, ...command: readonly string[]): Promise<Record<string, unknown>> {
  const from = daemon.log.length;
  const pressed = device.pressHotSync();
  const synced = await hotsync.sync(...command);
  if ("failed" in synced) throw new DaemonError(`${synced.failed}\n${daemon.transcript}`);
  expect(await pressed).toMatchObject({ endStatus: 0 });
  // close(2) can return before the last reference to the file is gone, as long as a read of another thread has one; who
  // presses the button before the port is closed talks to a host that is about to leave.
  await daemon.said(/^port closed/, from);
  return synced.done;
}

/** Each handheld over CUSE; what differs between them is nothing of the channel's, so two are enough for the other. */
const CHANNELS = [
  { channel: "cuse", handhelds: HANDHELDS },
  { channel: "fusd", handhelds: HANDHELDS.slice(0, 2) },
];

describe.each(CHANNELS)("$channel", ({ channel, handhelds }) => {
  beforeAll(async () => {
    daemon = await Daemon.start(["--channel", channel, "--usb", "libusb"]);
  });

  afterAll(async () => {
    expect(await daemon.stop()).toBe(0);
  });

  const combinations = handhelds.flatMap((handheld) => FAMILIES.map((family) => [...handheld, family] as const));
  test.each(combinations)("%s (%s) lists, backs up and installs over %s", async (_probe, model, family) => {
    const device = new PalmUsbDevice(MODELS[model], { family });
    const { ram } = device.handheld.state;
    await cradle.plug(device);

    const { databases } = await sync(device, "list");
    expect(databases).toMatchObject(ram.map(({ name }) => ({ name })));

    const folder = mkdtempSync(join(tmpdir(), "devlift-backup-"));
    await sync(device, "backup", folder);
    const images = readdirSync(folder).map((file) => fromImage(readFileSync(join(folder, file))));
    expect(images.map(({ name }) => name).sort()).toEqual(ram.map(({ name }) => name).sort());
    for (const image of images) expect(differences(image, device)).toEqual([]);

    const given = syncDatabase(7, 40);
    const file = join(folder, "given.pdb");
    writeFileSync(file, toImage(given));
    await sync(device, "install", file);
    // A Palm OS before 4 (DLP before 1.2) has no way to be told a database's dates.
    const dates = MODELS[model].profile === OS_PROFILES.palmOs3 ? /^(created|modified|backedUp): / : /^$/;
    expect(differences(given, device).filter((line) => !dates.test(line))).toEqual([]);
    expect(device.strayBytes).toBe(0);
  });
});

/** What differs between a database and the handheld's of that name. */
function differences(database: ReturnType<typeof fromImage>, { handheld }: PalmUsbDevice): string[] {
  const image = handheld.image(database.name);
  return image === undefined ? [`${database.name} is not there`] : compareDatabases(database, fromImage(image));
}
