// `npm start` on a stock kernel: the port is a character device of CUSE's.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { afterEach, beforeAll, expect, test } from "vitest";
import { endAll, gone, StartProgram, syncWith } from "./start-program.ts";

const DEVICE = "/dev/pilot";

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
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

test("a real handheld is waited for: the HotSync begins when it is plugged in", async () => {
  const program = new StartProgram("--once");
  expect(await program.ended).toBe(0);
  expect(program.stdout).toMatch(/^channel {4}cuse: /m);
  await gone([], DEVICE);
});
