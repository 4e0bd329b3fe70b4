// What DLP's arguments hold, each with its encoder and decoder, for both ends. Decoders throw ProtocolError
// `malformed`. Layouts: Palm OS SDK DLCommon.h; pilot-link libpisock/dlp.c; recorded syncs (palm-sync's test data).

import { ByteReader, ByteWriter } from "./bytes.ts";

/** Seconds since 1904-01-01 00:00, the handheld's local time; 0 for never. What a PDB file's header has, too. */
export type PalmTime = number;

const EPOCH_MS = Date.UTC(1904, 0, 1);

export function palmTime(date: Date): PalmTime {
  return Math.floor((date.getTime() - EPOCH_MS) / 1000) >>> 0;
}

export function writeTime(writer: ByteWriter, time: PalmTime): ByteWriter {
  if (time === 0) return writer.zeros(8);
  const date = new Date(EPOCH_MS + time * 1000);
  writer
    .u16(date.getUTCFullYear())
    .u8(date.getUTCMonth() + 1)
    .u8(date.getUTCDate());
  return writer.u8(date.getUTCHours()).u8(date.getUTCMinutes()).u8(date.getUTCSeconds()).u8(0);
}

/** Year 0 is "never", whatever else is in it (pilot-link's dlp_ptohdate saw such). */
export function readTime(reader: ByteReader): PalmTime {
  const year = reader.u16();
  const [month, day, hour, minute, second] = [reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  reader.skip(1);
  return year === 0 ? 0 : palmTime(new Date(Date.UTC(year, month - 1, day, hour, minute, second)));
}

export interface UserInfo {
  readonly userId: number;
  readonly viewerId: number;
  readonly lastSyncPc: number;
  readonly lastSuccessfulSync: PalmTime;
  readonly lastSync: PalmTime;
  readonly name: string;
  /** As the handheld keeps it: encoded, for comparison only. */
  readonly password: Uint8Array;
}

export function encodeUserInfo(user: UserInfo): Uint8Array {
  const writer = new ByteWriter().u32(user.userId).u32(user.viewerId).u32(user.lastSyncPc);
  writeTime(writeTime(writer, user.lastSuccessfulSync), user.lastSync);
  const nameLength = user.name.length === 0 ? 0 : user.name.length + 1;
  writer.u8(nameLength).u8(user.password.length);
  return (nameLength === 0 ? writer : writer.cstring(user.name)).bytes(user.password).finish();
}

export function decodeUserInfo(bytes: Uint8Array): UserInfo {
  const reader = new ByteReader(bytes, "ReadUserInfo");
  const [userId, viewerId, lastSyncPc] = [reader.u32(), reader.u32(), reader.u32()];
  const [lastSuccessfulSync, lastSync] = [readTime(reader), readTime(reader)];
  const [nameLength, passwordLength] = [reader.u8(), reader.u8()];
  const name = reader.text(nameLength);
  const password = reader.bytes(passwordLength);
  return { userId, viewerId, lastSyncPc, lastSuccessfulSync, lastSync, name, password };
}

/** WriteUserInfo: only what is given changes. */
export interface UserInfoChange {
  readonly userId?: number;
  readonly viewerId?: number;
  readonly lastSyncPc?: number;
  readonly lastSync?: PalmTime;
  readonly name?: string;
}

/** DLCommon.h dlpUserInfoMod...; pilot-link sends 0xff, all of them. */
const USER_MOD = { USER_ID: 0x80, SYNC_PC: 0x40, SYNC_DATE: 0x20, NAME: 0x10, VIEWER_ID: 0x08 } as const;

export function encodeUserInfoChange(change: UserInfoChange): Uint8Array {
  const flag = (value: unknown, bit: number): number => (value === undefined ? 0 : bit);
  const flags =
    flag(change.userId, USER_MOD.USER_ID) |
    flag(change.viewerId, USER_MOD.VIEWER_ID) |
    flag(change.lastSyncPc, USER_MOD.SYNC_PC) |
    flag(change.lastSync, USER_MOD.SYNC_DATE) |
    flag(change.name, USER_MOD.NAME);
  const writer = new ByteWriter()
    .u32(change.userId ?? 0)
    .u32(change.viewerId ?? 0)
    .u32(change.lastSyncPc ?? 0);
  writeTime(writer, change.lastSync ?? 0).u8(flags);
  if (change.name === undefined) return writer.u8(0).finish();
  return writer
    .u8(change.name.length + 1)
    .cstring(change.name)
    .finish();
}

export function decodeUserInfoChange(bytes: Uint8Array): UserInfoChange {
  const reader = new ByteReader(bytes, "WriteUserInfo");
  const [userId, viewerId, lastSyncPc, lastSync] = [reader.u32(), reader.u32(), reader.u32(), readTime(reader)];
  const flags = reader.u8();
  const name = reader.text(reader.u8());
  return {
    ...(flags & USER_MOD.USER_ID ? { userId } : {}),
    ...(flags & USER_MOD.VIEWER_ID ? { viewerId } : {}),
    ...(flags & USER_MOD.SYNC_PC ? { lastSyncPc } : {}),
    ...(flags & USER_MOD.SYNC_DATE ? { lastSync } : {}),
    ...(flags & USER_MOD.NAME ? { name } : {}),
  };
}

export interface SysInfo {
  /** 0xMMmfsbbb as Palm OS writes it, e.g. 0x04103000 for 4.1.0. */
  readonly romVersion: number;
  readonly localization: number;
  readonly productId: Uint8Array;
  /** In the second argument, which only DLP 1.2 and later send. */
  readonly dlp?: {
    readonly version: number;
    readonly compatVersion: number;
    /** The longest record that one answer can carry, bytes. */
    readonly maxRecordSize: number;
  };
}

/** Versions have the major number in the high and the minor in the low sixteen bits. */
export function encodeSysInfo(info: SysInfo): Uint8Array[] {
  const first = new ByteWriter().u32(info.romVersion).u32(info.localization).u8(0).u8(info.productId.length);
  const args = [first.bytes(info.productId).finish()];
  if (info.dlp) {
    const { version, compatVersion, maxRecordSize } = info.dlp;
    args.push(new ByteWriter().u32(version).u32(compatVersion).u32(maxRecordSize).finish());
  }
  return args;
}

export function decodeSysInfo(first: Uint8Array, second?: Uint8Array): SysInfo {
  const reader = new ByteReader(first, "ReadSysInfo");
  const [romVersion, localization] = [reader.u32(), reader.u32()];
  const productId = reader.skip(1).bytes(reader.u8());
  if (!second) return { romVersion, localization, productId };
  const more = new ByteReader(second, "ReadSysInfo, second argument");
  const dlp = { version: more.u32(), compatVersion: more.u32(), maxRecordSize: more.u32() };
  return { romVersion, localization, productId, dlp };
}

export interface StorageInfo {
  readonly card: number;
  readonly version: number;
  readonly created: PalmTime;
  readonly romSize: number;
  readonly ramSize: number;
  readonly freeRam: number;
  readonly name: string;
  readonly manufacturer: string;
}

/** The first argument of ReadStorageInfo's answer, for the only card. */
export function encodeStorageInfo(info: StorageInfo): Uint8Array {
  const names = new ByteWriter().text(info.name).text(info.manufacturer).finish();
  const writer = new ByteWriter().u8(info.card).u8(0).u8(0).u8(1);
  writer
    .u8(26 + names.length)
    .u8(info.card)
    .u16(info.version);
  writeTime(writer, info.created).u32(info.romSize).u32(info.ramSize).u32(info.freeRam);
  return writer.u8(info.name.length).u8(info.manufacturer.length).bytes(names).finish();
}

export function decodeStorageInfo(bytes: Uint8Array): StorageInfo {
  const reader = new ByteReader(bytes, "ReadStorageInfo").skip(5);
  const [card, version, created] = [reader.u8(), reader.u16(), readTime(reader)];
  const [romSize, ramSize, freeRam] = [reader.u32(), reader.u32(), reader.u32()];
  const [nameLength, manufacturerLength] = [reader.u8(), reader.u8()];
  const [name, manufacturer] = [reader.text(nameLength), reader.text(manufacturerLength)];
  return { card, version, created, romSize, ramSize, freeRam, name, manufacturer };
}
