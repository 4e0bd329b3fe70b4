// The command on a real machine: a handheld that changes hands, from the kernel's driver to the daemon, with a program.
// Kernels: 6.12, 6.1

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Daemon } from "../../drivers/pilot/test/daemon.ts";
import { ScriptedHandheld } from "../../drivers/pilot/test/oracle/scripted-handheld.ts";
import { Cradle, kernelPort, openWhenThere, PILOT } from "../../drivers/pilot/test/vm-bench.ts";

const COMMAND = fileURLToPath(new URL("../dist/devlift.mjs", import.meta.url));
const O_RDWR = 2;
const NOBODY = 65534;

let cradle: Cradle;
let daemon: Daemon | undefined;

beforeAll(async () => {
  cradle = await Cradle.open();
});

afterEach(async () => {
  await daemon?.stop();
  await cradle.unplug();
});

afterAll(() => cradle.close());

function devlift(args: readonly string[], uid = 0) {
  const { stdout, status } = spawnSync(process.execPath, [COMMAND, ...args, "--json"], {
    encoding: "utf8",
    uid,
    gid: uid,
  });
  return { status, said: JSON.parse(stdout) };
}

function pilot() {
  const { said } = devlift(["list"]);
  return said.find((state: { driver: { name: string } }) => state.driver.name === "pilot");
}

function findings(uid = 0): { status: number | null; codes: string[] } {
  const { said, status } = devlift(["doctor", "pilot"], uid);
  return { status, codes: said.map(({ code }: { code: string }) => code) };
}

test("a handheld with the kernel's driver, then with ours, and who uses it", async () => {
  const place = await cradle.plug(new ScriptedHandheld());
  await kernelPort();
  expect(pilot()).toMatchObject({ driving: "kernel", loaded: ["visor"], daemons: [], hardware: [{ place }] });
  expect(findings().status).toBe(1);
  expect(findings().codes).toEqual(expect.arrayContaining(["module-loaded", "hardware-bound"]));

  daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb"]);
  const program = new CallsProgram();
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  expect(pilot()).toMatchObject({
    driving: "devlift",
    nodes: [{ path: PILOT, behind: { kind: "daemon", channel: "cuse" }, clients: [{ name: expect.any(String) }] }],
  });
  expect(findings().codes).toEqual(expect.arrayContaining(["module-beside-daemon"]));
  expect(findings().codes).not.toContain("hardware-bound");
  expect(findings().codes).not.toContain("hardware-taken");
  expect(findings(NOBODY).codes).toContain("node-no-permission");
  await program.close("a");
  await program.stop();
  expect(pilot()).toMatchObject({ nodes: [{ clients: [] }] });
});
