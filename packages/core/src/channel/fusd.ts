// /dev/fusd: a real character device of the module in kernel/fusd. One descriptor is one device, which exists from its
// START to the close of the descriptor.

import { closeSync } from "node:fs";
import { errnoCode } from "../errno.ts";
import { DeviceError, UsageError } from "../errors.ts";
import { decode, encode, flatTable, sizeOf } from "../layout/index.ts";
import { read, writev } from "../native.ts";
import { FusdSession } from "../session/fusd-session.ts";
import * as abi from "../wire/fusd-abi.ts";
import { encodeTable } from "../wire/fusd-table.ts";
import type { Channel, ChannelKind, ChannelOptions } from "./channel.ts";
import { Connection } from "./connection.ts";
import { ControlDevice } from "./control-device.ts";

const CONTROL = new ControlDevice("fusd", "it where kernel/fusd is installed");

/** The FUSD channel. */
export const fusd: ChannelKind = { name: "fusd", probe: (wanted) => CONTROL.probe(wanted), open };

async function open(options: ChannelOptions): Promise<Channel> {
  const { path, driver } = options;
  if (Buffer.byteLength(driver.name) >= abi.FUSD_NAME_MAX)
    throw new UsageError(`${driver.name}: a name of an fusd device has at most ${abi.FUSD_NAME_MAX - 1} bytes`);
  const fd = CONTROL.open({ name: driver.name, path });
  let maxAreas: number;
  try {
    maxAreas = introduction(fd).max_areas;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const connection = new Connection(fd, options, (common) => new FusdSession({ ...common, maxAreas }));
  try {
    say(fd, "CREATE", create(options));
    say(fd, "TABLE", encodeTable(flatTable(driver.commands ?? {})));
    // The module makes the node inside this write.
    say(fd, "START", encode(abi.fusd_head, "lp64", head(abi.FUSD_START, sizeOf(abi.fusd_head, "lp64"))));
  } catch (error) {
    await connection.close();
    throw error;
  }
  connection.start();
  return { path, ended: connection.ended, close: () => connection.close() };
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

function head(type: number, len: number) {
  return { len, type, flags: 0, id: 0n };
}

/** Without these no file can be served. */
const OPS = (["OPEN", "RELEASE", "READ", "WRITE", "IOCTL"] as const).reduce(
  (bits, name) => bits | (1 << abi.FUSD_OP[name]),
  0,
);

function create({ driver, permissions = {} }: ChannelOptions): Uint8Array {
  const { mode = 0o600, uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0 } = permissions;
  return encode(abi.fusd_create, "lp64", {
    head: head(abi.FUSD_CREATE, sizeOf(abi.fusd_create, "lp64")),
    version: abi.FUSD_VERSION,
    ops: OPS,
    features: 0n,
    flags: 0,
    mode,
    uid,
    gid,
    max_io: abi.MAX_IO,
    // The driver's limits are the session's to keep: EMFILE for one user, ENFILE for all.
    max_opens: 0,
    deadline_ms: 0,
    interrupt_ms: 0,
    recover_ms: 0,
    reserved: 0,
    policy: new Uint8Array(16),
    name: driver.name,
  });
}

/** @throws DeviceError as the module refuses */
function say(fd: number, what: string, message: Uint8Array): void {
  const result = writev(fd, [message]);
  if (result === message.length) return;
  const code = errnoCode(-result) ?? "EIO";
  throw new DeviceError(code, `${CONTROL.path} refused ${what} (${code})`);
}
