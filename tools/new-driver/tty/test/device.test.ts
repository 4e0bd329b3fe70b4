// The port on a kernel in memory: the calls that a program would make.

import { MemoryKernel, serve } from "@devlift/core";
import { defineSerialPort } from "@devlift/tty";
import { expect, onTestFinished, test } from "vitest";
import { driver } from "../src/device.ts";

const [O_RDWR, O_NONBLOCK] = [2, 0o4000];
const bytes = (text: string) => new TextEncoder().encode(text);

async function served(): Promise<MemoryKernel> {
  const kernel = new MemoryKernel();
  const channel = await serve(defineSerialPort(driver), { channel: kernel });
  onTestFinished(() => channel.close());
  return kernel;
}

test("what is sent comes in again", async () => {
  const file = await (await served()).openFile();
  const reading = file.read(100);
  await file.write(bytes("hello"));
  expect(await reading).toEqual(bytes("hello"));
});

test("more than the port holds waits until it is read, and all of it arrives", async () => {
  const kernel = await served();
  const [file, reader] = [await kernel.openFile(), await kernel.openFile()];
  const sent = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);
  const writing = file.write(sent);
  const received: number[] = [];
  while (received.length < sent.length) received.push(...(await reader.read(1000)));
  expect(await writing).toBe(sent.length);
  expect(Uint8Array.from(received)).toEqual(sent);
});

test("nothing is there for who does not wait", async () => {
  const file = await (await served()).openFile(O_RDWR | O_NONBLOCK);
  await expect(file.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
});
