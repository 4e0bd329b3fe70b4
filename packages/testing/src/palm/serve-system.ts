// DLP commands about the handheld itself: user, system, clock, storage, log, preferences, the sync's course.

import { ByteWriter, latin1 } from "../hotsync-protocol/bytes.ts";
import { DLP_ERROR, DLP_FUNC, dlpArgs } from "../hotsync-protocol/dlp.ts";
import {
  decodeUserInfoChange,
  encodeStorageInfo,
  encodeSysInfo,
  encodeUserInfo,
  readTime,
  writeTime,
} from "../hotsync-protocol/dlp-structs.ts";
import { type Commands, refuse } from "./dlp-session.ts";
import { freeRam, handheldTime, type NetSyncInfo } from "./state.ts";

const DONE = dlpArgs();

const preferenceKey = (creator: string, id: number, saved: boolean): string =>
  `${creator}:${id}:${saved ? "saved" : "unsaved"}`;
/** In the preference commands' flags: the preferences that are backed up. */
const PREFERENCE_SAVED = 0x80;

/** WriteNetSyncInfo's flags, in the order of the fields (DLCommon.h dlpNetSyncInfoMod...). */
const NET_SYNC = { LAN_SYNC: 0x80, HOST: 0x40, ADDRESS: 0x20, MASK: 0x10 } as const;

export const SYSTEM_COMMANDS: Commands = {
  [DLP_FUNC.ReadUserInfo]: ({ state }) => dlpArgs(encodeUserInfo(state.user)),

  [DLP_FUNC.WriteUserInfo]: ({ state }, args) => {
    const change = decodeUserInfoChange(args.bytes());
    // The date that a desktop writes at the end of a good sync is that of the last good sync, too.
    const success = change.lastSync === undefined ? {} : { lastSuccessfulSync: change.lastSync };
    state.user = { ...state.user, ...change, ...success };
    return DONE;
  },

  [DLP_FUNC.ReadSysInfo]: ({ state }) => dlpArgs(...encodeSysInfo(state.profile.sysInfo)),

  [DLP_FUNC.GetSysDateTime]: ({ state }) => dlpArgs(writeTime(new ByteWriter(), handheldTime(state)).finish()),

  [DLP_FUNC.SetSysDateTime]: ({ state }, args) => {
    state.clockOffset += readTime(args.read()) - handheldTime(state);
    return DONE;
  },

  [DLP_FUNC.ReadStorageInfo]: ({ state }, args) => {
    if (args.read().u8() !== 0) throw refuse(DLP_ERROR.NotFound);
    const first = encodeStorageInfo({ ...state.profile.storage, freeRam: freeRam(state) });
    if (!state.profile.sysInfo.dlp) return dlpArgs(first);
    return dlpArgs(first, new ByteWriter().u16(state.rom.length).u16(state.ram.length).zeros(16).finish());
  },

  [DLP_FUNC.AddSyncLogEntry]: ({ state }, args) => {
    const text = latin1(args.bytes());
    state.log += text.endsWith("\0") ? text.slice(0, -1) : text;
    return DONE;
  },

  [DLP_FUNC.OpenConduit]: ({ state }) => {
    if (state.cancelled) throw refuse(DLP_ERROR.UserCan);
    return DONE;
  },

  [DLP_FUNC.EndOfSync]: (session, args) => {
    session.endStatus = args.read().u16();
    session.open.clear();
    return DONE;
  },

  [DLP_FUNC.ResetSystem]: (session) => {
    session.resetWanted = true;
    return DONE;
  },

  [DLP_FUNC.ReadFeature]: ({ state }, args) => {
    const reader = args.read();
    const [creator, number] = [reader.fourCc(), reader.u16()];
    // sysFtrCreator, sysFtrNumROMVersion: the only one that clients ask for.
    if (creator !== "psys" || number !== 1) throw refuse(DLP_ERROR.NotFound);
    return dlpArgs(new ByteWriter().u32(state.profile.sysInfo.romVersion).finish());
  },

  [DLP_FUNC.ReadAppPreference]: ({ state }, args) => {
    const reader = args.read();
    const [creator, id, limit, flags] = [reader.fourCc(), reader.u16(), reader.u16(), reader.u8()];
    const preference = state.preferences.get(preferenceKey(creator, id, (flags & PREFERENCE_SAVED) !== 0));
    if (!preference) throw refuse(DLP_ERROR.NotFound);
    const data = preference.data.subarray(0, limit);
    const writer = new ByteWriter().u16(preference.version).u16(preference.data.length).u16(data.length);
    return dlpArgs(writer.bytes(data).finish());
  },

  [DLP_FUNC.WriteAppPreference]: ({ state }, args) => {
    const reader = args.read();
    const [creator, id, version, size] = [reader.fourCc(), reader.u16(), reader.u16(), reader.u16()];
    const flags = reader.u8();
    const data = reader.skip(1).bytes(size);
    if (size > freeRam(state)) throw refuse(DLP_ERROR.Space);
    state.preferences.set(preferenceKey(creator, id, (flags & PREFERENCE_SAVED) !== 0), { version, data });
    return DONE;
  },

  [DLP_FUNC.ReadNetSyncInfo]: ({ state }) => {
    const { lanSync, ...texts } = state.netSync;
    const fields = [texts.hostName, texts.hostAddress, texts.subnetMask].map((text) =>
      text === "" ? "" : `${text}\0`,
    );
    const writer = new ByteWriter().u8(lanSync).u8(0).zeros(16);
    for (const field of fields) writer.u16(field.length);
    return dlpArgs(writer.text(fields.join("")).finish());
  },

  [DLP_FUNC.WriteNetSyncInfo]: ({ state }, args) => {
    const reader = args.read();
    const [flags, lanSync] = [reader.u8(), reader.u8()];
    const lengths = [reader.skip(16).u16(), reader.u16(), reader.u16()];
    const [hostName = "", hostAddress = "", subnetMask = ""] = lengths.map((length) => reader.text(length));
    const given: NetSyncInfo = { lanSync, hostName, hostAddress, subnetMask };
    const { netSync } = state;
    if (flags & NET_SYNC.LAN_SYNC) netSync.lanSync = given.lanSync;
    if (flags & NET_SYNC.HOST) netSync.hostName = given.hostName;
    if (flags & NET_SYNC.ADDRESS) netSync.hostAddress = given.hostAddress;
    if (flags & NET_SYNC.MASK) netSync.subnetMask = given.subnetMask;
    return DONE;
  },

  [DLP_FUNC.LoopBackTest]: (_session, args) => dlpArgs(args.bytes()),
};
