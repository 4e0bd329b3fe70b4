// What the control socket of a daemon is told by who means it ill: a daemon of its own process on /dev/fuse, with a program in
// the middle of a stream and another that waits.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createConnection } from "node:net";
import { expect, test } from "vitest";
import { askDaemon, watchTrace } from "../src/control/ask.ts";
import type { Report } from "../src/control/report.ts";
import { serveStream } from "./served-stream.ts";

const MESSAGES = 100_000;
const AT_ONCE = 8;
/** Bytes: what Node's heap may grow to before it is collected. Each message kept would be 100 MB and more. */
const MOST_GROWTH = 80 << 20;

/** What is well-formed, to be spoilt. */
const GOOD = [
  "GET /status HTTP/1.1\r\nHost: d\r\n\r\n",
  "GET /metrics HTTP/1.1\r\nHost: d\r\nAccept: text/plain\r\n\r\n",
  "GET /trace HTTP/1.1\r\nHost: d\r\nConnection: keep-alive\r\n\r\n",
  "GET /status HTTP/1.0\r\n\r\nGET /trace HTTP/1.0\r\n\r\nGET /metrics HTTP/1.0\r\n\r\n",
  "POST /status HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "PUT /trace HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
  "CONNECT /trace HTTP/1.1\r\nHost: d\r\n\r\n",
  "GET /trace HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n",
  '{"ask":"status"}\n',
].map((text) => Buffer.from(text));
const ODD = ["\0", "\r\n", "\n", " ", ":", "99999999999", "-1", "../", "%00", "__proto__", "\xff", "x".repeat(5000)];

/** Numbers from 0 on below `limit`: mulberry32. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function pick<T>(list: readonly T[], random: (limit: number) => number, otherwise: T): T {
  return list[random(list.length)] ?? otherwise;
}

/** One message, well-formed at first, spoilt in up to four ways. */
function malformed(random: (limit: number) => number): Buffer {
  let message = Buffer.from(pick(GOOD, random, Buffer.alloc(0)));
  for (let times = random(4); times >= 0; times--) {
    const [from, to] = [random(message.length + 1), random(message.length + 1)].sort((a, b) => a - b);
    switch (random(5)) {
      case 0:
        if (message.length > 0) message[from ?? 0] = random(256);
        break;
      case 1:
        message = message.subarray(0, from);
        break;
      case 2:
        message = Buffer.concat([message.subarray(0, from), message.subarray(to)]);
        break;
      case 3:
        message = Buffer.concat([message.subarray(0, to), message.subarray(from)]);
        break;
      default: {
        const odd = Buffer.from(pick(ODD, random, ""), "latin1");
        message = Buffer.concat([message.subarray(0, from), odd, message.subarray(from)]);
      }
    }
  }
  return message;
}

/** Says it, and waits until the daemon has closed the connection. */
async function tell(control: string, message: Uint8Array): Promise<void> {
  const socket = createConnection(control);
  socket.on("error", () => undefined).resume();
  const closed = once(socket, "close");
  socket.end(message);
  await closed;
}

/** Reads the stream until told to end. @returns whether each byte came once, in order */
async function follow(file: FileHandle, ended: () => boolean): Promise<{ inOrder: boolean; bytes: number }> {
  const buffer = new Uint8Array(4096);
  let bytes = 0;
  let inOrder = true;
  while (!ended() || bytes === 0) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    for (let index = 0; index < bytesRead; index++) inOrder &&= buffer[index] === ((bytes + index) & 0xff);
    bytes += bytesRead;
  }
  return { inOrder, bytes };
}

/** What no message may change. */
function lasting({ daemon, pid, hardware, status, devices }: Report) {
  return {
    ...{ daemon, pid, hardware, status },
    devices: devices.map(({ path, open, waits, clients }) => ({
      path,
      open,
      waits,
      pids: clients.map((it) => it.pid),
    })),
  };
}

test("a hundred thousand malformed messages change nothing, harm no program, and cost no memory", {
  timeout: 600_000,
}, async () => {
  const served = await serveStream();
  const { daemon, control, path } = served;
  const [streaming, waiting] = [await open(path), await open(path)];
  let over = false;
  const following = follow(streaming, () => over);
  const waits = waiting.read(new Uint8Array(1), 0, 1, null);
  await expect.poll(async () => (await askDaemon(control)).devices[0]?.longestWaitMs).toBeGreaterThan(0);
  const random = randomFrom(7);
  const flood = async (count: number) => {
    let left = count;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await tell(control, malformed(random));
      }),
    );
  };
  // Code is compiled and the heap has its size.
  await flood(MESSAGES / 10);
  const before = await askDaemon(control);
  const handles = daemon.handles().length;
  await flood((MESSAGES * 9) / 10);
  const after = await askDaemon(control);
  // Nobody traces any more, so there is a place for who does.
  const lines: string[] = [];
  const enough = new AbortController();
  const take = async ({ line = "" }) => {
    if (lines.push(line) > 10) enough.abort();
  };
  await watchTrace({ control }, take, enough.signal);
  expect(lines.join(" ")).toMatch(/stream: read\(1, 4096\) = /);
  over = true;
  const { inOrder, bytes } = await following;
  expect(inOrder).toBe(true);
  expect(bytes).toBeGreaterThan(1 << 20);
  // Nobody has interrupted the one that waits.
  expect(lasting(after)).toEqual(lasting(before));
  expect(after.devices[0]?.longestWaitMs).toBeGreaterThan(before.devices[0]?.longestWaitMs ?? 0);
  expect(after.residentBytes - before.residentBytes).toBeLessThan(MOST_GROWTH);
  await expect.poll(() => daemon.handles().length).toBeLessThanOrEqual(handles);
  expect(daemon.log.filter(({ level }) => !["info", "debug"].includes(String(level)))).toEqual([]);
  await streaming.close();
  expect(await served.stop()).toBe(0);
  expect(await waits).toMatchObject({ bytesRead: 0 });
  await waiting.close();
});

const ASK = `require("node:http")
  .get({ socketPath: process.argv[1], path: process.argv[2] }, (answer) => console.log(answer.statusCode))
  .on("error", ({ code }) => console.log(code))`;

test("who is neither root nor the daemon's user is refused by the socket's mode, and where that was changed, by the daemon", async () => {
  expect(process.geteuid?.()).toBe(0);
  const served = await serveStream();
  const { daemon, control, folder } = served;
  chmodSync(folder, 0o755);
  const nobody = { uid: 65_534, gid: 65_534, timeout: 30_000, encoding: "utf8" } as const;
  const answers = () =>
    ["/status", "/metrics", "/trace"].map(
      (path) => spawnSync(process.execPath, ["-e", ASK, control, path], nobody).stdout,
    );
  expect(answers()).toEqual(["EACCES\n", "EACCES\n", "EACCES\n"]);
  chmodSync(control, 0o666);
  const from = daemon.log.length;
  // Before or after it has written its question.
  for (const answer of answers()) expect(answer).toMatch(/^(ECONNRESET|EPIPE)\n$/);
  await daemon.said(/a user who may not has connected/, from);
  expect(daemon.log.slice(from).filter(({ msg }) => /watches/.test(msg))).toEqual([]);
  expect((await askDaemon(control)).status).toEqual({ mood: "calm" });
  expect(await served.stop()).toBe(0);
});
