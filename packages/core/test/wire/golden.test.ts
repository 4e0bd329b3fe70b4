// Each message as the bytes of include/uapi/linux/fuse.h, one field a line, written down by hand.

import { describe, expect, test } from "vitest";
import { OPCODES } from "../../src/wire/opcodes.ts";
import { ReplyFront } from "../../src/wire/reply.ts";
import { RequestView } from "../../src/wire/request.ts";
import { header, hex, UNIQUE } from "./hex.ts";

function load(text: string): RequestView {
  const message = hex(text);
  const view = new RequestView(message);
  expect(view.load(message.length)).toBeUndefined();
  return view;
}

describe("requests", () => {
  test("OPEN", () => {
    const view = load(`${header("30", "0e 00 00 00")}
      02 08 00 00  # flags O_RDWR | O_NONBLOCK
      00 00 00 00  # open_flags`);
    expect(view.opcode?.name).toBe("OPEN");
    expect([view.uniqueLow, view.uniqueHigh, view.uid, view.gid, view.pid]).toEqual([10, 1, 1000, 1001, 4242]);
    expect(view.openFlags).toBe(0o4002);
  });

  test("READ", () => {
    const view = load(`${header("50", "0f 00 00 00")}
      07 00 00 00 00 00 00 00  # fh
      00 00 00 00 00 00 00 00  # offset
      00 10 00 00              # size
      00 00 00 00              # read_flags
      00 00 00 00 00 00 00 00  # lock_owner
      00 08 00 00              # flags O_NONBLOCK
      00 00 00 00              # padding`);
    expect([view.opcode?.name, view.fh, view.readSize, view.readFlags]).toEqual(["READ", 7, 4096, 0o4000]);
  });

  test("WRITE", () => {
    const view = load(`${header("53", "10 00 00 00")}
      07 00 00 00 00 00 00 00  # fh
      00 00 00 00 00 00 00 00  # offset
      03 00 00 00              # size
      00 00 00 00              # write_flags
      00 00 00 00 00 00 00 00  # lock_owner
      02 00 00 00              # flags O_RDWR
      00 00 00 00              # padding
      61 62 63                 # data`);
    expect([view.opcode?.name, view.writeSize, view.writeFlags]).toEqual(["WRITE", 3, 2]);
    expect(Buffer.from(view.payload()).toString()).toBe("abc");
  });

  test("RELEASE", () => {
    const view = load(`${header("40", "12 00 00 00")}
      07 00 00 00 00 00 00 00  # fh
      02 00 00 00              # flags
      00 00 00 00              # release_flags
      00 00 00 00 00 00 00 00  # lock_owner`);
    expect([view.opcode?.name, view.fh, view.releaseFlags]).toEqual(["RELEASE", 7, 2]);
  });

  test("IOCTL of a 32-bit caller, second round", () => {
    const view = load(`${header("4c", "27 00 00 00")}
      07 00 00 00 00 00 00 00  # fh
      0b 00 00 00              # flags COMPAT | UNRESTRICTED | 32BIT
      02 54 00 00              # cmd TCSETS
      f0 ee ff ff 00 00 00 00  # arg
      04 00 00 00              # in_size
      00 00 00 00              # out_size
      de ad be ef              # the area`);
    expect([view.opcode?.name, view.ioctlFlags, view.ioctlCommand]).toEqual(["IOCTL", 11, 0x5402]);
    expect([view.ioctlArgument, view.ioctlInSize, view.ioctlOutSize]).toEqual([0xffffeef0n, 4, 0]);
    expect(Buffer.from(view.payload()).toString("hex")).toBe("deadbeef");
  });

  test("POLL that wants a wake-up", () => {
    const view = load(`${header("40", "28 00 00 00")}
      07 00 00 00 00 00 00 00  # fh
      2a 00 00 00 00 00 00 80  # kh
      01 00 00 00              # flags SCHEDULE_NOTIFY
      05 00 00 00              # events IN | OUT`);
    expect([view.pollHandle, view.pollFlags, view.pollEvents]).toEqual([0x800000000000002an, 1, 5]);
  });

  test("INTERRUPT", () => {
    const view = load(`${header("30", "24 00 00 00")}
      0a 00 00 00 02 00 00 00  # unique of the interrupted request`);
    expect([view.opcode?.name, view.interruptedLow, view.interruptedHigh]).toEqual(["INTERRUPT", 10, 2]);
  });

  test("CUSE_INIT", () => {
    const view = load(`${header("38", "00 10 00 00")}
      07 00 00 00  # major
      29 00 00 00  # minor
      00 00 00 00  # unused
      01 00 00 00  # flags UNRESTRICTED_IOCTL`);
    expect([view.opcode?.name, view.initMajor, view.initMinor]).toEqual(["CUSE_INIT", 7, 41]);
  });

  test("a handle that is not below 2^32 is nobody's", () => {
    const view = load(`${header("30", "24 00 00 00")} 07 00 00 00 01 00 00 00`);
    expect(view.fh).toBe(-1);
  });

  test("every opcode has one row", () => {
    expect(new Set(OPCODES.map(({ code }) => code)).size).toBe(OPCODES.length);
  });
});

describe("replies", () => {
  const front = () => new ReplyFront().to(10, 1);

  test("an error", () => {
    expect(front().status(11)).toEqual(
      hex(`
      10 00 00 00  # len
      f5 ff ff ff  # error -EAGAIN
      ${UNIQUE}`),
    );
  });

  test("READ", () => {
    expect(front().data(Uint8Array.of(1, 2, 3, 4, 5))).toEqual([
      hex(`
      15 00 00 00  # len: header and 5 bytes of data
      00 00 00 00  # error
      ${UNIQUE}
      01 02 03 04 05  # data`),
    ]);
  });

  test("READ of more than is copied", () => {
    const data = new Uint8Array(0x1000).fill(9);
    expect(front().data(data)).toEqual([
      hex(`
      10 10 00 00  # len: header and 4096 bytes of data
      00 00 00 00  # error
      ${UNIQUE}`),
      data,
    ]);
  });

  test("OPEN", () => {
    expect(front().open(7, 0)).toEqual(
      hex(`
      20 00 00 00  # len
      00 00 00 00  # error
      ${UNIQUE}
      07 00 00 00 00 00 00 00  # fh
      00 00 00 00  # open_flags
      00 00 00 00  # padding`),
    );
  });

  test("WRITE", () => {
    expect(front().written(3)).toEqual([
      hex(`
      18 00 00 00  # len
      00 00 00 00  # error
      ${UNIQUE}
      03 00 00 00  # size
      00 00 00 00  # padding`),
    ]);
  });

  test("POLL", () => {
    expect(front().polled(0x41)).toEqual(
      hex(`
      18 00 00 00  # len
      00 00 00 00  # error
      ${UNIQUE}
      41 00 00 00  # revents IN | RDNORM
      00 00 00 00  # padding`),
    );
  });

  test("IOCTL", () => {
    expect(front().ioctl(42, new Uint8Array(8).fill(6))).toEqual([
      hex(`
      28 00 00 00  # len: header, ioctl_out and 8 bytes of areas
      00 00 00 00  # error
      ${UNIQUE}
      2a 00 00 00  # result
      00 00 00 00  # flags
      00 00 00 00  # in_iovs
      00 00 00 00  # out_iovs
      06 06 06 06 06 06 06 06  # areas`),
    ]);
  });

  test("IOCTL that asks for the caller's memory", () => {
    const areas = [
      { base: 0x1000n, len: 36 },
      { base: 0x7fff00002000n, len: 8 },
    ] as const;
    expect(front().ioctlRetry([areas[0]], [areas[1]])).toEqual([
      hex(`
      40 00 00 00  # len
      00 00 00 00  # error
      ${UNIQUE}
      00 00 00 00  # result
      04 00 00 00  # flags RETRY
      01 00 00 00  # in_iovs
      01 00 00 00  # out_iovs
      00 10 00 00 00 00 00 00  # base
      24 00 00 00 00 00 00 00  # len
      00 20 00 00 ff 7f 00 00  # base
      08 00 00 00 00 00 00 00  # len`),
    ]);
  });

  test("CUSE_INIT", () => {
    expect(front().cuseInit(new TextEncoder().encode("DEVNAME=pilot\0"))).toEqual(
      hex(`
      66 00 00 00  # len: header, cuse_init_out and 14 bytes of info
      00 00 00 00  # error
      ${UNIQUE}
      07 00 00 00  # major
      1f 00 00 00  # minor
      00 00 00 00  # unused
      01 00 00 00  # flags UNRESTRICTED_IOCTL
      00 00 02 00  # max_read 128 KiB
      00 00 02 00  # max_write 128 KiB
      00 00 00 00  # dev_major: the kernel's choice
      00 00 00 00  # dev_minor
      ${"00 00 00 00 ".repeat(10)}`),
    );
  });

  test("a poll wake-up is a notification: unique 0, its code where the error would be", () => {
    expect(front().notifyPoll(0x2an)).toEqual(
      hex(`
      18 00 00 00              # len
      01 00 00 00              # FUSE_NOTIFY_POLL
      00 00 00 00 00 00 00 00  # unique
      2a 00 00 00 00 00 00 00  # kh`),
    );
  });

  test("a front that was used for a long message has nothing left of it in a short one", () => {
    const used = front();
    used.cuseInit(new Uint8Array(3));
    expect(used.to(10, 1).open(1, 0)).toEqual(front().open(1, 0));
  });
});
