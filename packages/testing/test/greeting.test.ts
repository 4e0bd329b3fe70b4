// The first message of NET, which nothing in the protocol repeats, between ends that miss or repeat it.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { memoryStreams } from "../src/hotsync-protocol/byte-stream.ts";
import { answerGreeting, connectDesktop, greetDesktop } from "../src/hotsync-protocol/handshake.ts";
import { NET_HANDSHAKE } from "../src/hotsync-protocol/net.ts";
import { NetLink } from "../src/hotsync-protocol/net-link.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("a handheld whose greeting is lost in the flush of a port that was just opened greets again", async () => {
  let lost = 0;
  // Header and payload are a chunk each.
  const [handheldEnd, desktopEnd] = memoryStreams((chunk) => (lost++ < 2 ? [] : [chunk]));
  const greeted = greetDesktop(new NetLink(handheldEnd, "handheld"), 60_000);
  const connected = connectDesktop(desktopEnd, { timeoutMs: 60_000 });
  await vi.advanceTimersByTimeAsync(5000);
  expect((await connected).family).toBe("net");
  await greeted;
});

it("a desktop answers the first of several greetings", async () => {
  const [handheldEnd, desktopEnd] = memoryStreams();
  const handheld = new NetLink(handheldEnd, "handheld");
  const greeted = answerGreeting(new NetLink(desktopEnd, "desktop"), 60_000);
  for (let times = 0; times < 3; times++) await handheld.send(NET_HANDSHAKE.HELLO);
  expect(await handheld.receive()).toEqual(NET_HANDSHAKE.HELLO_REPLY);
  await handheld.send(NET_HANDSHAKE.SETUP);
  expect(await handheld.receive()).toEqual(NET_HANDSHAKE.SETUP_REPLY);
  await handheld.send(NET_HANDSHAKE.DONE);
  await greeted;
});

it("a handheld to which nobody answers gives up", async () => {
  const [handheldEnd] = memoryStreams();
  const greeted = expect(greetDesktop(new NetLink(handheldEnd, "handheld"), 10_000)).rejects.toMatchObject({
    kind: "timeout",
  });
  await vi.advanceTimersByTimeAsync(10_000);
  await greeted;
});
