// The driver's function for a kind of call, and what is answered where it has none.

import { DeviceError, InternalError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { AnyDriver, OpenFile, RecoverCall } from "./driver.ts";

/** Calls the driver. @throws what the driver throws; DeviceError EINVAL or ENOTTY, as a kernel driver without it */
export function ask(driver: AnyDriver, call: Call): unknown {
  switch (call.kind) {
    case "read":
      if (driver.read === undefined) throw new DeviceError("EINVAL", "the driver has no read");
      return driver.read(call);
    case "write":
      if (driver.write === undefined) throw new DeviceError("EINVAL", "the driver has no write");
      return driver.write(call);
    case "ioctl": {
      const handler = call.entry === undefined ? undefined : driver.ioctl?.[call.entry.name];
      if (handler === undefined) throw new DeviceError("ENOTTY", "the driver has no handler for this ioctl");
      return handler(call);
    }
    case "open":
      return driver.open?.(call);
    case "recover":
      return driver.recover === undefined ? driver.open?.(call) : driver.recover(numbered(call));
    case "seek":
      return driver.seek?.(call);
    case "flush":
      return driver.flush?.(call);
    case "fsync":
      if (driver.fsync === undefined) throw new DeviceError("EINVAL", "the driver has no fsync");
      return driver.fsync(call);
    case "release":
      return driver.release?.(call);
    default:
      throw new InternalError(`${call.kind} is not run`);
  }
}

function numbered(call: Call): RecoverCall {
  const { file } = call;
  if (!hasNumber(file)) throw new InternalError("a file without a number is recovered");
  return {
    file,
    flags: call.flags,
    caller: call.caller,
    nonBlocking: call.nonBlocking,
    signal: call.signal,
    waitedMs: 0,
    id: call.id,
    reissued: call.reissued,
  };
}

function hasNumber(file: OpenFile): file is RecoverCall["file"] {
  return file.number !== undefined;
}
