// Playback on a real PulseAudio: what its sink's monitor recorded is the judge.

import { PipeWireServer, PulseServer, QUANTUM, type Recorder, type SoundServer } from "@devlift/testing/pulse";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect, type PlaybackOptions, type PlaybackStream, type PulseClient, usecToBytes } from "../src/index.ts";
import { FRAME, Log, noise, SECOND, SPEC, silent, writeAll } from "./sound.ts";

describe.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
])("%s", (name, Server) => {
  /** What PipeWire 0.3 does not do as PulseAudio does: README.md. */
  const isPulseAudio = name === "PulseAudio";
  let server: SoundServer;
  let client: PulseClient;
  let recorder: Recorder;
  let log: Log;

  beforeAll(async () => {
    server = await Server.start();
    client = await connect({ environment: server.environment, clientProperties: { "application.name": "test" } });
  });

  afterAll(async () => {
    client.close();
    await server.stop();
  });

  beforeEach(async () => {
    log = new Log();
    recorder = await server.record();
  });

  afterEach(async () => {
    await recorder.stop();
  });

  // Half a second: a busy machine may keep us waiting for so long without a gap in the sound.
  const BUFFER = { maxlength: SECOND, tlength: SECOND / 2, prebuf: SECOND / 10, minreq: SECOND / 50 };

  function play(options: Partial<PlaybackOptions> = {}): Promise<PlaybackStream> {
    return client.playback({ spec: SPEC, buffer: BUFFER, properties: { "media.name": "test" }, ...options }, log);
  }

  /** Records a fifth of a second more, and gives all. */
  const recordOn = () => recorder.more(SECOND / 5);

  test("what was played is what was recorded, bit for bit, and drain() ends when it was heard", async () => {
    const stream = await play();
    const samples = noise(SECOND);
    await writeAll(stream, log, samples);
    await stream.drain();
    const { written, played, delay } = await stream.updateLatency();
    expect({ written, played, delay }).toEqual({ written: SECOND, played: SECOND, delay: 0 });
    expect((await recordOn()).includes(samples)).toBe(true);
    expect(log.events).toContain("started");
    expect(log.events).not.toContain("overflow");
    await stream.delete();
    expect(log.events.filter((event) => event.startsWith("ended"))).toEqual([]);
  });

  test("the server's credit bounds what is taken, in whole frames, and a corked stream holds all of it", async () => {
    const stream = await play({ corked: true });
    const samples = noise(2 * SECOND);
    expect(stream.writable).toBe(stream.buffer.tlength);
    expect(stream.write(samples.subarray(0, FRAME + 3))).toBe(FRAME);
    expect(stream.write(samples.subarray(FRAME))).toBe(stream.buffer.tlength - FRAME);
    expect(stream.writable).toBe(0);
    expect(stream.write(samples)).toBe(0);
    expect(silent(await recordOn())).toBe(true);
    expect(await stream.updateLatency()).toMatchObject({ played: 0, delay: stream.buffer.tlength, playing: false });
    await stream.uncork();
    await stream.drain();
    expect((await recordOn()).includes(samples.subarray(0, stream.buffer.tlength))).toBe(true);
    await stream.delete();
  });

  test("flush() discards what was not played, and the credit comes back", async () => {
    const stream = await play({ corked: true });
    stream.write(noise(stream.writable, 2));
    await stream.flush();
    while (stream.writable < stream.buffer.tlength) await log.next();
    expect(stream.latency()).toMatchObject({ written: 0, played: 0, delay: 0 });
    const kept = noise(SECOND / 10, 3);
    expect(stream.write(kept)).toBe(kept.length);
    await stream.uncork();
    await stream.drain();
    const recorded = await recordOn();
    expect(recorded.includes(kept)).toBe(true);
    expect(silent(recorded.subarray(0, recorded.indexOf(kept)))).toBe(true);
    expect(stream.latency().written).toBe(kept.length);
    await stream.delete();
  });

  test("latency() says without asking what a recorder of the same sound sees", async () => {
    const samples = noise(SECOND, 7);
    const heard: Buffer[] = [];
    let begin = -1;
    const errors: number[] = [];
    const options = { spec: SPEC, buffer: { fragsize: SECOND / 100 }, properties: {}, device: "devlift.monitor" };
    const readable = () => {
      heard.push(monitor.read(monitor.available));
      const all = Buffer.concat(heard);
      if (begin < 0) begin = all.indexOf(samples.subarray(0, 64));
      const { recording, delayUsec } = monitor.latency();
      const { played, playing, age } = stream.latency();
      if (begin < 0 || !recording || !playing || age < 50 || played === samples.length) return;
      // What the sink plays at this moment: as far as the monitor has come, and how old that is.
      errors.push(played - (all.length - begin + usecToBytes(delayUsec, SPEC)));
    };
    const stream = await play({ corked: true });
    const monitor = await client.record(options, { readable });
    await monitor.updateLatency();
    await stream.uncork();
    await writeAll(stream, log, samples);
    await stream.drain();
    const sorted = errors.map(Math.abs).sort((a, b) => a - b);
    // The half that this machine did not hold up. The whole delay is a hundred times as long.
    const median = sorted[sorted.length >> 1] ?? Number.NaN;
    // PipeWire 0.3 leaves out the period of its graph that a null sink takes.
    expect(median / SECOND).toBeLessThan(0.002 + (isPulseAudio ? 0 : QUANTUM / SPEC.rate));
    await monitor.delete();
    await stream.delete();
  });

  if (isPulseAudio) {
    test("less than prebuf waits for trigger()", async () => {
      const stream = await play();
      const samples = noise(BUFFER.prebuf - FRAME, 4);
      stream.write(samples);
      expect(silent(await recordOn())).toBe(true);
      expect(log.events).not.toContain("started");
      await stream.trigger();
      await log.until("underflow");
      expect((await recordOn()).includes(samples)).toBe(true);
      await stream.delete();
    });

    test("after an underrun nothing is left, and it starts again with prebuf bytes", async () => {
      const stream = await play();
      const [first, second] = [noise(BUFFER.prebuf, 5), noise(BUFFER.prebuf, 6)];
      stream.write(first);
      await log.until("underflow");
      await recordOn();
      expect(await stream.updateLatency()).toMatchObject({ played: first.length, delay: 0, playing: false });
      stream.write(second);
      await log.until("started", 2);
      await log.until("underflow", 2);
      const recorded = await recordOn();
      expect(recorded.includes(first)).toBe(true);
      expect(recorded.includes(second)).toBe(true);
      await stream.delete();
    });
  }
});
