// DLP's arguments about databases, records and resources, for both ends; decoders throw ProtocolError `malformed`.
// Layouts as for dlp-structs.ts.

import { ByteReader, ByteWriter } from "./bytes.ts";
import { type PalmTime, readTime, writeTime } from "./dlp-structs.ts";

export const DB_ATTR = {
  RESOURCE: 0x0001,
  READ_ONLY: 0x0002,
  APP_INFO_DIRTY: 0x0004,
  BACKUP: 0x0008,
  NEWER: 0x0010,
  RESET: 0x0020,
  OPEN: 0x8000,
} as const;

export const DB_MISC = { EXCLUDE_FROM_SYNC: 0x80, RAM_BASED: 0x40 } as const;

export const RECORD_ATTR = { DELETED: 0x80, DIRTY: 0x40, BUSY: 0x20, SECRET: 0x10, ARCHIVED: 0x08 } as const;

export const OPEN_MODE = { READ: 0x80, WRITE: 0x40, EXCLUSIVE: 0x20, SECRET: 0x10 } as const;

export const DB_LIST = { RAM: 0x80, ROM: 0x40, MULTIPLE: 0x20, MORE: 0x80 } as const;

export const FIND_DB = { ATTRIBUTES: 0x80, SIZE: 0x40, MAX_RECORD: 0x20, NEW_SEARCH: 0x80, ONLY_LATEST: 0x40 } as const;

/** Types and creators are four characters, a byte each. */
export interface DbInfo {
  readonly miscFlags: number;
  readonly attributes: number;
  readonly type: string;
  readonly creator: string;
  readonly version: number;
  readonly modificationNumber: number;
  readonly created: PalmTime;
  readonly modified: PalmTime;
  readonly backedUp: PalmTime;
  /** In the list of its kind (RAM or ROM); 0xffff where there is no list. */
  readonly index: number;
  /** At most 31 characters. */
  readonly name: string;
}

const DB_INFO_FIXED = 44;

/** One entry of the list; it begins with its own length, which is even. */
export function encodeDbInfo(info: DbInfo): Uint8Array {
  const pad = (info.name.length + 1) % 2;
  const writer = new ByteWriter().u8(DB_INFO_FIXED + info.name.length + 1 + pad).u8(info.miscFlags);
  writer.u16(info.attributes).fourCc(info.type).fourCc(info.creator).u16(info.version).u32(info.modificationNumber);
  writeTime(writeTime(writeTime(writer, info.created), info.modified), info.backedUp);
  return writer.u16(info.index).cstring(info.name).zeros(pad).finish();
}

export function decodeDbInfo(reader: ByteReader): DbInfo {
  const length = reader.u8();
  const entry = new ByteReader(reader.bytes(Math.max(0, length - 1)), "database list entry");
  const miscFlags = entry.u8();
  const attributes = entry.u16();
  const type = entry.fourCc();
  const creator = entry.fourCc();
  const [version, modificationNumber] = [entry.u16(), entry.u32()];
  const [created, modified, backedUp] = [readTime(entry), readTime(entry), readTime(entry)];
  const [index, name] = [entry.u16(), entry.cstring()];
  return {
    miscFlags,
    attributes,
    type,
    creator,
    version,
    modificationNumber,
    created,
    modified,
    backedUp,
    index,
    name,
  };
}

export interface DbList {
  readonly lastIndex: number;
  readonly more: boolean;
  readonly entries: readonly DbInfo[];
}

export function encodeDbList(list: DbList): Uint8Array {
  const writer = new ByteWriter()
    .u16(list.lastIndex)
    .u8(list.more ? DB_LIST.MORE : 0)
    .u8(list.entries.length);
  for (const entry of list.entries) writer.bytes(encodeDbInfo(entry));
  return writer.finish();
}

export function decodeDbList(bytes: Uint8Array): DbList {
  const reader = new ByteReader(bytes, "ReadDBList");
  const lastIndex = reader.u16();
  const more = (reader.u8() & DB_LIST.MORE) !== 0;
  const entries = Array.from({ length: reader.u8() }, () => decodeDbInfo(reader));
  return { lastIndex, more, entries };
}

/** FindDB's second argument. Bytes. */
export interface DbSize {
  readonly records: number;
  readonly totalBytes: number;
  readonly dataBytes: number;
  readonly appBlock: number;
  readonly sortBlock: number;
  readonly maxRecord: number;
}

export function encodeDbSize(size: DbSize): Uint8Array {
  const writer = new ByteWriter().u32(size.records).u32(size.totalBytes).u32(size.dataBytes);
  return writer.u32(size.appBlock).u32(size.sortBlock).u32(size.maxRecord).finish();
}

export function decodeDbSize(bytes: Uint8Array): DbSize {
  const reader = new ByteReader(bytes, "FindDB, size");
  const [records, totalBytes, dataBytes] = [reader.u32(), reader.u32(), reader.u32()];
  return { records, totalBytes, dataBytes, appBlock: reader.u32(), sortBlock: reader.u32(), maxRecord: reader.u32() };
}

export interface CreateDb {
  readonly creator: string;
  readonly type: string;
  readonly attributes: number;
  readonly version: number;
  readonly name: string;
}

export function encodeCreateDb(db: CreateDb): Uint8Array {
  const writer = new ByteWriter().fourCc(db.creator).fourCc(db.type).u8(0).u8(0).u16(db.attributes).u16(db.version);
  return writer.cstring(db.name).finish();
}

export function decodeCreateDb(bytes: Uint8Array): CreateDb {
  const reader = new ByteReader(bytes, "CreateDB");
  const [creator, type] = [reader.fourCc(), reader.fourCc()];
  reader.skip(2);
  return { creator, type, attributes: reader.u16(), version: reader.u16(), name: reader.cstring() };
}

/** A record as an answer carries it: its header, then as much of its data as was asked for. */
export interface RecordPart {
  readonly id: number;
  readonly index: number;
  /** Of the whole record, bytes. */
  readonly size: number;
  readonly attributes: number;
  readonly category: number;
  readonly data: Uint8Array;
}

export function encodeRecordPart(record: RecordPart): Uint8Array {
  const writer = new ByteWriter().u32(record.id).u16(record.index).u16(Math.min(record.size, 0xffff));
  return writer.u8(record.attributes).u8(record.category).bytes(record.data).finish();
}

export function decodeRecordPart(bytes: Uint8Array): RecordPart {
  const reader = new ByteReader(bytes, "record");
  const [id, index, size] = [reader.u32(), reader.u16(), reader.u16()];
  return { id, index, size, attributes: reader.u8(), category: reader.u8(), data: reader.rest() };
}

export interface ResourcePart {
  readonly type: string;
  readonly id: number;
  readonly index: number;
  /** Of the whole resource, bytes. */
  readonly size: number;
  readonly data: Uint8Array;
}

export function encodeResourcePart(resource: ResourcePart): Uint8Array {
  const writer = new ByteWriter().fourCc(resource.type).u16(resource.id).u16(resource.index);
  return writer.u16(Math.min(resource.size, 0xffff)).bytes(resource.data).finish();
}

export function decodeResourcePart(bytes: Uint8Array): ResourcePart {
  const reader = new ByteReader(bytes, "resource");
  return { type: reader.fourCc(), id: reader.u16(), index: reader.u16(), size: reader.u16(), data: reader.rest() };
}

/** WriteRecord: id 0 asks for a new one. */
export interface RecordWrite {
  readonly handle: number;
  readonly id: number;
  readonly attributes: number;
  readonly category: number;
  readonly data: Uint8Array;
}

/** "Data included", the only way that is in use. */
const WITH_DATA = 0x80;

export function encodeRecordWrite(record: RecordWrite): Uint8Array {
  const writer = new ByteWriter().u8(record.handle).u8(WITH_DATA).u32(record.id);
  return writer.u8(record.attributes).u8(record.category).bytes(record.data).finish();
}

export function decodeRecordWrite(bytes: Uint8Array): RecordWrite {
  const reader = new ByteReader(bytes, "WriteRecord");
  const handle = reader.u8();
  const [id, attributes, category] = [reader.skip(1).u32(), reader.u8(), reader.u8()];
  return { handle, id, attributes, category, data: reader.rest() };
}

/** SetDBInfo (DLP 1.2). A time of 0 and a type or creator of four NULs leave what is there. */
export interface DbInfoChange {
  readonly handle: number;
  readonly clearAttributes: number;
  readonly setAttributes: number;
  readonly version: number;
  readonly created: PalmTime;
  readonly modified: PalmTime;
  readonly backedUp: PalmTime;
  readonly type: string;
  readonly creator: string;
}

export function encodeDbInfoChange(change: DbInfoChange): Uint8Array {
  const writer = new ByteWriter().u8(change.handle).u8(0).u16(change.clearAttributes).u16(change.setAttributes);
  writer.u16(change.version);
  writeTime(writeTime(writeTime(writer, change.created), change.modified), change.backedUp);
  return writer.fourCc(change.type).fourCc(change.creator).finish();
}

export function decodeDbInfoChange(bytes: Uint8Array): DbInfoChange {
  const reader = new ByteReader(bytes, "SetDBInfo");
  const handle = reader.u8();
  const [clearAttributes, setAttributes, version] = [reader.skip(1).u16(), reader.u16(), reader.u16()];
  const [created, modified, backedUp] = [readTime(reader), readTime(reader), readTime(reader)];
  const [type, creator] = [reader.fourCc(), reader.fourCc()];
  return { handle, clearAttributes, setAttributes, version, created, modified, backedUp, type, creator };
}
