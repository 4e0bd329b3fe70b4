// DLP commands about databases as wholes: list, find, open, create, close, delete, their info and their blocks.

import { ByteWriter } from "../hotsync-protocol/bytes.ts";
import { DLP_ERROR, DLP_FIRST_ARG, DLP_FUNC, type DlpArg, dlpArgs } from "../hotsync-protocol/dlp.ts";
import {
  DB_ATTR,
  DB_LIST,
  DB_MISC,
  type DbInfo,
  decodeCreateDb,
  decodeDbInfoChange,
  encodeDbInfo,
  encodeDbList,
  encodeDbSize,
  FIND_DB,
  OPEN_MODE,
} from "../hotsync-protocol/dlp-databases.ts";
import { emptyDatabase, isResourceDatabase, type PalmDatabase } from "./database.ts";
import { type Arguments, type Command, type Commands, type DlpSession, refuse } from "./dlp-session.ts";
import { databaseSize, handheldTime } from "./state.ts";

const DONE = dlpArgs();
/** Seen in recorded syncs: as many entries as fit into about 1100 bytes. */
const LIST_LIMIT = 20;
const NO_INDEX = 0xffff;
const MAX_NAME = 31;

function dbInfo(session: DlpSession, database: PalmDatabase, index: number): DbInfo {
  const open = session.isOpen(database) ? DB_ATTR.OPEN : 0;
  const rom = session.state.rom.includes(database);
  return { ...database, attributes: database.attributes | open, miscFlags: rom ? 0 : DB_MISC.RAM_BASED, index };
}

const handleArg = (handle: number): readonly DlpArg[] => dlpArgs(Uint8Array.of(handle));

const readDbList: Command = (session, args) => {
  const reader = args.read();
  const [flags, card, start] = [reader.u8(), reader.u8(), reader.u16()];
  const { state } = session;
  const kind = [...(flags & DB_LIST.RAM ? state.ram : []), ...(flags & DB_LIST.ROM ? state.rom : [])];
  if (card !== 0 || start >= kind.length) throw refuse(DLP_ERROR.NotFound);
  const end = Math.min(kind.length, start + (flags & DB_LIST.MULTIPLE ? LIST_LIMIT : 1));
  const entries = kind.slice(start, end).map((database, i) => dbInfo(session, database, start + i));
  return dlpArgs(encodeDbList({ lastIndex: end - 1, more: end < kind.length, entries }));
};

function findDatabase(session: DlpSession, args: Arguments): { database: PalmDatabase; flags: number } {
  if (args.has(DLP_FIRST_ARG)) {
    const reader = args.read();
    const flags = reader.u8();
    return { database: session.find(reader.skip(1).cstring()), flags };
  }
  if (args.has(DLP_FIRST_ARG + 1)) {
    const reader = args.read(DLP_FIRST_ARG + 1);
    return { flags: reader.u8(), database: session.opened(reader.u8()).database };
  }
  const reader = args.read(DLP_FIRST_ARG + 2);
  const [flags, search, type, creator] = [reader.u8(), reader.u8(), reader.fourCc(), reader.fourCc()];
  const all = [...session.state.ram, ...session.state.rom];
  if (search & FIND_DB.NEW_SEARCH) session.searchFrom = 0;
  const any = "\0\0\0\0";
  const at = all.findIndex(
    (candidate, i) =>
      i >= session.searchFrom &&
      (type === any || candidate.type === type) &&
      (creator === any || candidate.creator === creator),
  );
  const database = all[at];
  if (!database) throw refuse(DLP_ERROR.NotFound);
  session.searchFrom = at + 1;
  return { database, flags };
}

const findDb: Command = (session, args) => {
  const { database, flags } = findDatabase(session, args);
  const entries = [...database.records, ...database.resources];
  const answer: DlpArg[] = [];
  if (flags & FIND_DB.ATTRIBUTES) {
    // Card, then the database's local id and open reference: addresses in the handheld, of no meaning here.
    const head = new ByteWriter().u8(0).u8(0).u32(1).u32(0);
    answer.push({ id: DLP_FIRST_ARG, data: head.bytes(encodeDbInfo(dbInfo(session, database, NO_INDEX))).finish() });
  }
  if (flags & (FIND_DB.SIZE | FIND_DB.MAX_RECORD)) {
    const size = encodeDbSize({
      records: entries.length,
      totalBytes: databaseSize(database),
      dataBytes: entries.reduce((sum, { data }) => sum + data.length, 0),
      appBlock: database.appInfo?.length ?? 0,
      sortBlock: database.sortInfo?.length ?? 0,
      maxRecord: flags & FIND_DB.MAX_RECORD ? Math.max(0, ...entries.map(({ data }) => data.length)) : 0,
    });
    answer.push({ id: DLP_FIRST_ARG + 1, data: size });
  }
  return answer;
};

const createDb: Command = (session, args) => {
  const { name, attributes, ...rest } = decodeCreateDb(args.bytes());
  if (name === "" || name.length > MAX_NAME) throw refuse(DLP_ERROR.Param);
  const { ram, rom } = session.state;
  if ([...ram, ...rom].some((database) => database.name === name)) throw refuse(DLP_ERROR.Exists);
  const now = handheldTime(session.state);
  const stored = attributes & ~DB_ATTR.OPEN;
  const database = emptyDatabase({ ...rest, name, attributes: stored, created: now, modified: now });
  const handle = session.openDatabase(database, OPEN_MODE.READ | OPEN_MODE.WRITE);
  ram.push(database);
  return handleArg(handle);
};

const openDb: Command = (session, args) => {
  const reader = args.read();
  const mode = reader.skip(1).u8();
  const database = session.find(reader.cstring());
  if (mode & OPEN_MODE.WRITE && session.state.rom.includes(database)) throw refuse(DLP_ERROR.ReadOnly);
  return handleArg(session.openDatabase(database, mode));
};

/** Argument 0x20 is one handle, 0xff being all of them (ColdSync); argument 0x21, empty, is all, too (pilot-link). */
const closeDb: Command = (session, args) => {
  const handle = args.has(DLP_FIRST_ARG) ? args.read().u8() : 0xff;
  if (handle === 0xff) session.open.clear();
  else if (!session.open.delete(handle)) throw refuse(DLP_ERROR.NoneOpen);
  return DONE;
};

const deleteDb: Command = (session, args) => {
  const database = session.find(args.read().skip(2).cstring());
  const at = session.state.ram.indexOf(database);
  if (at < 0) throw refuse(DLP_ERROR.ReadOnly);
  if (session.isOpen(database)) throw refuse(DLP_ERROR.Open);
  session.state.ram.splice(at, 1);
  return DONE;
};

const setDbInfo: Command = (session, args) => {
  const change = decodeDbInfoChange(args.bytes());
  const database = session.writable(change.handle);
  const fixed = DB_ATTR.RESOURCE | DB_ATTR.OPEN;
  database.attributes &= ~(change.clearAttributes & ~fixed);
  database.attributes |= change.setAttributes & ~fixed;
  database.version = change.version;
  if (change.created) database.created = change.created;
  if (change.modified) database.modified = change.modified;
  if (change.backedUp) database.backedUp = change.backedUp;
  if (change.type !== "\0\0\0\0") database.type = change.type;
  if (change.creator !== "\0\0\0\0") database.creator = change.creator;
  return DONE;
};

type Block = "appInfo" | "sortInfo";

const readBlock =
  (block: Block): Command =>
  (session, args) => {
    const reader = args.read();
    const bytes = session.opened(reader.u8()).database[block];
    const [offset, length] = [reader.skip(1).u16(), reader.u16()];
    if (!bytes) throw refuse(DLP_ERROR.NotFound);
    return dlpArgs(
      new ByteWriter()
        .u16(bytes.length)
        .bytes(bytes.subarray(offset, offset + length))
        .finish(),
    );
  };

const writeBlock =
  (block: Block): Command =>
  (session, args) => {
    const reader = args.read();
    const handle = reader.u8();
    const size = reader.skip(1).u16();
    const bytes = reader.bytes(size);
    session.writable(handle, size)[block] = size === 0 ? undefined : bytes;
    return DONE;
  };

export const DATABASE_COMMANDS: Commands = {
  [DLP_FUNC.ReadDBList]: readDbList,
  [DLP_FUNC.FindDB]: findDb,
  [DLP_FUNC.OpenDB]: openDb,
  [DLP_FUNC.CreateDB]: createDb,
  [DLP_FUNC.CloseDB]: closeDb,
  [DLP_FUNC.DeleteDB]: deleteDb,
  [DLP_FUNC.SetDBInfo]: setDbInfo,
  [DLP_FUNC.ReadAppBlock]: readBlock("appInfo"),
  [DLP_FUNC.WriteAppBlock]: writeBlock("appInfo"),
  [DLP_FUNC.ReadSortBlock]: readBlock("sortInfo"),
  [DLP_FUNC.WriteSortBlock]: writeBlock("sortInfo"),
  [DLP_FUNC.ReadOpenDBInfo]: (session, args) => {
    const { database } = session.opened(args.read().u8());
    const entries = isResourceDatabase(database) ? database.resources : database.records;
    return dlpArgs(new ByteWriter().u16(entries.length).finish());
  },
};
