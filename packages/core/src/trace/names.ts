// Flags by name, for trace lines. Numbers from asm-generic/fcntl.h, asm-generic/poll.h and linux/eventpoll.h, on which
// x86, arm64 and riscv agree for all but O_DIRECT, O_LARGEFILE, O_DIRECTORY and O_NOFOLLOW, which say nothing of a
// device.

import { bytes, flags, formatValue, u32 } from "../layout/index.ts";

const ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"] as const;
const O_ACCMODE = 3;
/** The kernel adds it to every open of a 64-bit program, so it tells nothing. */
const O_LARGEFILE = 0o100000;

const OPEN_FLAGS = flags(u32, {
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_SYNC: 0o4010000,
  O_DSYNC: 0o10000,
  FASYNC: 0o20000,
  O_NOATIME: 0o1000000,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
});

const POLL_BITS = flags(u32, {
  POLLIN: 0x0001,
  POLLPRI: 0x0002,
  POLLOUT: 0x0004,
  POLLERR: 0x0008,
  POLLHUP: 0x0010,
  POLLNVAL: 0x0020,
  POLLRDNORM: 0x0040,
  POLLRDBAND: 0x0080,
  POLLWRNORM: 0x0100,
  POLLWRBAND: 0x0200,
  POLLMSG: 0x0400,
  POLLRDHUP: 0x2000,
  EPOLLEXCLUSIVE: 0x1000_0000,
  EPOLLWAKEUP: 0x2000_0000,
  EPOLLONESHOT: 0x4000_0000,
  EPOLLET: 0x8000_0000,
});

/** `O_RDWR|O_NONBLOCK`. */
export function openFlags(value: number): string {
  const rest = value & ~O_ACCMODE & ~O_LARGEFILE;
  const access = ACCESS[value & O_ACCMODE] ?? "";
  return rest === 0 ? access : `${access}|${formatValue(OPEN_FLAGS, rest >>> 0)}`;
}

/** `POLLIN|POLLRDNORM`, or 0. */
export function pollBits(value: number): string {
  return formatValue(POLL_BITS, value);
}

const DATA = bytes(1);

/** The beginning of some bytes, escaped: `"\x01ABC"...`. */
export function data(value: Uint8Array): string {
  return formatValue(DATA, value);
}
