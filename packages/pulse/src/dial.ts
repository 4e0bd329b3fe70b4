// Reaching a server: the socket, and the handshake. Lifetime: one attempt to connect.

import { createConnection, type Socket } from "node:net";
import { Connection, type ConnectionListener } from "./connection.ts";
import { PulseError } from "./errors.ts";
import { formatAddress, type ServerAddress } from "./locate.ts";
import { connectSocket, type Reach } from "./reach.ts";
import { PA_COMMAND, PA_PROTOCOL_VERSION_MASK, PROTOCOL_VERSION } from "./wire/abi.ts";
import type { Properties } from "./wire/tagstruct.ts";

/** @throws PulseError("refused") that names each address and what was wrong with it, or "aborted" */
export async function dial(addresses: readonly ServerAddress[], reach: Reach, signal: AbortSignal): Promise<Socket> {
  const failures: string[] = [];
  let access: PulseError | undefined;
  for (const address of addresses) {
    try {
      return await connectTo(address, reach, signal);
    } catch (error) {
      if (signal.aborted) throw abortedBy(signal, `connecting to ${formatAddress(address)}`);
      if (error instanceof PulseError) access = error;
      failures.push(`${formatAddress(address)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw access ?? new PulseError("refused", `no sound server can be reached (${failures.join("; ")})`);
}

/** Why `signal`, which may be a time limit, ended `what`. */
export function abortedBy(signal: AbortSignal, what: string): PulseError {
  const timedOut = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
  return timedOut
    ? new PulseError("timeout", `${what} took too long`)
    : new PulseError("aborted", `${what} was given up`);
}

async function connectTo(address: ServerAddress, reach: Reach, signal: AbortSignal): Promise<Socket> {
  if (address.kind === "unix") return await reach.connect(address.path, signal);
  const { host, port } = address;
  // Commands are small, and each is waited for.
  return await connectSocket(createConnection({ host, port, noDelay: true }), signal);
}

export interface Greeting {
  readonly cookie: Uint8Array;
  readonly properties: Properties;
  readonly timeoutMs: number;
}

/**
 * The handshake on a connected socket.
 *
 * @returns the connection, and our client's index in the server
 * @throws PulseError: "access" without the right cookie, "version" of a server before PulseAudio 1.0, "timeout"
 */
export async function greet(socket: Socket, greeting: Greeting, listener: ConnectionListener, signal: AbortSignal) {
  const connection = new Connection(socket, greeting.timeoutMs, listener);
  try {
    const version = await connection.request({
      command: PA_COMMAND.AUTH,
      fields: (writer) => writer.u32(PROTOCOL_VERSION).arbitrary(greeting.cookie),
      answer: (reader) => reader.u32() & PA_PROTOCOL_VERSION_MASK,
      signal,
    });
    if (version < PROTOCOL_VERSION)
      throw new PulseError("version", `the sound server speaks version ${version}, we need ${PROTOCOL_VERSION}`);
    const index = await connection.request({
      command: PA_COMMAND.SET_CLIENT_NAME,
      fields: (writer) => writer.proplist(greeting.properties),
      answer: (reader) => reader.u32(),
      signal,
    });
    return { connection, index };
  } catch (error) {
    connection.close();
    throw signal.aborted ? abortedBy(signal, "the sound server's greeting") : error;
  }
}
