// The typed face of native/*.c: the few system calls that a daemon needs and that neither Node nor npm has.
// Objects: one addon a process (a thread loads it again, cheaply), loaded at the first call, so that importing this
// module costs nothing and works where the addon does not. A Watch lives until close() or the end of its thread.
//
// Two kinds of functions. Those that run once a request return a number: a count, or -errno (-11 for EAGAIN; names in
// errno.ts), and never throw for what the kernel says. Those that run once a device throw NativeError. Both throw
// TypeError or RangeError for a wrong argument. Descriptors are the caller's: nothing here closes one.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { UsageError } from "./errors.ts";

/** What the throwing functions throw: shaped as Node's own errors, e.g. code "ENOENT", errno -2, syscall "openat". */
export interface NativeError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
}

/** Readiness, as `watch` takes and gives it; an OR of these. Source: libuv, enum uv_poll_event. */
export const READY = { READABLE: 1, WRITABLE: 2, DISCONNECT: 4, PRIORITIZED: 8 } as const;

/** Some of what `inotifyOpen` can report; an OR of these. Source: include/uapi/linux/inotify.h. */
export const INOTIFY = {
  IN_ACCESS: 0x1,
  IN_MODIFY: 0x2,
  IN_ATTRIB: 0x4,
  IN_CLOSE_WRITE: 0x8,
  IN_CLOSE_NOWRITE: 0x10,
  IN_OPEN: 0x20,
  IN_CREATE: 0x100,
  IN_DELETE: 0x200,
  IN_DELETE_SELF: 0x400,
  IN_UNMOUNT: 0x2000,
  IN_Q_OVERFLOW: 0x4000,
  IN_IGNORED: 0x8000,
} as const;

/**
 * A link's answer() returns WRITE_FAILED - errno when the kernel refused the reply, e.g. -4098 for ENOENT. No -errno is that
 * small (the kernel's MAX_ERRNO is 4095), so `result < WRITE_FAILED` tells the two apart.
 */
export const WRITE_FAILED = -4096;

/** Readiness of one descriptor. Keeps its thread alive until close() or unref(). */
export interface Watch {
  /** Watches for other READY bits; 0 pauses. Returns 0 or -errno: -EBADF (-9) after close(). */
  update(events: number): number;
  /** No callback comes after this. Idempotent; to be called before the descriptor is closed. */
  close(): void;
  ref(): void;
  unref(): void;
}

/**
 * A descriptor of /dev/fuse, /dev/cuse or /dev/fusd with the memory of its requests and replies, so that most calls pass nothing.
 * Its functions need no receiver. None but stop() is to be called when the descriptor is closed.
 */
export interface Link {
  /** 4096 bytes: where answer() finds the reply, which begins with its length (struct fuse_out_header). */
  readonly reply: Uint8Array;
  /** Memory for a request of up to `size` bytes, from a page's start. */
  readonly allocate: (size: number) => Uint8Array;
  /** Where requests are read into from now on, of allocate()'s. To be called before take() and start(). */
  readonly use: (request: Uint8Array) => void;
  /**
   * From now on allocate() takes memory behind what a file in memory has, at least a page, and the file's first eight bytes
   * say where in it the request at hand is (uint64, the machine's order): who has the file sees it when this process has
   * died. The descriptor may be closed then. @throws NativeError, e.g. EINVAL of a file that is too short
   */
  readonly keepIn: (fd: number) => void;
  /**
   * From now on requests and answers go through the ring that a descriptor of /dev/fusd has been given (FUSD_RING), where
   * they fit: what take() and answer() do then needs no system call.
   * @throws NativeError of mmap(2)
   */
  readonly share: (slots: number, slotSize: number) => void;
  /** read(2) of the next request. Returns its length, or -errno. */
  readonly take: () => number;
  /**
   * Writes the reply, then takes the next request. Returns as take() does, or WRITE_FAILED - errno of the write; in that
   * case nothing was read. @throws RangeError when the reply's length is more than its memory
   */
  readonly answer: () => number;
  /** The same for a reply whose last bytes are these. */
  readonly answerWith: (bytes: Uint8Array) => number;
  /**
   * Takes each request that comes and calls back with its length, or with -errno of the read. The callback answers it
   * and goes on until take() or an answer gives -EAGAIN, or for as long as it likes.
   * @param spinUs microseconds for which to look for another request before sleeping, where they have come as fast
   */
  readonly start: (callback: (result: number) => void, spinUs: number) => void;
  /** No callback comes after this. Idempotent; to be called before the descriptor is closed. */
  readonly stop: () => void;
}

/** A process that does one step as another user: `startHelper`. */
export interface Helper {
  readonly pid: number;
  /** Readable when it has ended (pidfd_open(2)). The caller closes it. */
  readonly pidfd: number;
  /** Where its answer is then: a descriptor, or bytes. The caller closes it. */
  readonly socket: number;
}

/** What a helper does: connect(2) to a socket, or read a file, of which it gives the first 64 KiB. */
export const HELPER = { CONNECT: 0, READ: 1 } as const;

/** What `native/*.c` exports. The parts of a message are arguments there: an array costs 50 ns more to take apart. */
interface Addon {
  read(fd: number, buffer: Uint8Array): number;
  writev(fd: number, ...parts: readonly Uint8Array[]): number;
  openLink(fd: number): Link;
  shed(): void;
  peek(pid: number, address: bigint, bytes: Uint8Array): number;
  ioctl(fd: number, request: number, arg: number | bigint | Uint8Array): number;
  map(fd: number, offset: number, length: number, address?: bigint): ArrayBuffer;
  memoryFile(name: string, size: number): number;
  pageSize(): number;
  openPty(): { master: number; slavePath: string };
  inotifyOpen(path: string, mask: number): number;
  peer(fd: number): { pid: number; uid: number; gid: number };
  sdNotify(path: string, message: Uint8Array, fd: number): void;
  mount(source: string, target: string, type: string, flags: number, data: string): void;
  umount2(target: string, flags: number): void;
  socketPair(): [number, number];
  pipe(): [number, number];
  receiveFd(fd: number): number;
  helper(uid: number, gid: number, step: number, path: string): Helper;
  reap(pid: number): number;
  readonly Watch: new (fd: number, events: number, callback: (result: number) => void) => Watch;
}

// Beside a bundle, in a package with a binary for each platform beside its bundle, and in a checkout.
const places = [
  "./devlift.node",
  `./prebuilds/${process.platform}-${process.arch}/devlift.node`,
  "../build/Release/devlift.node",
];

let addon: Addon | undefined;

let provided: (() => unknown) | undefined;

/** For an executable that has the addon in itself: loads it, when it is first needed. */
export function provide(addonOf: () => unknown): void {
  provided = addonOf;
}

function load(): Addon {
  // What native/*.c exports, whoever loads it.
  addon ??= provided === undefined ? loadFrom(addonPath()) : (provided() as Addon);
  return addon;
}

function loadFrom(path: string): Addon {
  try {
    const loaded: Addon = createRequire(import.meta.url)(path);
    return loaded;
  } catch (cause) {
    throw new UsageError(`The native addon ${path} does not load here: run "npm run build" on this machine`, { cause });
  }
}

/**
 * Where the addon is, absolute: for a bundler that copies it beside a bundle as devlift.node.
 * @throws UsageError when it has not been built, or not for this platform.
 */
export function addonPath(): string {
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    const here = `${process.platform}-${process.arch}`;
    const fix = 'in a checkout run "npm run build"; a package has it for the machines that it was made for';
    throw new UsageError(`There is no native addon for ${here}: ${fix}. Looked for ${paths.join(", ")}`);
  }
  return found;
}

/** read(2) into the whole buffer, repeated on EINTR. Returns the number of bytes, 0 at the end, or -errno. */
export function read(fd: number, buffer: Uint8Array): number {
  return load().read(fd, buffer);
}

/**
 * writev(2) of at most 16 parts, repeated on EINTR. Returns the number of bytes, which can be fewer than given, or
 * -errno. EPIPE comes without a signal: Node ignores SIGPIPE.
 */
export function writev(fd: number, parts: readonly Uint8Array[]): number {
  return load().writev(fd, ...parts);
}

/**
 * process_vm_readv(2): fills `bytes` from another process's memory. Returns how many were read, or -errno: -EPERM (-1)
 * for a process that we may not trace, -EFAULT (-14) where it has nothing.
 */
export function peek(pid: number, address: bigint, bytes: Uint8Array): number {
  return load().peek(pid, address, bytes);
}

/**
 * Gives back memory that only the start of the process needed: pages of code, which come back when they are run again,
 * and what the C library keeps for later. Takes about a millisecond.
 */
export function shed(): void {
  load().shed();
}

/** What a request takes of system calls, as cheap as it gets. The descriptor is made non-blocking by start(). */
export function openLink(fd: number): Link {
  return load().openLink(fd);
}

/**
 * ioctl(2), not repeated on EINTR, synchronous: only for commands that return at once. Returns what the command
 * returns, or -errno. `request` is the unsigned 32-bit number. A number or bigint goes as a value; the bytes of an
 * array go and come back in place. An array that is shorter than the size in a number made with _IOR, _IOW or _IOWR
 * is a RangeError. Pointers inside the bytes are not looked at.
 */
export function ioctl(fd: number, request: number, arg: number | bigint | Uint8Array): number {
  return load().ioctl(fd, request, arg);
}

/**
 * Calls back with the READY bits whenever some of `events` hold, level-triggered, on this thread's event loop; with
 * -errno when watching ended by itself: -EBADF (-9) is what libuv makes of POLLERR, e.g. a FUSE connection that was
 * aborted, and the next read says which error. POLLHUP comes as the bits asked for.
 *
 * What the callback throws becomes 'uncaughtException'. Makes the descriptor non-blocking (libuv's uv_poll_init).
 * @throws NativeError: EEXIST when this thread watches the descriptor already, EPERM for what cannot be polled, such
 * as a regular file, EBADF.
 */
export function watch(fd: number, events: number, callback: (result: number) => void): Watch {
  return new (load().Watch)(fd, events, callback);
}

/**
 * mmap(2), shared, to be read and written: memory that other processes see change as it does here. It is there until the
 * last view of it is collected; the descriptor may be closed before. Offset and length are bytes, the offset whole pages.
 * @throws NativeError, e.g. ENODEV of what cannot be mapped
 */
export function map(fd: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(load().map(fd, offset, length));
}

/**
 * The same at an address of whole pages, and in memory for good: the kernel never waits for a page of it.
 * @throws NativeError EEXIST where something is there, EAGAIN for more than RLIMIT_MEMLOCK
 */
export function mapAt(address: bigint, what: Mapped): Uint8Array<ArrayBuffer> {
  return new Uint8Array(load().map(what.fd, what.offset, what.length, address));
}

/** What of a descriptor is mapped. */
export interface Mapped {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * A file of so many zeroes that is in memory and nowhere else (memfd_create(2)), close-on-exec; the caller closes it.
 * @param name for a person, in /proc @throws NativeError
 */
export function memoryFile(name: string, size: number): number {
  return load().memoryFile(name, size);
}

/** Bytes of a page of this machine's memory. */
export function pageSize(): number {
  return load().pageSize();
}

/**
 * A new pseudoterminal, as openpty(3) makes it, without an open slave. The master is non-blocking and close-on-exec;
 * the caller closes it. With no slave open it reads -EIO (-5), once one had been open.
 * @throws NativeError
 */
export function openPty(): { master: number; slavePath: string } {
  return load().openPty();
}

/**
 * An inotify(7) descriptor, non-blocking and close-on-exec, with one watch; the caller closes it. For IN_OPEN and
 * IN_CLOSE, which fs.watch does not report. `read` gives records of struct inotify_event, in the machine's byte order:
 * int32 wd, uint32 mask, uint32 cookie, uint32 length of the name that follows, 0 when a file is watched.
 * @throws NativeError, e.g. ENOENT.
 */
export function inotifyOpen(path: string, mask: number): number {
  return load().inotifyOpen(path, mask);
}

/**
 * Sends the service manager one message, such as "READY=1", to the socket whose path or "@name" is in NOTIFY_SOCKET
 * (sd_notify(3)); Node has no AF_UNIX datagrams.
 * @param fd goes along, as with "FDSTORE=1"
 * @throws NativeError, e.g. ECONNREFUSED.
 */
export function sdNotify(path: string, message: string, fd = -1): void {
  load().sdNotify(path, new TextEncoder().encode(message), fd);
}

/**
 * Who had the other end of a unix socket when it was connected (SO_PEERCRED, unix(7)): the kernel's word, not the peer's.
 * A uid that this user namespace does not know is the overflow uid, 65534.
 * @throws NativeError, e.g. EBADF, ENOTSOCK
 */
export function peer(fd: number): { readonly pid: number; readonly uid: number; readonly gid: number } {
  return load().peer(fd);
}

/** Flags of mount(2) and umount2(2). Source: include/uapi/linux/mount.h; MNT_DETACH of include/linux/fs.h. */
export const MOUNT = { MS_NOSUID: 2, MS_NODEV: 4, MS_NOEXEC: 8, MNT_DETACH: 2 } as const;

/** What to mount: the first argument of mount(2), its type, an OR of MOUNT's MS_ bits, and its options. */
export interface MountRequest {
  readonly source: string;
  readonly type: string;
  readonly flags: number;
  readonly data: string;
}

/**
 * mount(2).
 * @throws NativeError, e.g. EPERM without CAP_SYS_ADMIN
 */
export function mount(target: string, { source, type, flags, data }: MountRequest): void {
  load().mount(source, target, type, flags, data);
}

/**
 * umount2(2). With MNT_DETACH it never waits: the path is free at once, open files live on.
 * @throws NativeError, e.g. EINVAL when nothing is mounted there
 */
export function umount2(target: string, flags: number): void {
  load().umount2(target, flags);
}

/** Two connected sockets (AF_UNIX, SOCK_STREAM), close-on-exec; the caller closes both. @throws NativeError */
export function socketPair(): [number, number] {
  return load().socketPair();
}

/**
 * A pipe(7): where to read and where to write, close-on-exec; the caller closes both. Writing never waits, reading does:
 * that end is for a program. Unlike what Node gives a child as its standard input it can be asked how much nobody has read
 * yet (FIONREAD). @throws NativeError
 */
export function pipe(): [number, number] {
  return load().pipe();
}

/**
 * The descriptor in the first message that waits in a socket (SCM_RIGHTS, unix(7)), close-on-exec; the caller closes
 * it. Returns -errno otherwise: -EAGAIN (-11) when there is no message, -ENOMSG (-42) when it has no descriptor.
 */
export function receiveFd(fd: number): number {
  return load().receiveFd(fd);
}

/**
 * Starts a process that becomes the user, with that group and no other, does a step with an absolute path, and ends with 0
 * or an errno as its status. It has no descriptor of ours, nobody may trace it, and it ends when this thread does.
 * @throws NativeError, e.g. EAGAIN; RangeError for ids that are none
 */
export function startHelper(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  step: number,
  path: string,
): Helper {
  return load().helper(uid, gid, step, path);
}

/**
 * How a helper has ended, once: its exit status, or 256 and the signal that killed it. Returns -errno otherwise: -EAGAIN
 * (-11) while it runs.
 */
export function reap(pid: number): number {
  return load().reap(pid);
}
