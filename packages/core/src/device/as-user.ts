// Reaching what belongs to another user, as that user: by a process of its own that has become it (native/helper.c), so
// that the kernel is the judge, and no path, however it changes or hangs, harms the daemon.
// Lifetimes: a helper runs for one step; one at a time for each user. One that cannot be killed, because it waits inside the
// kernel, keeps that user from having another, and holds nothing else.

import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { ERRNO, errnoCode } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import { HELPER, READY, read, reap, receiveFd, startHelper, watch } from "../native.ts";

/** A user, with the one group that counts. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** The user whose turn it takes, where it is done as another for that one. Default: `uid` */
  readonly onBehalfOf?: number;
}

const MOST_BYTES = 65_536;
const SIGNALLED = 256;

/** The ends of the helpers that run. */
const running = new Map<number, Promise<unknown>>();

/**
 * Connects to a Unix socket (AF_UNIX, SOCK_STREAM) as a user: the other end sees that user's ids (SO_PEERCRED).
 * @param path absolute
 * @throws DeviceError with the errno of connect(2), as a rejection; what `signal` was aborted with
 */
export async function connectAs(account: Account, path: string, signal: AbortSignal): Promise<Socket> {
  return await step(account, { what: HELPER.CONNECT, path, signal }, (socket) => {
    const fd = receiveFd(socket);
    if (fd < 0) throw new DeviceError("EIO", "a helper sent no connection");
    return new Socket({ fd, readable: true, writable: true });
  });
}

/**
 * Reads a file as a user: its first 64 KiB.
 * @param path absolute
 * @throws DeviceError with the errno of open(2) or read(2), EINVAL of what is no regular file, as a rejection; what `signal`
 *   was aborted with
 */
export async function readFileAs(account: Account, path: string, signal: AbortSignal): Promise<Buffer> {
  return await step(account, { what: HELPER.READ, path, signal }, (socket) => {
    const bytes = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = read(socket, bytes.subarray(length));
      if (count < 0) throw new DeviceError(errnoCode(-count) ?? "EIO", "a helper's answer cannot be read");
    }
    return bytes.subarray(0, length);
  });
}

interface Step {
  readonly what: number;
  readonly path: string;
  readonly signal: AbortSignal;
}

async function step<T>(account: Account, { what, path, signal }: Step, take: (socket: number) => T): Promise<T> {
  const { uid, onBehalfOf: user = uid } = account;
  for (let before = running.get(user); before !== undefined; before = running.get(user)) await unless(signal, before);
  signal.throwIfAborted();
  const { pid, pidfd, socket } = startHelper(account, what, path);
  const ended = endOf(pid, pidfd).finally(() => running.delete(user));
  running.set(user, ended);
  try {
    const status = await unless(signal, ended);
    if (status !== 0) throw new DeviceError(codeOf(status), `${path} as user ${uid}`);
    return take(socket);
  } catch (error) {
    if (running.get(user) === ended) process.kill(pid, "SIGKILL");
    throw error;
  } finally {
    closeSync(socket);
  }
}

function codeOf(status: number) {
  return (status < SIGNALLED ? errnoCode(status) : undefined) ?? "EIO";
}

/** @returns its status, when it has ended. Never rejects */
function endOf(pid: number, pidfd: number): Promise<number> {
  return new Promise((resolve) => {
    const ended = watch(pidfd, READY.READABLE, () => {
      const status = reap(pid);
      if (status === -ERRNO.EAGAIN) return;
      ended.close();
      closeSync(pidfd);
      resolve(status < 0 ? ERRNO.EIO : status);
    });
    // A daemon that ends does not wait for it: the helper ends with it.
    ended.unref();
  });
}

/** @throws what `signal` was aborted with */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
