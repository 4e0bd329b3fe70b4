// libfuse's example server `cuse`, as a driver of ours: memory that is resized, read and written by ioctls whose
// arguments point to more memory. Its client comes with libfuse, and judges.vm.test.ts runs it on both servers.
// The interface: struct fioc_rw_arg and FIOC_* of libfuse's example/ioctl.h.

import { bytes, command, DeviceError, defineDevice, i64, ior, iow, ptr, struct, ulong } from "@devlift/core";

/** What this device is allowed to hold; the original stops where realloc(3) does. */
const MAX_SIZE = 64 * 1024 * 1024;
/** A transfer that one CUSE request carries, with room for the struct beside it. */
const MAX_TRANSFER = 128 * 1024 - 4096;

const readArgument = struct({
  offset: i64,
  buf: ptr(bytes("size", { max: MAX_TRANSFER }), "out"),
  size: ulong,
  prev_size: ulong,
  new_size: ulong,
});

const writeArgument = struct({
  offset: i64,
  buf: ptr(bytes("size", { max: MAX_TRANSFER }), "in"),
  size: ulong,
  prev_size: ulong,
  new_size: ulong,
});

export function cusexmp(name: string) {
  let memory = new Uint8Array(0);

  function resize(size: number): void {
    if (size > MAX_SIZE) throw new DeviceError("ENOMEM", `${size} bytes are too many`);
    const resized = new Uint8Array(size);
    resized.set(memory.subarray(0, size));
    memory = resized;
  }

  function place(offset: bigint, data: Uint8Array): void {
    if (offset < 0n || offset > BigInt(MAX_SIZE)) throw new DeviceError("EINVAL", `an offset of ${offset}`);
    const end = Number(offset) + data.length;
    if (end > memory.length) resize(end);
    memory.set(data, Number(offset));
  }

  return defineDevice({
    name,
    writes: "once",
    read: ({ length }) => memory.subarray(0, length),
    write({ data }) {
      place(0n, data);
      return data.length;
    },
    commands: {
      FIOC_GET_SIZE: ior("E", 0, ulong),
      FIOC_SET_SIZE: iow("E", 1, ulong),
      // These two carry memory in spite of their numbers.
      FIOC_READ: command(0x4502, readArgument, "inout"),
      FIOC_WRITE: command(0x4503, writeArgument, "inout"),
    },
    ioctl: {
      FIOC_GET_SIZE(call) {
        call.arg = memory.length;
      },
      FIOC_SET_SIZE: ({ arg }) => resize(arg),
      FIOC_READ({ arg }) {
        if (arg.offset < 0n) throw new DeviceError("EINVAL", "before the start");
        const start = Number(arg.offset);
        const found = memory.subarray(start, start + arg.buf.length);
        arg.buf.set(found);
        arg.prev_size = arg.new_size = memory.length;
        return found.length;
      },
      FIOC_WRITE({ arg }) {
        arg.prev_size = memory.length;
        place(arg.offset, arg.buf);
        arg.new_size = memory.length;
        return arg.buf.length;
      },
    },
  });
}
