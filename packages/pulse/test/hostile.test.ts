// A server that is none, or means ill: what it says ends the connection with a clear error, or is passed over, and
// what it makes us hold is bounded.

import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { connect, type PulseClient } from "../src/index.ts";
import { PA_COMMAND, PA_INVALID_INDEX } from "../src/wire/abi.ts";
import { encodeFrame } from "../src/wire/frame.ts";
import type { TagWriter } from "../src/wire/tagstruct.ts";
import { type Answer, FakeServer, greeting, type Peer } from "./fake-server.ts";
import { Log, SPEC } from "./sound.ts";

let server: FakeServer | undefined;
let client: PulseClient | undefined;

afterEach(async () => {
  client?.close();
  await server?.stop();
});

const MIB = 1024 * 1024;

async function connected(log = new Log(), answer: Answer = greeting) {
  server = await FakeServer.start(answer);
  const { environment } = server;
  const closed = ({ code }: { readonly code: string }) => log.add(`closed: ${code}`);
  client = await connect({ environment, clientProperties: {} }, { closed });
  return { client, peer: server.peer };
}

test.each<[string, string, Answer]>([
  ["protocol", "speaks something else", (peer) => peer.socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["version", "is too old", (peer, tag) => peer.reply(tag, (writer) => writer.u32(12))],
  ["access", "wants another cookie", (peer, tag) => peer.say(PA_COMMAND.ERROR, tag, (writer) => writer.u32(1))],
  ["unknown", "has an error of its own", (peer, tag) => peer.say(PA_COMMAND.ERROR, tag, (writer) => writer.u32(4711))],
  ["closed", "hangs up", (peer) => peer.socket.end()],
  ["closed", "hangs up in the middle of its answer", (peer) => peer.socket.end(Buffer.from("0000001effffffff", "hex"))],
  ["protocol", "answers with too much", (peer, tag) => peer.reply(tag, (writer) => writer.u32(35).u32(35))],
])("connect() is rejected with %s by a server that %s", async (code, _what, answer) => {
  server = await FakeServer.start(answer);
  const { environment } = server;
  const heard: string[] = [];
  const listener = { closed: () => heard.push("closed"), unresponsive: () => heard.push("unresponsive") };
  await expect(connect({ environment, clientProperties: {} }, listener)).rejects.toMatchObject({ code });
  expect(heard).toEqual([]);
});

/** A descriptor of five words. */
function descriptor(length: number, channel = PA_INVALID_INDEX, flags = 0): Buffer {
  const words = Buffer.alloc(20);
  words.writeUInt32BE(length, 0);
  words.writeUInt32BE(channel, 4);
  words.writeUInt32BE(flags, 16);
  return words;
}

const told = (command: number, fields: (writer: TagWriter) => unknown) => (peer: Peer) => peer.tell(command, fields);

test.each<[string, (peer: Peer) => void]>([
  ["a frame of nothing", (peer) => peer.socket.write(descriptor(0))],
  ["a frame of more than there can be", (peer) => peer.socket.write(descriptor(16 * MIB + 1))],
  ["shared memory", (peer) => peer.socket.write(descriptor(16, 0, 0x8000_0000))],
  ["a command with flags", (peer) => peer.socket.write(descriptor(16, PA_INVALID_INDEX, 1))],
  ["a command that is no command", (peer) => peer.socket.write(encodeFrame(undefined, Buffer.from("x")))],
  ["a request of no bytes", told(PA_COMMAND.REQUEST, (writer) => writer.u32(0))],
  ["a request of a text", told(PA_COMMAND.REQUEST, (writer) => writer.u32(0).string("many"))],
  ["a request with more behind it", told(PA_COMMAND.REQUEST, (writer) => writer.u32(0).u32(4).u32(4))],
  ["a move to nowhere", told(PA_COMMAND.PLAYBACK_STREAM_MOVED, (writer) => writer.u32(0).u32(1))],
  ["an answer that lacks most of it", (peer) => peer.reply(asked, (writer) => writer.string("pulseaudio"))],
  ["an error that does not say which", (peer) => peer.say(PA_COMMAND.ERROR, asked)],
])("%s ends the connection as the protocol's breach", async (_what, say) => {
  const log = new Log();
  const { client, peer } = await connected(log, remembering);
  await client.playback({ spec: SPEC, properties: {} }, log);
  const waiting = expect(client.serverInfo()).rejects.toMatchObject({ code: "protocol" });
  await log.until("asked");
  say(peer);
  await waiting;
  expect(log.events.slice(1)).toEqual(["ended: protocol", "closed: protocol"]);

  function remembering(peer: Peer, tag: number, command: number): void {
    greeting(peer, tag, command);
    if (command !== PA_COMMAND.GET_SERVER_INFO) return;
    asked = tag;
    log.add("asked");
  }
});
let asked = 0;

test("what is not for us is passed over, in frames that come a byte at a time", async () => {
  const { client, peer } = await connected(new Log(), (peer, tag, command) => {
    greeting(peer, tag, command);
    if (command !== PA_COMMAND.GET_SINK_INFO_LIST) return;
    peer.tell(PA_COMMAND.REQUEST, (writer) => writer.u32(99).u32(4));
    peer.tell(PA_COMMAND.RECORD_STREAM_KILLED, (writer) => writer.u32(99));
    peer.tell(4711, (writer) => writer.string("from the future"));
    peer.tell(PA_COMMAND.SUBSCRIBE_EVENT, (writer) => writer.u32(0x3f).u32(1));
    peer.reply(tag + 1, (writer) => writer.string("an answer to nothing"));
    peer.say(PA_COMMAND.ERROR, tag + 1, (writer) => writer.u32(1));
    peer.socket.write(encodeFrame(5, Buffer.alloc(100)));
    peer.reply(tag);
  });
  const { write } = peer.socket;
  peer.socket.write = (bytes: Uint8Array | string) => {
    for (const byte of Buffer.from(bytes)) write.call(peer.socket, Buffer.of(byte));
    return true;
  };
  expect(await client.sinks()).toEqual([]);
});

test("a server that asks for samples without end and takes none gets no more than 4 MiB", async () => {
  const log = new Log();
  const { client, peer } = await connected(log);
  const stream = await client.playback({ spec: SPEC, properties: {} }, log);
  expect(stream.writable).toBe(400);
  peer.socket.pause();
  let taken = 0;
  for (let round = 1; round <= 5; round++) {
    peer.tell(PA_COMMAND.REQUEST, (writer) => writer.u32(0).u32(0xffff_ffff));
    // The reports that the client asks for go unanswered: what comes next is this.
    peer.tell(PA_COMMAND.OVERFLOW, (writer) => writer.u32(0));
    await log.until("overflow", round);
    taken += stream.write(Buffer.alloc(8 * MIB));
    expect(stream.write(Buffer.alloc(8 * MIB))).toBe(0);
  }
  // What the kernel keeps for the socket is beside it.
  expect(taken).toBeLessThan(6 * MIB);
  peer.socket.resume();
  await log.until("writable", log.count("writable") + 1);
  expect(stream.writable).toBeGreaterThan(0);
});

test("a server that goes on sending to a stream that it was told to stop is kept twice maxlength", async () => {
  const log = new Log();
  const { client, peer } = await connected(log);
  const stream = await client.record({ spec: SPEC, properties: {} }, log);
  for (let i = 0; i < 1000; i++) peer.socket.write(encodeFrame(0, Buffer.alloc(99, i)));
  peer.tell(PA_COMMAND.RECORD_STREAM_SUSPENDED, (writer) => writer.u32(0).bool(true));
  await log.until("suspended");
  expect(log.count("overflow")).toBe(1);
  const first = Buffer.concat(Array.from({ length: 80 }, (_, i) => Buffer.alloc(99, i)));
  expect(stream.available).toBe(first.length);
  expect(first.length).toBeLessThanOrEqual(2 * stream.buffer.maxlength);
  expect(stream.read(100)).toEqual(first.subarray(0, 100));
  expect(stream.read(1e9)).toEqual(first.subarray(100));
});

test("a stream's end ends its drain, which the server may never answer", async () => {
  const log = new Log();
  const { client, peer } = await connected(log);
  const killed = await client.playback({ spec: SPEC, properties: {} }, log);
  const drained = expect(killed.drain()).rejects.toMatchObject({ code: "killed" });
  peer.tell(PA_COMMAND.PLAYBACK_STREAM_KILLED, (writer) => writer.u32(0));
  await log.until("ended: killed");
  await drained;
  const deleted = await client.playback({ spec: SPEC, properties: {} }, log);
  const alsoDrained = expect(deleted.drain()).rejects.toMatchObject({ code: "closed" });
  const gone = deleted.delete();
  await alsoDrained;
  client.close();
  await gone;
});

test("a caller that asks on and on of a server that never answers is refused", async () => {
  const { client } = await connected();
  const all = Array.from({ length: 1100 }, () => client.sinks().catch(({ code }: { readonly code: string }) => code));
  client.close();
  const codes = await Promise.all(all);
  expect(codes.filter((code) => code === "closed")).toHaveLength(1024);
  expect(codes.filter((code) => code === "busy")).toHaveLength(76);
});

test("whatever a server says, the connection stays or ends with the protocol's breach", async () => {
  const log = new Log();
  const commands = Object.values(PA_COMMAND);
  // Each field is of a right type, and often the right one.
  const field = fc.oneof(
    fc.nat(3).map((value) => (writer: TagWriter) => writer.u32(value)),
    fc.nat(0xffff_ffff).map((value) => (writer: TagWriter) => writer.u32(value)),
    fc.boolean().map((value) => (writer: TagWriter) => writer.bool(value)),
    fc.string().map((value) => (writer: TagWriter) => writer.string(value.replaceAll("\0", ""))),
    fc.maxSafeNat().map((value) => (writer: TagWriter) => writer.usec(value)),
    fc.bigInt().map((value) => (writer: TagWriter) => writer.s64(value)),
  );
  const said = fc.tuple(fc.constantFrom(...commands), fc.nat(12), fc.array(field, { maxLength: 8 }));
  await fc.assert(
    fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 10 }), async (messages) => {
      log.events.length = 0;
      const { client, peer } = await connected(log);
      const waiting = [
        client.playback({ spec: SPEC, properties: {} }, log),
        client.record({ spec: SPEC, properties: {} }),
      ];
      const settled = Promise.allSettled([...waiting, client.sinks(), client.serverInfo()]);
      for (const [command, tag, fields] of messages)
        peer.say(command, tag, (writer) => fields.forEach((put) => void put(writer)));
      peer.socket.end();
      while (!log.events.some((event) => event.startsWith("closed"))) await log.next();
      expect(["closed: closed", "closed: protocol"]).toContain(log.events.at(-1));
      await settled;
      await server?.stop();
    }),
    { numRuns: 100 },
  );
});
