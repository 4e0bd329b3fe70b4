// What is installed: one folder that runs with nothing but Node.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UsbipServer } from "@devlift/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { FakeHandheld } from "./fake-handheld.ts";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "pilot-bundle-"));
const folder = join(root, "moved");

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the bundle, in a folder and an environment that know nothing of this checkout. */
function daemon(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { PATH: process.env["PATH"] }, timeout: 60_000 };
    execFile(process.execPath, [join(folder, "devlift-pilot.mjs"), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ["--import", "tsx", "build.ts", join(root, "built")], {
    cwd: packageFolder,
  });
  renameSync(join(root, "built"), folder);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("the folder has the bundle and the addons of this platform", () => {
  expect(readdirSync(folder).sort()).toEqual(["LICENSES.txt", "devlift-pilot.mjs", "driver.json", "prebuilds"]);
  expect(readdirSync(join(folder, "prebuilds", `linux-${process.arch}`)).sort()).toEqual([
    ...["devlift.node", "serialport-bindings-cpp.node", "usb.node"],
  ]);
  const licenses = readFileSync(join(folder, "LICENSES.txt"), "utf8");
  expect(licenses).toContain("=== pino ");
  expect(licenses).toContain("GNU LESSER GENERAL PUBLIC LICENSE");
});

test("--version and --help need nothing else", async () => {
  expect(await daemon("--version")).toEqual({ code: 0, stdout: `devlift-pilot ${manifest.version}\n`, stderr: "" });
  const help = await daemon("--help");
  expect([help.code, help.stderr]).toEqual([0, ""]);
  expect(help.stdout).toContain("Usage: devlift-pilot [options]");
});

test("a wrong command line ends with status 2 and says what is wrong", async () => {
  expect(await daemon("--chanel", "pty")).toEqual({
    code: 2,
    stdout: "",
    stderr: "devlift-pilot: Unknown option '--chanel'\nTry 'devlift-pilot --help'.\n",
  });
});

test("a channel that cannot be had ends with status 1 and says why", async () => {
  const { code, stderr } = await daemon("--channel", "cuse", "--device", join(root, "pilot"));
  expect([code, stderr]).toEqual([1, expect.stringContaining("not at ")]);
});

test("without any privilege a program's bytes get to a handheld, and SIGTERM gives everything back", async () => {
  const server = await UsbipServer.listen();
  const palm = new FakeHandheld({ vendorId: 0x0830, productId: 0x0001 });
  await server.plug("1-1", palm);
  const link = join(root, "pilot");
  const usb = `usbip://127.0.0.1:${server.port}/1-1`;
  const child = spawn(
    process.execPath,
    [join(folder, "devlift-pilot.mjs"), "--channel=pty", "--device", link, "--usb", usb],
    {
      stdio: ["ignore", "inherit", "pipe"],
      env: { PATH: process.env["PATH"] },
    },
  );
  const exited = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
  const log: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    log.push(line);
    if (!line.includes("ready: ")) continue;
    const port = await open(link, "r+");
    await port.write("to the handheld");
    await palm.until(() => palm.received.get(2)?.length === 15);
    palm.send(2, Buffer.from("to the desktop"));
    const { bytesRead, buffer } = await port.read(Buffer.alloc(64), 0, 64);
    expect(buffer.toString("latin1", 0, bytesRead)).toBe("to the desktop");
    await port.close();
    child.kill("SIGTERM");
  }
  expect([await exited, lstatSync(link, { throwIfNoEntry: false }), palm.asked.at(-1)]).toEqual([
    0,
    undefined,
    "c2 2 i0 l18",
  ]);
  expect(Buffer.from(palm.received.get(2) ?? []).toString()).toBe("to the handheld");
  expect(log.filter((line) => / (warn|error) /.test(line))).toEqual([]);
  await server.close();
});

test("a USB/IP server that is silent keeps neither the device file nor the end waiting", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const link = join(root, "silent");
  const usb = `usbip://127.0.0.1:${typeof address === "object" ? address?.port : 0}/1-1`;
  const args = [join(folder, "devlift-pilot.mjs"), "--channel=pty", "--device", link, "--usb", usb];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(child, "close");
  const log: string[] = [];
  let found: boolean | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    log.push(line);
    if (!line.includes("ready: ")) continue;
    found = lstatSync(link).isSymbolicLink();
    child.kill("SIGTERM");
  }
  expect([await exited, found]).toEqual([[0, null], true]);
  // The try was not over.
  expect(log.filter((line) => / (warn|error) /.test(line))).toEqual([]);
  server.close();
}, 30_000);
