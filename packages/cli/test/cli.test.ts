import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { main } from "../src/cli.ts";
import type { Machine } from "../src/machine.ts";
import { ANNA, machineWith, PILOT, plugged, processOf } from "./fake-machine.ts";
import { FakeSystem } from "./fake-system.ts";

const DRIVERS = mkdtempSync(join(tmpdir(), "devlift-cli-"));
mkdirSync(join(DRIVERS, "pilot"));
writeFileSync(join(DRIVERS, "pilot", "driver.json"), JSON.stringify(PILOT));

async function devlift(args: readonly string[], machine: Machine = machineWith({}), system = new FakeSystem()) {
  let printed = "";
  let complaint = "";
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    complaint += String(text);
    return true;
  });
  const output = { colour: false, write: (text: string) => (printed += text) };
  const lock = async () => undefined;
  const status = await main(["--drivers", DRIVERS, ...args], { output, machine, system, lock });
  stderr.mockRestore();
  return { status, printed, complaint };
}

const IN_USE = machineWith({
  "/dev/pilot": { kind: "character device", mode: 0o660, device: "240:0" },
  ...processOf(70, ["devlift-pilot"]),
  ...processOf(71, ["/usr/bin/pilot-\u001b[2Jxfer"], ["/dev/pilot"]),
  ...plugged("1-4", "0830:0061", ["usbfs"]),
});

test("list says who drives, what is plugged in and who uses it, and no name drives the terminal", async () => {
  const { status, printed } = await devlift(["list"], IN_USE);
  expect(status).toBe(0);
  expect(printed.split("\n")).toEqual([
    "DRIVER  DEVICE      REPLACES  STATE    HARDWARE   CLIENTS",
    "pilot   /dev/pilot  visor     devlift  0830:0061  pilot-?[2Jxfer(71)",
    "",
  ]);
});

test("list --json has the same for programs", async () => {
  const [state] = JSON.parse((await devlift(["list", "--json"], IN_USE)).printed);
  expect(state).toMatchObject({ driver: { name: "pilot" }, driving: "devlift", daemons: [{ pid: 70 }] });
});

test("doctor ends with 1 when there is a problem, and says what mends it", async () => {
  const { status, printed } = await devlift(
    ["doctor", "pilot"],
    machineWith({ "/proc/modules": "cuse 1 0 - Live 0x0\n" }),
  );
  expect(status).toBe(1);
  expect(printed).toMatch(/^problem {2}this kernel has no module cuse/);
  expect(printed).toMatch(/libudev-missing\]\n {9}mend: sudo apt install libudev1\n/);
  expect(printed).toMatch(/\n2 problems found\n$/);
});

test.each([
  [[], "what is to be done?"],
  [["mend"], 'there is no command "mend"'],
  [["doctor", "lp0"], 'there is no driver "lp0"; installed: pilot'],
  [["list", "pilot"], "pilot is one word too many"],
  [["list", "--jason"], "'--jason'"],
  [["restore", "pilot", "--dry-run"], "--dry-run is for replace"],
])("%j is a wrong command line", async (args, complaint) => {
  const result = await devlift(args);
  expect(result.status).toBe(2);
  expect(result.printed).toBe("");
  expect(result.complaint).toContain(complaint);
});

test("a folder without drivers is said to be one", async () => {
  const empty = mkdtempSync(join(tmpdir(), "devlift-cli-"));
  const { status, complaint } = await devlift(["list", "--drivers", empty]);
  expect(status).toBe(2);
  expect(complaint).toContain("no driver is installed below");
});

test("replace --dry-run says what it would do, to anybody, and does nothing", async () => {
  const system = new FakeSystem();
  system.changesLeft = 0;
  const { status, printed } = await devlift(["replace", "pilot", "--dry-run"], machineWith({}, ANNA), system);
  expect(status).toBe(0);
  expect(printed.split("\n")).toEqual([
    "would write /etc/modprobe.d/devlift-pilot.conf",
    "would unload the kernel's visor",
    "would enable and start devlift-pilot.service",
    "would wait until /dev/pilot answers",
    "",
  ]);
});

test.each(["replace", "restore"])("%s is root's", async (command) => {
  const { status, complaint } = await devlift([command, "pilot"], machineWith({}, ANNA));
  expect([status, complaint]).toEqual([1, "devlift: this needs root: try it with sudo\n"]);
});

test("restore of what was not replaced says so", async () => {
  const { status, complaint } = await devlift(["restore", "pilot"]);
  expect(status).toBe(1);
  expect(complaint).toContain("was not put in the kernel's place");
});
