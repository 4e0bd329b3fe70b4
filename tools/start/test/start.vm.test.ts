// `npm start` on a stock kernel: the port is a character device of CUSE's.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { MODELS, PalmUsbDevice, startUdevd, UsbipServer, VhciPort } from "@devlift/testing";
import { afterEach, beforeAll, expect, test } from "vitest";
import { endAll, gone, StartProgram, syncWith } from "./start-program.ts";

const DEVICE = "/dev/pilot";

beforeAll(async () => {
  execFileSync("modprobe", ["-a", "cuse", "vhci_hcd"]);
  // It would be taken before CUSE, and another file's tests may have loaded it.
  execFileSync("modprobe", ["-r", "fusd"]);
  await startUdevd();
});
afterEach(endAll);

test("npm start takes CUSE where it is, and serves /dev/pilot for one program after the other", async () => {
  const program = new StartProgram();
  await program.printed(/Serving until Ctrl-C\.\n/);
  expect(program.stdout).toMatch(/^channel {4}cuse: /m);
  expect(program.stdout).toContain(`device     ${DEVICE}\nHotSync    done, over NET\n`);
  expect(program.stdout).toMatch(/^MemoDB +DATA +memo +3 +3\.9 KB$/m);
  expect(statSync(DEVICE).isCharacterDevice()).toBe(true);
  expect(await syncWith(DEVICE)).toContain("MemoDB");
  expect(await syncWith(DEVICE)).toContain("ToDoDB");
  await program.printed(/a program used the port/, 2);
  const children = program.children();
  expect(await program.signal("SIGTERM")).toBe(0);
  await gone(children, DEVICE);
});

test("npm start takes the handheld that is plugged in", async () => {
  const palm = new PalmUsbDevice(MODELS.m505);
  const pressed = palm.pressHotSync();
  const server = await UsbipServer.listen();
  server.plug("1-1", palm);
  const port = await VhciPort.attach(server, "1-1");
  const name = await port.enumerated();
  const program = new StartProgram("--once");
  expect([await program.ended, program.stdout]).toEqual([
    0,
    expect.stringContaining(`handheld   Palm m505 on USB ${name}\n`),
  ]);
  expect(program.stdout).toContain("\nPress the HotSync button of your handheld.\nHotSync    done, over SLP\n");
  expect(await pressed).toMatchObject({ endStatus: 0 });
  await gone([], DEVICE);
  await port.detach();
  await server.close();
});
