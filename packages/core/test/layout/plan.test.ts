// The planner against simulated client memory and the kernel's retry rounds (client.ts): the author's example round by
// round. Properties over random schemas are in plan-properties.test.ts.

import { describe, expect, test } from "vitest";
import { DeviceError, UsageError } from "../../src/errors.ts";
import {
  array,
  bytes,
  command,
  type DataModel,
  encode,
  io,
  ior,
  iowr,
  plan,
  ptr,
  struct,
  u8,
  u16,
  u32,
} from "../../src/layout/index.ts";
import { Client, errnoOf } from "./client.ts";

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];
const I2C_M_RD = 1;

const I2cMsg = struct({
  addr: u16,
  flags: u16,
  len: u16,
  buf: ptr(bytes("len", { max: 8192 }), (m) => (m.flags & I2C_M_RD ? "inout" : "in")),
});
const I2cRdwr = struct({ msgs: ptr(array(I2cMsg, "nmsgs", { max: 42 })), nmsgs: u32 });
const I2C_RDWR = command(0x0707, I2cRdwr);

describe("I2C_RDWR: a struct that points to an array of structs that point to buffers", () => {
  const write = { addr: 0x50, flags: 0, len: 2, buf: Uint8Array.of(7, 8) };
  const read = { addr: 0x51, flags: I2C_M_RD, len: 3, buf: Uint8Array.of(1, 2, 3) };

  test.each(MODELS)("the handler gets all of it and fills the buffers, %s", (model) => {
    const client = new Client(model);
    const arg = client.store(I2cRdwr.layout, { msgs: [write, read], nmsgs: 2 });
    const before = client.memory.slice();
    client.ioctl(I2C_RDWR, arg, ({ msgs, nmsgs }) => {
      expect({ msgs, nmsgs }).toEqual({ msgs: [write, read], nmsgs: 2 });
      for (const { buf } of msgs) buf.fill(0xee);
    });
    expect(client.rounds).toBe(4);
    expect(client.load(I2cRdwr.layout, arg)).toEqual({
      msgs: [write, { ...read, buf: Uint8Array.of(0xee, 0xee, 0xee) }],
      nmsgs: 2,
    });
    expect(client.memory.filter((byte, index) => byte !== before[index])).toHaveLength(3);
  });

  describe("with a look at the client's memory", () => {
    /** @param seen the bytes at an address, which `at` read */
    function peeking(client: Client, seen: (bytes: Uint8Array, base: bigint) => Uint8Array | undefined): Client {
      client.peek = {
        at(base, len) {
          const { buffer, byteOffset } = client.at(base, len);
          return seen(new Uint8Array(buffer, byteOffset, len).slice(), base);
        },
        missed() {
          client.peek = undefined;
        },
      };
      return client;
    }
    const value = () => ({ msgs: [write, { ...read, buf: read.buf.slice() }], nmsgs: 2 });
    const answered = { msgs: [write, { ...read, buf: Uint8Array.of(0xee, 0xee, 0xee) }], nmsgs: 2 };
    const handle = ({ msgs }: { msgs: { buf: Uint8Array }[] }) => {
      for (const { buf } of msgs) buf.fill(0xee);
    };

    test.each(MODELS)("all of it comes in one round more, %s", (model) => {
      const client = peeking(new Client(model), (bytes) => bytes);
      const arg = client.store(I2cRdwr.layout, value());
      client.ioctl(I2C_RDWR, arg, handle);
      expect(client.rounds).toBe(2);
      expect(client.load(I2cRdwr.layout, arg)).toEqual(answered);
    });

    test("where the look ends, rounds go on", () => {
      const client = new Client("lp64");
      const arg = client.store(I2cRdwr.layout, value());
      peeking(client, (bytes, base) => (base === arg ? bytes : undefined)).ioctl(I2C_RDWR, arg, handle);
      expect(client.rounds).toBe(3);
      expect(client.load(I2cRdwr.layout, arg)).toEqual(answered);
    });

    test.each([
      ["too long a list", (root: Uint8Array) => root.fill(43, 8)],
      ["NULL", (root: Uint8Array) => root.fill(0, 0, 8)],
      ["nothing", () => undefined],
    ])("%s that it sees costs the usual rounds, and no error", (_, seen) => {
      const client = new Client("lp64");
      const arg = client.store(I2cRdwr.layout, value());
      peeking(client, (bytes, base) => (base === arg ? seen(bytes) : undefined));
      client.ioctl(I2C_RDWR, arg, handle);
      expect(client.rounds).toBe(4);
      expect(client.load(I2cRdwr.layout, arg)).toEqual(answered);
    });

    test("what was not so any more when the kernel copied it is asked for anew, without a look", () => {
      const client = peeking(new Client("lp64"), (bytes, base) => (base === arg ? bytes.fill(1, 8, 9) : bytes));
      const arg = client.store(I2cRdwr.layout, value());
      client.ioctl(I2C_RDWR, arg, handle);
      expect(client.peek).toBeUndefined();
      expect(client.rounds).toBe(5);
      expect(client.load(I2cRdwr.layout, arg)).toEqual(answered);
    });

    test("a client that changes its memory each time gets EFAULT after no more rounds than that", () => {
      const client = peeking(new Client("lp64"), (bytes) => bytes);
      const arg = client.store(I2cRdwr.layout, value());
      client.beforeRound = (round) => client.at(arg + 8n, 4).setUint32(0, 1 + (round % 2), true);
      expect(errnoOf(() => client.ioctl(I2C_RDWR, arg, handle))).toBe("EFAULT");
      expect(client.rounds).toBeLessThanOrEqual(5);
    });
  });

  test("each round asks for one level more", () => {
    const client = new Client("lp64");
    const arg = client.store(I2cRdwr.layout, { msgs: [write, read], nmsgs: 2 });
    const msgs = client.readPointer(arg);
    const input = (...areas: [bigint, number][]) =>
      Uint8Array.from(
        areas.flatMap(([base, len]) => Array.from({ length: len }, (_, i) => client.at(base, len).getUint8(i))),
      );
    const round = (input: Uint8Array, outSize: number) => plan(I2C_RDWR, { model: "lp64", arg, input, outSize });
    const [level1, level2] = [
      { base: arg, len: 16 },
      { base: msgs, len: 32 },
    ];
    const level3 = [write, read].map(({ len }, index) => ({
      base: client.readPointer(msgs + BigInt(16 * index + 8)),
      len,
    }));

    // The areas of one and two bytes at the end of "out" are tags: out_size modulo 3 is the level, modulo 3.
    expect(round(input(), 0)).toEqual({ kind: "retry", in: [level1], out: [{ base: arg, len: 1 }] });
    expect(round(input([arg, 16]), 1)).toEqual({ kind: "retry", in: [level1, level2], out: [{ base: arg, len: 2 }] });
    expect(round(input([arg, 16], [msgs, 32]), 2)).toEqual({
      kind: "retry",
      in: [level1, level2, ...level3],
      out: [level3[1]],
    });
  });

  test("a handler may replace parts of the argument", () => {
    const client = new Client("lp64");
    const arg = client.store(I2cRdwr.layout, { msgs: [write, read], nmsgs: 2 });
    client.ioctl(I2C_RDWR, arg, (value) => {
      value.msgs = value.msgs.map((m) => ({ ...m, buf: Uint8Array.of(9) }));
    });
    expect(client.load(I2cRdwr.layout, arg)).toMatchObject({ msgs: [write, { buf: Uint8Array.of(9, 0, 0) }] });
  });

  test("a handler's mistake is a UsageError that names the field", () => {
    const client = new Client("lp64");
    const arg = client.store(I2cRdwr.layout, { msgs: [read], nmsgs: 1 });
    const mistake = (act: (value: { msgs: { buf: Uint8Array }[] }) => void) => () => client.ioctl(I2C_RDWR, arg, act);
    expect(mistake(({ msgs }) => Object.assign(msgs[0] ?? {}, { buf: new Uint8Array(4) }))).toThrow(
      new UsageError("buf: 4 bytes do not fit 3"),
    );
    expect(mistake((value) => Object.assign(value, { msgs: [] }))).toThrow(
      new UsageError("msgs: 0 items, there must be 1"),
    );
  });

  test("counts over their limits are EINVAL and name the field; NULL is EFAULT", () => {
    const client = new Client("lp64");
    const at = (msgs: unknown[], patch: (arg: bigint) => void) => {
      const arg = client.store(I2cRdwr.layout, { msgs, nmsgs: msgs.length });
      patch(arg);
      return () => client.ioctl(I2C_RDWR, arg, () => expect.unreachable());
    };
    expect(at([write], (arg) => client.at(arg, 16).setUint32(8, 43, true))).toThrow(
      new DeviceError("EINVAL", "nmsgs is 43, allowed are 0 to 42"),
    );
    expect(at([write], (arg) => client.at(client.readPointer(arg), 16).setUint16(4, 8193, true))).toThrow(
      "len is 8193",
    );
    expect(at([write], (arg) => client.writePointer(arg, 0n))).toThrow(new DeviceError("EFAULT", "msgs is NULL"));
    expect(() => client.ioctl(I2C_RDWR, 0n, () => expect.unreachable())).toThrow("argument is NULL");
  });

  test("no messages: nothing is followed, not even NULL", () => {
    const client = new Client("lp64");
    const arg = client.store(I2cRdwr.layout, { msgs: [], nmsgs: 0 });
    client.writePointer(arg, 0n);
    client.ioctl(I2C_RDWR, arg, (value) => expect(value).toEqual({ msgs: [], nmsgs: 0 }));
    expect(client.rounds).toBe(2);
  });

  test("memory that grows in step with the sizes of the level before does not buy another round", () => {
    const client = new Client("lp64");
    const one = { ...write, len: 16, buf: new Uint8Array(16) };
    const arg = client.store(I2cRdwr.layout, { msgs: [one, one], nmsgs: 2 });
    client.at(arg, 16).setUint32(8, 1, true);
    // Level 3 of one message (16 + 16 + 16 bytes) comes when level 2 of two messages (16 + 32 bytes) is expected.
    client.beforeRound = (round) => {
      if (round === 4) client.at(arg, 16).setUint32(8, 2, true);
    };
    expect(errnoOf(() => client.ioctl(I2C_RDWR, arg, () => expect.unreachable()))).toBe("EFAULT");
    expect(client.rounds).toBe(4);
  });
});

describe("arguments of one level", () => {
  const Point = struct({ x: u8, y: u32 });

  test("what is only written to starts as zeros and takes no reading", () => {
    const client = new Client("lp64");
    const arg = client.store(Point.layout, { x: 1, y: 2 });
    const get = ior("c", 1, Point);
    expect(plan(get, { model: "lp64", arg, input: new Uint8Array(), outSize: 0 })).toEqual({
      kind: "retry",
      in: [],
      out: [{ base: arg, len: 8 }],
    });
    client.ioctl(get, arg, (value) => {
      expect(value).toEqual({ x: 0, y: 0 });
      value.y = 7;
    });
    expect(client.load(Point.layout, arg)).toEqual({ x: 0, y: 7 });
  });

  test("the areas that a restricted channel brings unasked are a call at once", () => {
    const input = encode(Point, "lp64", { x: 3, y: 4 });
    const step = plan(iowr("c", 1, Point), { model: "lp64", arg: 4096n, input, outSize: 8 });
    expect(step).toMatchObject({ kind: "call", value: { x: 3, y: 4 } });
  });

  test.each([
    [7, 8],
    [9, 8],
    [8, 7],
    [8, 9],
    [8, 0],
    [0, 8],
  ])("sizes of no level, %i bytes in and %i out, are EFAULT", (inSize, outSize) => {
    const request = { model: "lp64", arg: 4096n, input: new Uint8Array(inSize), outSize } as const;
    expect(errnoOf(() => plan(iowr("c", 1, Point), request))).toBe("EFAULT");
  });

  test("an int by value is signed and the low 32 bits, an address is whole; without an argument there is none", () => {
    const request = { model: "lp64", input: new Uint8Array(), outSize: 0 } as const;
    expect(plan(command(0x540b), { ...request, arg: 0xffff_ffffn })).toMatchObject({ kind: "call", value: -1 });
    expect(plan(io("U", 20), { ...request, arg: 0x7_0000_0002n })).toMatchObject({ kind: "call", value: 2 });
    expect(plan(command(0x540c, "none"), { ...request, arg: 3n })).toMatchObject({ kind: "call", value: undefined });
    const cookie = 0x7fff_1234_5678_9abcn;
    expect(plan(io("U", 11, "address"), { ...request, arg: cookie })).toMatchObject({ kind: "call", value: cookie });
  });
});

test("an array that follows its struct is fetched when its length is known, and written back", () => {
  const Tlv = struct({ numid: u32, length: u32, tlv: array(u32, "length", { max: 64 }) });
  const client = new Client("ilp32");
  const arg = client.store(Tlv.layout, { numid: 1, length: 2, tlv: [10, 20] });
  client.ioctl(iowr("U", 0x1a, Tlv), arg, (value) => {
    expect(value.tlv).toEqual([10, 20]);
    value.tlv = value.tlv.map((n) => n + 1);
  });
  expect(client.rounds).toBe(3);
  expect(client.load(Tlv.layout, arg)).toEqual({ numid: 1, length: 2, tlv: [11, 21] });
});

test("bytes that got shorter are filled with zeros where the client had others", () => {
  const Named = struct({ raw: bytes(4), n: u8, p: ptr(bytes("n", { max: 9 })) });
  const client = new Client("lp64");
  const arg = client.store(Named.layout, { raw: Uint8Array.of(1, 2, 3, 4), n: 1, p: Uint8Array.of(5) });
  client.ioctl(command(1, Named, "inout"), arg, (value) => {
    value.raw = Uint8Array.of(9);
  });
  expect(client.load(Named.layout, arg)).toEqual({ raw: Uint8Array.of(9, 0, 0, 0), n: 1, p: Uint8Array.of(5) });
});

test("areas and bytes over what the kernel takes are ENOMEM before they are asked for", () => {
  const Many = struct({ n: u32, p: ptr(array(struct({ q: ptr(u8, "out") }), "n", { max: 1000 })) });
  const client = new Client("lp64");
  const items = Array.from({ length: 255 }, () => ({ q: 0 }));
  const of = (n: number) => client.store(Many.layout, { n, p: items.slice(0, n) });
  expect(errnoOf(() => client.ioctl(command(1, Many), of(255), () => expect.unreachable()))).toBe("ENOMEM");
  expect(errnoOf(() => client.ioctl(command(1, Many), of(250), () => undefined))).toBe("none");
  const Big = struct({ n: u32, p: ptr(bytes("n", { max: 1 << 30 }), "out") });
  const BigIn = struct({ n: u32, p: ptr(bytes("n", { max: 1 << 30 })) });
  const big = encode(struct({ n: u32, pad: u32, p: array(u32, 2) }), "lp64", { n: 131_057, pad: 0, p: [4096, 0] });
  const step = (outSize: number, limits?: { regions: number; bytes: number }) =>
    plan(command(1, Big), { model: "lp64", arg: 16n, input: big, outSize }, limits);
  expect(step(0)).toMatchObject({ kind: "retry", out: [{ base: 4096n, len: 131_057 }] });
  expect(errnoOf(() => step(0, { regions: 256, bytes: 131_056 }))).toBe("ENOMEM");
  expect(errnoOf(() => step(0, { regions: 1, bytes: 1 << 20 }))).toBe("ENOMEM");
  // 16 bytes of struct and 131,057 behind the pointer are one more than 128 KiB.
  expect(errnoOf(() => plan(command(1, BigIn), { model: "lp64", arg: 16n, input: big, outSize: 0 }))).toBe("ENOMEM");
});

describe("counts that follow from a rule", () => {
  // As USBDEVFS_IOCTL: a code whose bits 16 to 29 are the size of what data points to; none wanted where they are 0.
  const Coded = struct({
    code: u32,
    data: ptr(
      bytes(({ code }: { code: number }) => (code >>> 16) & 0x3fff, { max: 64 }),
      ({ code }) => (code & 0x8000_0000 ? "inout" : "in"),
    ),
  });
  const CODED = iowr("U", 18, Coded);
  const store = (client: Client, size: number, data: Uint8Array) =>
    client.store(Coded.layout, { code: (0x8000_0000 | (size << 16)) >>> 0, data });

  test.each(MODELS)("tell how much to read and to write, %s", (model) => {
    const client = new Client(model);
    const arg = store(client, 3, Uint8Array.of(1, 2, 3));
    client.ioctl(CODED, arg, ({ data }) => {
      expect(data).toEqual(Uint8Array.of(1, 2, 3));
      data.fill(9);
    });
    expect(client.load(Coded.layout, arg)).toMatchObject({ data: Uint8Array.of(9, 9, 9) });
  });

  test("are held to the limit", () => {
    const client = new Client("lp64");
    const arg = store(client, 64, new Uint8Array(64));
    client.at(arg + 2n, 2).setUint16(0, 0x8000 | 65, true);
    expect(errnoOf(() => client.ioctl(CODED, arg, () => undefined))).toBe("EINVAL");
  });

  test("are whole numbers: a size in bytes that cuts an item is refused", () => {
    const Sized = struct({ size: u16, words: ptr(array(u32, ({ size }: { size: number }) => size / 4, { max: 4 })) });
    const client = new Client("lp64");
    const arg = client.store(Sized.layout, { size: 8, words: [1, 2] });
    client.ioctl(command(1, Sized), arg, ({ words }) => expect(words).toEqual([1, 2]));
    client.at(arg, 2).setUint16(0, 6, true);
    expect(errnoOf(() => client.ioctl(command(1, Sized), arg, () => undefined))).toBe("EINVAL");
  });

  test("serve flexible arrays, and a count that is not that field's for other kinds", () => {
    const Urb = struct({
      kind: u8,
      n: u8,
      packets: array(u16, ({ kind, n }: Packets) => (kind === 0 ? n : 0), { max: 4 }),
    });
    expect(encode(Urb, "lp64", { kind: 0, n: 2, packets: [1, 2] })).toEqual(Uint8Array.of(0, 2, 1, 0, 2, 0));
    expect(encode(Urb, "lp64", { kind: 3, n: 2, packets: [] })).toEqual(Uint8Array.of(3, 2));
    expect(() => encode(Urb, "lp64", { kind: 3, n: 2, packets: [1] })).toThrow(UsageError);
  });
});

interface Packets {
  readonly kind: number;
  readonly n: number;
}
