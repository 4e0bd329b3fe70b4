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
import { metricsText } from "../src/control/metrics.ts";
import { checkSocket, controlFolders, findSockets, makeFolder, ownFolder, socketName } from "../src/control/place.ts";
import { ControlServer } from "../src/control/server.ts";
import { parseStatus } from "../src/control/status.ts";
import { reportText } from "../src/control/text.ts";

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
const isRoot = process.geteuid?.() === 0;

async function daemon(path: string | undefined = join(folder, "socket")): Promise<ControlServer> {
  const server = await ControlServer.start({ name: NAME, version: "1.2", path, log: silent });
  if (server === undefined) throw new RangeError("the usual place cannot be had");
  server.about = { status: () => ({ streams: 3 }), hardware: () => ["a Palm"] };
  servers.push(server);
  return server;
}

const report = {
  ...{ daemon: NAME, version: "1.2", pid: process.pid, since: expect.any(String), uptimeSeconds: expect.any(Number) },
  ...{ residentBytes: expect.any(Number), hardware: ["a Palm"], devices: [], status: { streams: 3 } },
};

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

test("status is a word of each daemon's command", () => {
  expect(parseStatus(["-w", "--control", "/x"], NAME)).toEqual({
    ...{ command: NAME, control: "/x", watch: true, json: false, metrics: false },
  });
  expect(parseStatus(["--help"], NAME)).toBeUndefined();
  expect(() => parseStatus(["--server", "x"], NAME)).toThrow("Unknown option '--server'");
  expect(() => parseStatus(["--control", "x"], NAME)).toThrow("give the whole path");
  expect(() => parseStatus(["--metrics", "--json"], NAME)).toThrow("--metrics is a text of its own");
});

test("a daemon is asked by its socket, which is its user's alone, and nothing can be told to it", async () => {
  const { path } = await daemon();
  expect(await askDaemon(path)).toEqual(report);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const line = async (method: string, url: string) =>
    (await converse(path, `${method} ${url} HTTP/1.1\r\nHost: d\r\n\r\n`)).split("\r\n")[0];
  expect(await line("GET", "/status")).toBe("HTTP/1.1 200 OK");
  expect(await line("GET", "/toString")).toBe("HTTP/1.1 404 Not Found");
  expect(await line("POST", "/status")).toBe("HTTP/1.1 405 Method Not Allowed");
  expect(await converse(path, `GET /${"x".repeat(5000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/);
});

test("who comes when all places are taken is sent away", async () => {
  const { path } = await daemon();
  const sockets: Socket[] = [];
  for (let index = 0; index < 16; index++) {
    const socket = createConnection(path).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
  }
  await expect(askDaemon(path)).rejects.toThrow("cannot be asked");
  sockets[1]?.destroy();
  await expect.poll(() => askDaemon(path).catch(() => undefined)).toEqual(report);
  for (const socket of sockets) socket.destroy();
});

test("a socket that a dead daemon left is replaced; a living one's is not", async () => {
  const path = join(folder, "socket");
  const script = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  spawnSync(process.execPath, ["-e", script, path]);
  expect(existsSync(path)).toBe(true);
  await expect(askDaemon(path)).rejects.toThrow(`the daemon at ${path} cannot be asked`);
  await daemon(path);
  await expect(daemon(path)).rejects.toThrow(`another daemon listens at ${path}`);
  writeFileSync(join(folder, "file"), "");
  await expect(daemon(join(folder, "file"))).rejects.toThrow("is not a socket");
  expect(existsSync(join(folder, "file"))).toBe(true);
});

test("in the usual place every daemon has a socket of its own, and all are asked", async () => {
  const place = join(folder, "devlift");
  makeFolder(place);
  const [one, two] = [join(place, socketName(NAME, 1)), join(place, socketName(NAME, 2))];
  await daemon(one);
  await daemon(two);
  await daemon(join(place, socketName(`${NAME}-other`, 3)));
  const runtime = process.env["XDG_RUNTIME_DIR"];
  process.env["XDG_RUNTIME_DIR"] = folder;
  try {
    expect(await askAll({ command: NAME })).toEqual([report, report]);
    await expect(askAll({ command: "devlift-none" })).rejects.toThrow(
      /^no devlift-none runs that can be asked \(looked in/,
    );
  } finally {
    if (runtime === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = runtime;
  }
});

test("a daemon's place is its service's, else its user's; root looks first in the machine's", () => {
  const own = { XDG_RUNTIME_DIR: "/run/user/7" };
  expect(controlFolders({ environment: own, uid: 7 })).toEqual(["/run/user/7/devlift", "/run/devlift"]);
  expect(controlFolders({ environment: { XDG_RUNTIME_DIR: "relative" }, uid: 0 })).toEqual(["/run/devlift"]);
  expect(ownFolder({ environment: { ...own, RUNTIME_DIRECTORY: "/run/devlift/pilot:/run/x" }, uid: 7 })).toBe(
    "/run/devlift/pilot",
  );
  expect(ownFolder({ environment: own, uid: 7 })).toBe("/run/user/7/devlift");
});

test.runIf(isRoot)(
  "the user of a service is believed for its own driver, in the folder that root has made it",
  async () => {
    const system = join(folder, "run");
    const service = join(system, "pilot");
    mkdirSync(service, { recursive: true });
    const socket = async (name: string, uid: number) => {
      const { path } = await daemon(join(service, name));
      chownSync(path, uid, uid);
      return path;
    };
    chownSync(service, 60_001, 60_001);
    const ours = await socket("devlift-pilot-7.sock", 60_001);
    const falseName = await socket("devlift-oss-8.sock", 60_001);
    const anothers = await socket("devlift-pilot-9.sock", 60_002);
    const found = () => findSockets(undefined, { environment: {}, uid: 0, system }).map(({ path }) => path);
    expect(found()).toEqual([ours, anothers]);
    expect(() => checkSocket(ours, system)).not.toThrow();
    for (const path of [falseName, anothers])
      expect(() => checkSocket(path, system)).toThrow(/is a socket of user 6000\d/);
    // Whoever can write to it, or to what is above it, could have put a socket there.
    for (const open of [service, system]) {
      chmodSync(open, 0o777);
      expect(found()).toEqual([]);
      expect(() => checkSocket(ours, system)).toThrow("is a socket of user 60001's");
      chmodSync(open, 0o755);
    }
    chownSync(system, 60_001, 60_001);
    expect(() => checkSocket(ours, system)).toThrow("is a socket of user 60001's");
  },
);

test("a folder that others can write to is none, nor is a socket of somebody else's", async () => {
  const open = join(folder, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  expect(() => makeFolder(open)).toThrow("is not a folder that only this user, or root, can write to");
  if (!isRoot) return;
  const { path } = await daemon();
  chownSync(path, 12_345, 0);
  // Root's own is root's, and any other user's is not.
  await expect(askDaemon(path)).rejects.toThrow("is a socket of user 12345's");
});

const answer = (body: string) => `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`;

test.each([
  ["nothing", "", "cannot be asked"],
  ["no HTTP", "hello\n", "cannot be asked"],
  ["no JSON", answer("hello"), "is no JSON"],
  ["no to it", "HTTP/1.1 503 No\r\n\r\nfour watch already\n", "says: four watch already"],
  ["too much", answer("x".repeat(5 << 20)), "an answer of more than 4194304 bytes"],
  ["headers without end", `HTTP/1.1 200 OK\r\nA: ${"x".repeat(1 << 20)}`, "cannot be asked"],
])("who asks survives a daemon that says %s", async (_what, said, sentence) => {
  await expect(askDaemon(await saying(said))).rejects.toThrow(sentence);
});

/** A false daemon. @returns its socket */
async function saying(said: string | undefined): Promise<string> {
  const path = join(folder, "odd");
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (said !== undefined) socket.once("data", () => socket.end(said));
  }).listen(path);
  servers.push(server);
  await once(server, "listening");
  return path;
}

test("who asks does not wait for ever", async () => {
  await expect(askDaemon(await saying(undefined), 50)).rejects.toThrow("does not answer");
});

test("a report is text for a person, whatever is in it", async () => {
  const latency = { buckets: [1, 2], seconds: 0.5 };
  const counts = { calls: { read: 2, write: 1 }, errors: 1, readBytes: 10, writtenBytes: 20, latency };
  const client = { pid: 8, since: "2026-11-23T00:00:00.123Z", readBytes: 10, writtenBytes: 20 };
  const text = reportText(
    {
      ...{ daemon: "d", version: "1", pid: 7, since: "t", uptimeSeconds: 3725, residentBytes: 50 << 20, hardware: [] },
      devices: [
        {
          ...{ path: "/dev/x", channel: "cuse", open: 1, waits: 1, longestWaitMs: 1250, counts },
          clients: [{ ...client, program: null }],
          waiting: [{ pid: 8, program: "cat", call: "read", ms: 1250, parked: true }],
        },
      ],
      status: {
        server: "s",
        streams: [
          { program: "sox\x1b[2J", latencyMs: 8, volume: [50, 25] },
          { program: "x", latencyMs: 120, volume: null },
        ],
        empty: [],
      },
    },
    { programOf: (pid) => `of ${pid}` },
  );
  expect(text).toBe(
    [
      "d 1, process 7, up 1 h 2 min, 50 MB",
      "hardware: absent",
      "server: s",
      "",
      "devices:",
      "  device  channel  open  calls  errors",
      "  /dev/x  cuse        1      3       1",
      "",
      "clients:",
      "  device  pid  program  since                 read bytes  written bytes",
      "  /dev/x    8  of 8     2026-11-23T00:00:00Z          10             20",
      "",
      "waiting:",
      "  device  pid  program  call  seconds  for",
      "  /dev/x    8  cat      read  1.3      the driver's word",
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
});

test.each([
  "null",
  "7",
  '"x"',
  "[]",
  '{"status":null}',
  '{"devices":[7,{"clients":{},"counts":[]}],"status":{"a":[[1]]}}',
])("what a false daemon says becomes a report: %s", async (said) => {
  const heard = await askDaemon(await saying(answer(said)));
  expect(reportText(heard)).toMatch(/process 0/);
  expect(metricsText([heard])).toMatch(/devlift_info/);
});
