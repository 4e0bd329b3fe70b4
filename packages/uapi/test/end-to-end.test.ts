// The generated schemas at work: small drivers on a kernel in memory, called by programs of every data model. What a
// program has in its memory is put together here as a C compiler does it, without the schemas.

import {
  type AnyDevice,
  type DataModel,
  defineDevice,
  type MemoryFile,
  MemoryKernel,
  serve,
  silent,
} from "@devlift/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { I2C_FUNC, I2C_FUNCS, I2C_M, I2C_RDWR, I2C_SMBUS, I2C_SMBUS_DIRECTION } from "../src/i2c.ts";
import { SNDCTL_DSP_GETOSPACE, SNDCTL_DSP_SPEED } from "../src/soundcard.ts";
import { CC, TCGETS2, TCSETS2, type termios2 } from "../src/termios.ts";
import {
  USBDEVFS_BULK,
  USBDEVFS_CONTROL,
  USBDEVFS_DISCARDURB,
  USBDEVFS_IOCTL,
  USBDEVFS_REAPURB,
  USBDEVFS_SUBMITURB,
} from "../src/usbdevice_fs.ts";

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

type Member = readonly ["u8" | "u16" | "u32" | "pointer" | "bytes", number | bigint | Uint8Array];

/** The bytes of a C struct: each member at its alignment, and padding at the end. */
function struct(model: DataModel, ...members: readonly Member[]): Uint8Array {
  const bytes: number[] = [];
  let widest = 1;
  const align = (to: number) => {
    while (bytes.length % to !== 0) bytes.push(0);
    widest = Math.max(widest, to);
  };
  for (const [type, value] of members) {
    if (value instanceof Uint8Array) bytes.push(...value);
    else {
      const size = { u8: 1, u16: 2, u32: 4, pointer: model === "lp64" ? 8 : 4, bytes: 0 }[type];
      align(size);
      for (let byte = 0; byte < size; byte++) bytes.push(Number((BigInt(value) >> BigInt(8 * byte)) & 0xffn));
    }
  }
  align(widest);
  return Uint8Array.from(bytes);
}

function ioc(way: "in" | "out" | "inout", type: string, nr: number, size: number): number {
  const bits = { in: 1, out: 2, inout: 3 }[way];
  return ((bits << 30) | (size << 16) | (type.charCodeAt(0) << 8) | nr) >>> 0;
}

async function opened(device: AnyDevice): Promise<{ kernel: MemoryKernel; file: MemoryFile }> {
  const kernel = new MemoryKernel();
  const channel = await serve(device, { channel: kernel, log: silent });
  onTestFinished(() => channel.close());
  return { kernel, file: await kernel.openFile() };
}

const text = (string: string) => new TextEncoder().encode(string);

describe.each(MODELS)("a %s program", (model) => {
  test("I2C_RDWR writes a register's number and reads its contents", async () => {
    const written: unknown[] = [];
    const { kernel, file } = await opened(
      defineDevice({
        name: "i2c-0",
        commands: { I2C_RDWR },
        ioctl: {
          I2C_RDWR({ arg }) {
            for (const { addr, flags, buf } of arg.msgs) {
              if (flags & I2C_M.I2C_M_RD) buf.set(text("abc"));
              else written.push([addr, [...buf]]);
            }
            return arg.nmsgs;
          },
        },
      }),
    );
    const { memory } = kernel;
    const read = new Uint8Array(4);
    const write = memory.map(Uint8Array.of(7));
    const message = (flags: number, length: number, buffer: bigint) =>
      struct(model, ["u16", 0x50], ["u16", flags], ["u16", length], ["pointer", buffer]);
    const messages = memory.map(Uint8Array.from([...message(0, 1, write), ...message(1, 3, memory.map(read))]));
    const argument = memory.map(struct(model, ["pointer", messages], ["u32", 2]));
    expect(await file.ioctl(0x0707, argument, model)).toBe(2);
    expect(written).toEqual([[0x50, [7]]]);
    expect(read).toEqual(text("abc\0"));
    const tooMany = memory.map(struct(model, ["pointer", messages], ["u32", 43]));
    await expect(file.ioctl(0x0707, tooMany, model)).rejects.toMatchObject({ code: "EINVAL" });
  });

  test("I2C_SMBUS moves no more than the transaction has", async () => {
    const seen: unknown[] = [];
    const { kernel, file } = await opened(
      defineDevice({
        name: "i2c-0",
        commands: { I2C_FUNCS, I2C_SMBUS },
        ioctl: {
          I2C_FUNCS: ({ arg }) => {
            arg.value = I2C_FUNC.I2C_FUNC_SMBUS_QUICK;
          },
          I2C_SMBUS({ arg: { read_write, command, size, data } }) {
            seen.push([command, size, [...data]]);
            if (read_write === I2C_SMBUS_DIRECTION.I2C_SMBUS_READ) data.set([0x34, 0x12]);
          },
        },
      }),
    );
    const { memory } = kernel;
    const smbus = (direction: number, command: number, size: number, data: bigint) =>
      file.ioctl(
        0x0720,
        memory.map(struct(model, ["u8", direction], ["u8", command], ["u32", size], ["pointer", data])),
        model,
      );
    // Of exactly two bytes: a byte more would be EFAULT.
    const word = new Uint8Array(2);
    const block = Uint8Array.from([2, 8, 9, ...new Uint8Array(31)]);
    await smbus(1, 5, 3, memory.map(word));
    await smbus(0, 6, 1, 0n);
    await smbus(0, 7, 5, memory.map(block));
    await expect(smbus(0, 8, 2, 0n)).rejects.toMatchObject({ code: "EFAULT" });
    expect(word).toEqual(Uint8Array.of(0x34, 0x12));
    expect(seen).toEqual([
      [5, 3, [0, 0]],
      [6, 1, []],
      [7, 5, [...block]],
    ]);
    const functions = new Uint8Array(model === "lp64" ? 8 : 4);
    await file.ioctl(0x0705, memory.map(functions), model);
    expect([...functions.subarray(0, 4)]).toEqual([0, 0, 1, 0]);
  });

  test("USBDEVFS_CONTROL and USBDEVFS_BULK move what the device has, each way", async () => {
    const sent: unknown[] = [];
    const { kernel, file } = await opened(
      defineDevice({
        name: "usb",
        commands: { USBDEVFS_CONTROL, USBDEVFS_BULK },
        ioctl: {
          USBDEVFS_CONTROL({ arg: { bRequestType, bRequest, wValue, wIndex, timeout, data } }) {
            sent.push([bRequestType, bRequest, wValue, wIndex, timeout]);
            data.set([18, 1]);
            return 2;
          },
          USBDEVFS_BULK({ arg: { ep, data } }) {
            sent.push([ep, [...data]]);
            return data.length;
          },
        },
      }),
    );
    const { memory } = kernel;
    const answer = Uint8Array.of(1, 2, 3, 4);
    const control = struct(
      model,
      ...([
        ["u8", 0x80],
        ["u8", 6],
        ["u16", 0x100],
        ["u16", 0],
        ["u16", 4],
        ["u32", 500],
      ] as const),
      ["pointer", memory.map(answer)],
    );
    const controlCode = ioc("inout", "U", 0, model === "lp64" ? 24 : 16);
    expect(await file.ioctl(controlCode, memory.map(control), model)).toBe(2);
    expect(answer).toEqual(Uint8Array.of(18, 1, 3, 4));
    const data = memory.map(text("out"));
    const bulk = struct(model, ["u32", 2], ["u32", 3], ["u32", 0], ["pointer", data]);
    const bulkCode = ioc("inout", "U", 2, model === "lp64" ? 24 : 16);
    expect(await file.ioctl(bulkCode, memory.map(bulk), model)).toBe(3);
    expect(sent).toEqual([
      [0x80, 6, 0x100, 0, 500],
      [2, [...text("out")]],
    ]);
    // The other model's size is another number.
    const other = ioc("inout", "U", 0, model === "lp64" ? 16 : 24);
    await expect(file.ioctl(other, memory.map(control), model)).rejects.toMatchObject({ code: "ENOTTY" });
  });

  test("an URB's packets are an isochronous one's alone; its address comes back when it is reaped", async () => {
    const seen: unknown[] = [];
    const { kernel, file } = await opened(
      defineDevice({
        name: "usb",
        commands: { USBDEVFS_SUBMITURB, USBDEVFS_REAPURB, USBDEVFS_DISCARDURB },
        ioctl: {
          USBDEVFS_SUBMITURB({ arg }) {
            seen.push([arg.buffer && [...arg.buffer], arg.usercontext, arg.iso_frame_desc.map(({ length }) => length)]);
            for (const packet of arg.iso_frame_desc) packet.actual_length = packet.length - 1;
            arg.actual_length = 5;
          },
          USBDEVFS_REAPURB({ arg }) {
            arg.value = 0x1234n;
          },
          USBDEVFS_DISCARDURB({ arg }) {
            seen.push(arg);
          },
        },
      }),
    );
    const { memory } = kernel;
    const size = { lp64: 56, ilp32: 44, x32: 44 }[model];
    const urb = (type: number, packets: number, buffer: Uint8Array | undefined, ...lengths: number[]) =>
      struct(
        model,
        ...([
          ["u8", type],
          ["u8", 1],
          ["u32", 0],
          ["u32", 0],
        ] as const),
        ["pointer", buffer === undefined ? 0n : memory.map(buffer)],
        ...([
          ["u32", buffer?.length ?? 0],
          ["u32", 0],
          ["u32", 0],
        ] as const),
        ...([
          ["u32", packets],
          ["u32", 0],
          ["u32", 0],
          ["pointer", 0xcafen],
        ] as const),
        ...lengths.flatMap((length): Member[] => [
          ["u32", length],
          ["u32", 0],
          ["u32", 0],
        ]),
      );
    const submit = ioc("out", "U", 10, size);
    const iso = urb(0, 2, text("data!"), 3, 2);
    await file.ioctl(submit, memory.map(iso), model);
    // Of a bulk transfer the same place is its stream, here the third; there are no packets behind it.
    await file.ioctl(submit, memory.map(urb(3, 3, undefined)), model);
    expect(seen).toEqual([
      [[...text("data!")], 0xcafen, [3, 2]],
      [null, 0xcafen, []],
    ]);
    const view = new DataView(iso.buffer);
    expect([4, 16].map((at) => view.getUint32(size + at, true))).toEqual([2, 1]);
    const reaped = new Uint8Array(model === "lp64" ? 8 : 4);
    await file.ioctl(ioc("in", "U", 12, reaped.length), memory.map(reaped), model);
    expect([...reaped.subarray(0, 3)]).toEqual([0x34, 0x12, 0]);
    const cookie = model === "lp64" ? 0x7fff_0000_1234n : 0xfff_1234n;
    await file.ioctl(0x550b, cookie, model);
    expect(seen.at(-1)).toBe(cookie);
  });

  test("USBDEVFS_IOCTL has as much data as its code says", async () => {
    const { kernel, file } = await opened(
      defineDevice({
        name: "usb",
        commands: { USBDEVFS_IOCTL },
        ioctl: {
          USBDEVFS_IOCTL({ arg: { data } }) {
            data.reverse();
            return data.length;
          },
        },
      }),
    );
    const { memory } = kernel;
    const data = Uint8Array.of(1, 2, 3);
    const call = (code: number, data: bigint) => {
      const argument = memory.map(struct(model, ["u32", 0], ["u32", code], ["pointer", data]));
      return file.ioctl(ioc("inout", "U", 18, model === "lp64" ? 16 : 12), argument, model);
    };
    expect(await call(ioc("inout", "x", 1, 3), memory.map(data))).toBe(3);
    expect(data).toEqual(Uint8Array.of(3, 2, 1));
    expect(await call(ioc("in", "x", 1, 2), memory.map(data))).toBe(2);
    expect(data).toEqual(Uint8Array.of(3, 2, 1));
    expect(await call(0x7801, 0n)).toBe(0);
  });

  test("TCSETS2 and TCGETS2", async () => {
    let kept: termios2 | undefined;
    const { kernel, file } = await opened(
      defineDevice({
        name: "ttyX0",
        commands: { TCSETS2, TCGETS2 },
        ioctl: {
          TCSETS2: ({ arg }) => {
            kept = arg;
          },
          TCGETS2: ({ arg }) => {
            Object.assign(arg, kept);
          },
        },
      }),
    );
    const { memory } = kernel;
    const c_cc = new Uint8Array(19).fill(9);
    c_cc[CC.VMIN] = 1;
    const modes = ([0x100, 5, 0x1cb0, 0x8a3b] as const).map((flags) => ["u32", flags] as const);
    const set = struct(model, ...modes, ["u8", 0], ["bytes", c_cc], ["u32", 250_000], ["u32", 250_001]);
    expect(set).toHaveLength(44);
    await file.ioctl(0x402c_542b, memory.map(set), model);
    expect(kept).toMatchObject({ c_lflag: 0x8a3b, c_cc, c_ispeed: 250_000, c_ospeed: 250_001 });
    const got = new Uint8Array(44).fill(0xee);
    await file.ioctl(0x802c_542a, memory.map(got), model);
    expect(got).toEqual(set);
  });

  test("SNDCTL_DSP_GETOSPACE and SNDCTL_DSP_SPEED", async () => {
    const { kernel, file } = await opened(
      defineDevice({
        name: "dsp",
        commands: { SNDCTL_DSP_GETOSPACE, SNDCTL_DSP_SPEED },
        ioctl: {
          SNDCTL_DSP_GETOSPACE: ({ arg }) => {
            Object.assign(arg, { fragments: 2, fragstotal: 4, fragsize: 4096, bytes: 9000 });
          },
          SNDCTL_DSP_SPEED: ({ arg }) => {
            arg.value = Math.min(arg.value, 48_000);
          },
        },
      }),
    );
    const { memory } = kernel;
    const space = new Uint8Array(16);
    await file.ioctl(0x8010_500c, memory.map(space), model);
    expect([...new Uint32Array(space.buffer)]).toEqual([2, 4, 4096, 9000]);
    const speed = Uint32Array.of(96_000);
    await file.ioctl(0xc004_5002, memory.map(new Uint8Array(speed.buffer)), model);
    expect([...speed]).toEqual([48_000]);
  });
});
