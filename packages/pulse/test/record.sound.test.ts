// Recording from a real PulseAudio: the monitor of its sink, on which pacat plays.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { PipeWireServer, PulseServer, SINK, type SoundServer } from "@devlift/testing/pulse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type PulseClient, type RecordOptions, type RecordStream } from "../src/index.ts";
import { Log, noise, POLL, SECOND, SPEC, silent } from "./sound.ts";

describe.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
])("%s", (_name, Server) => {
  let server: SoundServer;
  let client: PulseClient;

  beforeAll(async () => {
    server = await Server.start();
    client = await connect({ environment: server.environment, clientProperties: {} });
  });

  afterAll(async () => {
    client.close();
    await server.stop();
  });

  const MONITOR = `${SINK}.monitor`;
  const BUFFER = { maxlength: SECOND, fragsize: SECOND / 50 };

  function record(log: Log, options: Partial<RecordOptions> = {}): Promise<RecordStream> {
    return client.record({ spec: SPEC, device: MONITOR, buffer: BUFFER, properties: {}, ...options }, log);
  }

  /** Plays `samples` by pacat, and resolves when they were played. */
  async function pacat(samples: Buffer): Promise<void> {
    const args = ["--playback", "--raw", "--rate=48000", "--channels=2", "--format=s16le", `--device=${SINK}`];
    const child = spawn("pacat", args, { env: server.environment, stdio: ["pipe", "ignore", "inherit"] });
    child.stdin.end(samples);
    expect(await once(child, "exit")).toEqual([0, null]);
  }

  /** Reads until `enough` says so of all that was read. */
  async function readUntil(stream: RecordStream, log: Log, enough: (all: Buffer) => boolean): Promise<Buffer> {
    let all = Buffer.alloc(0);
    for (;;) {
      all = Buffer.concat([all, stream.read(stream.available)]);
      if (enough(all)) return all;
      await log.next();
    }
  }

  test("what was played is what is read, bit for bit, in pieces of any size", async () => {
    const log = new Log();
    const stream = await record(log);
    const samples = noise(SECOND / 2);
    const played = pacat(samples);
    let all = Buffer.alloc(0);
    while (!all.includes(samples)) {
      all = Buffer.concat([all, stream.read(1000)]);
      if (stream.available === 0) await log.next();
    }
    await played;
    await stream.delete();
  });

  test("a corked stream records nothing, flush() throws away what waits", async () => {
    const log = new Log();
    const stream = await record(log, { corked: true });
    await pacat(noise(SECOND / 10));
    expect(stream.available).toBe(0);
    await stream.uncork();
    await log.until("readable");
    const playing = pacat(noise(SECOND / 10));
    while (silent(stream.read(stream.available))) await log.next();
    await playing;
    await stream.cork();
    await stream.flush();
    expect(stream.available).toBe(0);
    await stream.uncork();
    expect(silent(await readUntil(stream, log, (all) => all.length >= SECOND / 10))).toBe(true);
    await stream.delete();
  });

  test("a stream that nobody reads is stopped at maxlength, and goes on when it is read", async () => {
    const log = new Log();
    const stream = await record(log, { buffer: { maxlength: SECOND / 10, fragsize: SECOND / 100 } });
    await log.until("overflow");
    const corked = async () => (await client.sourceOutput(stream.sourceOutput)).corked;
    await expect.poll(corked, POLL).toBe(true);
    // The user's own wish is another matter.
    expect(stream.corked).toBe(false);
    const { available } = stream;
    expect(available).toBeGreaterThanOrEqual(stream.buffer.maxlength);
    expect(available).toBeLessThanOrEqual(2 * stream.buffer.maxlength);
    await stream.uncork();
    await expect.poll(corked, POLL).toBe(true);
    stream.read(available / 4);
    await expect.poll(corked, POLL).toBe(true);
    stream.read(available);
    await expect.poll(corked, POLL).toBe(false);
    await log.until("overflow", 2);
    await stream.delete();
  });

  test("latency() knows how old the next sample is", async () => {
    const log = new Log();
    const stream = await record(log);
    await readUntil(stream, log, (all) => all.length >= SECOND / 10);
    const { delayUsec, recording } = await stream.updateLatency();
    expect(recording).toBe(true);
    // It gets older as nobody reads it, at the pace of the source; how much had come by now is the machine's affair.
    const enough = stream.available + SECOND / 5;
    while (stream.available < enough) await log.next();
    const later = stream.latency();
    expect(later.available).toBe(stream.available);
    expect((later.delayUsec - delayUsec) / 1_000_000).toBeGreaterThan(0.15);
    expect((later.delayUsec - delayUsec) / 1_000_000).toBeLessThan(stream.available / SECOND + 0.05);
    await stream.delete();
  });
});
