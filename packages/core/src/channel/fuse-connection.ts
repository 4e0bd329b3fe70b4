// A Connection that speaks FUSE: what /dev/fuse and /dev/cuse have in common.

import { ERRNO } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import { peek } from "../native.ts";
import type { FuseNode } from "../session/fuse-node.ts";
import { FuseSession } from "../session/fuse-session.ts";
import type { Outliving } from "../session/outliving.ts";
import type { Parts } from "../session/session.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

export interface FuseConnectionOptions extends ConnectionOptions {
  /** The file that is served, on /dev/fuse. */
  readonly node?: FuseNode | undefined;
  /** What outlives this process, on /dev/cuse. Default: nothing */
  readonly outliving?: Outliving | undefined;
}

/** @param fd open for reading and writing, non-blocking; the connection's from now on */
export function fuseConnection(fd: number, options: FuseConnectionOptions): Connection {
  const { node, outliving } = options;
  return new Connection(fd, options, (common) => new FuseSession({ ...common, node, outliving, peek: peekAt() }));
}

/**
 * Waits for the kernel's first request, which introduces it, and answers it.
 * @throws DeviceError("EIO") when there is none, or none that we can answer
 */
export async function introduce(connection: Connection): Promise<void> {
  const answer = await connection.answerFirst();
  if (isError(answer)) throw new DeviceError("EPROTO", "the kernel speaks another FUSE protocol");
}

/** Whether struct fuse_out_header has an error. */
function isError([header]: Parts): boolean {
  return header?.subarray(4, 8).some((byte) => byte !== 0) ?? false;
}

/** More than the structs and arrays that lead to others take; their data comes by the kernel alone. */
const PEEK_SIZE = 16384;

/** Looks at callers' memory while the machine lets us: it takes CAP_SYS_PTRACE, which a daemon need not have. */
function peekAt(): (pid: number, base: bigint, len: number) => Uint8Array | undefined {
  let bytes: Uint8Array | undefined;
  let refused = false;
  return (pid, base, len) => {
    if (refused || len > PEEK_SIZE || pid === 0) return undefined;
    bytes ??= new Uint8Array(PEEK_SIZE);
    const result = peek(pid, base, bytes.subarray(0, len));
    refused = result === -ERRNO.EPERM || result === -ERRNO.ENOSYS;
    return result === len ? bytes.subarray(0, len) : undefined;
  };
}
