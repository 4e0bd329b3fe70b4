// A kernel that sends anything: the session neither throws nor grows, and answers what can be answered once.

import fc from "fast-check";
import { expect, test } from "vitest";
import { command, defineDevice, struct, u32, wouldBlock } from "../../src/index.ts";
import { FuseSession } from "../../src/session/fuse-session.ts";
import type { Parts } from "../../src/session/session.ts";
import { FUSE_OPCODE } from "../../src/wire/abi.ts";
import { FakeClock } from "../fake-clock.ts";
import { errno, isPending, RecordingLog, settled, start } from "./harness.ts";

const Pair = struct({ a: u32, b: u32 });

function newSession() {
  const sent: bigint[] = [];
  const record = (parts: Parts) => {
    const message = Buffer.concat(parts);
    expect(message.readUInt32LE(0)).toBe(message.length);
    sent.push(message.readBigUInt64LE(8));
  };
  const device = defineDevice({
    name: "hostile",
    open: () => ({}),
    read: ({ length }) => (length % 2 === 0 ? wouldBlock : new Uint8Array(Math.min(length, 3))),
    write: ({ data }) => (data.length % 2 === 0 ? wouldBlock : data.length),
    commands: { SWAP: command(0x5501, Pair, "inout") },
    ioctl: { SWAP: async () => 1 },
  });
  const options = { driver: device.driver, files: device.files, clock: new FakeClock(), log: new RecordingLog() };
  const session = new FuseSession({ ...options, output: { send: record } });
  return { session, sent, record, device };
}

/** A request with an honest header, so that it gets past the first check, and an arbitrary rest. */
const request = fc.record({
  opcode: fc.oneof(fc.constantFrom(...Object.values(FUSE_OPCODE)), fc.nat(5000)),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // A body that starts with a handle that may exist.
    fc
      .tuple(fc.nat(4), fc.uint8Array({ maxLength: 80 }))
      .map(([fh, rest]) => Uint8Array.of(fh, 0, 0, 0, 0, 0, 0, 0, ...rest)),
  ),
});

test("arbitrary requests in any order are answered at most once, and closing leaves nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 60 }), async (requests) => {
      const { session, sent, record, device } = newSession();
      let unique = 0n;
      for (const { opcode, body } of requests) {
        unique += 2n;
        const header = Buffer.alloc(40);
        header.writeUInt32LE(40 + body.length, 0);
        header.writeUInt32LE(opcode, 4);
        header.writeBigUInt64LE(unique, 8);
        session.buffer.set(header);
        session.buffer.set(body, 40);
        const answer = session.handle(40 + body.length);
        if (answer !== undefined) record(answer);
      }
      await session.close();
      const answers = sent.filter((id) => id !== 0n);
      expect(new Set(answers).size).toBe(answers.length);
      expect(session.waiting).toBe(0);
      expect(session.opens).toBe(0);
      expect(device.files.size).toBe(0);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["nothing", 0, 0],
  ["half a header", 20, 20],
  ["a length that is not the message's", 48, 4096],
])("%s is dropped with a warning", (_, length, told) => {
  const { session, sent } = newSession();
  const header = Buffer.alloc(48);
  header.writeUInt32LE(told, 0);
  header.writeUInt32LE(FUSE_OPCODE.READ, 4);
  session.buffer.set(header);
  expect(session.handle(length)).toBeUndefined();
  expect(sent).toEqual([]);
});

test("a request whose argument is cut off has a caller who gets EIO", () => {
  const { session } = newSession();
  const header = Buffer.alloc(44);
  header.writeUInt32LE(44, 0);
  header.writeUInt32LE(FUSE_OPCODE.READ, 4);
  header.writeBigUInt64LE(6n, 8);
  session.buffer.set(header);
  const [front] = session.handle(44) ?? [];
  expect(Buffer.from(front ?? []).toString("hex")).toBe("10000000fbffffff0600000000000000");
});

test("a user whose waiting writes fill the room for them gets ENOMEM, others write on, and an end of waiting makes room", async () => {
  const device = defineDevice({ name: "full", write: () => wouldBlock });
  const { kernel } = await start(device);
  const files = await Promise.all(Array.from({ length: 3 }, () => kernel.openFile()));
  const [file] = files;
  if (file === undefined) throw new TypeError("no file");
  const most = new Uint8Array(128 * 1024);
  const waiting = Array.from({ length: 512 }, () => errno(file.write(most)));
  expect(await errno(file.write(most))).toBe("ENOMEM");
  kernel.caller = { uid: 1001, gid: 1001, pid: 4343 };
  const other = errno(file.write(most));
  expect(await isPending(other)).toBe(true);
  kernel.caller = { uid: 1000, gid: 1000, pid: 4242 };
  device.hangup("ENODEV");
  expect(new Set(await Promise.all([...waiting, other]))).toEqual(new Set(["ENODEV"]));
  const fresh = await kernel.openFile();
  expect(await isPending(errno(fresh.write(most)))).toBe(true);
});

test("a handler that ignores its signal keeps its caller's room until it ends", async () => {
  const ends: (() => void)[] = [];
  const device = defineDevice({
    name: "deaf",
    write: ({ data }) => new Promise<number>((resolve) => ends.push(() => resolve(data.length))),
  });
  const { kernel, clock } = await start(device);
  const file = await kernel.openFile();
  const controllers = Array.from({ length: 497 }, () => new AbortController());
  const writes = controllers.map(({ signal }) => errno(file.write(new Uint8Array(1), { signal })));
  for (const controller of controllers) controller.abort();
  clock.advance(1000);
  expect(new Set(await Promise.all(writes))).toEqual(new Set(["EINTR"]));
  expect(await errno(file.write(new Uint8Array(1)))).toBe("ENOMEM");
  for (const end of ends) end();
  await settled();
  expect(await isPending(errno(file.write(new Uint8Array(1))))).toBe(true);
});

test.each([
  ["INTERRUPT", FUSE_OPCODE.INTERRUPT],
  ["FORGET", FUSE_OPCODE.FORGET],
])("an %s whose argument is cut off gets no answer: nobody waits for one", (_, opcode) => {
  const { session, sent } = newSession();
  const header = Buffer.alloc(44);
  header.writeUInt32LE(44, 0);
  header.writeUInt32LE(opcode, 4);
  header.writeBigUInt64LE(7n, 8);
  session.buffer.set(header);
  expect(session.handle(44)).toBeUndefined();
  expect(sent).toEqual([]);
});

test("a request under the number of one that waits gets EIO, and the one that waits is still freed", async () => {
  const { session, sent, record } = newSession();
  const request = (opcode: number, unique: bigint, words: readonly number[]) => {
    const message = Buffer.alloc(40 + words.length * 4);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt32LE(opcode, 4);
    message.writeBigUInt64LE(unique, 8);
    for (const [index, word] of words.entries()) message.writeUInt32LE(word, 40 + index * 4);
    session.buffer.set(message);
    const answer = session.handle(message.length);
    if (answer !== undefined) record(answer);
    return answer === undefined ? undefined : Buffer.concat(answer).readInt32LE(4);
  };
  expect(request(FUSE_OPCODE.OPEN, 2n, [2, 0])).toBe(0);
  const read = [1, 0, 0, 0, 8, 0, 0, 0, 0, 0];
  expect(request(FUSE_OPCODE.READ, 4n, read)).toBeUndefined();
  expect(request(FUSE_OPCODE.READ, 4n, read)).toBe(-5);
  expect(session.waiting).toBe(1);
  await session.close();
  expect(sent).toEqual([2n, 4n, 4n]);
});

test("a driver's poll that throws or answers nonsense: POLLERR, and the log says why", async () => {
  const answers: (() => number)[] = [() => Number.NaN, () => JSON.parse('"IN"'), () => JSON.parse("{")];
  const { kernel, log } = await start(defineDevice({ name: "poll", poll: () => (answers.shift() ?? (() => 1))() }));
  const file = await kernel.openFile();
  for (let i = 0; i < 3; i++) expect(await file.poll()).toBe(0x8);
  expect(log.at("error")).toHaveLength(3);
  expect(await file.poll()).toBe(0x41);
});
