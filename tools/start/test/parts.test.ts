// The parts of `npm start` that need no process: the table, the screen, and the look at what is plugged in.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Overview } from "@devlift/testing";
import { expect, onTestFinished, test } from "vitest";
import { findHandheld } from "../plugged.ts";
import { Screen } from "../screen.ts";
import { databaseTable, describeHandheld } from "../table.ts";

const OVERVIEW: Overview = {
  family: "slp",
  user: { name: "", userId: 0 },
  palmOs: "2.0",
  memory: { free: 700_000, size: 1 << 19 },
  databases: [
    { name: "ToDoDB", type: "DATA", creator: "todo", records: 12, bytes: 1536 },
    { name: "a\x1b[2Jb\n", type: "\0\0\0\0", creator: "addr", records: null, bytes: null },
  ],
};

test("a table is sorted and aligned, and nothing that a handheld says drives the terminal", () => {
  expect(databaseTable(OVERVIEW)).toEqual([
    "Database   Type   Creator   Records     Size",
    "────────   ────   ───────   ───────   ──────",
    "a?[2Jb?    ????   addr            ?        ?",
    "ToDoDB     DATA   todo           12   1.5 KB",
  ]);
  expect(databaseTable({ ...OVERVIEW, databases: [] })).toHaveLength(2);
});

test("a handheld that was never synced is described too", () => {
  expect(describeHandheld(OVERVIEW)).toBe("no user yet, Palm OS 2.0, 683.5 of 512 KB free");
});

/** What a terminal shows of what was written to it, line by line. */
function terminal() {
  let text = "";
  const stream = {
    isTTY: true,
    write: (part: string) => {
      text += part;
      return true;
    },
  };
  // Each line from where it was last erased.
  const shown = () => text.split("\n").map((line) => line.split("\r\u001b[K").at(-1));
  return { stream, shown };
}

test("on a terminal a spinner makes way for lines, and leaves nothing behind", () => {
  const { stream, shown } = terminal();
  const screen = new Screen(stream, stream);
  const waiting = screen.waiting("reading");
  expect(shown()).toEqual([expect.stringMatching(/^\S reading \(0 s\)$/)]);
  screen.fact("device", "/dev/pilot");
  expect(shown()).toEqual(["device     /dev/pilot", expect.stringMatching(/^\S reading \(0 s\)$/)]);
  waiting.done();
  screen.warn("bell \x07");
  expect(shown()).toEqual(["device     /dev/pilot", "devlift: bell ?", ""]);
});

test("a handheld is found by its ids among what is plugged in", () => {
  const folder = mkdtempSync(join(tmpdir(), "devlift-sysfs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const plug = (name: string, vendor: string, product: string): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "idVendor"), `${vendor}\n`);
    writeFileSync(join(folder, name, "idProduct"), `${product}\n`);
  };
  expect(findHandheld(join(folder, "none"))).toBeUndefined();
  mkdirSync(join(folder, "1-0:1.0"));
  plug("usb1", "1d6b", "0002");
  // A phone may have this id, too.
  plug("1-3", "04e8", "6601");
  expect(findHandheld(folder)).toBeUndefined();
  plug("1-4", "0830", "0002");
  expect(findHandheld(folder)).toBe("Palm m505 on USB 1-4");
});
