// A server that says what a test tells it to. Lifetime: start() to stop(). It greets, then hands each command to the test.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PA_COMMAND, PA_INVALID_INDEX } from "../src/wire/abi.ts";
import { encodeFrame } from "../src/wire/frame.ts";
import { TagReader, TagWriter } from "../src/wire/tagstruct.ts";

/** Answers a command: `peer` is the connection, `tag` the command's. */
export type Answer = (peer: Peer, tag: number, command: number) => void;

/** One client's connection, as the server has it. */
export class Peer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);

  constructor(socket: Socket, answer: Answer) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      while (this.#received.length >= 20) {
        const end = 20 + this.#received.readUInt32BE(0);
        if (this.#received.length < end) break;
        const isCommand = this.#received.readUInt32BE(4) === PA_INVALID_INDEX;
        const reader = new TagReader(this.#received.subarray(20, end));
        this.#received = this.#received.subarray(end);
        if (!isCommand) continue;
        const command = reader.u32();
        answer(this, reader.u32(), command);
      }
    });
  }

  /** Sends a command's frame. */
  say(command: number, tag: number, fields: (writer: TagWriter) => unknown = () => undefined): void {
    const writer = new TagWriter().u32(command).u32(tag);
    fields(writer);
    this.socket.write(encodeFrame(undefined, writer.bytes()));
  }

  reply(tag: number, fields?: (writer: TagWriter) => unknown): void {
    this.say(PA_COMMAND.REPLY, tag, fields);
  }

  /** Says something unasked. */
  tell(command: number, fields?: (writer: TagWriter) => unknown): void {
    this.say(command, PA_INVALID_INDEX, fields);
  }
}

/** Greets as PulseAudio 16 does, and answers nothing else. */
export const greeting: Answer = (peer, tag, command) => {
  if (command === PA_COMMAND.AUTH) peer.reply(tag, (writer) => writer.u32(35));
  if (command === PA_COMMAND.SET_CLIENT_NAME) peer.reply(tag, (writer) => writer.u32(7));
  if (command === PA_COMMAND.CREATE_PLAYBACK_STREAM)
    peer.reply(tag, (writer) => place(writer.u32(0).u32(1).u32(400).u32(4000).u32(400).u32(4).u32(4)));
  if (command === PA_COMMAND.CREATE_RECORD_STREAM)
    peer.reply(tag, (writer) => place(writer.u32(0).u32(1).u32(4000).u32(400)));
};

function place(writer: TagWriter): void {
  writer.sampleSpec({ format: "s16le", channels: 2, rate: 48000 }).channelMap([1, 2]);

  writer.u32(0).string("sink").bool(false).usec(0).formatInfo({ encoding: 1, properties: {} });
}

export class FakeServer {
  readonly environment: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #server: Server;
  readonly #peers: Peer[] = [];

  private constructor(folder: string, server: Server) {
    this.#folder = folder;
    this.#server = server;
    this.environment = { PULSE_SERVER: `unix:${join(folder, "native")}` };
  }

  static async start(answer: Answer = greeting): Promise<FakeServer> {
    const folder = await mkdtemp(join(tmpdir(), "devlift-fake-pulse-"));
    const server = createServer((socket) => fake.#peers.push(new Peer(socket, answer)));
    const fake = new FakeServer(folder, server);
    server.listen(join(folder, "native"));
    await once(server, "listening");
    return fake;
  }

  /** The connection of the last client. */
  get peer(): Peer {
    const peer = this.#peers.at(-1);
    if (peer === undefined) throw new RangeError("nobody has connected");
    return peer;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#peers) socket.destroy();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
