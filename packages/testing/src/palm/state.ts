// What a handheld keeps between syncs. One HandheldState is one handheld; a sync changes it in place.

import { type PalmTime, palmTime, type UserInfo } from "../hotsync-protocol/dlp-structs.ts";
import type { PalmDatabase } from "./database.ts";
import type { OsProfile } from "./profiles.ts";

export interface Preference {
  readonly version: number;
  readonly data: Uint8Array;
}

export interface NetSyncInfo {
  lanSync: number;
  hostName: string;
  hostAddress: string;
  subnetMask: string;
}

export interface HandheldState {
  readonly profile: OsProfile;
  readonly ram: PalmDatabase[];
  readonly rom: readonly PalmDatabase[];
  user: UserInfo;
  /** What desktops wrote into the HotSync log. */
  log: string;
  /** Seconds that the handheld's clock is ahead of the machine's. */
  clockOffset: number;
  /** By `creator:id:saved|unsaved`. */
  readonly preferences: Map<string, Preference>;
  netSync: NetSyncInfo;
  /** The person at the handheld pressed "Cancel": the next OpenConduit says so. */
  cancelled: boolean;
}

/** The handheld's clock, which has no time zone. */
export function handheldTime(state: HandheldState): PalmTime {
  return palmTime(new Date(Date.now() + state.clockOffset * 1000));
}

const ENTRY_OVERHEAD = 16;

/** Bytes that a database takes in the handheld's memory, about. */
export function databaseSize(database: PalmDatabase): number {
  const entries = [...database.records, ...database.resources];
  const blocks = (database.appInfo?.length ?? 0) + (database.sortInfo?.length ?? 0);
  return entries.reduce((sum, { data }) => sum + data.length + ENTRY_OVERHEAD, 78 + blocks);
}

export function freeRam(state: HandheldState): number {
  const used = state.ram.reduce((sum, database) => sum + databaseSize(database), 0);
  return Math.max(0, state.profile.storage.ramSize - used);
}
