// kill -9 of the daemon in the middle of a HotSync, on the fusd channel: the program never notices, whatever is on the
// wire. See docs/recovery.md.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compareDatabases, type Family, fromImage, type ModelName, toImage } from "@devlift/testing";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../../testing/src/palm/random.ts";
import { Daemon, DaemonError } from "./daemon.ts";
import { syncDatabase } from "./databases.ts";
import { HotSyncProgram } from "./program.ts";
import { Cradle, openWhenThere, PILOT } from "./vm-bench.ts";
import { WatchedPalm } from "./watched-palm.ts";

const O_RDWR = 2;
const TCSBRK = 0x5409;
const EIO = 5;
/** A failure bound. */
const LIMIT_MS = 60_000;
/** Fewer than a sync has, whichever it is. */
const MOST_PACKETS = 60;
const MOST_PAUSE_MS = 60;
const KILLS_A_SYNC = 2;
/** From one to the next; as many again may pass while there is no daemon. */
const PACKETS_A_KILL = 14;
/** Syncs of each family with kills at packets by chance, and what chance begins with. */
const ROUNDS = Math.ceil(Number(process.env["DEVLIFT_KILLS"] ?? 2) / KILLS_A_SYNC);
const SEED = Number(process.env["DEVLIFT_SEED"] ?? 20260122);
const random = new Random(SEED);

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

/** The next daemon goes on where one has ended. @returns how many transfers had ended without a daemon that knew it */
async function replaced(): Promise<number> {
  daemon = await start();
  const { msg } = await daemon.said(/^port goes on/);
  expect(daemon.log.filter((line) => /were on the wire/.test(line.msg))).toEqual([]);
  return Number(/(\d+) of them/.exec(msg)?.[1]);
}

/** All that programs wrote is with the handheld, and the daemon knows it. */
async function drained(): Promise<void> {
  const program = new CallsProgram();
  expect(await program.open("a", PILOT, O_RDWR)).toMatchObject({ errno: 0 });
  expect((await program.ioctl("a", TCSBRK, 1)).result).toBe(0);
  await program.close("a");
  await program.stop();
}

/** A handheld whose button is pressed, a program that backs it up and then installs a database, and whether all is right. */
async function sync(
  device: WatchedPalm,
  command: "backup" | "install",
  meanwhile: (end: Promise<unknown>) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "devlift-recovery-"));
  const given = syncDatabase(7, 40);
  const file = join(folder, "given.pdb");
  if (command === "install") writeFileSync(file, toImage(given));
  const pressed = device.pressHotSync();
  // It fails, too, where the program does.
  pressed.catch(() => undefined);
  const syncing = hotsync.sync(command, command === "install" ? file : folder);
  await meanwhile(syncing);
  const synced = await syncing;
  if ("failed" in synced) throw new DaemonError(`${synced.failed}\n${daemon.transcript}`);
  expect(await pressed).toMatchObject({ endStatus: 0 });
  await daemon.said(/^port closed/);
  const images = readdirSync(folder).map((name) => fromImage(readFileSync(join(folder, name))));
  expect(images.length).toBe(command === "install" ? 1 : device.handheld.state.ram.length);
  for (const image of images) {
    const own = device.handheld.image(image.name);
    const differences = own === undefined ? [image.name] : compareDatabases(image, fromImage(own));
    // A Palm OS before 4 has no way to be told a database's dates.
    expect(differences.filter((line) => !/^(created|modified|backedUp): /.test(line))).toEqual([]);
  }
  expect(device.strayBytes).toBe(0);
}

async function plugged(model: ModelName, family: Family): Promise<WatchedPalm> {
  const device = new WatchedPalm(model, family);
  await cradle.plug(device);
  return device;
}

describe.each<{ readonly family: Family; readonly model: ModelName }>([
  { family: "net", model: "tungsten" },
  { family: "slp", model: "visor" },
])("$family", ({ family, model }) => {
  test("killed while the program waits for the handheld, again and again: it never notices", async () => {
    const device = await plugged(model, family);
    for (const [command, turns] of [
      ["backup", [3, 9]],
      ["install", [11]],
    ] as const) {
      await sync(device, command, async () => {
        for (const count of turns) {
          await device.turn(count);
          await drained();
          await daemon.kill();
          await replaced();
          device.answer();
        }
      });
    }
  });

  test("left to the next daemon with packets on the way: the program never notices", async () => {
    const device = await plugged(model, family);
    await sync(device, "install", async () => {
      await device.packet(1 + random.below(MOST_PACKETS));
      expect(await daemon.leave()).toBe(0);
      await replaced();
    });
  });

  test("killed with packets on the way: it never notices either", { timeout: LIMIT_MS * (ROUNDS + 1) }, async () => {
    const device = await plugged(model, family);
    const counts = { kills: 0, inTransfers: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      await sync(device, random.pick<"backup" | "install">(["backup", "install"]), async (end) => {
        for (let kill = 0; kill < KILLS_A_SYNC; kill++) {
          const passed = device.packet(1 + random.below(PACKETS_A_KILL)).then(() => "passed");
          if ((await Promise.race([passed, end])) !== "passed") return;
          // So that not each kill meets the packet; nothing depends on which does.
          await sleep(random.below(MOST_PAUSE_MS));
          await daemon.kill();
          counts.kills++;
          if ((await replaced()) > 0) counts.inTransfers++;
        }
      });
    }
    process.stderr.write(`${family}, seed ${SEED}: ${JSON.stringify(counts)}\n`);
  });
});

test("unplugged while there is no daemon: an error for its programs, and the next plug is served", async () => {
  await plugged("visor", "slp");
  const program = new CallsProgram();
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  const read = program.read("a", 10);
  await daemon.kill();
  await cradle.unplug();
  daemon = await start();
  expect(await read).toMatchObject({ errno: EIO });
  await program.close("a");
  await plugged("visor", "slp");
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  await program.stop();
});

test("closed by all while there is no daemon: the next one has it as if it were new", async () => {
  await plugged("visor", "slp");
  const program = new CallsProgram();
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  await daemon.kill();
  await program.close("a");
  daemon = await start();
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  expect(daemon.log.filter(({ msg }) => /^port open/.test(msg)).length).toBe(1);
  await program.stop();
});
