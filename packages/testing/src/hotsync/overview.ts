// What there is on a handheld, asked for in one sync. An Overview is plain data that survives JSON.

import { ByteWriter } from "../hotsync-protocol/bytes.ts";
import { DLP_FIRST_ARG, DLP_FUNC, dlpArgs } from "../hotsync-protocol/dlp.ts";
import { type DbSize, decodeDbSize, FIND_DB } from "../hotsync-protocol/dlp-databases.ts";
import { DlpError } from "../hotsync-protocol/errors.ts";
import type { Family } from "../hotsync-protocol/handshake.ts";
import type { HotSyncClient } from "./client.ts";

export interface Overview {
  readonly family: Family;
  /** An empty name: the handheld was never synced. */
  readonly user: { readonly name: string; readonly userId: number };
  /** E.g. "4.1". */
  readonly palmOs: string;
  /** Bytes. */
  readonly memory: { readonly free: number; readonly size: number };
  /** Those in RAM, in the handheld's order. */
  readonly databases: readonly {
    readonly name: string;
    readonly type: string;
    readonly creator: string;
    /** Records or resources; null where the handheld does not tell. */
    readonly records: number | null;
    /** What it takes in the handheld's memory; null as above. */
    readonly bytes: number | null;
  }[];
}

export async function readOverview(client: HotSyncClient): Promise<Overview> {
  const user = await client.readUserInfo();
  const { romVersion } = await client.readSysInfo();
  const storage = await client.readStorageInfo();
  const databases: Overview["databases"][number][] = [];
  for (const { name, type, creator } of await client.listDatabases()) {
    const size = await sizeOf(client, name);
    databases.push({ name, type, creator, records: size?.records ?? null, bytes: size?.totalBytes ?? null });
  }
  return {
    family: client.family,
    user: { name: user.name, userId: user.userId },
    palmOs: versionText(romVersion),
    memory: { free: storage.freeRam, size: storage.ramSize },
    databases,
  };
}

/** 0xMMmfsbbb of Palm OS, as SysInfo has it: major and minor number. */
export function versionText(romVersion: number): string {
  return `${(romVersion >> 24) & 0xff}.${(romVersion >> 20) & 0xf}`;
}

/** FindDB by name; undefined on handhelds without it (before DLP 1.2) and where it fails. */
async function sizeOf(client: HotSyncClient, name: string): Promise<DbSize | undefined> {
  const request = new ByteWriter().u8(FIND_DB.SIZE).u8(0).cstring(name).finish();
  try {
    const answer = await client.execute(DLP_FUNC.FindDB, dlpArgs(request));
    const size = answer.find(({ id }) => id === DLP_FIRST_ARG + 1);
    return size && decodeDbSize(size.data);
  } catch (error) {
    if (!(error instanceof DlpError)) throw error;
    return undefined;
  }
}
