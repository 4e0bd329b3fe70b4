// The handheld: what it keeps (HandheldState) and how it does a HotSync on any ByteStream. A Handheld lives as long
// as a test wants; each sync is one call on one stream, which is closed at its end as a handheld leaves the cable.

import type { ByteStream } from "../hotsync-protocol/byte-stream.ts";
import { ProtocolError } from "../hotsync-protocol/errors.ts";
import { type Family, greetDesktop, wakeUpDesktop } from "../hotsync-protocol/handshake.ts";
import type { MessageLink } from "../hotsync-protocol/link.ts";
import { NetLink } from "../hotsync-protocol/net-link.ts";
import type { PadpTiming } from "../hotsync-protocol/padp-engine.ts";
import { PadpLink } from "../hotsync-protocol/padp-link.ts";
import { encodeSlp, SLP_SOCKET_DLP, SLP_TYPE } from "../hotsync-protocol/slp.ts";
import { builtinDatabases, romDatabases } from "./builtin.ts";
import { fromImage, type PalmDatabase, toImage } from "./database.ts";
import { type Commands, DlpSession } from "./dlp-session.ts";
import { OS_PROFILES, type OsProfile } from "./profiles.ts";
import { DATABASE_COMMANDS } from "./serve-databases.ts";
import { RECORD_COMMANDS } from "./serve-records.ts";
import { SYSTEM_COMMANDS } from "./serve-system.ts";
import type { HandheldState } from "./state.ts";

const COMMANDS: Commands = { ...SYSTEM_COMMANDS, ...DATABASE_COMMANDS, ...RECORD_COMMANDS };

export interface HandheldOptions {
  readonly profile?: OsProfile;
  /** Default: a few of every kind. */
  readonly databases?: readonly PalmDatabase[];
  readonly userName?: string;
}

export interface SyncOptions {
  readonly family: Family;
  /** What CMP offers, bits a second. Default 115200. */
  readonly maxBaud?: number;
  /** SLP loopback packets before the wake-up, as handhelds in a serial cradle send them. Default 0. */
  readonly loopbacks?: number;
  /** How long the desktop may be silent. Default 60 s. */
  readonly idleTimeoutMs?: number;
  readonly timing?: PadpTiming;
  /** Each request and its response, for a log. */
  readonly onCommand?: (request: Uint8Array, response: Uint8Array) => void;
}

export interface SyncResult {
  /** EndOfSync's status; 0 is normal. */
  readonly endStatus: number;
  /** The desktop asked for a restart of the handheld. */
  readonly resetWanted: boolean;
}

export class Handheld {
  readonly state: HandheldState;

  constructor(options: HandheldOptions = {}) {
    this.state = {
      profile: options.profile ?? OS_PROFILES.palmOs4,
      ram: [...(options.databases ?? builtinDatabases())],
      rom: romDatabases(),
      user: {
        userId: 0x1234,
        viewerId: 0,
        lastSyncPc: 0,
        lastSuccessfulSync: 0,
        lastSync: 0,
        name: options.userName ?? "Devlift User",
        password: new Uint8Array(),
      },
      log: "",
      clockOffset: 0,
      preferences: new Map(),
      netSync: { lanSync: 0, hostName: "", hostAddress: "", subnetMask: "" },
      cancelled: false,
    };
  }

  /** Puts a PDB or PRC image into memory, in place of a database of the same name. Throws ImageError. */
  load(image: Uint8Array): PalmDatabase {
    const database = fromImage(image);
    const at = this.state.ram.findIndex(({ name }) => name === database.name);
    this.state.ram.splice(at < 0 ? this.state.ram.length : at, at < 0 ? 0 : 1, database);
    return database;
  }

  /** undefined if there is none of that name. */
  image(name: string): Uint8Array | undefined {
    const database = [...this.state.ram, ...this.state.rom].find((candidate) => candidate.name === name);
    return database && toImage(database);
  }

  /**
   * One HotSync, from wake-up to EndOfSync. Rejects with ProtocolError when the desktop goes away, stays silent or
   * breaks the protocol. Closes the stream.
   */
  async sync(stream: ByteStream, options: SyncOptions): Promise<SyncResult> {
    let link: MessageLink | undefined;
    try {
      link = await connect(stream, options);
      return await this.#serve(link, options);
    } finally {
      await (link ?? stream).close();
    }
  }

  async #serve(link: MessageLink, { idleTimeoutMs = DEFAULT_IDLE_MS, onCommand }: SyncOptions): Promise<SyncResult> {
    const session = new DlpSession(this.state, COMMANDS);
    for (;;) {
      const request = await link.receive(idleTimeoutMs);
      const response = session.handle(request);
      onCommand?.(request, response);
      const { endStatus, resetWanted } = session;
      if (endStatus === undefined) await link.send(response);
      else {
        await lastWord(link, response);
        return { endStatus, resetWanted };
      }
    }
  }
}

const DEFAULT_IDLE_MS = 60_000;
const DEFAULT_BAUD = 115200;

async function connect(stream: ByteStream, options: SyncOptions): Promise<MessageLink> {
  const { idleTimeoutMs = DEFAULT_IDLE_MS } = options;
  if (options.family === "net") {
    const link = new NetLink(stream, "handheld");
    await greetDesktop(link, idleTimeoutMs);
    return link;
  }
  for (let xid = 1; xid <= (options.loopbacks ?? 0); xid++) {
    const socket = SLP_SOCKET_DLP;
    await stream.write(encodeSlp({ dest: socket, src: socket, type: SLP_TYPE.LOOPBACK, xid, data: new Uint8Array() }));
  }
  const link = new PadpLink(stream, "handheld", options.timing);
  await wakeUpDesktop(link, options.maxBaud ?? DEFAULT_BAUD, idleTimeoutMs);
  return link;
}

/** A desktop that has the answer to EndOfSync may close the port before its acknowledge is out. */
async function lastWord(link: MessageLink, response: Uint8Array): Promise<void> {
  try {
    await link.send(response);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
