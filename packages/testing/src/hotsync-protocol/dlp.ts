// DLP, the Desktop Link Protocol: the frame of a request and of a response, and the names of the numbers in them.
// What the arguments hold is in dlp-structs.ts. Names as in the Palm OS SDK's DLCommon.h; facts: pilot-link
// libpisock/dlp.c, include/pi-dlp.h, and syncs recorded from real handhelds (palm-sync's test data).

import { ByteReader, ByteWriter } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

export const DLP_FUNC = {
  ReadUserInfo: 0x10,
  WriteUserInfo: 0x11,
  ReadSysInfo: 0x12,
  GetSysDateTime: 0x13,
  SetSysDateTime: 0x14,
  ReadStorageInfo: 0x15,
  ReadDBList: 0x16,
  OpenDB: 0x17,
  CreateDB: 0x18,
  CloseDB: 0x19,
  DeleteDB: 0x1a,
  ReadAppBlock: 0x1b,
  WriteAppBlock: 0x1c,
  ReadSortBlock: 0x1d,
  WriteSortBlock: 0x1e,
  ReadNextModifiedRec: 0x1f,
  ReadRecord: 0x20,
  WriteRecord: 0x21,
  DeleteRecord: 0x22,
  ReadResource: 0x23,
  WriteResource: 0x24,
  DeleteResource: 0x25,
  CleanUpDatabase: 0x26,
  ResetSyncFlags: 0x27,
  CallApplication: 0x28,
  ResetSystem: 0x29,
  AddSyncLogEntry: 0x2a,
  ReadOpenDBInfo: 0x2b,
  MoveCategory: 0x2c,
  ProcessRPC: 0x2d,
  OpenConduit: 0x2e,
  EndOfSync: 0x2f,
  ResetRecordIndex: 0x30,
  ReadRecordIDList: 0x31,
  ReadNextRecInCategory: 0x32,
  ReadNextModifiedRecInCategory: 0x33,
  ReadAppPreference: 0x34,
  WriteAppPreference: 0x35,
  ReadNetSyncInfo: 0x36,
  WriteNetSyncInfo: 0x37,
  ReadFeature: 0x38,
  FindDB: 0x39,
  SetDBInfo: 0x3a,
  LoopBackTest: 0x3b,
} as const;

export const DLP_ERROR = {
  None: 0,
  System: 1,
  IllegalReq: 2,
  Memory: 3,
  Param: 4,
  NotFound: 5,
  NoneOpen: 6,
  AlreadyOpen: 7,
  TooManyOpen: 8,
  Exists: 9,
  Open: 10,
  Deleted: 11,
  Busy: 12,
  NotSupp: 13,
  ReadOnly: 15,
  Space: 16,
  Limit: 17,
  UserCan: 18,
  ArgWrapper: 19,
  ArgMissing: 20,
  ArgSize: 21,
} as const;

const nameOf = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(table).find((name) => table[name] === value) ?? `0x${value.toString(16)}`;

export const dlpFuncName = (func: number): string => nameOf(DLP_FUNC, func);
export const dlpErrorName = (code: number): string => nameOf(DLP_ERROR, code);

/** Arguments are numbered from here. */
export const DLP_FIRST_ARG = 0x20;
/** An argument number's two high bits say how its length is written. */
const ARG_SHORT = 0x80;
const ARG_LONG = 0x40;
const ARG_ID = 0x3f;
/** Set in a response's function number. */
const RESPONSE = 0x80;

export interface DlpArg {
  readonly id: number;
  readonly data: Uint8Array;
}

export interface DlpRequest {
  readonly func: number;
  readonly args: readonly DlpArg[];
}

export interface DlpResponse {
  readonly func: number;
  /** 0, or one of DLP_ERROR, or any Palm OS error. */
  readonly error: number;
  readonly args: readonly DlpArg[];
}

/** The arguments' numbers are 0x20, 0x21, ... unless told otherwise. */
export function dlpArgs(...data: readonly Uint8Array[]): DlpArg[] {
  return data.map((bytes, i) => ({ id: DLP_FIRST_ARG + i, data: bytes }));
}

function writeArgs(writer: ByteWriter, args: readonly DlpArg[]): Uint8Array {
  for (const { id, data } of args) {
    if (data.length <= 0xff) writer.u8(id).u8(data.length);
    else if (data.length <= 0xffff)
      writer
        .u8(id | ARG_SHORT)
        .u8(0)
        .u16(data.length);
    else
      writer
        .u8(id | ARG_LONG)
        .u8(0)
        .u32(data.length);
    writer.bytes(data);
  }
  return writer.finish();
}

function readArgs(reader: ByteReader, count: number): DlpArg[] {
  return Array.from({ length: count }, () => {
    const head = reader.u8();
    const tiny = reader.u8();
    const length = head & ARG_LONG ? reader.u32() : head & ARG_SHORT ? reader.u16() : tiny;
    return { id: head & ARG_ID, data: reader.bytes(length) };
  });
}

export function encodeDlpRequest({ func, args }: DlpRequest): Uint8Array {
  return writeArgs(new ByteWriter().u8(func).u8(args.length), args);
}

/** Throws ProtocolError `malformed`. */
export function decodeDlpRequest(message: Uint8Array): DlpRequest {
  const reader = new ByteReader(message, "DLP request");
  const func = reader.u8();
  return { func, args: readArgs(reader, reader.u8()) };
}

export function encodeDlpResponse({ func, error, args }: DlpResponse): Uint8Array {
  return writeArgs(
    new ByteWriter()
      .u8(func | RESPONSE)
      .u8(args.length)
      .u16(error),
    args,
  );
}

/** Throws ProtocolError `malformed`. */
export function decodeDlpResponse(message: Uint8Array): DlpResponse {
  const reader = new ByteReader(message, "DLP response");
  const func = reader.u8();
  if (!(func & RESPONSE)) throw new ProtocolError("malformed", `DLP response to function 0x${func.toString(16)}`);
  const count = reader.u8();
  return { func: func & ~RESPONSE, error: reader.u16(), args: readArgs(reader, count) };
}
