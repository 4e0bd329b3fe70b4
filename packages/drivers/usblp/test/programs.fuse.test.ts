// Programs that others wrote, on the device file of a printer on the fake bus: cat, and escputil of Gutenprint, which talks
// with Epson's printers through /dev/usb/lp0. As a file, so that no virtual machine is needed.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fuse, serve, silent } from "@devlift/core";
import { FakeUsbHost } from "@devlift/usb/virtual";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Printers } from "../src/printers.ts";
import { ScriptedPrinter } from "./scripted-printer.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "devlift-usblp-"));
const path = join(folder, "lp0");
const printer = new ScriptedPrinter();
let printers: Printers;

beforeAll(async () => {
  const host = new FakeUsbHost();
  await host.plug("1-1", printer);
  printers = new Printers({
    host,
    log: silent,
    serve: (device) => serve(device, { channel: fuse, path, log: silent }),
  });
  await printers.start();
});

afterAll(async () => {
  await printers.close();
  rmSync(folder, { recursive: true, force: true });
});

test("cat prints a file, byte for byte", async () => {
  const page = Buffer.from(Array.from({ length: 300_001 }, (_, index) => (index * 31 + (index >> 9)) & 0xff));
  writeFileSync(join(folder, "page"), page);
  await run("sh", ["-c", 'cat page > "$0"', path], { cwd: folder });
  expect(printer.printed.equals(page)).toBe(true);
});

test("escputil asks an Epson what it is", async () => {
  const from = printer.printed.length;
  const answering = printer.told(11, from).then((asked) => {
    printer.push(
      "@EJL ID\r\nMFG:EPSON;CMD:ESCPL2,BDC;MDL:Stylus COLOR 740;CLS:PRINTER;DES:EPSON Stylus COLOR 740;\r\n\f",
    );
    return asked.toString("latin1");
  });
  const { stdout } = await run("escputil", ["--raw-device", path, "--identify", "--quiet"], { timeout: 30_000 });
  expect(await answering).toBe("\x1b\x01@EJL ID\r\n");
  expect(stdout.trim()).toBe("Epson Stylus Color 740");
});
