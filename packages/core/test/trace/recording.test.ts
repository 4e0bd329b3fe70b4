// A recording: written and read again, cut off, damaged; the file that a daemon makes.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { defineDevice, MemoryKernel, Recording, replay, serve, silent } from "../../src/index.ts";
import { RECORD, type Recorded, readRecording } from "../../src/trace/recording.ts";
import { bytes, RecordingLog } from "../session/harness.ts";
import { looked } from "./bench.ts";

const folder = mkdtempSync(join(tmpdir(), "devlift-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

function echo() {
  return defineDevice({
    name: "echo",
    open: () => ({ last: new Uint8Array() }),
    read: ({ state, length }) => state.last.subarray(0, length),
    write: ({ state, data }) => {
      state.last = data.slice();
      return data.length;
    },
  });
}

async function recorded(): Promise<Uint8Array> {
  const { kernel, clock, recording, close } = await looked(echo());
  const file = await kernel.openFile();
  await file.write(bytes("hello"));
  clock.advance(3);
  await file.read(10);
  await close();
  return recording();
}

/** All of a recording, and what is said of its end. */
function readAll(chunks: Iterable<Uint8Array>): { messages: Recorded[]; said: string[] } {
  const said: string[] = [];
  const messages = [...readRecording(chunks, (sentence) => said.push(sentence))];
  return { messages: messages.map((message) => ({ ...message, bytes: message.bytes.slice() })), said };
}

test("every message in each direction, with its time and its device, however the file is cut", async () => {
  const bytes = await recorded();
  const whole = readAll([bytes]);
  const { REQUEST, ANSWER, CLOSING } = RECORD;
  expect(whole.messages.map(({ kind, time, name }) => [kind, time, name])).toEqual([
    ...[REQUEST, ANSWER, REQUEST, ANSWER, REQUEST, ANSWER].map((kind) => [kind, 0, "echo"]),
    [REQUEST, 3000, "echo"],
    [ANSWER, 3000, "echo"],
    [CLOSING, 3000, "echo"],
  ]);
  expect(whole.said).toEqual([]);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      expect(readAll(chunks)).toEqual(whole);
    }),
  );
});

test("cut off anywhere behind its header it is read up to there", async () => {
  const bytes = await recorded();
  const whole = readAll([bytes]).messages;
  const start = bytes.indexOf(0x0a) + 1;
  let clean = 0;
  for (let end = start; end < bytes.length; end++) {
    const { messages, said } = readAll([bytes.subarray(0, end)]);
    expect(messages).toEqual(whole.slice(0, messages.length));
    if (said.length === 0) clean++;
    else expect(said).toEqual([expect.stringMatching(/^the recording ends in the middle of a record, at byte \d+$/)]);
  }
  // Behind the header, the device's record, and each record but the last.
  expect(clean).toBe(1 + whole.length);
});

test.each<[string, (bytes: Uint8Array, start: number) => Uint8Array | string, string]>([
  ["an empty file", () => "", "this is no recording"],
  ["another file", () => "#!/bin/sh\nexit 0\n", "this is no recording"],
  ["a first line without end", () => "{".repeat(100_000), "this is no recording"],
  ["another JSON", () => '{"format":"har","version":1}\n', "this is no recording"],
  [
    "a later version",
    () => '{"format":"devlift-recording","version":2}\n',
    "of version 2; this program reads version 1",
  ],
  ["a huge record", (b, at) => patched(b, at + 3, 0x7f), "damaged at byte 82: a record of 2130706447 bytes"],
  ["an unknown kind", (b, at) => patched(b, at + 4, 9), "damaged at byte 82: there is no record of kind 9"],
  ["a device without a name", (b, at) => patched(b, at + 16, 0x20), "damaged at byte 82: a device without a name"],
  ["a device out of turn", (b, at) => patched(b, at + 6, 1), "damaged at byte 82: device 1 is declared after 0 others"],
  ["a stranger's message", (b, at) => patched(b, at + 31 + 6, 3), "at byte 113: a message of device 3"],
  ["a wrong length", (b, at) => patched(b, at + 31 + 16, 9), "at byte 113: a message whose length is not its 56 bytes"],
  ["time that runs backwards", (b, at) => patched(b, at + 31 + 8, 200), "time runs backwards"],
])("%s is refused with what is wrong", async (_, damage, sentence) => {
  const whole = await recorded();
  const damaged = damage(whole, whole.indexOf(0x0a) + 1);
  const file = typeof damaged === "string" ? bytes(damaged) : damaged;
  expect(() => readAll([file])).toThrow(
    expect.objectContaining({ name: "UsageError", message: expect.stringContaining(sentence) }),
  );
});

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

test("no mutation of a recording does more than be refused", async () => {
  const whole = await recorded();
  fc.assert(
    fc.property(fc.array(fc.noBias(fc.tuple(fc.nat(whole.length - 1), fc.nat(255))), { minLength: 1 }), (changes) => {
      const copy = whole.slice();
      for (const [at, value] of changes) copy[at] = value;
      try {
        readAll([copy]);
      } catch (error) {
        expect(error).toMatchObject({ name: "UsageError" });
      }
    }),
    { numRuns: 2000 },
  );
});

test("a daemon's file: its user's alone, never over another, readable while it is written", async () => {
  const path = join(folder, "daemon.rec");
  const log = new RecordingLog();
  const recording = new Recording(path, log);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => new Recording(path, log)).toThrow("is there already, and a recording is not written over anything");
  expect(() => new Recording(join(folder, "none", "x"), log)).toThrow("cannot be made: ENOENT");
  const kernel = new MemoryKernel();
  const channel = await serve(echo(), { channel: kernel, recording });
  const file = await kernel.openFile();
  // More than is held in memory.
  await file.write(new Uint8Array(100_000).fill(7));
  expect(readAll([readFileSync(path)]).messages.length).toBeGreaterThanOrEqual(5);
  expect([...(await file.read(5))]).toEqual([7, 7, 7, 7, 7]);
  await channel.close();
  recording.close();
  recording.close();
  const size = statSync(path).size;
  await expect(replay([echo()], path, { log })).resolves.toEqual({
    requests: 3,
    compared: 3,
    differences: 0,
    skipped: 0,
  });
  writeFileSync(join(folder, "cut.rec"), readFileSync(path).subarray(0, size - 3));
  await replay([echo()], join(folder, "cut.rec"), { log });
  expect(log.at("warn")).toEqual([expect.stringContaining("ends in the middle of a record")]);
  await expect(replay([echo()], join(folder, "nothing"), { log: silent })).rejects.toThrow("cannot be read: ENOENT");
});
