// What each call of the addon does, on FIFOs and pseudoterminals. How a watch ends with its process or thread is in
// native-lifetime.test.ts, what it does with wrong arguments in native-arguments.test.ts.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ERRNO } from "../src/errno.ts";
import {
  INOTIFY,
  inotifyOpen,
  ioctl,
  openPty,
  peek,
  peer,
  READY,
  read,
  sdNotify,
  shed,
  socketPair,
  watch,
  writev,
} from "../src/native.ts";

const FIONREAD = 0x541b;
const TCGETS = 0x5401;
const TCFLSH = 0x540b;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;

const { O_NONBLOCK, O_RDWR, O_RDONLY, O_WRONLY, O_NOCTTY } = constants;
const littleEndian = endianness() === "LE";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

let directory: string;
let fifo: string;
const opened: number[] = [];

function open(path: string, flags: number): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

/** Both ends of one pipe in one descriptor, which Linux allows (fifo(7)): what is written can be read. */
const openLoop = (): number => open(fifo, O_RDWR | O_NONBLOCK);

/** A descriptor that is open nowhere. */
function closedFd(): number {
  const fd = openSync("/dev/null", O_RDONLY);
  closeSync(fd);
  return fd;
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "devlift-native-"));
  fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
});

afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

afterAll(() => rmSync(directory, { recursive: true }));

describe("read and writev", () => {
  it("carry the parts of a message in order, empty ones too", () => {
    const fd = openLoop();
    const buffer = new Uint8Array(16);
    expect(writev(fd, [bytes("head "), new Uint8Array(), bytes("body").subarray(1)])).toBe(8);
    expect(read(fd, buffer)).toBe(8);
    expect(text(buffer.subarray(0, 8))).toBe("head ody");
    expect(writev(fd, [])).toBe(0);
    expect(read(fd, new Uint8Array())).toBe(0);
    expect(writev(fd, Array(16).fill(bytes("ab")))).toBe(32);
    expect(read(fd, new Uint8Array(64))).toBe(32);
  });

  it("return -errno", () => {
    const fd = openLoop();
    const buffer = new Uint8Array(8);
    const closed = closedFd();
    expect(read(fd, buffer)).toBe(-ERRNO.EAGAIN);
    expect(read(closed, buffer)).toBe(-ERRNO.EBADF);
    expect(writev(closed, [buffer])).toBe(-ERRNO.EBADF);
  });

  it("read returns 0 at the end, writev -EPIPE without a signal", () => {
    const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
    const writer = open(fifo, O_WRONLY | O_NONBLOCK);
    closeSync(reader);
    expect(writev(writer, [bytes("x")])).toBe(-ERRNO.EPIPE);
    expect(read(open("/dev/null", O_RDONLY), new Uint8Array(4))).toBe(0);
  });

  it("take shared memory, and see a detached buffer as empty", () => {
    const fd = openLoop();
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    const detached = new Uint8Array(8);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(writev(fd, [bytes("abc")])).toBe(3);
    expect(read(fd, shared)).toBe(3);
    expect([...shared.subarray(0, 3)]).toEqual([...bytes("abc")]);
    expect(writev(fd, [detached])).toBe(0);
    expect(read(fd, detached)).toBe(0);
  });
});

describe("ioctl", () => {
  it("carries bytes in and out", () => {
    const { master } = openPty();
    opened.push(master);
    const size = [24, 0, 80, 0, 1, 2, 3, 4];
    const got = new Uint8Array(8);
    expect(ioctl(master, TIOCSWINSZ, new Uint8Array(size))).toBe(0);
    expect(ioctl(master, TIOCGWINSZ, got)).toBe(0);
    expect([...got]).toEqual(size);
    const fifoFd = openLoop();
    const waiting = new Uint8Array(4);
    writev(fifoFd, [new Uint8Array(258)]);
    expect(ioctl(fifoFd, FIONREAD, waiting)).toBe(0);
    expect(new Uint32Array(waiting.buffer)[0]).toBe(258);
    const long = new Uint8Array(20000);
    expect(ioctl(master, TIOCGWINSZ, long)).toBe(0);
    expect([...long.subarray(0, 8)]).toEqual(size);
  });

  it("keeps the kernel from writing past a short argument", () => {
    const { master } = openPty();
    opened.push(master);
    const around = new Uint8Array(64).fill(0xaa);
    expect(ioctl(master, TCGETS, around.subarray(8, 12))).toBe(0);
    expect([...around.subarray(0, 8), ...around.subarray(12)].every((byte) => byte === 0xaa)).toBe(true);
    expect(ioctl(master, TCGETS, new Uint8Array())).toBe(0);
  });

  it("passes numbers and bigints as values, and returns -errno", () => {
    const { master } = openPty();
    opened.push(master);
    expect(ioctl(master, TCFLSH, 2)).toBe(0);
    expect(ioctl(master, TCFLSH, 2n)).toBe(0);
    expect(ioctl(master, TCFLSH, 77)).toBe(-ERRNO.EINVAL);
    expect(ioctl(master, TCFLSH, -1)).toBe(-ERRNO.EINVAL);
    expect(ioctl(master, TIOCGWINSZ, 0)).toBe(-ERRNO.EFAULT);
    expect(ioctl(openLoop(), TIOCGWINSZ, new Uint8Array(8))).toBe(-ERRNO.ENOTTY);
    expect(ioctl(closedFd(), TCFLSH, 0)).toBe(-ERRNO.EBADF);
  });
});

describe("openPty", () => {
  it("gives a master that is non-blocking and close-on-exec, and the slave's path", async () => {
    const { master, slavePath } = openPty();
    opened.push(master);
    const buffer = new Uint8Array(16);
    const flags = Number.parseInt(
      /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${master}`, "utf8"))?.[1] ?? "",
      8,
    );
    const O_CLOEXEC = 0o2000000; // in fdinfo as fs/proc/fd.c puts it there
    expect(flags & (O_NONBLOCK | O_CLOEXEC)).toBe(O_NONBLOCK | O_CLOEXEC);
    expect(read(master, buffer)).toBe(-ERRNO.EAGAIN);

    const slave = openSync(slavePath, O_RDWR | O_NOCTTY);
    expect(writev(slave, [bytes("to the master")])).toBe(13);
    await ready(master);
    expect(text(buffer.subarray(0, read(master, buffer)))).toBe("to the master");
    closeSync(slave);
    expect(read(master, buffer)).toBe(-ERRNO.EIO);
  });
});

/** Settles when the descriptor is readable. */
function ready(fd: number): Promise<number> {
  return new Promise((resolve) => {
    const watching = watch(fd, READY.READABLE, (result) => {
      watching.close();
      resolve(result);
    });
  });
}

describe("inotifyOpen", () => {
  it("reports who opens and closes a pseudoterminal's slave", async () => {
    const { master, slavePath } = openPty();
    opened.push(master);
    const fd = inotifyOpen(slavePath, INOTIFY.IN_OPEN | INOTIFY.IN_CLOSE_WRITE | INOTIFY.IN_CLOSE_NOWRITE);
    opened.push(fd);
    const buffer = new Uint8Array(256);
    expect(read(fd, buffer)).toBe(-ERRNO.EAGAIN);
    closeSync(openSync(slavePath, O_RDWR | O_NOCTTY));
    expect(await ready(fd)).toBe(READY.READABLE);
    expect(read(fd, buffer)).toBe(32);
    const view = new DataView(buffer.buffer);
    expect([view.getUint32(4, littleEndian), view.getUint32(20, littleEndian)]).toEqual([
      INOTIFY.IN_OPEN,
      INOTIFY.IN_CLOSE_WRITE,
    ]);
  });

  it("throws as Node's fs does", () => {
    const path = join(directory, "nothing");
    const error = { code: "ENOENT", errno: -ERRNO.ENOENT, syscall: "inotify_add_watch", path };
    expect(() => inotifyOpen(path, INOTIFY.IN_OPEN)).toThrow(expect.objectContaining(error));
  });
});

describe("sdNotify", () => {
  let receiver: string;

  beforeAll(() => {
    receiver = join(directory, "receive-datagram");
    const source = fileURLToPath(new URL("native/receive-datagram.c", import.meta.url));
    execFileSync("cc", ["-Wall", "-Werror", "-o", receiver, source]);
  });

  it.each(["path", "abstract name"])("sends one datagram to a %s", async (kind) => {
    const address = kind === "path" ? join(directory, "notify") : `@devlift-test-${process.pid}`;
    const child = spawn(receiver, [address], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.setEncoding("utf8");
    const [bound] = await once(child.stdout, "data");
    expect(bound).toBe("bound\n");
    sdNotify(address, "READY=1\nSTATUS=grüezi");
    const [received] = await once(child.stdout, "data");
    expect(received).toBe("READY=1\nSTATUS=grüezi");
  });

  it("throws when nobody listens, and for a path that no socket can have", () => {
    expect(() => sdNotify(join(directory, "nobody"), "READY=1")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => sdNotify(`/${"x".repeat(106)}`, "READY=1")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => sdNotify(`/${"x".repeat(107)}`, "")).toThrow(expect.objectContaining({ code: "ENAMETOOLONG" }));
    expect(() => sdNotify(`@${"x".repeat(108)}`, "")).toThrow(expect.objectContaining({ code: "ENAMETOOLONG" }));
  });
});

describe("peer", () => {
  it("says who is at the other end of a unix socket, and of nothing else", () => {
    const ends = socketPair();
    const [gid, uid] = [process.getegid?.(), process.geteuid?.()];
    for (const end of ends) expect(peer(end)).toEqual({ pid: process.pid, uid, gid });
    for (const end of ends) closeSync(end);
    const file = openSync("/dev/null", "r");
    expect(() => peer(file)).toThrow(expect.objectContaining({ code: "ENOTSOCK", syscall: "getsockopt" }));
    closeSync(file);
    expect(() => peer(-1)).toThrow(expect.objectContaining({ code: "EBADF" }));
  });
});

describe("shed", () => {
  it("unmaps code, which then runs as before", () => {
    const mappedKib = () => Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
    const before = mappedKib();
    shed();
    expect(mappedKib()).toBeLessThan(before);
    expect(JSON.parse('{"a":[1,2]}')).toEqual({ a: [1, 2] });
  });
});

describe("peek", () => {
  it("reads another process's memory, or says why not", () => {
    const [start = "0"] = readFileSync("/proc/self/maps", "utf8").split("-", 1);
    const bytes = new Uint8Array(4);
    expect(peek(process.pid, BigInt(`0x${start}`), bytes)).toBe(4);
    expect([...bytes]).toEqual([0x7f, ...Buffer.from("ELF")]);
    expect(peek(process.pid, 16n, bytes)).toBe(-ERRNO.EFAULT);
    expect(peek(2 ** 31 - 1, 16n, bytes)).toBe(-ERRNO.ESRCH);
  });
});
