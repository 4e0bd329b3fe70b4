// The device on a kernel in memory: the calls that a program would make.

import { decode, MemoryKernel, POLL, serve, sizeOf } from "@devlift/core";
import { expect, onTestFinished, test } from "vitest";
import { createDevice } from "../src/device.ts";
import { commands, Status } from "../src/protocol.ts";

const [O_RDWR, O_NONBLOCK] = [2, 0o4000];
const bytes = (text: string) => new TextEncoder().encode(text);

async function served(): Promise<MemoryKernel> {
  const kernel = new MemoryKernel();
  const channel = await serve(createDevice(), { channel: kernel });
  onTestFinished(() => channel.close());
  return kernel;
}

test("what one program writes, another reads, once", async () => {
  const kernel = await served();
  const [writer, reader] = [await kernel.openFile(), await kernel.openFile(O_RDWR | O_NONBLOCK)];
  await writer.write(bytes("hello"));
  expect(await reader.read(2)).toEqual(bytes("he"));
  expect(await reader.read(100)).toEqual(bytes("llo"));
  await expect(reader.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
});

test("a reader waits for a writer, and a poller is woken", async () => {
  const kernel = await served();
  const [writer, reader] = [await kernel.openFile(), await kernel.openFile()];
  let woken = 0;
  expect((await writer.poll(() => woken++)) & (POLL.IN | POLL.OUT)).toBe(POLL.OUT);
  const reading = reader.read(100);
  await writer.write(bytes("hello"));
  expect(await reading).toEqual(bytes("hello"));
  expect(woken).toBe(1);
});

test("a writer waits for room, which GET_STATUS tells and CLEAR makes", async () => {
  const kernel = await served();
  const [writer, other] = [await kernel.openFile(), await kernel.openFile()];
  const writing = writer.write(new Uint8Array(5000));
  const status = new Uint8Array(sizeOf(Status, "lp64"));
  expect(await other.ioctl(commands.GET_STATUS.number("lp64"), kernel.memory.map(status))).toBe(0);
  expect(decode(Status, "lp64", status)).toEqual({ held: 4096, room: 0 });
  expect(await other.ioctl(commands.CLEAR.number("lp64"), 0n)).toBe(0);
  expect(await writing).toBe(5000);
});
