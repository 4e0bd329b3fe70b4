// A Palm database as plain data, and its file image (PDB or PRC) read and written with palm-pdb. A PalmDatabase lives
// in a handheld's memory and is changed in place; an image is a copy.

import { RawPdbDatabase, RawPrcDatabase, RecordAttrs } from "palm-pdb";
import { DB_ATTR, RECORD_ATTR } from "../hotsync-protocol/dlp-databases.ts";
import type { PalmTime } from "../hotsync-protocol/dlp-structs.ts";

export interface PalmRecord {
  /** 24 bits, unique in the database, not 0. */
  id: number;
  /** RECORD_ATTR bits. */
  attributes: number;
  /** 0..15. */
  category: number;
  data: Uint8Array;
}

export interface PalmResource {
  type: string;
  id: number;
  data: Uint8Array;
}

export interface PalmDatabase {
  name: string;
  /** DB_ATTR bits; with RESOURCE the database has resources, without it records. */
  attributes: number;
  version: number;
  created: PalmTime;
  modified: PalmTime;
  backedUp: PalmTime;
  modificationNumber: number;
  type: string;
  creator: string;
  uniqueIdSeed: number;
  appInfo: Uint8Array | undefined;
  sortInfo: Uint8Array | undefined;
  records: PalmRecord[];
  resources: PalmResource[];
}

/** Bytes that are no PDB or PRC file. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** A record database with nothing in it, but for what `given` says. */
export function emptyDatabase(given: Pick<PalmDatabase, "name"> & Partial<PalmDatabase>): PalmDatabase {
  return {
    attributes: 0,
    version: 0,
    created: 0,
    modified: 0,
    backedUp: 0,
    modificationNumber: 0,
    type: "DATA",
    creator: "????",
    uniqueIdSeed: 0,
    appInfo: undefined,
    sortInfo: undefined,
    records: [],
    resources: [],
    ...given,
  };
}

export function isResourceDatabase(database: Pick<PalmDatabase, "attributes">): boolean {
  return (database.attributes & DB_ATTR.RESOURCE) !== 0;
}

/** A byte is a character, so that every name and type survives. */
const OPTIONS = { encoding: "latin1" };
const HEADER_LENGTH = 78;
const COUNT_OFFSET = 76;
const ATTRIBUTES_OFFSET = 32;
const RECORD_ENTRY = 8;
const RESOURCE_ENTRY = 10;

/** Throws ImageError for anything that is not a whole image: palm-pdb itself takes offsets as they are. */
export function fromImage(image: Uint8Array): PalmDatabase {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  checkImage(bytes);
  const attributes = bytes.readUInt16BE(ATTRIBUTES_OFFSET);
  const resource = isResourceDatabase({ attributes });
  const file = resource ? RawPrcDatabase.from(bytes, OPTIONS) : RawPdbDatabase.from(bytes, OPTIONS);
  const { header } = file;
  return {
    name: header.name,
    attributes,
    version: header.version,
    created: bytes.readUInt32BE(36),
    modified: bytes.readUInt32BE(40),
    backedUp: bytes.readUInt32BE(44),
    modificationNumber: header.modificationNumber,
    type: bytes.toString("latin1", 60, 64),
    creator: bytes.toString("latin1", 64, 68),
    uniqueIdSeed: header.uniqueIdSeed,
    appInfo: file.appInfo ? new Uint8Array(file.appInfo.value) : undefined,
    sortInfo: file.sortInfo ? new Uint8Array(file.sortInfo.value) : undefined,
    records:
      file instanceof RawPdbDatabase
        ? file.records.map(({ entry, data }) => ({
            id: entry.uniqueId,
            ...splitAttributes(entry.attributes.serialize().readUInt8()),
            data: new Uint8Array(data),
          }))
        : [],
    resources:
      file instanceof RawPrcDatabase
        ? file.records.map(({ entry, data }, i) => ({
            type: bytes.toString("latin1", HEADER_LENGTH + i * RESOURCE_ENTRY, HEADER_LENGTH + i * RESOURCE_ENTRY + 4),
            id: entry.resourceId,
            data: new Uint8Array(data),
          }))
        : [],
  };
}

/** The header, the list and all offsets must be inside the file and in order. */
function checkImage(bytes: Buffer): void {
  if (bytes.length < HEADER_LENGTH) throw new ImageError(`an image of ${bytes.length} bytes has no whole header`);
  const resource = isResourceDatabase({ attributes: bytes.readUInt16BE(ATTRIBUTES_OFFSET) });
  const entry = resource ? RESOURCE_ENTRY : RECORD_ENTRY;
  const count = bytes.readUInt16BE(COUNT_OFFSET);
  const listEnd = HEADER_LENGTH + count * entry;
  if (listEnd > bytes.length) throw new ImageError(`the list of ${count} entries is longer than the image`);
  const blocks = [bytes.readUInt32BE(52), bytes.readUInt32BE(56)].filter((offset) => offset !== 0);
  const offsets = Array.from({ length: count }, (_, i) =>
    bytes.readUInt32BE(HEADER_LENGTH + i * entry + (resource ? 6 : 0)),
  );
  let last = listEnd;
  for (const offset of [...blocks, ...offsets]) {
    if (offset < last || offset > bytes.length) {
      throw new ImageError(`offset ${offset} in the image is not between ${last} and its end, ${bytes.length}`);
    }
    last = offset;
  }
}

export function toImage(database: PalmDatabase): Uint8Array {
  const file = isResourceDatabase(database) ? resourceFile(database) : recordFile(database);
  const { header } = file;
  header.name = database.name;
  header.version = database.version;
  header.modificationNumber = database.modificationNumber;
  header.uniqueIdSeed = database.uniqueIdSeed;
  // A new file of palm-pdb has empty blocks, not none.
  if (!database.appInfo) file.appInfo = null;
  else if (file.appInfo) file.appInfo.value = Buffer.from(database.appInfo);
  if (!database.sortInfo) file.sortInfo = null;
  else if (file.sortInfo) file.sortInfo.value = Buffer.from(database.sortInfo);
  const bytes = file.serialize(OPTIONS);
  // The fields that palm-pdb turns into dates, flags and NUL-terminated text go in as the numbers that they are.
  bytes.writeUInt16BE(database.attributes, ATTRIBUTES_OFFSET);
  bytes.writeUInt32BE(database.created, 36);
  bytes.writeUInt32BE(database.modified, 40);
  bytes.writeUInt32BE(database.backedUp, 44);
  bytes.write(database.type.padEnd(4, "\0"), 60, 4, "latin1");
  bytes.write(database.creator.padEnd(4, "\0"), 64, 4, "latin1");
  database.resources.forEach(({ type }, i) => {
    bytes.write(type.padEnd(4, "\0"), HEADER_LENGTH + i * RESOURCE_ENTRY, 4, "latin1");
  });
  return new Uint8Array(bytes);
}

function recordFile(database: PalmDatabase): RawPdbDatabase {
  const file = new RawPdbDatabase();
  file.records = database.records.map((record) => {
    const row = new file.recordType();
    row.entry.uniqueId = record.id;
    row.entry.attributes = RecordAttrs.from(Buffer.of(joinAttributes(record)));
    row.data = Buffer.from(record.data);
    return row;
  });
  return file;
}

function resourceFile(database: PalmDatabase): RawPrcDatabase {
  const file = new RawPrcDatabase();
  file.records = database.resources.map((resource) => {
    const row = new file.recordType();
    row.entry.resourceId = resource.id;
    row.data = Buffer.from(resource.data);
    return row;
  });
  return file;
}

/**
 * A file has one byte for attributes and category, DLP has two. The low four bits are the category, or, in a record
 * that is deleted or busy, the archive bit (so do palm-pdb and Perl's Palm::PDB).
 */
function joinAttributes({ attributes, category }: Pick<PalmRecord, "attributes" | "category">): number {
  const gone = (attributes & (RECORD_ATTR.DELETED | RECORD_ATTR.BUSY)) !== 0;
  return (attributes & 0xf0) | (gone ? attributes & RECORD_ATTR.ARCHIVED : category & 0x0f);
}

function splitAttributes(byte: number): Pick<PalmRecord, "attributes" | "category"> {
  const gone = (byte & (RECORD_ATTR.DELETED | RECORD_ATTR.BUSY)) !== 0;
  return gone
    ? { attributes: byte & (0xf0 | RECORD_ATTR.ARCHIVED), category: 0 }
    : { attributes: byte & 0xf0, category: byte & 0x0f };
}
