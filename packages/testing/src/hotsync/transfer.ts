// One database from the handheld and to it, over the commands of a client. Nothing here outlives a call; the handle
// on the handheld is closed on every way out.

import { ByteReader, ByteWriter } from "../hotsync-protocol/bytes.ts";
import { DLP_ERROR, DLP_FIRST_ARG, DLP_FUNC, type DlpArg, dlpArgs } from "../hotsync-protocol/dlp.ts";
import {
  DB_ATTR,
  type DbInfo,
  decodeRecordPart,
  decodeResourcePart,
  encodeCreateDb,
  encodeDbInfoChange,
  encodeRecordWrite,
  OPEN_MODE,
} from "../hotsync-protocol/dlp-databases.ts";
import { DlpError, ProtocolError } from "../hotsync-protocol/errors.ts";
import {
  emptyDatabase,
  isResourceDatabase,
  type PalmDatabase,
  type PalmRecord,
  type PalmResource,
} from "../palm/database.ts";

/** What a transfer needs of a client. */
export interface Commander {
  execute(func: number, args?: readonly DlpArg[]): Promise<readonly DlpArg[]>;
  ask(func: number, argument?: Uint8Array): Promise<Uint8Array>;
  deleteDatabase(name: string): Promise<boolean>;
}

/** "As much as there is" in a request's length. */
const ALL = 0xffff;

/** Runs `use`, and closes the handle whatever becomes of it; the first error counts. */
async function closing<T>(client: Commander, handle: number, use: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await use();
  } catch (error) {
    if (error instanceof DlpError) await client.execute(DLP_FUNC.CloseDB, dlpArgs(Uint8Array.of(handle)));
    throw error;
  }
  await client.execute(DLP_FUNC.CloseDB, dlpArgs(Uint8Array.of(handle)));
  return result;
}

function handleOf(answer: Uint8Array): number {
  return new ByteReader(answer, "database handle").u8();
}

/** `info` is its entry in the handheld's list. */
export async function readDatabase(client: Commander, info: DbInfo): Promise<PalmDatabase> {
  const mode = OPEN_MODE.READ | OPEN_MODE.SECRET;
  const request = new ByteWriter().u8(0).u8(mode).cstring(info.name).finish();
  const handle = handleOf(await client.ask(DLP_FUNC.OpenDB, request));
  return closing(client, handle, async () => {
    const count = new ByteReader(
      await client.ask(DLP_FUNC.ReadOpenDBInfo, Uint8Array.of(handle)),
      "record count",
    ).u16();
    const { miscFlags: _, index: __, ...header } = info;
    const database = emptyDatabase({ ...header, attributes: info.attributes & ~DB_ATTR.OPEN });
    database.appInfo = await readBlock(client, DLP_FUNC.ReadAppBlock, handle);
    database.sortInfo = await readBlock(client, DLP_FUNC.ReadSortBlock, handle);
    for (let index = 0; index < count; index++) {
      if (isResourceDatabase(info)) database.resources.push(await readResource(client, handle, index));
      else database.records.push(await readRecord(client, handle, index));
    }
    return database;
  });
}

async function readBlock(client: Commander, func: number, handle: number): Promise<Uint8Array | undefined> {
  try {
    const request = new ByteWriter().u8(handle).u8(0).u16(0).u16(ALL).finish();
    const reader = new ByteReader(await client.ask(func, request), "block");
    const size = reader.u16();
    if (reader.remaining !== size) {
      throw new ProtocolError("malformed", `a block of ${size} bytes came with ${reader.remaining} bytes`);
    }
    return reader.rest();
  } catch (error) {
    if (error instanceof DlpError && error.code === DLP_ERROR.NotFound) return undefined;
    throw error;
  }
}

/** Asks for parts until all is there: one answer carries a little less than 64 KiB. */
async function readParts<T extends { readonly size: number; readonly data: Uint8Array }>(
  read: (offset: number) => Promise<T>,
): Promise<T & { readonly data: Uint8Array }> {
  const first = await read(0);
  const parts = [first.data];
  let length = first.data.length;
  while (length < first.size) {
    const { data } = await read(length);
    if (data.length === 0) throw new ProtocolError("malformed", `${length} of ${first.size} bytes, and no more came`);
    parts.push(data);
    length += data.length;
  }
  return { ...first, data: new ByteWriter().bytes(Buffer.concat(parts)).finish() };
}

async function readRecord(client: Commander, handle: number, index: number): Promise<PalmRecord> {
  const { id, attributes, category, data } = await readParts(async (offset) => {
    const request = new ByteWriter().u8(handle).u8(0).u16(index).u16(offset).u16(ALL).finish();
    const [answer] = await client.execute(DLP_FUNC.ReadRecord, [{ id: DLP_FIRST_ARG + 1, data: request }]);
    return decodeRecordPart(answer?.data ?? new Uint8Array());
  });
  return { id, attributes, category, data };
}

async function readResource(client: Commander, handle: number, index: number): Promise<PalmResource> {
  const { type, id, data } = await readParts(async (offset) => {
    const request = new ByteWriter().u8(handle).u8(0).u16(index).u16(offset).u16(ALL).finish();
    return decodeResourcePart(await client.ask(DLP_FUNC.ReadResource, request));
  });
  return { type, id, data };
}

/** In place of one of the same name. A database that could not be written to its end is deleted again. */
export async function installDatabase(
  client: Commander,
  database: PalmDatabase,
  options: { readonly keepDates: boolean },
): Promise<void> {
  await client.deleteDatabase(database.name);
  const attributes = database.attributes & ~DB_ATTR.OPEN;
  const handle = handleOf(await client.ask(DLP_FUNC.CreateDB, encodeCreateDb({ ...database, attributes })));
  try {
    await closing(client, handle, async () => {
      await writeContent(client, handle, database);
      if (!options.keepDates) return;
      const change = { ...database, handle, clearAttributes: 0, setAttributes: attributes };
      await client.execute(DLP_FUNC.SetDBInfo, dlpArgs(encodeDbInfoChange(change)));
    });
  } catch (error) {
    if (error instanceof DlpError) await client.deleteDatabase(database.name);
    throw error;
  }
}

async function writeContent(client: Commander, handle: number, database: PalmDatabase): Promise<void> {
  for (const [func, block] of [
    [DLP_FUNC.WriteAppBlock, database.appInfo],
    [DLP_FUNC.WriteSortBlock, database.sortInfo],
  ] as const) {
    if (!block) continue;
    await client.execute(func, dlpArgs(new ByteWriter().u8(handle).u8(0).u16(block.length).bytes(block).finish()));
  }
  for (const record of database.records) {
    await client.execute(DLP_FUNC.WriteRecord, dlpArgs(encodeRecordWrite({ ...record, handle })));
  }
  for (const { type, id, data } of database.resources) {
    const head = new ByteWriter().u8(handle).u8(0).fourCc(type).u16(id).u16(data.length);
    await client.execute(DLP_FUNC.WriteResource, dlpArgs(head.bytes(data).finish()));
  }
}
