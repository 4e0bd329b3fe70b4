// The ioctls of a real tty's descriptor. Stateless; the descriptor is the caller's.

import { DeviceError, decode, encode, errnoName, native } from "@devlift/core";
import { type CommandName, FLUSH, Int, portCommands } from "./commands.ts";

/** @returns the result, or -errno */
export function call(fd: number, name: CommandName, arg: number | Uint8Array): number {
  return native.ioctl(fd, portCommands[name].number("lp64"), arg);
}

/** 0 when the port is gone: whoever asks hears of that otherwise. */
export function getInt(fd: number, name: CommandName): number {
  const area = new Uint8Array(4);
  return call(fd, name, area) < 0 ? 0 : decode(Int, "lp64", area).value;
}

export function setInt(fd: number, name: CommandName, value: number): void {
  check(name, call(fd, name, encode(Int, "lp64", { value })));
}

export function flushOutput(fd: number): void {
  call(fd, "TCFLSH", FLUSH.TCOFLUSH);
}

/** @throws DeviceError("EIO") for -errno */
export function check(what: string, result: number): void {
  if (result < 0) throw new DeviceError("EIO", `${what}: ${errnoName(-result)}`);
}
