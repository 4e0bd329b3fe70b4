// The handheld's DLP server for one sync: requests in, responses out, no I/O. It holds what a sync opens; everything
// that outlives the sync is in the HandheldState. The commands are in serve-*.ts, one table row each.

import { ByteReader } from "../hotsync-protocol/bytes.ts";
import {
  DLP_ERROR,
  DLP_FIRST_ARG,
  type DlpArg,
  type DlpRequest,
  decodeDlpRequest,
  dlpErrorName,
  encodeDlpResponse,
} from "../hotsync-protocol/dlp.ts";
import { OPEN_MODE } from "../hotsync-protocol/dlp-databases.ts";
import { DlpError, ProtocolError } from "../hotsync-protocol/errors.ts";
import type { PalmDatabase } from "./database.ts";
import { freeRam, type HandheldState, handheldTime } from "./state.ts";

export interface OpenDatabase {
  readonly database: PalmDatabase;
  readonly mode: number;
  /** Where ReadNext... goes on. */
  next: number;
}

/** A request's arguments by number. */
export class Arguments {
  readonly #request: DlpRequest;

  constructor(request: DlpRequest) {
    this.#request = request;
  }

  has(id: number): boolean {
    return this.#request.args.some((arg) => arg.id === id);
  }

  /** Throws DlpError ArgMissing. */
  bytes(id: number = DLP_FIRST_ARG): Uint8Array {
    const arg = this.#request.args.find((candidate) => candidate.id === id);
    if (!arg) throw refuse(DLP_ERROR.ArgMissing);
    return arg.data;
  }

  read(id: number = DLP_FIRST_ARG): ByteReader {
    return new ByteReader(this.bytes(id), `argument 0x${id.toString(16)}`);
  }
}

/** One command. It returns the response's arguments or throws a DlpError with the response's code. */
export type Command = (session: DlpSession, args: Arguments) => readonly DlpArg[];
export type Commands = Readonly<Record<number, Command>>;

export function refuse(code: number): DlpError {
  return new DlpError(code, `the handheld refuses: ${dlpErrorName(code)}`);
}

const MAX_OPEN = 16;

export class DlpSession {
  readonly state: HandheldState;
  /** By handle, from 1. */
  readonly open = new Map<number, OpenDatabase>();
  /** FindDB's search by type and creator goes on from here. */
  searchFrom = 0;
  /** EndOfSync came, with this status; 0 is normal. */
  endStatus: number | undefined;
  /** ResetSystem came: a real handheld restarts when the sync is over. */
  resetWanted = false;

  readonly #commands: Commands;

  constructor(state: HandheldState, commands: Commands) {
    this.state = state;
    this.#commands = commands;
  }

  /** Always answers, whatever came. */
  handle(message: Uint8Array): Uint8Array {
    const func = message[0] ?? 0;
    try {
      const request = decodeDlpRequest(message);
      const command = this.#commands[request.func];
      if (!command) throw refuse(DLP_ERROR.IllegalReq);
      return encodeDlpResponse({ func, error: 0, args: command(this, new Arguments(request)) });
    } catch (error) {
      if (error instanceof DlpError) return encodeDlpResponse({ func, error: error.code, args: [] });
      if (error instanceof ProtocolError) return encodeDlpResponse({ func, error: DLP_ERROR.ArgSize, args: [] });
      throw error;
    }
  }

  /** Throws DlpError NoneOpen. */
  opened(handle: number): OpenDatabase {
    const open = this.open.get(handle);
    if (!open) throw refuse(DLP_ERROR.NoneOpen);
    return open;
  }

  /** For a change of up to `growth` bytes. Throws DlpError NoneOpen, ReadOnly or Space. */
  writable(handle: number, growth = 0): PalmDatabase {
    const { database, mode } = this.opened(handle);
    if (!(mode & OPEN_MODE.WRITE) || this.state.rom.includes(database)) throw refuse(DLP_ERROR.ReadOnly);
    if (growth > freeRam(this.state)) throw refuse(DLP_ERROR.Space);
    database.modified = handheldTime(this.state);
    database.modificationNumber++;
    return database;
  }

  /** Throws DlpError TooManyOpen. */
  openDatabase(database: PalmDatabase, mode: number): number {
    for (let handle = 1; handle <= MAX_OPEN; handle++) {
      if (this.open.has(handle)) continue;
      this.open.set(handle, { database, mode, next: 0 });
      return handle;
    }
    throw refuse(DLP_ERROR.TooManyOpen);
  }

  isOpen(database: PalmDatabase): boolean {
    return [...this.open.values()].some((open) => open.database === database);
  }

  /** Throws DlpError NotFound. */
  find(name: string): PalmDatabase {
    const found = [...this.state.ram, ...this.state.rom].find((database) => database.name === name);
    if (!found) throw refuse(DLP_ERROR.NotFound);
    return found;
  }
}
