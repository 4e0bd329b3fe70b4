// How what an environment names is reached: sockets and files. The environment is a user's to choose, and need not be ours.
// So that a daemon of root's is not made to send a file of somebody else's to a server of the user's, or to talk to a socket
// that the user may not, both have to be the user's own, or open to all. Who can act as the user has no need for such a
// look, behind whose back a path can become another: a Reach of its own.

import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { PulseError } from "./errors.ts";
import { PA_NATIVE_COOKIE_LENGTH } from "./wire/abi.ts";

export interface Reach {
  /** @returns a connected socket, nothing of it read @throws what keeps from it, or what `signal` was aborted with */
  connect(path: string, signal: AbortSignal): Promise<Socket>;
  /** @returns a file, or its beginning: 256 bytes at least @throws as connect() */
  read(path: string, signal: AbortSignal): Promise<Buffer>;
}

/** For paths that are to be trusted. */
export const reachAnything: Reach = {
  connect: (path, signal) => connectSocket(createConnection(path), signal),
  read: (path) => readHead(path, undefined),
};

/** As ourselves, for a user. */
export function reachFor(uid: number): Reach {
  return {
    async connect(path, signal) {
      await checkSocket(path, uid);
      return await reachAnything.connect(path, signal);
    },
    read: (path) => readHead(path, uid),
  };
}

/** @throws PulseError("access") when the socket is neither the user's nor open to all, though we might be let in */
async function checkSocket(path: string, uid: number): Promise<void> {
  if (uid === process.geteuid?.()) return;
  const { uid: owner, mode } = await stat(path);
  if (owner !== uid && (mode & constants.S_IWOTH) === 0)
    throw new PulseError("access", `${path} is a socket that the user ${uid} may not use`);
}

/** @param owner whose the file has to be; undefined: whoever's */
async function readHead(path: string, owner: number | undefined): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    // A FIFO must not make us wait.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw new PulseError("authkey", `${path} is not a file`);
    if (owner !== undefined && stats.uid !== owner) throw new PulseError("authkey", `${path} is not user ${owner}'s`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PA_NATIVE_COOKIE_LENGTH), 0, PA_NATIVE_COOKIE_LENGTH, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file?.close();
  }
}

/** Waits until a socket is connected. @throws PulseError("aborted") */
export function connectSocket(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(new PulseError("aborted", "given up"));
    const settle = (settled: () => void) => {
      signal.removeEventListener("abort", abort);
      socket.off("connect", connected);
      socket.off("error", failed);
      settled();
    };
    const connected = () => settle(() => resolve(socket));
    const failed = (error: Error) => settle(() => reject(error));
    socket.once("connect", connected).once("error", failed);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}
