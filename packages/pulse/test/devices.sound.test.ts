// Sinks that come, go and sleep under a stream; volumes, mutes and properties, as pactl has them.

import { PipeWireServer, PulseServer, SINK, type SoundServer } from "@devlift/testing/pulse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type PlaybackOptions, type PulseClient, type ServerEvent, VOLUME_NORM } from "../src/index.ts";
import { Log, POLL, SPEC } from "./sound.ts";

describe.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
])("%s", (name, Server) => {
  /** What PipeWire 0.3 does not do as PulseAudio does: README.md. */
  const isPulseAudio = name === "PulseAudio";
  let server: SoundServer;
  let client: PulseClient;
  const events = new Log();
  const show = ({ facility, kind, index }: ServerEvent) => `${facility} ${kind} ${index}`;

  beforeAll(async () => {
    server = await Server.start();
    const options = { environment: server.environment, clientProperties: { "application.name": "A player" } };
    client = await connect(options, { changed: (event) => events.add(show(event)) });
    await client.subscribe(["sink", "source", "sinkInput", "sourceOutput"]);
  });

  afterAll(async () => {
    client.close();
    await server.stop();
  });

  function play(log: Log, options: Partial<PlaybackOptions> = {}) {
    const properties = { "media.name": "Ein Stück", "application.process.id": "4711" };
    return client.playback({ spec: SPEC, properties, ...options }, log);
  }

  test("a stream is listed with its program's properties", async () => {
    const stream = await play(new Log(), { corked: true });
    const info = await client.sinkInput(stream.sinkInput);
    expect((await client.sinkInputs()).map(({ index }) => index)).toEqual([stream.sinkInput]);
    expect(info).toMatchObject({ name: "Ein Stück", client: client.index, corked: true, spec: SPEC, muted: false });
    expect(info.properties).toMatchObject({ "application.name": "A player", "application.process.id": "4711" });
    await stream.setProperties({ "media.name": "Another" });
    // PipeWire acknowledges first and does it then.
    await expect.poll(async () => (await client.sinkInput(stream.sinkInput)).name, POLL).toBe("Another");
    await stream.delete();
    await events.until(`sinkInput remove ${stream.sinkInput}`);
    await expect(client.sinkInput(stream.sinkInput)).rejects.toMatchObject({ code: "noentity" });
  });

  test("pactl sees the volumes and mutes that were set", async () => {
    const pactl = (...args: string[]) => expect.poll(() => server.pactl(...args), POLL);
    const stream = await play(new Log(), { volume: [VOLUME_NORM / 2, VOLUME_NORM / 4] });
    // WirePlumber sets a new stream to the volume that its program had last.
    if (isPulseAudio) await pactl("list", "sink-inputs").toMatch(/Volume: .*: 32768 .*: 16384 /);
    await client.setSinkInputVolume(stream.sinkInput, [VOLUME_NORM / 4, VOLUME_NORM / 8]);
    await client.setSinkInputMuted(stream.sinkInput, true);
    await pactl("list", "sink-inputs").toMatch(/Mute: yes\s+Volume: .*: 16384 .*: 8192 /);
    await expect
      .poll(() => client.sinkInput(stream.sinkInput), POLL)
      .toMatchObject({
        volume: [VOLUME_NORM / 4, VOLUME_NORM / 8],
        muted: true,
      });
    await client.setSinkVolume([VOLUME_NORM * 0.75]);
    await client.setSinkMuted(true, SINK);
    await pactl("get-sink-volume", SINK).toMatch(/: 49152 .*: 49152 /);
    await pactl("get-sink-mute", SINK).toContain("yes");
    await client.setSourceVolume([VOLUME_NORM / 2]);
    await client.setSourceMuted(true, `${SINK}.monitor`);
    await pactl("get-source-volume", `${SINK}.monitor`).toMatch(/: 32768 .*: 32768 /);
    await pactl("get-source-mute", `${SINK}.monitor`).toContain("yes");
    await stream.delete();
  });

  test("what pactl sets is told and seen", async () => {
    const stream = await play(new Log());
    const input = `sinkInput change ${stream.sinkInput}`;
    const { index } = await client.sink();
    await server.pactl("set-sink-input-volume", `${stream.sinkInput}`, "12345");
    await server.pactl("set-sink-input-mute", `${stream.sinkInput}`, "1");
    await server.pactl("set-sink-volume", SINK, "23456", "34567");
    await server.pactl("set-sink-mute", SINK, "0");
    await events.until(input);
    await events.until(`sink change ${index}`);
    await expect
      .poll(() => client.sinkInput(stream.sinkInput), POLL)
      .toMatchObject({ volume: [12345, 12345], muted: true });
    await expect
      .poll(() => client.sink(SINK), POLL)
      .toMatchObject({ volume: [23456, 34567], muted: false, monitor: { name: `${SINK}.monitor` } });
    expect(await client.sink(index)).toMatchObject({ name: SINK, spec: { channels: 2, rate: 48000 } });
    expect((await client.sources()).map(({ name, monitor }) => [name, monitor])).toEqual([
      [`${SINK}.monitor`, { index, name: SINK }],
    ]);
    await stream.delete();
  });

  test("the queue's sizes can be changed, and what does not fit is not asked for any more", async () => {
    const log = new Log();
    const large = { tlength: 96000, minreq: 9600, prebuf: 9600, maxlength: 192000 };
    const small = { tlength: 48000, minreq: 4800, prebuf: 4800, maxlength: 192000 };
    const stream = await play(log, { corked: true, buffer: large, latencyMode: "fixed" });
    expect(stream.buffer).toEqual(large);
    expect(stream.write(Buffer.alloc(large.tlength))).toBe(large.tlength);
    await stream.setBuffer(small, { latencyMode: "fixed" });
    expect(stream.buffer).toEqual(small);
    expect(stream.writable).toBe(0);
    await stream.setBuffer({ ...large, tlength: 192000 }, { latencyMode: "fixed" });
    // A stream that stands is not asked for more.
    await stream.uncork();
    while (stream.writable < 96000) await log.next();
    await stream.delete();
  });

  test("what cannot be is refused, by us or by the server", async () => {
    const properties = {};
    const spec = { ...SPEC, channels: 33 };
    await expect(client.playback({ spec, properties })).rejects.toMatchObject({ code: "invalid" });
    await expect(client.playback({ spec: { ...SPEC, rate: 0 }, properties })).rejects.toMatchObject({
      code: "invalid",
    });
    await expect(client.playback({ spec: SPEC, channelMap: [0], properties })).rejects.toMatchObject({
      code: "invalid",
    });
    await expect(client.sink("no-such-sink")).rejects.toMatchObject({ code: "noentity" });
    // PipeWire takes the default one then.
    if (isPulseAudio)
      await expect(play(new Log(), { device: "no-such-sink" })).rejects.toMatchObject({ code: "noentity" });
    await expect(client.setSinkVolume([])).rejects.toMatchObject({ code: "invalid" });
    expect((await client.serverInfo()).defaultSink).toBe(SINK);
  });

  if (isPulseAudio)
    test("a stream hears that it moved, sleeps, wakes, and was ended with its sink", async () => {
      const log = new Log();
      const module = await server.pactl("load-module", "module-null-sink", "sink_name=second");
      const stream = await play(log);
      expect(stream.device.name).toBe(SINK);
      await server.pactl("move-sink-input", `${stream.sinkInput}`, "second");
      await log.until("moved");
      expect(stream.device).toEqual({ index: (await client.sink("second")).index, name: "second" });
      await server.pactl("suspend-sink", "second", "1");
      await log.until("suspended");
      expect(stream.suspended).toBe(true);
      await server.pactl("suspend-sink", "second", "0");
      await log.until("suspended", 2);
      expect(stream.suspended).toBe(false);

      const fixed = new Log();
      const stays = await play(fixed, { device: "second", noMove: true, corked: true });
      stays.write(Buffer.alloc(stays.writable));
      const drained = expect(stays.drain()).rejects.toMatchObject({ code: "killed" });
      await server.pactl("unload-module", module.trim());
      await fixed.until("ended: killed");
      await drained;
      expect(stays.writable).toBe(0);
      await expect(stays.cork()).rejects.toMatchObject({ code: "killed" });
      await stays.delete();
      await log.until("moved", 2);
      await stream.delete();
    });
});
