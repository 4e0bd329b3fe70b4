// A driver that does everything that a driver may do, and what none should. What it does with a call is told by the
// call itself (the length of a read, the first byte of a write, an ioctl's argument, the flags of the open), never by
// chance, so that a sequence of messages does the same each time, also after others were taken out of it.

import { defineDevice } from "../../packages/core/src/device/device.ts";
import { DeviceError } from "../../packages/core/src/errors.ts";
import {
  array,
  bytes,
  command,
  cstring,
  io,
  ior,
  iow,
  iowr,
  ptr,
  struct,
  u8,
  u16,
  u32,
  u64,
  ulong,
} from "../../packages/core/src/layout/index.ts";
import type { Clock } from "../../packages/core/src/session/clock.ts";
import { type OpenFile, POLL, WouldBlock, wouldBlock, wouldBlockFor } from "../../packages/core/src/session/driver.ts";

const I2C_M_RD = 1;
const Pair = struct({ a: u32, b: u32 });
const I2cMsg = struct({
  addr: u16,
  flags: u16,
  len: u16,
  buf: ptr(bytes("len", { max: 8192 }), (m) => (m.flags & I2C_M_RD ? "inout" : "in")),
});
const Transfer = struct({ msgs: ptr(array(I2cMsg, "nmsgs", { max: 42 })), nmsgs: u32 });
const Inner = struct({ n: u32, text: ptr(cstring("n", { max: 64 }), "inout") });
const Deep = struct({ mode: u32, next: ptr(struct({ tag: u32, inner: ptr(Inner) }), "inout"), out: ptr(Pair, "out") });
const Maybe = struct({ mode: u32, p: ptr(u64, "inout", { nullable: true }) });
const Tail = struct({ n: u32, mode: u32, tail: array(ulong, "n", { max: 9 }) });
const Text = struct({ mode: u8, text: cstring(16) });

/** Its ioctls; the corpus makes messages of them. */
export const COMMANDS = {
  GET: ior("F", 1, Pair),
  SET: iow("F", 2, Pair),
  SWAP: iowr("F", 3, Pair),
  TEXT: iowr("F", 4, Text),
  TAIL: iowr("F", 5, Tail),
  TRANSFER: command(0x0707, Transfer),
  DEEP: command(0x5501, Deep, "inout"),
  MAYBE: command(0x5502, Maybe, "inout"),
  VALUE: io("F", 6),
  NOTHING: command(0x5503, "none"),
};

/** Most bytes that a read is given. */
export const READ_MOST = 4096;
const PATTERNS = Array.from({ length: 16 }, (_, byte) => new Uint8Array(READ_MOST).fill(byte));

/** Longer than any read asks for. */
const OVERLONG = new Uint8Array(128 * 1024 + 1);

/** What each byte of a read's answer is, so that an answer that goes to another caller is seen. */
export function patternOf(file: number, length: number): number {
  return (file * 7 + length) & 15;
}

/** What open() returns: how much the driver has for this file, for those of its answers that wait for that. */
interface State {
  ready: number;
}

interface Waiting {
  readonly file: OpenFile;
  readonly signal: AbortSignal;
  readonly waitedMs: number;
}

/** A value of no type that a handler may return, as a driver in plain JavaScript does. */
const NONSENSE: readonly unknown[] = [null, Number.NaN, -1, "three", {}, 2 ** 40];

const OPEN_MODE = 24;
const RELEASE_MODE = 20;

/** Flags of open(2) that tell the driver what to do at open and at release. */
export function openFlags(openMode: number, releaseMode: number): number {
  return ((openMode << OPEN_MODE) | (releaseMode << RELEASE_MODE)) >>> 0;
}

// Made once: an error's stack costs more than the rest of a call.
const REFUSED = new DeviceError("ENODEV", "thrown");
const LATE_REFUSAL = new DeviceError("ETIMEDOUT");

/** How often in its life a file is woken by handlers that would block. */
const SELF_WAKES = 40;

/** @param held the files that open() has succeeded for more, or less, often than release() was called */
export function everythingDevice(clock: Clock, held: Set<OpenFile>) {
  const selfWakes = new WeakMap<OpenFile, number>();

  function later<T>(ms: number, value: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      clock.after(ms, () => {
        try {
          resolve(value());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  function obedient<T>(ms: number, signal: AbortSignal, value: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort);
      clock.after(ms, () => {
        signal.removeEventListener("abort", abort);
        resolve(value());
      });
    });
  }

  /** Two callers of a file that wake each other without end are a busy loop, which the session only keeps in bounds. */
  function wakeItself(file: OpenFile): void {
    const done = selfWakes.get(file) ?? 0;
    if (done >= SELF_WAKES) return;
    selfWakes.set(file, done + 1);
    file.readable();
  }

  function hold<T>(file: OpenFile, opened: T): T {
    if (!(opened instanceof WouldBlock)) held.add(file);
    return opened;
  }

  function nonsense<T>(mode: number): T {
    // Authors without a type checker do this; the session must take it.
    return NONSENSE[mode % NONSENSE.length] as T;
  }

  /** One of the ways to answer a call. */
  function answer<T>(mode: number, call: Waiting, value: () => T) {
    switch (mode & 31) {
      case 0:
        return wouldBlock;
      case 1:
        return call.waitedMs > 300 ? value() : wouldBlockFor(50 + (mode & 127));
      case 2:
        return Promise.resolve(value());
      case 3:
        return obedient(mode & 127, call.signal, value);
      case 4:
        return later(mode & 1023, value);
      case 5:
        return mode & 32 ? new Promise<T>(() => undefined) : later(5000, value);
      case 6:
        throw REFUSED;
      case 7:
        if (mode & 32) throw new TypeError("a bug of the driver");
        throw "no error at all";
      case 8:
        return Promise.reject(LATE_REFUSAL);
      case 9:
        return later(mode & 15, () => {
          throw new TypeError("a late bug of the driver");
        });
      case 10:
        wakeItself(call.file);
        return wouldBlock;
      case 11:
        device.readable();
        device.writable();
        return value();
      case 12:
        call.file.hangup(mode & 32 ? "ENODEV" : undefined);
        return mode & 64 ? value() : wouldBlock;
      case 13:
        return mode & 32 ? nonsense<T>(mode >> 6) : value();
      case 14:
        return Promise.resolve(wouldBlock);
      case 15:
        return later(mode & 63, () => wouldBlockFor(60));
      case 16:
        return call.waitedMs > 40 ? value() : wouldBlockFor(25);
      case 17:
        clock.after(mode & 255, () => call.file.readable());
        return call.waitedMs > 0 ? value() : wouldBlock;
      case 18:
        clock.after(mode & 255, () => device.writable());
        return call.waitedMs > 0 ? value() : Promise.resolve(wouldBlock);
      case 19:
        call.file.urgent();
        return value();
      case 20:
        return Promise.resolve(mode & 32 ? nonsense<T>(mode >> 6) : value());
      case 21:
        return wouldBlockFor(Number.POSITIVE_INFINITY);
      default:
        return value();
    }
  }

  function ioctl(mode: number, call: Waiting, change: () => void) {
    return answer(mode, call, () => {
      change();
      return mode & 0xff;
    });
  }

  const device = defineDevice({
    name: "everything",
    maxOpens: 48,
    commands: COMMANDS,
    open(call) {
      const state: State = { ready: 0 };
      const opened = answer(call.flags >>> OPEN_MODE, call, () => state);
      if (!(opened instanceof Promise)) return hold(call.file, opened);
      return opened.then((late) => hold(call.file, late));
    },
    async release(call) {
      // One that is released without being open stays in the books, where it is seen in the next pause.
      if (!held.delete(call.file)) held.add(call.file);
      await answer(call.file.flags >>> RELEASE_MODE, call, () => undefined);
    },
    read(call) {
      const { file, state, length } = call;
      const given = PATTERNS[patternOf(file.id, length)]?.subarray(0, length) ?? new Uint8Array();
      if (length === 4095) return OVERLONG;
      if ((length & 31) > 24) {
        if (state.ready === 0) return wouldBlock;
        state.ready--;
      }
      return answer(length, call, () => given);
    },
    write(call) {
      const { data, state, file } = call;
      const mode = data[0] ?? 31;
      if ((mode & 31) > 24) {
        state.ready++;
        file.readable();
        return mode & 32 ? data.length : Math.ceil(data.length / 2);
      }
      return answer(mode, call, () => data.length);
    },
    poll({ state, file }) {
      if (file.flags & 0x100) throw new TypeError("poll failed");
      if (file.flags & 0x200) file.readable();
      return file.flags & 0x400 ? Number.NaN : POLL.OUT | (state.ready > 0 ? POLL.IN : 0);
    },
    ioctl: {
      GET: (call) => ioctl(24, call, () => Object.assign(call.arg, { a: 1, b: 2 })),
      SET: (call) => ioctl(call.arg.a, call, () => undefined),
      SWAP: (call) => ioctl(call.arg.a, call, () => Object.assign(call.arg, { a: call.arg.b, b: call.arg.a })),
      // A mode above 200 stores what does not fit.
      TEXT: (call) => ioctl(call.arg.mode, call, () => Object.assign(call.arg, { mode: call.arg.mode + 56 })),
      TAIL: (call) => ioctl(call.arg.mode, call, () => call.arg.tail.reverse()),
      TRANSFER(call) {
        const first = call.arg.msgs[0];
        return ioctl(first?.addr ?? 31, call, () => first?.buf.fill(0xee));
      },
      DEEP: (call) => ioctl(call.arg.mode, call, () => Object.assign(call.arg.out, { a: call.arg.next.tag })),
      MAYBE: (call) => ioctl(call.arg.mode, call, () => Object.assign(call.arg, { p: call.arg.mode & 64 ? null : 7n })),
      VALUE: (call) => ioctl(call.arg & 0xffff, call, () => undefined),
      NOTHING: () => undefined,
    },
  });
  return device;
}

export type EverythingDevice = ReturnType<typeof everythingDevice>;
