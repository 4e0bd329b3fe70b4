// The session of /dev/fusd: the bodies of the tests of the other session, on a kernel in memory that speaks fusd, and
// what is its own: poll(2) from what was published, areas in one go, requests that want no answer.

import { describe, expect, test } from "vitest";
import {
  bytes as bytesOf,
  command,
  type DataModel,
  DeviceError,
  defineDevice,
  flagged,
  MemoryKernel,
  POLL,
  ptr,
  serve,
  struct,
  UsageError,
  u16,
  wouldBlock,
} from "../../src/index.ts";
import { FusdKernel } from "./fusd-kernel.ts";
import { bytes, errno, RecordingLog, settled, startOn, text, useKernel } from "./harness.ts";

useKernel(FusdKernel);
await import("./answers.test.ts");
await import("./blocking.test.ts");
await import("./hangup.test.ts");
await import("./races.test.ts");

const IN = POLL.IN | POLL.RDNORM;
const OUT = POLL.OUT | POLL.WRNORM;

/** What all files share: a reader of one takes what a writer of another has put there. */
function shared() {
  let held: Uint8Array = new Uint8Array(0);
  const device = defineDevice({
    name: "shared",
    read({ length }) {
      if (held.length === 0) return wouldBlock;
      const given = held.subarray(0, length);
      held = held.subarray(length);
      return given;
    },
    write({ data }) {
      held = data.slice();
      device.readable();
      return data.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | POLL.OUT,
  });
  return device;
}

describe("poll(2) from what was published", () => {
  test("an open says what poll says, and a device without poll() is always ready", async () => {
    const { kernel } = await startOn(FusdKernel, shared());
    const file = await kernel.openFile();
    expect(kernel.events.get(file.number)).toBe(OUT);
    expect(kernel.published).toEqual([]);
    const plain = await startOn(FusdKernel, defineDevice({ name: "plain", read: () => bytes("x") }));
    const ready = await plain.kernel.openFile();
    await ready.read(1);
    expect(plain.kernel.events.get(ready.number)).toBe(IN | OUT);
    expect(plain.kernel.published).toEqual([]);
  });

  test("what a call changes of its own file is in its answer; of the others it comes before the answer", async () => {
    const { kernel } = await startOn(FusdKernel, shared());
    const [writer, reader] = [await kernel.openFile(), await kernel.openFile()];
    await writer.write(bytes("ab"));
    kernel.published.length = 0;
    kernel.heard.length = 0;
    await reader.read(9);
    expect(kernel.heard).toEqual(["publish", "reply"]);
    expect(kernel.events.get(reader.number)).toBe(OUT);
    expect(kernel.published).toMatchObject([{ file: writer.number, events: OUT, wake: 0 }]);
  });

  test("readable() wakes, even where nothing has changed: edge-triggered epoll has news", async () => {
    const device = shared();
    const { kernel } = await startOn(FusdKernel, device);
    const file = await kernel.openFile();
    device.readable();
    device.readable();
    device.writable();
    device.urgent();
    const { number } = file;
    expect(kernel.published).toMatchObject([
      { file: number, events: OUT, wake: IN },
      { file: number, events: OUT, wake: IN },
      { file: number, events: OUT, wake: OUT },
      { file: number, events: OUT, wake: POLL.PRI },
    ]);
    kernel.published.length = 0;
    device.hangup("ENODEV");
    expect(kernel.published).toMatchObject([{ events: POLL.ERR | POLL.HUP, wake: IN | OUT | POLL.PRI | 0x18 }]);
  });

  test("a call that waits has changed something, too: it is said while no answer comes", async () => {
    let room = true;
    const device = defineDevice({
      name: "once",
      write({ data }) {
        const taken = room ? 1 : 0;
        room = false;
        return taken === 0 ? wouldBlock : Math.min(taken, data.length);
      },
      poll: () => (room ? POLL.OUT : 0),
    });
    const { kernel } = await startOn(FusdKernel, device);
    const file = await kernel.openFile();
    void errno(file.write(bytes("xyz")));
    await settled();
    expect(kernel.published).toMatchObject([{ file: file.number, events: 0, wake: 0 }]);
  });

  test("nothing is said of a file that is closed", async () => {
    const device = shared();
    const { kernel } = await startOn(FusdKernel, device);
    const [file, other] = [await kernel.openFile(), await kernel.openFile()];
    await file.close();
    await other.write(bytes("x"));
    device.readable();
    expect(kernel.published.filter((it) => it.file === file.number)).toEqual([]);
  });
});

test("a release that wants no answer gets none, and the driver hears of it", async () => {
  const released: string[] = [];
  const device = defineDevice({ name: "quiet", release: async () => void released.push("released") });
  const { kernel } = await startOn(FusdKernel, device);
  const file = await kernel.openFile();
  const { number } = file;
  // An answer would be to a request that the fake does not know, which it throws for.
  kernel.tell("RELEASE", { file: number, cookie: 1n });
  await settled();
  expect(released).toEqual(["released"]);
  expect(kernel.session.opens).toBe(0);
});

const Message = struct({
  flags: u16,
  len: u16,
  buf: ptr(bytesOf("len", { max: 64 }), flagged("flags", 1, "out", "in")),
});
const Ruled = struct({
  len: u16,
  buf: ptr(
    bytesOf(({ len }: { len: number }) => len / 2, { max: 64 }),
    "inout",
  ),
});

describe("ioctls", () => {
  function device() {
    let held: Uint8Array = new Uint8Array(0);
    return defineDevice({
      name: "ioctls",
      commands: { XFER: command(0x1101, Message), RULED: command(0x1102, Ruled, "in") },
      ioctl: {
        XFER({ arg }) {
          if (arg.flags === 0) held = arg.buf;
          else arg.buf = held;
          return held.length;
        },
        RULED({ arg }) {
          arg.buf = arg.buf.map((byte) => byte + 1);
          return 0;
        },
      },
    });
  }

  test.each<[DataModel, number]>([
    ["lp64", 8],
    ["ilp32", 4],
    ["x32", 4],
  ])("one request brings all areas, or the command's rounds do, %s", async (model, pointerSize) => {
    const { kernel } = await startOn(FusdKernel, device());
    const file = await kernel.openFile();
    const store = (words: readonly number[], pointer: bigint) => {
      const view = new DataView(new ArrayBuffer(16));
      words.forEach((word, index) => {
        view.setUint16(2 * index, word, true);
      });
      if (pointerSize === 8) view.setBigUint64(8, pointer, true);
      else view.setUint32(4, Number(pointer), true);
      return kernel.memory.map(new Uint8Array(view.buffer));
    };
    const back = new Uint8Array(3);
    expect(await file.ioctl(0x1101, store([0, 3], kernel.memory.map(bytes("abc"))), model)).toBe(3);
    expect(await file.ioctl(0x1101, store([1, 3], kernel.memory.map(back)), model)).toBe(3);
    expect(text(back)).toBe("abc");
    const changed = bytes("abcd");
    expect(await file.ioctl(0x1102, store([4, 0], kernel.memory.map(changed)), model)).toBe(0);
    expect(text(changed)).toBe("bccd");
  });

  test("areas of another size than the schema's are EFAULT, and nobody is asked for more", async () => {
    const { kernel } = await startOn(FusdKernel, device());
    const file = await kernel.openFile();
    for (const size of [0, 15, 16, 18, 20]) {
      const data = new Uint8Array(size);
      data.set([0, 0, 3, 0, 0, 0, 0, 0, 1].slice(0, size));
      expect(await errno(file.request("IOCTL", { cmd: 0x1101, arg: 1n, data }))).toBe("EFAULT");
    }
  });
});

describe("what only this channel has", () => {
  test("offsets, seek, flush and fsync reach the driver", async () => {
    const heard: unknown[] = [];
    const device = defineDevice({
      name: "disk",
      seekable: true,
      read: ({ length, offset }) => bytes(`${offset}`).subarray(0, length),
      write({ data, offset }) {
        heard.push(["write", text(data), offset]);
        return Math.min(data.length, 2);
      },
      seek: ({ offset, whence }) => (whence === 2 ? 1000 + offset : offset),
      flush: () => void heard.push("flush"),
      async fsync({ dataOnly }) {
        heard.push(["fsync", dataOnly]);
        throw new DeviceError("ENOSPC");
      },
    });
    const { kernel } = await startOn(FusdKernel, device);
    const file = await kernel.openFile();
    expect(text(await file.read(20, {}, 2n ** 40n))).toBe("1099511627776");
    expect(await file.write(bytes("abc"), {}, 7n)).toBe(3);
    expect((await file.request("LLSEEK", { offset: -3n, cmd: 2 })).result).toBe(997n);
    expect(await errno(file.request("LLSEEK", { offset: -3n, cmd: 0 }))).toBe("EIO");
    await file.request("FLUSH");
    expect(await errno(file.request("FSYNC", { cmd: 1 }))).toBe("ENOSPC");
    expect(heard).toEqual([["write", "abc", 7], ["write", "c", 9], "flush", ["fsync", true]]);
    device.hangup("ENODEV");
    await file.request("FLUSH");
    expect(await errno(file.request("FSYNC"))).toBe("ENODEV");
  });

  test("a stream's calls are at 0", async () => {
    const { kernel } = await startOn(FusdKernel, defineDevice({ name: "s", read: ({ offset }) => bytes(`${offset}`) }));
    expect(text(await (await kernel.openFile()).read(9, {}, 5n))).toBe("0");
  });

  test("a file that outlived a daemon is recovered, or opened, with the number that it has", async () => {
    const device = defineDevice({
      name: "lasting",
      recovery: { ms: 1000 },
      open: ({ file }) => `opened ${file.number}`,
      recover: ({ file, flags, caller }) => `recovered ${file.number} ${flags} ${caller.uid}`,
      read: ({ state }) => bytes(state),
    });
    const { kernel } = await startOn(FusdKernel, device);
    const { value: cookie } = await kernel.request("RESTORE", { file: 77n, cookie: 3n, file_flags: 2 });
    expect(kernel.session.opens).toBe(1);
    expect(text((await kernel.request("READ", { file: 77n, cookie, size: 99 })).data)).toBe("recovered 77 2 1000");
    expect(kernel.events.get(77n)).toBe(IN | OUT);
    await kernel.request("RELEASE", { file: 77n, cookie });
    expect(kernel.session.opens).toBe(0);
  });

  test("a channel without it says so when the device is served", async () => {
    const [kernel, log] = [new MemoryKernel(), new RecordingLog()];
    const needy = { seekable: true, fsync: () => undefined };
    const serving = serve(defineDevice({ name: "needy", ...needy }), { channel: kernel, log });
    await expect(serving).rejects.toThrow("the memory channel has no seekable, no fsync");
    await expect(serving).rejects.toThrow(UsageError);
    const auto = serve(defineDevice({ name: "needy", ...needy }), { channels: [kernel], log });
    await expect(auto).rejects.toThrow("no channel works on this machine: memory: the memory channel has no seekable");
  });
});

test("with deadlineMs a call that waits for good reason is told to the kernel, and one whose handler runs is not", async () => {
  let answer: (bytes: Uint8Array) => void = () => undefined;
  const device = defineDevice({
    name: "slow",
    deadlineMs: 50,
    read: ({ length }) => (length === 1 ? wouldBlock : new Promise<Uint8Array>((resolve) => (answer = resolve))),
  });
  const { kernel } = await startOn(FusdKernel, device);
  const file = await kernel.openFile();
  const running = file.read(2);
  const waiting = file.read(1);
  await settled();
  expect(kernel.mayWait).toEqual([3n]);
  answer(bytes("ok"));
  expect(text(await running)).toBe("ok");
  waiting.catch(() => undefined);
});
