// The control socket: who may ask, what is answered, and that nothing else happens, whatever comes in.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "@devlift/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askAll, askDaemon } from "../src/control/ask.ts";
import { controlFolders, makeFolder, socketName } from "../src/control/place.ts";
import { reportText } from "../src/control/report.ts";
import { ControlServer } from "../src/control/server.ts";

let folder: string;
const servers: { close(): void }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "devlift-control-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

const NAME = "devlift-test";
const status = () => ({ streams: 3 });
const isRoot = process.geteuid?.() === 0;

async function daemon(path: string | undefined = join(folder, "socket")): Promise<ControlServer> {
  const server = await ControlServer.start({ name: NAME, version: "1.2", path, status, log: silent });
  if (server === undefined) throw new RangeError("the usual place cannot be had");
  servers.push(server);
  return server;
}

const report = { daemon: NAME, version: "1.2", pid: process.pid, since: expect.any(String), status: { streams: 3 } };

/** Says bytes to the socket, and gives all that comes back. */
async function converse(path: string, said: string | Uint8Array): Promise<string> {
  const socket = createConnection(path);
  socket.end(said);
  let heard = "";
  try {
    for await (const chunk of socket) heard += chunk;
  } catch {
    // It was cut off.
  }
  return heard;
}

test("a daemon is asked by its socket, which is its user's alone", async () => {
  const { path } = await daemon();
  expect(await askDaemon(path, "status")).toEqual(report);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const lines = (await converse(path, '{"ask":"status"}\n{"ask":"toString"}\n{"ask":"status"}\n')).split("\n");
  expect(lines.map((line) => line.slice(0, 9))).toEqual(['{"answer"', '{"error":', '{"answer"', ""]);
  if (!isRoot) return;
  const script =
    "require('net').connect(process.argv[1]).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))";
  chmodSync(folder, 0o755);
  const other = { uid: 65_534, gid: 65_534, timeout: 30_000, encoding: "utf8" } as const;
  expect(spawnSync(process.execPath, ["-e", script, path], other).stdout).toBe("EACCES\n");
});

test("a hundred thousand malformed messages change nothing, and cost no memory", async () => {
  const { path } = await daemon();
  const bad = [
    "",
    "{",
    "null",
    "[]",
    '{"ask":1}',
    '{"ask":"__proto__"}',
    "\0\xff",
    '{"ask":"status"',
    '"status"',
    "{}",
  ];
  const flood = `${Array.from({ length: 1000 }, (_, index) => bad[index % bad.length]).join("\n")}\n`;
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 10; round++) {
    const heard = await Promise.all(Array.from({ length: 10 }, () => converse(path, flood)));
    for (const lines of heard)
      expect(lines.split("\n").filter((line) => line.startsWith('{"error":')).length).toBe(1000);
  }
  // A line that does not end, and one that is too long.
  expect(await converse(path, "x".repeat(1 << 20))).toBe("");
  expect(await converse(path, `${" ".repeat(5000)}\n`)).toBe("");
  expect(await askDaemon(path, "status")).toEqual(report);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
});

test("who asks and does not listen is answered no further; who comes when all places are taken is sent away", async () => {
  const { path } = await daemon();
  const sockets: Socket[] = [];
  const connected = async () => {
    const socket = createConnection(path).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  };
  const deaf = await connected();
  // It ends when the daemon reads no more of them, and what the two sockets hold is full.
  do {
    deaf.write('{"ask":"status"}\n'.repeat(1000));
    await new Promise((resolve) => setImmediate(resolve));
  } while (deaf.writableLength < 1 << 20);
  for (let index = 1; index < 16; index++) await connected();
  await expect(askDaemon(path, "status")).rejects.toThrow(/gave no answer|cannot be asked/);
  sockets[1]?.destroy();
  await expect.poll(() => askDaemon(path, "status").catch(() => undefined)).toEqual(report);
  for (const socket of sockets) socket.destroy();
});

test("a socket that a dead daemon left is replaced; a living one's is not", async () => {
  const path = join(folder, "socket");
  const script = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  spawnSync(process.execPath, ["-e", script, path]);
  expect(existsSync(path)).toBe(true);
  await expect(askDaemon(path, "status")).rejects.toThrow(`the daemon at ${path} cannot be asked`);
  await daemon(path);
  await expect(daemon(path)).rejects.toThrow(`another daemon listens at ${path}`);
  writeFileSync(join(folder, "file"), "");
  await expect(daemon(join(folder, "file"))).rejects.toThrow("is not a socket");
  expect(existsSync(join(folder, "file"))).toBe(true);
});

test("in the usual place every daemon has a socket of its own, and all are asked", async () => {
  expect(controlFolders({ XDG_RUNTIME_DIR: "/run/user/7" }, 7)).toEqual(["/run/user/7/devlift", "/run/devlift"]);
  expect(controlFolders({ XDG_RUNTIME_DIR: "relative" }, 0)).toEqual(["/run/devlift"]);
  const place = join(folder, "devlift");
  makeFolder(place);
  const [one, two] = [join(place, socketName(NAME, 1)), join(place, socketName(NAME, 2))];
  await daemon(one);
  await daemon(two);
  await daemon(join(place, socketName(`${NAME}-other`, 3)));
  const runtime = process.env["XDG_RUNTIME_DIR"];
  process.env["XDG_RUNTIME_DIR"] = folder;
  try {
    expect(await askAll(NAME, "status")).toEqual([report, report]);
    await expect(askAll("devlift-none", "status")).rejects.toThrow(
      /^no devlift-none runs that can be asked \(looked in/,
    );
  } finally {
    if (runtime === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = runtime;
  }
});

test("a folder that others can write to is none, nor is a socket of somebody else's", async () => {
  const open = join(folder, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  expect(() => makeFolder(open)).toThrow("is not a folder that only this user, or root, can write to");
  if (!isRoot) return;
  const { path } = await daemon();
  chownSync(path, 12_345, 0);
  // Root's own is root's, and any other user's is not.
  await expect(askDaemon(path, "status")).rejects.toThrow("is a socket of user 12345's");
});

test.each([
  ["nothing", "", "gave no answer"],
  ["no JSON", "hello\n", "is no JSON"],
  ["no answer", "[]\n", "is no answer"],
  ["an error", '{"error":"no"}\n', "says: no"],
  ["no end", "x".repeat(5 << 20), "a line of more than 4194304 bytes"],
])("who asks survives a daemon that says %s", async (_what, said, sentence) => {
  const path = join(folder, "odd");
  const server = createServer((socket) => socket.on("error", () => undefined).end(said)).listen(path);
  servers.push(server);
  await once(server, "listening");
  await expect(askDaemon(path, "status")).rejects.toThrow(sentence);
});

test("who asks does not wait for ever", async () => {
  const path = join(folder, "silent");
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(path);
  servers.push(server);
  await once(server, "listening");
  await expect(askDaemon(path, "status", 50)).rejects.toThrow("does not answer");
});

test("a report is text for a person, whatever is in it", () => {
  const streams = [
    { program: "sox\x1b[2J", latencyMs: 8, volume: [50, 25] },
    { program: "x", latencyMs: 120, volume: null },
  ];
  const text = reportText({
    daemon: "d",
    version: "1",
    pid: 7,
    since: "t",
    status: { server: "s", streams, empty: [] },
  });
  expect(text).toBe(
    [
      "d 1, process 7, since t",
      "server: s",
      "",
      "streams:",
      "  program  latency ms  volume",
      "  sox [2J           8  50, 25",
      "  x               120  -",
      "",
      "empty:",
      "  none",
      "",
    ].join("\n"),
  );
  for (const odd of [null, 7, "x", [], { status: null }, { status: { a: [[1]] } }])
    expect(reportText(odd)).toMatch(/process/);
});
