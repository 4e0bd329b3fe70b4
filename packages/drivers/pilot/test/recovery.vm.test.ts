// kill -9 of the daemon in the middle of a HotSync, on the fusd channel: the program never notices. See docs/recovery.md
// for what is promised, and why a transfer that is under way is not.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareDatabases, type Family, fromImage, toImage } from "@devlift/testing";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Daemon, DaemonError } from "./daemon.ts";
import { syncDatabase } from "./databases.ts";
import { HotSyncProgram } from "./program.ts";
import { Cradle, PILOT } from "./vm-bench.ts";
import { WatchedPalm } from "./watched-palm.ts";

const O_RDWR = 2;
const TCSBRK = 0x5409;

let cradle: Cradle;
let hotsync: HotSyncProgram;
let daemon: Daemon;

beforeAll(async () => {
  execFileSync("modprobe", ["fusd"]);
  hotsync = await HotSyncProgram.start(PILOT);
  cradle = await Cradle.open();
});

afterAll(async () => {
  await hotsync.stop();
  await cradle.close();
});

beforeEach(async () => {
  daemon = await start();
});

afterEach(async () => {
  await daemon.stop();
  await cradle.unplug();
});

function start(): Promise<Daemon> {
  return Daemon.start(["--channel", "fusd", "--usb", "libusb"]);
}

/** SIGKILL, and the next daemon. */
async function replace(): Promise<void> {
  await daemon.kill();
  daemon = await start();
  await daemon.said(/^port goes on/);
}

/** All that programs wrote is with the handheld, and the daemon knows it. */
async function drained(): Promise<void> {
  const program = new CallsProgram();
  expect(await program.open("a", PILOT, O_RDWR)).toMatchObject({ errno: 0 });
  expect((await program.ioctl("a", TCSBRK, 1)).result).toBe(0);
  await program.close("a");
  await program.stop();
}

/** The button is pressed, and the program syncs; `meanwhile` runs beside it. */
async function sync(device: WatchedPalm, command: readonly string[], meanwhile: () => Promise<void>): Promise<void> {
  const pressed = device.pressHotSync();
  const syncing = hotsync.sync(...command);
  await Promise.race([meanwhile(), syncing]);
  const synced = await syncing;
  if ("failed" in synced) throw new DaemonError(`${synced.failed}\n${daemon.transcript}`);
  expect(await pressed).toMatchObject({ endStatus: 0 });
  await daemon.said(/^port closed/);
}

test.each<[Family, "visor" | "tungsten"]>([
  ["net", "tungsten"],
  ["slp", "visor"],
])("%s: a daemon that is killed while the program waits for the handheld", async (family, model) => {
  const device = new WatchedPalm(model, family);
  await cradle.plug(device);
  const folder = mkdtempSync(join(tmpdir(), "devlift-recovery-"));
  await sync(device, ["backup", folder], async () => {
    await device.turn(12);
    await drained();
    await replace();
  });
  for (const file of readdirSync(folder)) {
    const image = fromImage(readFileSync(join(folder, file)));
    const own = device.handheld.image(image.name);
    expect(own === undefined ? [image.name] : compareDatabases(image, fromImage(own))).toEqual([]);
  }
  const given = syncDatabase(7, 40);
  writeFileSync(join(folder, "given.pdb"), toImage(given));
});
