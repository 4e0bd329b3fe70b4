// Playback on a real PulseAudio: what its sink's monitor recorded is the judge.

import { PulseServer } from "@devlift/testing/pulse";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  connect,
  type PlaybackListener,
  type PlaybackOptions,
  type PlaybackStream,
  type PulseClient,
} from "../src/index.ts";

let server: PulseServer;
let client: PulseClient;

beforeAll(async () => {
  server = await PulseServer.start();
  client = await connect({ environment: server.environment, clientProperties: { "application.name": "test" } });
});

afterAll(async () => {
  client.close();
  await server.stop();
});

const FRAME = 4;
const SECOND = 48000 * FRAME;
const SPEC = { format: "s16le", channels: 2, rate: 48000 } as const;

/** `bytes` of samples of which no two frames that are near each other are the same, and none is silent. */
function noise(bytes: number, seed = 1): Buffer {
  const samples = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at += 2) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    samples.writeInt16LE((state >>> 17) - 16384 || 1, at);
  }
  return samples;
}

/** What happened to a stream, in order, and somebody who waits for it. */
class Log implements PlaybackListener {
  readonly events: string[] = [];
  #waiting: (() => void) | undefined;
  writable = () => this.#add("writable");
  started = () => this.#add("started");
  underflow = () => this.#add("underflow");
  overflow = () => this.#add("overflow");
  suspended = () => this.#add("suspended");
  moved = () => this.#add("moved");
  ended = (error: Error) => this.#add(`ended: ${error.message}`);

  async until(event: string): Promise<void> {
    while (!this.events.includes(event)) await this.next();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #add(event: string): void {
    this.events.push(event);
    this.#waiting?.();
  }
}

function play(log: Log, options: Partial<PlaybackOptions> = {}): Promise<PlaybackStream> {
  const buffer = { maxlength: SECOND, tlength: SECOND / 5, prebuf: SECOND / 20, minreq: SECOND / 50 };
  return client.playback({ spec: SPEC, buffer, properties: { "media.name": "test" }, ...options }, log);
}

async function writeAll(stream: PlaybackStream, log: Log, samples: Buffer): Promise<void> {
  for (let at = 0; at < samples.length; ) {
    at += stream.write(samples.subarray(at));
    if (at < samples.length) await log.next();
  }
}

/** Where `samples` begin in `recorded`, at a frame; -1 when they are not there as they are. */
const find = (recorded: Buffer, samples: Buffer): number => recorded.indexOf(samples);

test("what was played is what was recorded, bit for bit, and drain() ends when it was heard", async () => {
  const recorder = await server.record();
  const log = new Log();
  const stream = await play(log);
  const samples = noise(SECOND);
  await writeAll(stream, log, samples);
  await stream.drain();
  const { written, played, delay } = await stream.updateLatency();
  expect({ written, played, delay }).toEqual({ written: SECOND, played: SECOND, delay: 0 });
  await recorder.until((recorded) => find(recorded, samples) >= 0);
  expect(log.events).toContain("started");
  expect(log.events).not.toContain("overflow");
  await stream.delete();
  await recorder.stop();
});
