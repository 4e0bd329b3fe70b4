// DLP commands about records and resources of an open database.

import { ByteWriter } from "../hotsync-protocol/bytes.ts";
import { DLP_ERROR, DLP_FIRST_ARG, DLP_FUNC, type DlpArg, dlpArgs } from "../hotsync-protocol/dlp.ts";
import {
  decodeRecordWrite,
  encodeRecordPart,
  encodeResourcePart,
  RECORD_ATTR,
} from "../hotsync-protocol/dlp-databases.ts";
import { isResourceDatabase, type PalmDatabase, type PalmRecord } from "./database.ts";
import { type Command, type Commands, type OpenDatabase, refuse } from "./dlp-session.ts";
import { handheldTime } from "./state.ts";

const DONE = dlpArgs();
const MAX_RECORD_ID = 0xffffff;
const MAX_ENTRIES = 0xffff;
const MODIFIED = RECORD_ATTR.DIRTY | RECORD_ATTR.DELETED | RECORD_ATTR.ARCHIVED;
const GONE = RECORD_ATTR.DELETED | RECORD_ATTR.ARCHIVED;
/** What one answer can carry: a short argument's length less the header. */
const MAX_PART = 0xffff - 16;

interface Range {
  readonly offset: number;
  readonly length: number;
}

const cut = (data: Uint8Array, { offset, length }: Range): Uint8Array =>
  data.subarray(offset, offset + Math.min(length, MAX_PART));

const ALL: Range = { offset: 0, length: 0xffff };

function recordAnswer(database: PalmDatabase, index: number, range: Range): readonly DlpArg[] {
  const record = database.records[index];
  if (!record) throw refuse(DLP_ERROR.NotFound);
  return dlpArgs(encodeRecordPart({ ...record, index, size: record.data.length, data: cut(record.data, range) }));
}

const records = (database: PalmDatabase): PalmRecord[] => {
  if (isResourceDatabase(database)) throw refuse(DLP_ERROR.Param);
  return database.records;
};

const readRecord: Command = (session, args) => {
  const byId = args.has(DLP_FIRST_ARG);
  const reader = args.read(byId ? DLP_FIRST_ARG : DLP_FIRST_ARG + 1);
  const { database } = session.opened(reader.u8());
  const which = byId ? reader.skip(1).u32() : reader.skip(1).u16();
  const range = { offset: reader.u16(), length: reader.u16() };
  const index = byId ? records(database).findIndex(({ id }) => id === which) : which;
  return recordAnswer(database, index, range);
};

/** The next record that `wanted` says yes to; the cursor stays at the end when there is none, as a Palm's does. */
function readNext(open: OpenDatabase, wanted: (record: PalmRecord) => boolean): readonly DlpArg[] {
  const index = records(open.database).findIndex((record, i) => i >= open.next && wanted(record));
  if (index < 0) throw refuse(DLP_ERROR.NotFound);
  open.next = index + 1;
  return recordAnswer(open.database, index, ALL);
}

const readNextModified: Command = (session, args) =>
  readNext(session.opened(args.read().u8()), ({ attributes }) => (attributes & MODIFIED) !== 0);

const readNextInCategory: Command = (session, args) => {
  const reader = args.read();
  const open = session.opened(reader.u8());
  const wanted = reader.u8();
  return readNext(open, ({ category, attributes }) => category === wanted && (attributes & GONE) === 0);
};

const readNextModifiedInCategory: Command = (session, args) => {
  const reader = args.read();
  const open = session.opened(reader.u8());
  const wanted = reader.u8();
  return readNext(open, ({ category, attributes }) => category === wanted && (attributes & MODIFIED) !== 0);
};

const writeRecord: Command = (session, args) => {
  const { handle, id, attributes, category, data } = decodeRecordWrite(args.bytes());
  if (id > MAX_RECORD_ID || category > 15) throw refuse(DLP_ERROR.Param);
  const list = records(session.writable(handle, data.length));
  const existing = list.find((record) => record.id === id);
  if (existing) {
    Object.assign(existing, { attributes, category, data });
    return dlpArgs(new ByteWriter().u32(id).finish());
  }
  if (list.length >= MAX_ENTRIES) throw refuse(DLP_ERROR.Limit);
  const newId = id === 0 ? freeId(list) : id;
  list.push({ id: newId, attributes, category, data });
  return dlpArgs(new ByteWriter().u32(newId).finish());
};

function freeId(list: readonly PalmRecord[]): number {
  const used = new Set(list.map(({ id }) => id));
  let candidate = list.reduce((highest, { id }) => Math.max(highest, id), 0) + 1;
  if (candidate > MAX_RECORD_ID) candidate = 1;
  while (used.has(candidate)) candidate++;
  return candidate;
}

/** DeleteRecord's and DeleteResource's flags. */
const DELETE = { ALL: 0x80, CATEGORY: 0x40 } as const;

const deleteRecord: Command = (session, args) => {
  const reader = args.read();
  const [handle, flags, which] = [reader.u8(), reader.u8(), reader.u32()];
  const database = session.writable(handle);
  const goes = ({ id, category }: PalmRecord): boolean =>
    (flags & DELETE.ALL) !== 0 || (flags & DELETE.CATEGORY ? category === which : id === which);
  const kept = records(database).filter((record) => !goes(record));
  if (kept.length === database.records.length && !(flags & (DELETE.ALL | DELETE.CATEGORY))) {
    throw refuse(DLP_ERROR.NotFound);
  }
  database.records = kept;
  return DONE;
};

const readRecordIdList: Command = (session, args) => {
  const reader = args.read();
  const list = records(session.opened(reader.u8()).database);
  const [start, max] = [reader.skip(1).u16(), reader.u16()];
  const ids = list.slice(start, start + Math.min(max, Math.floor(MAX_PART / 4)));
  const writer = new ByteWriter().u16(ids.length);
  for (const { id } of ids) writer.u32(id);
  return dlpArgs(writer.finish());
};

const readResource: Command = (session, args) => {
  const byIndex = args.has(DLP_FIRST_ARG);
  const reader = args.read(byIndex ? DLP_FIRST_ARG : DLP_FIRST_ARG + 1);
  const { database } = session.opened(reader.u8());
  reader.skip(1);
  const [type, which] = byIndex ? ["", reader.u16()] : [reader.fourCc(), reader.u16()];
  const index = byIndex ? which : database.resources.findIndex((r) => r.type === type && r.id === which);
  const resource = database.resources[index];
  const range = { offset: reader.u16(), length: reader.u16() };
  if (!resource) throw refuse(DLP_ERROR.NotFound);
  const part = { ...resource, index, size: resource.data.length, data: cut(resource.data, range) };
  return dlpArgs(encodeResourcePart(part));
};

const writeResource: Command = (session, args) => {
  const reader = args.read();
  const handle = reader.u8();
  const [type, id, size] = [reader.skip(1).fourCc(), reader.u16(), reader.u16()];
  const data = reader.bytes(size);
  const database = session.writable(handle, size);
  if (!isResourceDatabase(database)) throw refuse(DLP_ERROR.Param);
  const existing = database.resources.find((resource) => resource.type === type && resource.id === id);
  if (existing) existing.data = data;
  else if (database.resources.length >= MAX_ENTRIES) throw refuse(DLP_ERROR.Limit);
  else database.resources.push({ type, id, data });
  return DONE;
};

const deleteResource: Command = (session, args) => {
  const reader = args.read();
  const [handle, flags, type, id] = [reader.u8(), reader.u8(), reader.fourCc(), reader.u16()];
  const database = session.writable(handle);
  const all = (flags & DELETE.ALL) !== 0;
  const kept = all ? [] : database.resources.filter((resource) => resource.type !== type || resource.id !== id);
  if (!all && kept.length === database.resources.length) throw refuse(DLP_ERROR.NotFound);
  database.resources = kept;
  return DONE;
};

export const RECORD_COMMANDS: Commands = {
  [DLP_FUNC.ReadRecord]: readRecord,
  [DLP_FUNC.ReadNextModifiedRec]: readNextModified,
  [DLP_FUNC.ReadNextRecInCategory]: readNextInCategory,
  [DLP_FUNC.ReadNextModifiedRecInCategory]: readNextModifiedInCategory,
  [DLP_FUNC.WriteRecord]: writeRecord,
  [DLP_FUNC.DeleteRecord]: deleteRecord,
  [DLP_FUNC.ReadRecordIDList]: readRecordIdList,
  [DLP_FUNC.ReadResource]: readResource,
  [DLP_FUNC.WriteResource]: writeResource,
  [DLP_FUNC.DeleteResource]: deleteResource,

  [DLP_FUNC.ResetRecordIndex]: (session, args) => {
    session.opened(args.read().u8()).next = 0;
    return DONE;
  },

  /** Removes for good what was deleted or archived. */
  [DLP_FUNC.CleanUpDatabase]: (session, args) => {
    const database = session.writable(args.read().u8());
    database.records = records(database).filter(({ attributes }) => (attributes & GONE) === 0);
    return DONE;
  },

  /** After a sync nothing is dirty, and the database is backed up. */
  [DLP_FUNC.ResetSyncFlags]: (session, args) => {
    const database = session.writable(args.read().u8());
    for (const record of database.records) record.attributes &= ~RECORD_ATTR.DIRTY;
    database.backedUp = handheldTime(session.state);
    return DONE;
  },

  [DLP_FUNC.MoveCategory]: (session, args) => {
    const reader = args.read();
    const [handle, from, to] = [reader.u8(), reader.u8(), reader.u8()];
    if (to > 15) throw refuse(DLP_ERROR.Param);
    for (const record of records(session.writable(handle))) if (record.category === from) record.category = to;
    return DONE;
  },
};
