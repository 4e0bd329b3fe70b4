// /dev/fusd: a real character device of the module in kernel/fusd. One descriptor is one device, which exists from its
// START to the close of the descriptor.

import { closeSync } from "node:fs";
import { ERRNO, errnoCode } from "../errno.ts";
import { DeviceError, UsageError } from "../errors.ts";
import { decode, encode, flatTable, type Infer, sizeOf } from "../layout/index.ts";
import { ioctl, map, pageSize, read, writev } from "../native.ts";
import type { AnyDriver, Keeper, RecoveredOperation, SharedMemory } from "../session/driver.ts";
import { FusdSession } from "../session/fusd-session.ts";
import * as abi from "../wire/fusd-abi.ts";
import { encodeTable } from "../wire/fusd-table.ts";
import type { Channel, ChannelKind, ChannelOptions } from "./channel.ts";
import { Connection } from "./connection.ts";
import { ControlDevice } from "./control-device.ts";
import { KEEPER_HEAD, keeperIn, recordedAddress } from "./keeper.ts";

const CONTROL = new ControlDevice("fusd", "it where kernel/fusd is installed");

/** Requests that may be on their way at a time, and bytes of one with its answer; longer ones are read and written. */
const RING_SLOTS = 64;
const RING_SLOT_SIZE = 16384;

/** Where the region of `recovery.memory` is: beyond what programs find at 0 and any program asks for. */
const LASTING_AT = abi.FUSD_MAP_REGIONS / 2;
/** And that of `recovery.keeping`. */
const KEPT_AT = (abi.FUSD_MAP_REGIONS / 4) * 3;

/** The FUSD channel. */
export const fusd: ChannelKind = {
  name: "fusd",
  serves: new Set(["seekable", "flush", "fsync", "mmap"]),
  probe: (wanted) => CONTROL.probe(wanted),
  open,
};

async function open(options: ChannelOptions): Promise<Channel> {
  const { path, driver } = options;
  if (Buffer.byteLength(driver.name) >= abi.FUSD_NAME_MAX)
    throw new UsageError(`${driver.name}: a name of an fusd device has at most ${abi.FUSD_NAME_MAX - 1} bytes`);
  const fd = CONTROL.open({ name: driver.name, path }, driver.recovery !== undefined);
  let info: Infer<typeof abi.fusd_info>;
  try {
    info = introduction(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const connection = new Connection(fd, options, (common) => new FusdSession({ ...common, maxAreas: info.max_areas }));
  try {
    const recovered = createOrRecover(fd, options);
    say(fd, "TABLE", encodeTable(flatTable(driver.commands ?? {})));
    if (driver.mmap !== undefined)
      driver.mmap.mapped(memoryOf(fd, { ...driver.mmap, offset: 0, recovered, flags: readOnlyFlag(driver.mmap) }));
    const memory = driver.recovery?.memory;
    if (memory !== undefined) {
      const flags = abi.FUSD_REGION_PRIVATE;
      memory.mapped(memoryOf(fd, { size: memory.size, offset: LASTING_AT, recovered, flags }), recovered);
    }
    giveKeeper(fd, options, { recovered, features: info.features });
    if ((info.features & abi.FUSD_FEATURE_RING) !== 0n) {
      say(fd, "RING", ring());
      connection.share(RING_SLOTS, RING_SLOT_SIZE);
    }
    // The module makes the node inside this write.
    say(fd, "START", onlyHead(abi.FUSD_START));
  } catch (error) {
    await connection.close();
    throw error;
  }
  connection.start();
  // A device that outlives a daemon which dies does not outlive one that ends.
  const last = driver.recovery === undefined ? undefined : onlyHead(abi.FUSD_DESTROY);
  const close = () => connection.close(last);
  if (driver.recovery === undefined) return { path, ended: connection.ended, close };
  const leave = () => connection.leave(async () => driver.leave?.(), onlyHead(abi.FUSD_QUIESCE));
  return { path, ended: connection.ended, close, leave };
}

/** @throws DeviceError("EPROTO") when the module is of another version */
function introduction(fd: number) {
  const bytes = new Uint8Array(sizeOf(abi.fusd_info, "lp64"));
  const length = read(fd, bytes);
  if (length !== bytes.length)
    throw new DeviceError("EPROTO", `${CONTROL.path} does not speak fusd's protocol (${length})`);
  const info = decode(abi.fusd_info, "lp64", bytes);
  if (info.version !== abi.FUSD_VERSION)
    throw new DeviceError("EPROTO", `the module speaks version ${info.version}, and ${abi.FUSD_VERSION} is needed`);
  return info;
}

/** A device of this name that waits for its next daemon is taken over. @returns whether it was there */
function createOrRecover(fd: number, { driver, permissions, log, path }: ChannelOptions): boolean {
  try {
    say(fd, "CREATE", create(driver, permissions));
    return false;
  } catch (error) {
    if (!(error instanceof DeviceError && error.code === "EEXIST") || driver.recovery === undefined) throw error;
    say(fd, "RECOVER", recover(driver.name));
    log.info({ device: path }, `${path} is taken over from a daemon that has ended`);
    return true;
  }
}

interface KeeperPlace {
  readonly recovered: boolean;
  readonly features: bigint;
}

/** Gives the driver a keeper, or says in the log why there is none. */
function giveKeeper(fd: number, { driver, log, path }: ChannelOptions, place: KeeperPlace): void {
  const keeping = driver.recovery?.keeping;
  if (keeping === undefined) return;
  let keeper: Keeper;
  try {
    keeper = keeperOf(fd, keeping.size, place);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.warn({ device: path }, `what is under way with hardware ends with its daemon: ${why}`);
    if ((place.features & abi.FUSD_FEATURE_KEEP) === 0n) return;
    // Hardware that is kept is nobody's to open.
    for (let slot = 0; slot < abi.FUSD_KEEP_SLOTS; slot++) say(fd, "KEEP", keep(slot, -1));
    return;
  }
  keeping.kept(keeper, introduction(fd).files);
}

function keeperOf(fd: number, room: number, { recovered, features }: KeeperPlace): Keeper {
  if ((features & abi.FUSD_FEATURE_KEEP) === 0n)
    throw new DeviceError("ENOTSUP", "the module is too old to keep descriptors");
  const size = room + KEEPER_HEAD;
  const whole = memoryOf(fd, { size, offset: KEPT_AT, recovered, flags: abi.FUSD_REGION_PRIVATE });
  const region = { fd, offset: abi.FUSD_MAP_REGIONS + KEPT_AT, length: whole.length };
  return keeperIn(region, recordedAddress(whole), {
    keep: (slot, kept) => say(fd, "KEEP", keep(slot, kept)),
    take: (slot) => kept(fd, slot),
  });
}

/** @throws DeviceError where what is there cannot be had */
function kept(fd: number, slot: number): number | undefined {
  const found = ioctl(fd, abi.FUSD_IOC_KEPT, slot);
  if (found >= 0) return found;
  if (found === -ERRNO.ENOENT) return undefined;
  throw new DeviceError(errnoCode(-found) ?? "EIO", "what an earlier daemon has left cannot be had");
}

function keep(slot: number, fd: number): Uint8Array {
  const size = sizeOf(abi.fusd_keep, "lp64");
  return encode(abi.fusd_keep, "lp64", { head: head(abi.FUSD_KEEP, size), slot, fd });
}

interface Memory {
  readonly size: number;
  /** Of the region, among the device's. */
  readonly offset: number;
  readonly flags: number;
  /** The device is that of an earlier daemon. */
  readonly recovered: boolean;
}

/** Makes memory that lasts as long as the device, or finds that of the daemon before. */
function memoryOf(fd: number, { size, offset, flags, recovered }: Memory): Uint8Array<ArrayBuffer> {
  const whole = Math.ceil(size / pageSize()) * pageSize();
  try {
    say(fd, "REGION", region(offset, whole, flags));
  } catch (error) {
    if (!(recovered && error instanceof DeviceError && error.code === "EEXIST")) throw error;
  }
  return mappedRegion(fd, offset, whole);
}

/** @throws DeviceError("EINVAL") when the daemon before had less of it */
function mappedRegion(fd: number, offset: number, size: number): Uint8Array<ArrayBuffer> {
  try {
    return map(fd, abi.FUSD_MAP_REGIONS + offset, size);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EINVAL")) throw cause;
    throw new DeviceError("EINVAL", `an earlier daemon left less memory than the ${size} bytes that are asked for`, {
      cause,
    });
  }
}

function readOnlyFlag({ readOnly }: SharedMemory): number {
  return readOnly ? abi.FUSD_REGION_READ_ONLY : 0;
}

function region(offset: number, size: number, flags: number): Uint8Array {
  return encode(abi.fusd_region, "lp64", {
    head: head(abi.FUSD_REGION, sizeOf(abi.fusd_region, "lp64")),
    offset: BigInt(offset),
    size: BigInt(size),
    flags,
    fd: -1,
  });
}

function recover(name: string): Uint8Array {
  const size = sizeOf(abi.fusd_recover, "lp64");
  const rest = { version: abi.FUSD_VERSION, reserved: 0, name };
  return encode(abi.fusd_recover, "lp64", { head: head(abi.FUSD_RECOVER, size), ...rest });
}

function onlyHead(type: number): Uint8Array {
  return encode(abi.fusd_head, "lp64", head(type, sizeOf(abi.fusd_head, "lp64")));
}

function head(type: number, len: number) {
  return { len, type, flags: 0, id: 0n };
}

/** What each operation of a driver is to the kernel. */
const OPERATIONS: Readonly<Record<RecoveredOperation, keyof typeof abi.FUSD_OP>> = {
  open: "OPEN",
  read: "READ",
  write: "WRITE",
  ioctl: "IOCTL",
  seek: "LLSEEK",
  flush: "FLUSH",
  fsync: "FSYNC",
};

function opsOf(driver: AnyDriver): number {
  const names: (keyof typeof abi.FUSD_OP)[] = ["OPEN", "RELEASE", "READ", "WRITE", "IOCTL"];
  for (const optional of ["seek", "flush", "fsync"] as const)
    if (driver[optional] !== undefined) names.push(OPERATIONS[optional]);
  return names.reduce((bits, name) => bits | (1 << abi.FUSD_OP[name]), 0);
}

function policyOf({ recovery }: AnyDriver): Uint8Array {
  const policy = new Uint8Array(16);
  for (const operation of Object.keys(OPERATIONS) as RecoveredOperation[])
    policy[abi.FUSD_OP[OPERATIONS[operation]]] = abi.FUSD_POLICY[recovery?.policy?.[operation] ?? "fail"];
  return policy;
}

function featuresOf({ recovery, mmap }: AnyDriver): bigint {
  const recovers = recovery === undefined ? 0n : abi.FUSD_FEATURE_RECOVERY;
  const hasRegions = mmap !== undefined || recovery?.memory !== undefined;
  return recovers | (hasRegions ? abi.FUSD_FEATURE_REGIONS : 0n);
}

function create(driver: AnyDriver, permissions: ChannelOptions["permissions"] = {}): Uint8Array {
  const { mode = 0o600, uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0 } = permissions;
  return encode(abi.fusd_create, "lp64", {
    head: head(abi.FUSD_CREATE, sizeOf(abi.fusd_create, "lp64")),
    version: abi.FUSD_VERSION,
    ops: opsOf(driver),
    features: featuresOf(driver),
    flags: driver.seekable ? abi.FUSD_CREATE_SEEKABLE : 0,
    mode,
    uid,
    gid,
    max_io: abi.MAX_IO,
    // The driver's limits are the session's to keep: EMFILE for one user, ENFILE for all.
    max_opens: 0,
    deadline_ms: driver.deadlineMs ?? 0,
    interrupt_ms: 0,
    recover_ms: driver.recovery?.ms ?? 0,
    reserved: 0,
    policy: policyOf(driver),
    name: driver.name,
  });
}

function ring(): Uint8Array {
  return encode(abi.fusd_ring_setup, "lp64", {
    head: head(abi.FUSD_RING, sizeOf(abi.fusd_ring_setup, "lp64")),
    slots: RING_SLOTS,
    slot_size: RING_SLOT_SIZE,
  });
}

/** @throws DeviceError as the module refuses */
function say(fd: number, what: string, message: Uint8Array): void {
  const result = writev(fd, [message]);
  if (result === message.length) return;
  const code = errnoCode(-result) ?? "EIO";
  throw new DeviceError(code, `${CONTROL.path} refused ${what} (${code})`);
}
