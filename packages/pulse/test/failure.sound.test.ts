// A real PulseAudio that is not there, does not let us in, hangs, or dies.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PulseServer } from "@devlift/testing/pulse";
import { afterEach, expect, test } from "vitest";
import { type ConnectOptions, connect, type PulseClient } from "../src/index.ts";
import { Log, SPEC } from "./sound.ts";

let server: PulseServer | undefined;
let client: PulseClient | undefined;

afterEach(async () => {
  client?.close();
  await server?.stop();
});

async function connected(log: Log, options: Partial<ConnectOptions> = {}) {
  server = await PulseServer.start();
  const listener = {
    closed: ({ code }: { readonly code: string }) => log.add(`closed: ${code}`),
    unresponsive: () => log.add("unresponsive"),
  };
  client = await connect({ environment: server.environment, clientProperties: {}, ...options }, listener);
  return { server, client };
}

test("a server that is killed rejects what waits at once and ends every stream; the next one is as good", async () => {
  const log = new Log();
  const { server, client } = await connected(log);
  const play = () => client.playback({ spec: SPEC, properties: {}, corked: true }, log);
  const streams = [await play(), await play()];
  for (const stream of streams) stream.write(Buffer.alloc(4000));
  const drained = Promise.allSettled(streams.map((stream) => stream.drain()));
  server.pause();
  const asked = Promise.allSettled([client.sinks(), streams[0]?.uncork()]);
  await server.kill();
  const closed = { status: "rejected", reason: expect.objectContaining({ code: "closed" }) };
  expect(await drained).toEqual([closed, closed]);
  expect(await asked).toEqual([closed, closed]);
  expect(log.events).toEqual(["ended: closed", "ended: closed", "closed: closed"]);
  expect(client.open).toBe(false);
  expect(streams.map((stream) => [stream.writable, stream.write(Buffer.alloc(4)), stream.end?.code])).toEqual([
    [0, 0, "closed"],
    [0, 0, "closed"],
  ]);
  await expect(client.sinks()).rejects.toMatchObject({ code: "closed" });
  await expect(streams[0]?.cork()).rejects.toMatchObject({ code: "closed" });
  await streams[0]?.delete();

  await server.restart();
  const again = await connect({ environment: server.environment, clientProperties: {} });
  expect((await again.serverInfo()).name).toBe("pulseaudio");
  again.close();
});

test("a server that hangs costs each command its time, is noticed without one, and may go on", async () => {
  const log = new Log();
  const { server, client } = await connected(log, { timeoutMs: 300 });
  // It plays on and on: a stream that stands asks for no reports.
  const writable = () => void stream.write(Buffer.alloc(stream.writable));
  const stream = await client.playback({ spec: SPEC, properties: {} }, { writable });
  writable();
  server.pause();
  await log.until("unresponsive");
  await expect(client.sinks()).rejects.toMatchObject({ code: "timeout" });
  await expect(stream.uncork()).rejects.toMatchObject({ code: "timeout" });
  expect(log.events).toEqual(["unresponsive"]);
  expect(client.open).toBe(true);
  server.resume();
  // The answers to what was given up come first, and are nobody's.
  expect(await client.sinks()).toHaveLength(1);
  server.pause();
  await log.until("unresponsive", 2);
  await expect(
    connect({ environment: server.environment, clientProperties: {}, timeoutMs: 300 }),
  ).rejects.toMatchObject({
    code: "timeout",
  });
  server.resume();
});

test("drain() is given up by its signal, and can be asked for again", async () => {
  const { client } = await connected(new Log());
  const stream = await client.playback({ spec: SPEC, properties: {}, corked: true });
  stream.write(Buffer.alloc(4000));
  const giveUp = new AbortController();
  const drained = stream.drain(giveUp.signal);
  await expect(stream.drain()).rejects.toMatchObject({ code: "badstate" });
  giveUp.abort();
  await expect(drained).rejects.toMatchObject({ code: "aborted" });
  await stream.uncork();
  await stream.drain();
  expect(stream.latency().delay).toBe(0);
});

test("no server at all is said with where it was looked for", async () => {
  const environment = { PULSE_SERVER: "unix:/nonexistent/native tcp:127.0.0.1:1" };
  const refused = connect({ environment, clientProperties: {} });
  await expect(refused).rejects.toMatchObject({ code: "refused" });
  await expect(refused).rejects.toThrow(/\/nonexistent\/native: .*ENOENT.*tcp:127.0.0.1:1: .*ECONNREFUSED/);
});

/** A TCP port that nobody uses. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("over TCP the cookie opens the server, another does not", async () => {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "devlift-cookie-"));
  const right = join(folder, "right");
  const wrong = join(folder, "wrong");
  await writeFile(right, Buffer.alloc(256, 7));
  await writeFile(wrong, Buffer.alloc(256, 8));
  const tcp = `module-native-protocol-tcp listen=127.0.0.1 port=${port} auth-cookie=${right} auth-ip-acl=`;
  server = await PulseServer.start({ modules: [tcp] });
  const environment = { PULSE_SERVER: `tcp:127.0.0.1:${port}` };
  const from = (cookie: string) =>
    connect({ environment: { ...environment, PULSE_COOKIE: cookie }, clientProperties: {} });
  client = await from(right);
  expect(await client.sinks()).toHaveLength(1);
  await expect(from(wrong)).rejects.toMatchObject({ code: "access" });
  await expect(connect({ environment, clientProperties: {} })).rejects.toMatchObject({ code: "access" });
  await expect(from(join(folder, "none"))).rejects.toMatchObject({ code: "authkey" });
  await rm(folder, { recursive: true });
});
