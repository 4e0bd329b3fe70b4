// The Debian package on a Debian 13: what a person gets who installs it and presses the HotSync button.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MODELS, PalmUsbDevice, waitFor } from "@devlift/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { HotSyncProgram } from "./program.ts";
import { Cradle, driverOf, PILOT } from "./vm-bench.ts";

const PACKAGES = fileURLToPath(new URL("../../../../dist/deb", import.meta.url));
const SERVICE = "devlift-pilot.service";
const LIMIT_MS = 60_000;
/** group(5) of every Debian. */
const DIALOUT = 20;
const ANNA = { uid: 2001, gid: DIALOUT };
const OTTO = { uid: 2002, gid: 2002 };

let cradle: Cradle;

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8" });
}

/** Of a command that may fail. */
function outcome(command: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** Every file that a package could have left behind. */
function files(): string[] {
  return run("find", "/etc", "/usr", "/var", "/lib/systemd", "-xdev", "-not", "-type", "d")
    .split("\n")
    .filter((path) => !/^\/var\/(log|cache|lib\/dpkg|lib\/systemd)\/|^\/etc\/(group|gshadow)-?$/.test(path))
    .sort();
}

let before: string[];

beforeAll(async () => {
  before = files();
  run("sh", "-c", `dpkg -i ${PACKAGES}/devlift_*.deb ${PACKAGES}/devlift-pilot_*.deb >/dev/console 2>&1`);
  cradle = await Cradle.open([]);
});

afterEach(() => cradle.unplug());

afterAll(() => cradle.close());

/** Resolves when udev has given the device file to its group. */
async function deviceFile(): Promise<void> {
  await waitFor(`${PILOT} to be dialout's`, LIMIT_MS, () =>
    existsSync(PILOT) && statSync(PILOT).gid === DIALOUT ? true : undefined,
  );
}

async function synced(user: { uid: number; gid: number }, device: PalmUsbDevice) {
  const program = await HotSyncProgram.start(PILOT, user);
  const pressed = device.pressHotSync();
  const result = await program.sync("list");
  await program.stop();
  return { result, pressed };
}

test("a handheld starts the service, the kernel's driver stays away, and who is in dialout syncs", async () => {
  expect(outcome("systemctl", "is-active", SERVICE).stdout).toBe("inactive");
  const device = new PalmUsbDevice(MODELS.tungsten, { family: "net" });
  const place = await cradle.plug(device);
  await deviceFile();
  expect(statSync(PILOT).mode & 0o777).toBe(0o660);
  expect(outcome("systemctl", "is-active", SERVICE).stdout).toBe("active");
  expect(existsSync("/sys/module/visor")).toBe(false);
  const { result, pressed } = await synced(ANNA, device);
  expect(result).toMatchObject({ done: { databases: device.handheld.state.ram.map(({ name }) => ({ name })) } });
  expect(await pressed).toMatchObject({ endStatus: 0 });
  expect(driverOf(place)).not.toBe("visor");
});

test("who is not in dialout is refused", async () => {
  await cradle.plug(new PalmUsbDevice(MODELS.tungsten, { family: "net" }));
  await deviceFile();
  const open = `require("node:fs").openSync("${PILOT}", "r+")`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", open], { encoding: "utf8", ...OTTO });
  expect(status).toBe(1);
  expect(stderr).toContain("EACCES: permission denied");
});

test("a daemon that is killed is started again", async () => {
  await cradle.plug(new PalmUsbDevice(MODELS.tungsten, { family: "net" }));
  await deviceFile();
  const pid = run("systemctl", "show", "--property=MainPID", "--value", SERVICE).trim();
  process.kill(Number(pid), "SIGKILL");
  await waitFor("another daemon", LIMIT_MS, () => {
    const { stdout } = outcome("systemctl", "show", "--property=MainPID", "--value", SERVICE);
    return stdout !== pid && stdout !== "0" ? true : undefined;
  });
  await deviceFile();
});

test("devlift replaces a loaded visor, and gives it back, package or not", async () => {
  run("systemctl", "stop", SERVICE);
  run("modprobe", "visor");
  expect(outcome("devlift", "replace", "pilot")).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync("/sys/module/visor")).toBe(false);
  expect(outcome("systemctl", "is-enabled", SERVICE).stdout).toBe("enabled");
  expect(JSON.parse(run("devlift", "list", "--json", "--drivers", "/usr/share/devlift"))).toMatchObject([
    { driving: "devlift", nodes: [{ path: PILOT, behind: { kind: "daemon", channel: "cuse" } }] },
  ]);
  expect(outcome("devlift", "restore", "pilot")).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync("/sys/module/visor")).toBe(true);
  expect(outcome("systemctl", "is-enabled", SERVICE).stdout).toBe("masked");
  expect(outcome("systemctl", "is-active", SERVICE).stdout).toBe("inactive");
  run("modprobe", "-r", "visor");
  const place = await cradle.plug(new PalmUsbDevice(MODELS.tungsten, { family: "net" }));
  await waitFor("visor to have it", LIMIT_MS, () => driverOf(place) === "visor" || undefined);
  expect(existsSync(PILOT)).toBe(false);
});

test("purge leaves nothing", () => {
  run("sh", "-c", "dpkg --purge devlift-pilot devlift >/dev/console 2>&1");
  expect(files()).toEqual(before);
  expect(readFileSync("/etc/group", "utf8")).not.toContain("devlift");
  expect(existsSync("/var/lib/devlift")).toBe(false);
});
