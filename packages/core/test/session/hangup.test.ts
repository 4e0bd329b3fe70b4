// Hang-ups with a driver's own errno, urgent wake-ups, and the limit of open files.

import { expect, test } from "vitest";
import { command, defineDevice, POLL, UsageError, wouldBlock } from "../../src/index.ts";
import { bytes, errno, isPending, settled, start } from "./harness.ts";

const O_RDWR = 2;

function waitingDevice() {
  return defineDevice({
    name: "waits",
    read: () => wouldBlock,
    write: () => wouldBlock,
    poll: () => 0,
    commands: { TICK: command(0x1234, "none") },
    ioctl: { TICK: () => 0 },
  });
}

test("after hangup(ENODEV) who waits and who calls later gets ENODEV, and poll ERR and HUP", async () => {
  const device = waitingDevice();
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const waiting = [file.read(1), file.write(bytes("x"))].map(errno);
  device.hangup("ENODEV");
  expect(await Promise.all(waiting)).toEqual(["ENODEV", "ENODEV"]);
  expect(await errno(file.read(1))).toBe("ENODEV");
  expect(await errno(file.write(bytes("x")))).toBe("ENODEV");
  expect(await errno(file.ioctl(0x1234, 0n))).toBe("ENODEV");
  expect(await file.poll()).toBe(POLL.ERR | POLL.HUP);
  await file.close();
});

test("the first hang-up of a file counts, and a file that is opened later is not hung up", async () => {
  const device = waitingDevice();
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  device.hangup();
  device.hangup("ENODEV");
  expect(await file.read(1)).toHaveLength(0);
  expect(await errno(file.write(bytes("x")))).toBe("EIO");
  const later = await kernel.openFile();
  expect(await later.poll()).toBe(0);
});

test("urgent() wakes who polls, and nobody who reads", async () => {
  let ready = 0;
  let asked = 0;
  const device = defineDevice({
    name: "urgent",
    read() {
      asked++;
      return wouldBlock;
    },
    poll: () => ready,
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const reading = file.read(1).catch(() => undefined);
  let wakes = 0;
  expect(await file.poll(() => wakes++)).toBe(0);
  ready = POLL.PRI;
  device.urgent();
  await settled();
  expect(wakes).toBe(1);
  expect(await file.poll()).toBe(POLL.PRI);
  expect(asked).toBe(1);
  expect(await isPending(reading)).toBe(true);
});

test("opens over the limit get ENFILE, opens under way count, and a close makes room", async () => {
  let letIn: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    letIn = resolve;
  });
  const device = defineDevice({ name: "few", maxOpens: 2, open: () => opened.then(() => ({})) });
  const { kernel } = await start(device);
  const first = kernel.openFile(O_RDWR);
  const second = kernel.openFile(O_RDWR);
  expect(await errno(kernel.openFile(O_RDWR))).toBe("ENFILE");
  letIn();
  await (await first).close();
  await second;
  await kernel.openFile(O_RDWR);
  expect(await errno(kernel.openFile(O_RDWR))).toBe("ENFILE");
});

test("a user over the own limit gets EMFILE, and others are let in", async () => {
  const device = defineDevice({ name: "shared", maxOpensPerUser: 2, open: () => ({}) });
  const { kernel } = await start(device);
  const first = await kernel.openFile(O_RDWR);
  await kernel.openFile(O_RDWR);
  expect(await errno(kernel.openFile(O_RDWR))).toBe("EMFILE");
  kernel.caller = { uid: 1001, gid: 1001, pid: 4343 };
  await kernel.openFile(O_RDWR);
  kernel.caller = { uid: 0, gid: 0, pid: 1 };
  for (let opens = 0; opens < 3; opens++) await kernel.openFile(O_RDWR);
  kernel.caller = { uid: 1000, gid: 1000, pid: 4242 };
  await first.close();
  await kernel.openFile(O_RDWR);
  expect(await errno(kernel.openFile(O_RDWR))).toBe("EMFILE");
});

test("an open that fails or is interrupted gives its place back", async () => {
  const device = defineDevice({ name: "one", maxOpens: 1, open: ({ flags }) => (flags === 0 ? wouldBlock : {}) });
  const { kernel } = await start(device);
  const controller = new AbortController();
  const waiting = errno(kernel.openFile(0, { signal: controller.signal }));
  controller.abort();
  expect(await waiting).toBe("EINTR");
  await kernel.openFile(O_RDWR);
});

test.each([0, -1, 1.5, Number.NaN])("%d is no limit", (limit) => {
  expect(() => defineDevice({ name: "x", maxOpens: limit })).toThrow(UsageError);
  expect(() => defineDevice({ name: "x", maxOpensPerUser: limit })).toThrow(UsageError);
});
