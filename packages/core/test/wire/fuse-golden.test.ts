// The messages about a mounted file, from the kernel's bytes to the session's answer, as the structs of
// include/uapi/linux/fuse.h (protocol 7.36), one field a line.

import { describe, expect, test } from "vitest";
import { defineDevice } from "../../src/index.ts";
import { FuseNode } from "../../src/session/fuse-node.ts";
import { FuseSession } from "../../src/session/fuse-session.ts";
import type { Parts } from "../../src/session/session.ts";
import { FakeClock } from "../fake-clock.ts";
import { RecordingLog } from "../session/harness.ts";
import { header, hex, UNIQUE } from "./hex.ts";

const NOW_MS = 1_000_000_000_500;

function newSession() {
  const log = new RecordingLog();
  const clock = new FakeClock();
  const sent: Uint8Array[] = [];
  const { driver, files } = defineDevice({ name: "file", open: () => undefined });
  const node = new FuseNode({ mode: 0o640, uid: 1, gid: 2 }, () => NOW_MS + clock.now());
  const output = { send: (parts: Parts) => void sent.push(Uint8Array.from(Buffer.concat(parts))) };
  const session = new FuseSession({ driver, files, clock, log, output, node });
  /** @returns what went out for this message, in order */
  const ask = (text: string): Uint8Array[] => {
    const message = hex(text);
    session.buffer.set(message);
    const answer = session.handle(message.length);
    if (answer !== undefined) output.send(answer);
    return sent.splice(0);
  };
  return { ask, clock, log, sent };
}

/** FUSE_INIT of a kernel whose minor is the given byte. */
const initOf = (minor: string) => `${header("68", "1a 00 00 00")}
  07 00 00 00  # major
  ${minor} 00 00 00  # minor
  00 00 02 00  # max_readahead
  ff ff ff 73  # flags: all that a 6.12 offers
  00 00 00 00  # flags2
  ${"00 00 00 00 ".repeat(11)}  # unused`;

const initAnswer = hex(`
  50 00 00 00  # len: header and 64 bytes
  00 00 00 00  # error
  ${UNIQUE}
  07 00 00 00  # major
  1f 00 00 00  # minor 31
  00 00 00 00  # max_readahead
  28 00 40 00  # flags ATOMIC_O_TRUNC | BIG_WRITES | MAX_PAGES
  00 04        # max_background 1024
  00 03        # congestion_threshold 768
  00 00 02 00  # max_write 128 KiB
  01 00 00 00  # time_gran
  00 01        # max_pages 256
  00 00        # map_alignment
  00 00 00 00  # flags2
  ${"00 00 00 00 ".repeat(7)}  # unused`);

/** struct fuse_attr_out in an answer. */
const attributes = (mode: string, owner: string, times: string, nanoseconds: string) =>
  hex(`
  78 00 00 00              # len: header and 104 bytes
  00 00 00 00              # error
  ${UNIQUE}
  ff ff ff ff 00 00 00 00  # attr_valid: for good
  00 00 00 00              # attr_valid_nsec
  00 00 00 00              # dummy
  01 00 00 00 00 00 00 00  # ino
  00 00 00 00 00 00 00 00  # size
  00 00 00 00 00 00 00 00  # blocks
  ${times}                 # atime, mtime, ctime
  ${nanoseconds}           # atimensec, mtimensec, ctimensec
  ${mode}                  # mode
  01 00 00 00              # nlink
  ${owner}                 # uid, gid
  00 00 00 00              # rdev
  00 10 00 00              # blksize
  00 00 00 00              # flags`);

const GETATTR = `${header("38", "03 00 00 00")} 00 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00 # flags, dummy, fh`;
const T0 = "00 ca 9a 3b 00 00 00 00";
const first = attributes(
  "a0 81 00 00",
  "01 00 00 00 02 00 00 00",
  `${T0} ${T0} ${T0}`,
  "00 65 cd 1d 00 65 cd 1d 00 65 cd 1d",
);

const open = (flags: string) => `${header("30", "0e 00 00 00")} ${flags}  00 00 00 00  # flags, open_flags`;
const openAnswer = hex(`
  20 00 00 00              # len
  00 00 00 00              # error
  ${UNIQUE}
  01 00 00 00 00 00 00 00  # fh
  71 00 00 00              # DIRECT_IO | STREAM | NOFLUSH | PARALLEL_DIRECT_WRITES
  00 00 00 00              # padding`);
const store = hex(`
  29 00 00 00              # len
  04 00 00 00              # FUSE_NOTIFY_STORE
  00 00 00 00 00 00 00 00  # unique
  01 00 00 00 00 00 00 00  # nodeid
  ff ff 0f 00 00 00 00 00  # offset: the last byte of 1 MiB
  01 00 00 00              # size
  00 00 00 00              # padding
  00                       # the byte`);

const status = (error: string) => hex(`10 00 00 00 ${error} ${UNIQUE}`);
const OK = "00 00 00 00";

describe("INIT", () => {
  test.each(["29", "26", "1f"])("of minor 0x%s is answered with 7.31", (minor) => {
    expect(newSession().ask(initOf(minor))).toEqual([initAnswer]);
  });

  test("of a kernel that is too old is refused, and the log says why", () => {
    const { ask, log } = newSession();
    expect(ask(initOf("1e"))).toEqual([status("b9 ff ff ff")]);
    expect(log.at("error")).toEqual(["the kernel speaks FUSE 7.30, and 7.31 is needed"]);
  });
});

test("GETATTR and SETATTR: mode, owner and times change, and with them ctime; the size does not", () => {
  const { ask, clock } = newSession();
  expect(ask(GETATTR)).toEqual([first]);
  const setattr = (valid: string) => `${header("80", "04 00 00 00")}
    ${valid}                 # valid
    00 00 00 00              # padding
    00 00 00 00 00 00 00 00  # fh
    0a 00 00 00 00 00 00 00  # size
    00 00 00 00 00 00 00 00  # lock_owner
    01 00 00 00 00 00 00 00  # atime
    02 00 00 00 00 00 00 00  # mtime
    03 00 00 00 00 00 00 00  # ctime
    04 00 00 00              # atimensec
    05 00 00 00              # mtimensec
    06 00 00 00              # ctimensec
    ff 81 00 00              # mode
    00 00 00 00              # unused4
    08 00 00 00              # uid
    09 00 00 00              # gid
    00 00 00 00              # unused5`;
  clock.advance(1000);
  expect(ask(setattr("08 00 00 00"))).toEqual([first]); // FATTR_SIZE
  const after = attributes(
    "ff 81 00 00",
    "08 00 00 00 09 00 00 00",
    "01 00 00 00 00 00 00 00  02 00 00 00 00 00 00 00  01 ca 9a 3b 00 00 00 00",
    "04 00 00 00 05 00 00 00 00 65 cd 1d",
  );
  expect(ask(setattr("37 00 00 00"))).toEqual([after]); // MODE | UID | GID | ATIME | MTIME
  expect(ask(GETATTR)).toEqual([after]);
});

describe("the size that the kernel takes the file to have", () => {
  test("is told after each open, and after each GETATTR while a file is open", () => {
    const { ask } = newSession();
    ask(initOf("26"));
    expect(ask(GETATTR)).toEqual([first]);
    expect(ask(open("02 00 00 00"))).toEqual([openAnswer, store]);
    expect(ask(GETATTR)).toEqual([first, store]);
  });

  test("is told later after open(O_TRUNC), which sets it to 0 behind the answer", () => {
    const { ask, clock, sent } = newSession();
    ask(initOf("26"));
    expect(ask(open("01 02 00 00"))).toEqual([openAnswer]);
    clock.advance(5);
    expect(sent).toEqual([store]);
  });

  test("is of no use to a kernel without parallel writes, which the log mentions", () => {
    const { ask, log } = newSession();
    ask(initOf("25"));
    expect(log.at("info")).toEqual([expect.stringContaining("no parallel writes")]);
    expect(ask(open("02 00 00 00"))).toEqual([openAnswer]);
  });
});

test("STATFS", () => {
  expect(newSession().ask(header("28", "11 00 00 00"))).toEqual([
    hex(`
    60 00 00 00              # len: header and 80 bytes
    00 00 00 00              # error
    ${UNIQUE}
    00 00 00 00 00 00 00 00  # blocks
    00 00 00 00 00 00 00 00  # bfree
    00 00 00 00 00 00 00 00  # bavail
    01 00 00 00 00 00 00 00  # files
    00 00 00 00 00 00 00 00  # ffree
    00 10 00 00              # bsize
    ff 00 00 00              # namelen
    00 10 00 00              # frsize
    ${"00 00 00 00 ".repeat(7)}  # padding, spare`),
  ]);
});

test("FSYNC is EINVAL, DESTROY is answered, FORGET and BATCH_FORGET are not, others are ENOSYS", () => {
  const { ask } = newSession();
  expect(ask(`${header("38", "14 00 00 00")} ${"00 ".repeat(16)}`)).toEqual([status("ea ff ff ff")]);
  expect(ask(header("28", "26 00 00 00"))).toEqual([status(OK)]);
  expect(ask(`${header("30", "02 00 00 00")} ${"00 ".repeat(8)}`)).toEqual([]);
  expect(ask(`${header("30", "2a 00 00 00")} ${"00 ".repeat(8)}`)).toEqual([]);
  expect(ask(`${header("40", "19 00 00 00")} ${"00 ".repeat(24)}`)).toEqual([status("da ff ff ff")]); // FLUSH
});
