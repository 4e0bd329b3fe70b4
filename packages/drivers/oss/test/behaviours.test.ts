// The ten behaviours that programs count on, each on a sound server whose time the test moves.
// 8000 frames a second of one byte: a fragment of 2^7 bytes plays for 16 ms.

import { POLL } from "@devlift/core";
import * as oss from "@devlift/uapi/soundcard";
import { expect, test } from "vitest";
import { bench, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, type Program, settled } from "./bench.ts";
import { VirtualServer } from "./virtual-server.ts";

const EAGAIN = expect.objectContaining({ code: "EAGAIN" });
const EINTR = expect.objectContaining({ code: "EINTR" });
const EINVAL = expect.objectContaining({ code: "EINVAL" });
const EIO = expect.objectContaining({ code: "EIO" });

const FRAGMENT = 128;
const BUFFER = 4 * FRAGMENT;

/** 1, 2, 3 ... in a byte each, never 0. */
function counting(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((from + index) % 255) + 1);
}

/** A dsp with four fragments of 128 bytes. */
async function player(flags = O_WRONLY, server = new VirtualServer()) {
  const { dsp } = await bench(server);
  const program = await dsp(flags);
  await program.int(oss.SNDCTL_DSP_SETFRAGMENT, (4 << 16) | 7);
  return { server, program, dsp };
}

/** Lets time go by until a call has ended. */
async function playUntil<T>(server: VirtualServer, call: Promise<T>): Promise<T> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  call.then(end, end);
  for (await settled(); !ended; await settled()) server.advance(4);
  return call;
}

test("1: a blocking write takes everything, a signal gives what was taken, non-blocking a part and then EAGAIN", async () => {
  const { server, program } = await player();
  const all = counting(10 * BUFFER);
  expect(await playUntil(server, program.file.write(all))).toBe(all.length);

  const signal = new AbortController();
  const cut = program.file.write(counting(3 * BUFFER), { signal: signal.signal });
  await settled();
  server.advance(2 * (FRAGMENT / 8));
  await settled();
  signal.abort();
  expect(await cut).toBe(2 * FRAGMENT);

  program.file.nonBlocking = true;
  server.advance(FRAGMENT / 8);
  expect(await program.file.write(all)).toBe(FRAGMENT);
  await expect(program.file.write(all)).rejects.toEqual(EAGAIN);
});

test("1: SNDCTL_DSP_NONBLOCK is O_NONBLOCK, and a read without anything to give is EAGAIN, too", async () => {
  const { program } = await player(O_RDWR);
  await program.plain(oss.SNDCTL_DSP_NONBLOCK);
  expect(await program.file.write(counting(2 * BUFFER))).toBe(BUFFER);
  await expect(program.write(1)).rejects.toEqual(EAGAIN);
  await expect(program.file.read(1)).rejects.toEqual(EAGAIN);
});

test("2: SYNC and close wait until all is heard, RESET throws it away at once, each can be interrupted", async () => {
  const { server, program } = await player(O_WRONLY);
  await program.file.write(counting(300));
  await playUntil(server, program.plain(oss.SNDCTL_DSP_SYNC));
  expect(server.heard).toEqual([...counting(300)]);

  await program.file.write(counting(200));
  await settled();
  await program.plain(oss.SNDCTL_DSP_RESET);
  expect(await program.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
  expect((await program.ask(oss.SNDCTL_DSP_GETOSPACE)).bytes).toBe(BUFFER);

  await program.file.write(counting(200, 7));
  const signal = new AbortController();
  const sync = program.plain(oss.SNDCTL_DSP_SYNC, signal.signal);
  await settled();
  signal.abort();
  await expect(sync).rejects.toEqual(EINTR);

  await playUntil(server, program.file.close());
  expect(server.heard).toEqual([...counting(300), ...counting(200, 7)]);
});

test("2: a close that is interrupted ends the stream with what it holds", async () => {
  const { server, program } = await player();
  await program.file.write(counting(300));
  await settled();
  const signal = new AbortController();
  const closed = program.file.close({ signal: signal.signal });
  await settled();
  expect(server.stream.closed).toBe(false);
  signal.abort();
  await closed.catch(() => undefined);
  await settled();
  expect(server.stream.closed).toBe(true);
});

test("2: SYNC waits on a non-blocking file, too, as the kernel's emulation does", async () => {
  const { server, program } = await player(O_WRONLY | O_NONBLOCK);
  await program.file.write(counting(300));
  await playUntil(server, program.plain(oss.SNDCTL_DSP_SYNC));
  expect(server.heard).toEqual([...counting(300)]);
});

test("3: any count of bytes works: of frames of 4 bytes no byte is lost or moved, and the end is filled up", async () => {
  const { server, program } = await player();
  await program.int(oss.SNDCTL_DSP_SETFMT, oss.AFMT.AFMT_S16_LE);
  await program.int(oss.SNDCTL_DSP_CHANNELS, 2);
  const all = counting(403);
  let at = 0;
  for (const size of [1, 1, 1, 2, 5, 7, 16, 64, 1, 129, 176])
    at += await program.file.write(all.subarray(at, at + size));
  expect(at).toBe(all.length);
  await playUntil(server, program.file.close());
  expect(server.heard).toEqual([...all, 0]);
});

test("3: a fragment that is not full waits, and POST lets it go", async () => {
  const { server, program } = await player();
  await program.file.write(counting(FRAGMENT - 1));
  await settled();
  server.advance(1000);
  expect(server.heard).toEqual([]);
  await program.plain(oss.SNDCTL_DSP_POST);
  server.advance(1000);
  expect(server.heard).toEqual([...counting(FRAGMENT - 1)]);
});

test("4: what is negotiated is what is there: written back, true, and usable", async () => {
  const { server, dsp } = await player();
  const program = await dsp();
  expect(await program.int(oss.SNDCTL_DSP_SPEED, 400_000)).toBe(192_000);
  expect(await program.int(oss.SNDCTL_DSP_SPEED, 1)).toBe(1000);
  expect(await program.int(oss.SNDCTL_DSP_SPEED, 44_101)).toBe(44_101);
  expect(await program.int(oss.SNDCTL_DSP_CHANNELS, 0)).toBe(1);
  expect(await program.int(oss.SNDCTL_DSP_CHANNELS, 33)).toBe(32);
  await expect(program.int(oss.SNDCTL_DSP_CHANNELS, 129)).rejects.toEqual(EINVAL);
  expect(await program.int(oss.SNDCTL_DSP_STEREO, 1)).toBe(1);
  expect(await program.int(oss.SOUND_PCM_READ_CHANNELS)).toBe(2);
  expect(await program.int(oss.SNDCTL_DSP_STEREO, 0)).toBe(0);
  expect(await program.int(oss.SOUND_PCM_READ_CHANNELS)).toBe(1);
  expect(await program.int(oss.SNDCTL_DSP_SETFMT, oss.AFMT.AFMT_S16_BE)).toBe(oss.AFMT.AFMT_S16_BE);
  expect(await program.int(oss.SNDCTL_DSP_SETFMT, 0)).toBe(oss.AFMT.AFMT_S16_BE);
  expect(await program.int(oss.SNDCTL_DSP_SETFMT, oss.AFMT.AFMT_AC3)).toBe(oss.AFMT.AFMT_U8);
  await program.write(1);
  await settled();
  expect(server.stream.spec).toMatchObject({ rate: 44_101, channels: 1, format: "u8" });
});

test("5: in any order before the first write; SETFRAGMENT once, and then all who tell of fragments agree", async () => {
  const { dsp } = await player();
  const program = await dsp();
  expect((await program.ask(oss.SNDCTL_DSP_GETOSPACE)).fragsize).toBe(await program.int(oss.SNDCTL_DSP_GETBLKSIZE));
  await program.int(oss.SNDCTL_DSP_SETFRAGMENT, (6 << 16) | 10);
  await program.int(oss.SNDCTL_DSP_SPEED, 48_000);
  await program.int(oss.SNDCTL_DSP_CHANNELS, 2);
  await program.int(oss.SNDCTL_DSP_SETFMT, oss.AFMT.AFMT_S16_LE);
  expect(await program.int(oss.SNDCTL_DSP_GETBLKSIZE)).toBe(1024);
  const space = { fragments: 6, fragstotal: 6, fragsize: 1024, bytes: 6144 };
  expect(await program.ask(oss.SNDCTL_DSP_GETOSPACE)).toEqual(space);
  await expect(program.int(oss.SNDCTL_DSP_SETFRAGMENT, (2 << 16) | 8)).rejects.toEqual(EINVAL);
  await expect(program.int(oss.SNDCTL_DSP_SUBDIVIDE, 2)).rejects.toEqual(EINVAL);
  await expect((await dsp()).int(oss.SNDCTL_DSP_SETFRAGMENT, (2 << 16) | 25)).rejects.toEqual(EINVAL);
});

test.each([
  ["a server that holds what was asked for", 0],
  ["one that holds more", 900],
])("6: GETOSPACE is exactly what a write takes without blocking: %s", async (_what, leastBuffer) => {
  const server = new VirtualServer();
  server.leastBuffer = leastBuffer;
  const { program } = await player(O_WRONLY | O_NONBLOCK, server);
  // What the server holds is known when it has answered.
  await program.write(1);
  await settled();
  for (let step = 0; step < 40; step++) {
    const { bytes } = await program.ask(oss.SNDCTL_DSP_GETOSPACE);
    const taken = bytes === 0 ? 0 : await program.file.write(counting(2000));
    expect(taken).toBe(bytes);
    await expect(program.write(1)).rejects.toEqual(EAGAIN);
    await settled();
    server.advance(step % 7);
  }
  expect(server.heard.length).toBeGreaterThan(FRAGMENT);
});

test("7: GETODELAY and GETOPTR never go back, agree with what is heard, and are still when nothing is left", async () => {
  const { server, program } = await player();
  expect(await program.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
  const written = await program.file.write(counting(BUFFER));
  await settled();
  for (let before = written; before > 0; ) {
    const delay = await program.int(oss.SNDCTL_DSP_GETODELAY);
    const { bytes, ptr } = await program.ask(oss.SNDCTL_DSP_GETOPTR);
    expect([delay, bytes]).toEqual([written - server.heard.length, server.heard.length]);
    // The server asks in steps, so the place in the buffer moves with the room.
    expect(ptr).toBe((await program.ask(oss.SNDCTL_DSP_GETOSPACE)).bytes % BUFFER);
    expect(delay).toBeLessThanOrEqual(before);
    before = delay;
    server.advance(5);
  }
  server.advance(100);
  expect(await program.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
  expect(await program.ask(oss.SNDCTL_DSP_GETOPTR)).toEqual({ bytes: written, blocks: 0, ptr: written % BUFFER });
});

/** Polls, and says what woke it and how often. */
async function polled(program: Program) {
  let wakes = 0;
  const ready = await program.file.poll(() => {
    wakes++;
  });
  return { ready: ready & (POLL.IN | POLL.OUT), wakes: () => wakes };
}

test("8: poll in both directions, and whoever waits is woken", async () => {
  const { server, program } = await player(O_RDWR);
  expect((await polled(program)).ready).toBe(POLL.OUT);
  await settled();
  await program.file.write(counting(BUFFER));
  await settled();
  const full = await polled(program);
  expect([full.ready, full.wakes()]).toEqual([0, 0]);
  server.advance(FRAGMENT / 8);
  await settled();
  expect(full.wakes()).toBe(1);
  const room = await polled(program);
  expect(room.ready).toBe(POLL.OUT);
  // The first poll has started the recording.
  server.recording[0]?.hear(...counting(FRAGMENT - 1));
  expect((await polled(program)).ready).toBe(POLL.OUT);
  server.recording[0]?.hear(1);
  await settled();
  expect((await polled(program)).ready).toBe(POLL.IN | POLL.OUT);
});

test("9: a write that waits stops no ioctl, no read and no other file", async () => {
  const { server, program, dsp } = await player(O_RDWR);
  const other = await dsp(O_WRONLY);
  const blocked = program.file.write(counting(2 * BUFFER));
  const read = program.file.read(3);
  await settled();
  expect(await program.int(oss.SNDCTL_DSP_GETODELAY)).toBe(BUFFER);
  server.recording[0]?.hear(...counting(FRAGMENT));
  expect(await read).toEqual(counting(3));
  expect(await other.file.write(counting(5))).toBe(5);
  await playUntil(server, blocked);
});

test("9: a server that is gone is an error within a moment, and when it is back the next write plays", async () => {
  const { server, program } = await player();
  const blocked = program.file.write(counting(2 * BUFFER));
  await settled();
  server.die();
  // There is room for it, until there is a server again.
  expect(await blocked).toBe(2 * BUFFER);
  // There is no more room, and no server in time.
  await expect(program.file.write(counting(2 * BUFFER))).rejects.toEqual(EIO);
  await program.write(1);
  await settled();
  await expect(program.write(1)).rejects.toEqual(EIO);
  server.revive();
  await program.file.write(counting(FRAGMENT));
  await settled();
  server.advance(1000);
  expect(server.stream.heard).toEqual([...counting(FRAGMENT)]);
});

test("9: a server that is back at once is not noticed, but for what it held", async () => {
  const { server, program } = await player();
  const all = program.file.write(counting(4 * BUFFER));
  await settled();
  server.advance(2 * (FRAGMENT / 8));
  await settled();
  server.die();
  server.revive();
  expect(await playUntil(server, all)).toBe(4 * BUFFER);
  await playUntil(server, program.plain(oss.SNDCTL_DSP_SYNC));
  expect(server.playing.length).toBe(2);
  expect(server.heard.length).toBe(4 * BUFFER - BUFFER);
});

test("9: a stream that ends in the moment in which it is opened is opened again; the second time it is an error", async () => {
  const { server, program, dsp } = await player();
  server.stillborn = 1;
  await program.file.write(counting(BUFFER));
  await playUntil(server, program.plain(oss.SNDCTL_DSP_SYNC));
  expect(server.heard).toEqual([...counting(BUFFER)]);
  const other = await dsp();
  server.stillborn = 2;
  await other.write(1);
  await settled();
  await expect(other.write(1)).rejects.toEqual(EIO);
});

test("9: without a server open(2) says ENODEV", async () => {
  const { server, dsp } = await player();
  server.die();
  await expect(dsp()).rejects.toEqual(expect.objectContaining({ code: "ENODEV" }));
});

test("10: SETTRIGGER(0) holds the output and SETTRIGGER(OUTPUT) lets it go", async () => {
  const { server, program } = await player();
  await program.int(oss.SNDCTL_DSP_SETTRIGGER, 0);
  expect(await program.int(oss.SNDCTL_DSP_GETTRIGGER)).toBe(0);
  await program.file.write(counting(BUFFER));
  await settled();
  server.advance(1000);
  expect([server.heard, await program.int(oss.SNDCTL_DSP_GETODELAY)]).toEqual([[], BUFFER]);
  await program.int(oss.SNDCTL_DSP_SETTRIGGER, oss.PCM_ENABLE.PCM_ENABLE_OUTPUT);
  server.advance(1000);
  expect(server.heard).toEqual([...counting(BUFFER)]);
  await program.file.write(counting(FRAGMENT));
  await settled();
  // It is switched off while it plays: what was not heard is lost.
  await program.int(oss.SNDCTL_DSP_SETTRIGGER, 0);
  server.advance(1000);
  expect([server.heard.length, await program.int(oss.SNDCTL_DSP_GETODELAY)]).toEqual([BUFFER, 0]);
});

test("10: SYNC plays what SETTRIGGER holds, and goes on holding what comes", async () => {
  const { server, program } = await player();
  await program.int(oss.SNDCTL_DSP_SETTRIGGER, 0);
  await program.file.write(counting(200));
  await playUntil(server, program.plain(oss.SNDCTL_DSP_SYNC));
  expect(server.heard).toEqual([...counting(200)]);
  await program.file.write(counting(200));
  await settled();
  server.advance(1000);
  expect(server.heard.length).toBe(200);
});

test("10: the mixer clamps and says what it set; a playing program's PCM is its own, everybody else's the server's", async () => {
  const server = new VirtualServer();
  const { dsp, mixer } = await bench(server);
  const alone = await mixer(O_RDWR, 1);
  expect(await alone.int(oss.SOUND_MIXER_WRITE_VOLUME, 0xff20)).toBe(0x6420);
  expect(server.levels.output).toEqual({ left: 0x20, right: 100 });
  expect(await alone.int(oss.SOUND_MIXER_READ_PCM)).toBe(0x6420);
  expect(await alone.int(oss.SOUND_MIXER_READ_IGAIN)).toBe((50 << 8) | 50);
  await expect(alone.int(oss.SOUND_MIXER_READ_CD)).rejects.toEqual(EINVAL);

  const program = await dsp();
  await program.write(1);
  await settled();
  const own = await mixer();
  expect(await own.int(oss.SOUND_MIXER_WRITE_PCM, 0x1e1e)).toBe(0x1e1e);
  expect(server.stream.volume).toEqual({ left: 30, right: 30 });
  expect(await program.int(oss.SOUND_MIXER_READ_PCM)).toBe(0x1e1e);
  expect(server.levels.output).toEqual({ left: 0x20, right: 100 });
  // It stays when the stream is another one.
  await program.plain(oss.SNDCTL_DSP_RESET);
  await program.write(1);
  await settled();
  expect(server.stream.spec.volume).toEqual({ left: 30, right: 30 });
});

test("a read is whole, and what nobody reads is lost from its beginning, by whole frames", async () => {
  const { server, program } = await player(O_RDONLY);
  await program.int(oss.SNDCTL_DSP_CHANNELS, 2);
  const whole = program.file.read(BUFFER + 10);
  await settled();
  const [stream] = server.recording;
  for (let at = 0; at < BUFFER + 10; at += 58) stream?.hear(...counting(58, at));
  expect(await whole).toEqual(counting(BUFFER + 10));
  // After a byte that was read the beginning is within a frame, and stays where it is in it.
  stream?.hear(...counting(BUFFER));
  expect(await program.file.read(1)).toEqual(counting(1));
  stream?.hear(...counting(6, BUFFER));
  expect((await program.ask(oss.SNDCTL_DSP_GETISPACE)).bytes).toBe(BUFFER - 1);
  expect(await program.file.read(BUFFER - 1)).toEqual(counting(BUFFER - 1, 1 + 6));
  await expect(program.ask(oss.SNDCTL_DSP_GETOSPACE)).rejects.toEqual(EINVAL);
});
