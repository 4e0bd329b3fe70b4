// What a real server does now and then, a scripted one does each time.

import { expect, test } from "vitest";
import { PA_COMMAND } from "../../../pulse/src/wire/abi.ts";
import { encodeFrame } from "../../../pulse/src/wire/frame.ts";
import { FakeServer, greeting } from "../../../pulse/test/fake-server.ts";
import { BackendError, type StreamSpec } from "../src/backend/backend.ts";
import { PulseServer } from "../src/backend/pulse.ts";

const SPEC: StreamSpec = {
  ...{ format: "s16le", rate: 48_000, channels: 2, fragment: 400, buffer: 4000, corked: false },
  program: { name: "test", pid: 1 },
};
const SAMPLES = Uint8Array.from({ length: 800 }, (_, index) => index % 251);

test("what was recorded by the time that the stream is there comes first, whole and once", async () => {
  const fake = await FakeServer.start((peer, tag, command) => {
    // One segment of the socket's: the client sees the answer and the first samples in one turn.
    peer.socket.cork();
    greeting(peer, tag, command);
    if (command === PA_COMMAND.CREATE_RECORD_STREAM) {
      peer.socket.write(encodeFrame(0, SAMPLES.subarray(0, 400)));
      peer.socket.write(encodeFrame(0, SAMPLES.subarray(400, 600)));
    }
    peer.socket.uncork();
  });
  const user = { uid: process.geteuid?.() ?? 0, gid: 0, environment: fake.environment };
  const server = new PulseServer({ server: undefined, cookie: undefined, user });
  const heard: Uint8Array[] = [];
  const failures: Error[] = [];
  const backend = await server.backend();
  const stream = await backend.openRecord(SPEC, {
    data: (bytes) => heard.push(bytes),
    failed: (error) => failures.push(error),
  });
  expect(Buffer.concat(heard)).toEqual(Buffer.from(SAMPLES.subarray(0, 600)));
  fake.peer.socket.write(encodeFrame(0, SAMPLES.subarray(600)));
  await expect.poll(() => Buffer.concat(heard).length).toBe(SAMPLES.length);
  expect(Buffer.concat(heard)).toEqual(Buffer.from(SAMPLES));
  expect(failures).toEqual([]);
  stream.close();
  server.close();
  await fake.stop();
});

test("a server that does not answer the greeting hangs, and one that is not there does not", async () => {
  const fake = await FakeServer.start(() => undefined);
  const user = { uid: process.geteuid?.() ?? 0, gid: 0, environment: fake.environment };
  const server = new PulseServer({ server: undefined, cookie: undefined, user });
  const why = (error: unknown) => (error instanceof BackendError ? error.hangs : error);
  expect(await server.backend().catch(why)).toBe(true);
  await fake.stop();
  expect(await server.backend().catch(why)).toBe(false);
});
