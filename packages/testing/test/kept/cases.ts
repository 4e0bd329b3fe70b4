// A device that outlives its daemon, which is killed under its programs or leaves it to the next. A kernel before 6.9 does
// not send again what the daemon had: such calls get EIO there.

import { copyFileSync, existsSync, mkdtempSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { native } from "@devlift/core";
import { build } from "esbuild";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildCalls, CallsProgram } from "../../src/calls/program.ts";
import { KeptService } from "../../src/daemon/kept-service.ts";

const O_RDWR = 2;
/** The first daemon never answers such an open. */
const O_APPEND = 0o2000;
const [EINTR, EIO, ENODEV, ENOTCONN] = [4, 5, 19, 107];
const POLLIN = 1;
const LIMIT_MS = 60_000;
const [COUNT, WAIT] = [0x5501, 0x5502];
/** Bundled, so that it starts in a moment. */
const DAEMON = join(mkdtempSync(join(tmpdir(), "devlift-kept-")), "daemon.mjs");
const [major = 0, minor = 0] = release().split(".").map(Number);
const sendsAgain = major > 6 || (major === 6 && minor >= 9);

const text = (word: string) => new TextEncoder().encode(word);

/** @param node where it is */
export function keptCases(channel: string, node: string): void {
  let service: KeptService;
  let programs: CallsProgram[];

  beforeAll(async () => {
    buildCalls(64);
    const entry = fileURLToPath(new URL("daemon.ts", import.meta.url));
    await build({ entryPoints: [entry], outfile: DAEMON, bundle: true, platform: "node", format: "esm" });
    copyFileSync(native.addonPath(), join(DAEMON, "../devlift.node"));
  });

  beforeEach(async () => {
    programs = [];
    service = new KeptService([process.execPath, DAEMON, channel, node]);
    await started();
  });

  afterEach(async () => {
    await service.close();
    await Promise.all(programs.map((program) => program.stop()));
  });

  async function started(): Promise<string> {
    const from = service.start();
    await service.said(/^#ready/, from);
    return await service.said(/^generation /, from);
  }

  async function next(): Promise<void> {
    expect(await service.end("SIGKILL")).toBe(128 + 9);
    expect(await started()).toMatch(/recovered$/);
  }

  function program(): CallsProgram {
    const made = new CallsProgram();
    programs.push(made);
    return made;
  }

  async function opened(): Promise<CallsProgram> {
    const made = program();
    expect(await made.open("a", node, O_RDWR)).toMatchObject({ errno: 0 });
    return made;
  }

  const read = async (from: CallsProgram) => {
    const { errno, data } = await from.read("a", 100);
    return errno === 0 ? Buffer.from(data).toString() : errno;
  };

  test("programs that wait for nothing, poll or read do not notice a kill, and calls made meanwhile wait", async () => {
    const [idle, reader, poller] = [await opened(), await opened(), await opened()];
    const reading = read(reader);
    const polling = poller.poll("a", POLLIN, LIMIT_MS);
    for (const call of [/^read waits/, /^poll asked/]) await service.said(call);
    expect((await idle.ioctl("a", COUNT, 0)).result).toBe(0);
    expect(await service.end("SIGKILL")).toBe(128 + 9);
    expect(existsSync(node)).toBe(true);
    const meanwhile = idle.ioctl("a", COUNT, 0);
    await started();
    expect(await meanwhile).toMatchObject({ result: 0, errno: 0 });
    expect((await idle.write("a", text("one"))).result).toBe(3);
    expect(await reading).toBe(sendsAgain ? "1 2 again one" : EIO);
    if (sendsAgain) await idle.write("a", text("two"));
    expect(await polling).toMatchObject({ result: POLLIN });
    expect(await read(idle)).toBe(sendsAgain ? "1 2 two" : "1 2 one");
    // And once more.
    await next();
    await idle.write("a", text("three"));
    expect(await read(reader)).toBe("1 3 three");
    await reader.close("a");
    expect((await idle.ioctl("a", COUNT, 0)).result).toBe(1);
  });

  test("what may not be done twice is EIO, noted or at hand; a signal frees who waits for the next daemon", async () => {
    const [writer, caller, waiter, spinner] = [await opened(), await opened(), await opened(), await opened()];
    const writing = writer.write("a", text("lost"));
    const calling = caller.ioctl("a", WAIT, 0);
    await waiter.signals(300);
    const reading = waiter.read("a", 10);
    for (const call of ["read", "write", "ioctl"]) await service.said(new RegExp(`^${call} waits`));
    const spinning = spinner.write("a", text("spins"));
    await service.said(/^spinning/);
    await next();
    expect(await writing).toMatchObject({ errno: EIO });
    expect(await calling).toMatchObject({ errno: EIO });
    expect(await spinning).toMatchObject({ errno: EIO });
    expect([EINTR, EIO]).toContain((await reading).errno);
    expect((await writer.write("a", text("again"))).result).toBe(5);
    expect(await read(caller)).toBe("1 2 again");
  });

  test("an open and a close under way are done by the next daemon", async () => {
    const first = await opened();
    const opener = program();
    const opening = opener.open("a", node, O_RDWR | O_APPEND);
    await first.ioctl("a", COUNT, 0);
    await first.write("a", text("lingers"));
    const closing = first.close("a");
    for (const call of ["open", "release"]) await service.said(new RegExp(`^${call} waits`));
    const third = await opened();
    expect((await third.ioctl("a", COUNT, 0)).result).toBe(1);
    await next();
    expect((await opening).errno).toBe(sendsAgain ? 0 : EIO);
    expect((await closing).errno).toBe(0);
    expect((await third.ioctl("a", COUNT, 0)).result).toBe(sendsAgain ? 2 : 1);
  });

  test("a file that was hung up stays so", async () => {
    const [ended, other] = [await opened(), await opened()];
    await ended.write("a", text("hangs up"));
    expect((await ended.write("a", text("x"))).errno).toBe(ENODEV);
    await next();
    expect((await ended.write("a", text("x"))).errno).toBe(ENODEV);
    expect((await other.write("a", text("x"))).result).toBe(1);
  });

  test("a daemon that leaves its device to the next one, and one that ends", async () => {
    const [reader, writer] = [await opened(), await opened()];
    const reading = read(reader);
    await service.said(/^read waits/);
    expect(await service.end("SIGUSR1")).toBe(0);
    const writing = writer.write("a", text("word"));
    await started();
    expect((await writing).result).toBe(4);
    if (sendsAgain) expect(await reading).toBe("1 2 again word");
    else expect(await reading).toBe(EIO);
    expect(service.kept).toEqual(["devlift-kept.cuse", "devlift-kept.files", "devlift-kept.memory"]);
    const last = writer.ioctl("a", WAIT, 0);
    await service.said(/^ioctl waits/);
    expect(await service.end("SIGTERM")).toBe(0);
    expect(await last).toMatchObject({ errno: EIO });
    expect(service.kept).toEqual([]);
    expect(existsSync(node)).toBe(false);
    expect([ENODEV, ENOTCONN]).toContain((await writer.write("a", text("x"))).errno);
  });
}
