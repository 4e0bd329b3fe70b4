// Where a user's server and cookie are looked for, and whose they have to be.

import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseServers, readCookie, serverAddresses } from "../src/locate.ts";
import { reachFor } from "../src/reach.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "devlift-locate-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const ME = process.getuid?.() ?? 0;
const signal = new AbortController().signal;
const as = (uid: number) => ({ reach: reachFor(uid), signal });
const paths = async (environment: Record<string, string>, uid = 1234) =>
  (await serverAddresses({ environment, uid })).map((address) => (address.kind === "unix" ? address.path : address));

test("the environment's folders, then the user's, then the system's", async () => {
  expect(await paths({})).toEqual(["/run/user/1234/pulse/native", "/run/pulse/native"]);
  expect(await paths({ XDG_RUNTIME_DIR: "/x" })).toEqual([
    "/x/pulse/native",
    "/run/user/1234/pulse/native",
    "/run/pulse/native",
  ]);
  expect((await paths({ PULSE_RUNTIME_PATH: "/p", XDG_RUNTIME_DIR: "/run/user/1234", HOME: "/h" }))[0]).toBe(
    "/p/native",
  );
  // What is not absolute would be in our own folder.
  expect(await paths({ XDG_RUNTIME_DIR: "x", PULSE_RUNTIME_PATH: "" }, 5)).toEqual([
    "/run/user/5/pulse/native",
    "/run/pulse/native",
  ]);
});

test("PULSE_SERVER is understood as libpulse does, and nothing else is tried", async () => {
  expect(await paths({ PULSE_SERVER: "unix:/a/b /c" })).toEqual(["/a/b", "/c"]);
  const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });
  expect(parseServers("tcp:h:1 tcp4:10.0.0.1 tcp6:[::1]:2 host", "m")).toEqual([
    tcp("h", 1),
    tcp("10.0.0.1", 4713),
    tcp("::1", 2),
    tcp("host", 4713),
  ]);
  expect(parseServers("{m}unix:/a {other}unix:/b", "m")).toEqual([{ kind: "unix", path: "/a" }]);
  for (const bad of ["{other}unix:/b", "unix:relative", "tcp:h:99999", "tcp:", "http://x"])
    expect(() => parseServers(bad, "m"), bad).toThrow(expect.objectContaining({ code: "invalidserver" }));
});

test("the cookie is the named one, else the usual one, else zeros", async () => {
  const [named, usual] = [Buffer.alloc(256, 1), Buffer.alloc(256, 2)];
  await mkdir(join(folder, ".config/pulse"), { recursive: true });
  const read = (environment: Record<string, string>) => readCookie({ environment }, undefined, as(ME));
  expect(await read({ HOME: folder })).toEqual(Buffer.alloc(256));
  await writeFile(join(folder, ".config/pulse/cookie"), usual);
  await writeFile(join(folder, "named"), named);
  expect(await read({ HOME: folder })).toEqual(usual);
  expect(await read({ HOME: folder, PULSE_COOKIE: join(folder, "named") })).toEqual(named);
  expect(await readCookie({ environment: { HOME: folder } }, join(folder, "named"), as(ME))).toEqual(named);
});

test("a cookie that is short, no file, or somebody else's is none", async () => {
  const authkey = expect.objectContaining({ code: "authkey" });
  await writeFile(join(folder, "short"), "x");
  await writeFile(join(folder, "mine"), Buffer.alloc(256, 3));
  const read = (name: string, uid = ME) =>
    readCookie({ environment: { PULSE_COOKIE: join(folder, name) } }, undefined, as(uid)).catch(
      (error: unknown) => error,
    );
  expect(await read("short")).toEqual(authkey);
  expect(await read("")).toEqual(authkey);
  expect(await read("none")).toEqual(authkey);
  expect(await read("mine")).toEqual(Buffer.alloc(256, 3));
  expect(await read("mine", ME + 1)).toEqual(authkey);
});

test("another user's program may only name sockets that are its user's or open to all", async () => {
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once("listening", resolve));
  const access = expect.objectContaining({ code: "access" });
  const checkSocket = async (uid: number) => (await reachFor(uid).connect(path, signal)).destroy();
  await chmod(path, 0o700);
  await checkSocket(ME);
  await expect(checkSocket(ME + 1)).rejects.toEqual(access);
  await chmod(path, 0o777);
  await checkSocket(ME + 1);
  if (ME === 0) {
    await chmod(path, 0o700);
    await chown(path, 1234, 0);
    await checkSocket(1234);
  }
  server.close();
});
