// What kind of Palm OS a handheld says it is. Constant data. The 4.1 and 5.4 numbers are those of recorded syncs with
// the Palm OS Emulator and a Tungsten T|X (palm-sync's test data).

import type { StorageInfo, SysInfo } from "../hotsync-protocol/dlp-structs.ts";
import { palmTime } from "../hotsync-protocol/dlp-structs.ts";

export interface OsProfile {
  readonly sysInfo: SysInfo;
  /** Without the free RAM, which depends on what is stored. */
  readonly storage: Omit<StorageInfo, "freeRam">;
}

const card = (version: number, romSize: number, ramSize: number): OsProfile["storage"] => ({
  card: 0,
  version,
  created: palmTime(new Date("2001-10-10T09:13:33Z")),
  romSize,
  ramSize,
  name: "PalmCard",
  manufacturer: "Palm Computing",
});

const VERSION_1_2 = 0x0001_0002;
const COMPATIBLE = 0x0003_0000;
const ENGLISH = 0x0001_0000;
const MAX_RECORD = 0xffe1;
const MEGABYTE = 0x100000;

export const OS_PROFILES = {
  /** DLP 1.1 answers ReadSysInfo with one argument, and clients go by the CMP version then. */
  palmOs2: {
    sysInfo: { romVersion: 0x0200_3000, localization: ENGLISH, productId: Uint8Array.of(0, 0, 0, 0) },
    storage: card(1, MEGABYTE, MEGABYTE),
  },
  palmOs3: {
    sysInfo: {
      romVersion: 0x0350_3000,
      localization: ENGLISH,
      productId: Uint8Array.of(0, 1, 0, 0),
      dlp: { version: VERSION_1_2, compatVersion: COMPATIBLE, maxRecordSize: MAX_RECORD },
    },
    storage: card(1, 2 * MEGABYTE, 8 * MEGABYTE),
  },
  palmOs4: {
    sysInfo: {
      romVersion: 0x0410_3000,
      localization: ENGLISH,
      productId: Uint8Array.of(0, 2, 0, 0),
      dlp: { version: VERSION_1_2, compatVersion: COMPATIBLE, maxRecordSize: MAX_RECORD },
    },
    storage: card(1, 4 * MEGABYTE, 16 * MEGABYTE),
  },
  palmOs5: {
    sysInfo: {
      romVersion: 0x0540_3017,
      localization: ENGLISH,
      productId: Uint8Array.of(1, 0, 0, 0),
      dlp: { version: VERSION_1_2, compatVersion: COMPATIBLE, maxRecordSize: MAX_RECORD },
    },
    storage: card(1, 16 * MEGABYTE, 128 * MEGABYTE),
  },
} as const satisfies Record<string, OsProfile>;
