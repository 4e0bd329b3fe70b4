// What a handler said, checked and put into its call. A driver's mistake is an InternalError here and EIO for its caller.

import { InternalError } from "../errors.ts";
import { shown } from "../layout/misfit.ts";
import type { Call } from "./call.ts";
import type { AnyDriver } from "./driver.ts";

/** The largest result of ioctl(2), an int. */
const INT_MAX = 0x7fff_ffff;
const NOTHING = new Uint8Array(0);

/**
 * Takes a handler's value.
 * @param driver a blocking write is offered to it again until everything is taken, unless it writes "once"
 * @returns false when the handler is to be asked again for the rest
 * @throws InternalError when the value is none that this kind of call can have
 */
export function takeAnswer(call: Call, answer: unknown, driver: AnyDriver): boolean {
  switch (call.kind) {
    case "read": {
      const length = answer instanceof Uint8Array ? answer.length : Number.NaN;
      if (!(answer instanceof Uint8Array && length <= call.length))
        throw new InternalError(`read answered with something else than at most ${call.length} bytes`);
      call.bytes = answer;
      call.count = length;
      return true;
    }
    case "write":
      if (!isCount(answer, call.data.length))
        throw new InternalError(`write answered ${shown(answer)} for ${call.data.length} bytes`);
      call.taken += answer;
      if (driver.seekable) call.offset += answer;
      call.data = answer === call.data.length ? NOTHING : call.data.subarray(answer);
      call.count = call.taken;
      return !(driver.writes !== "once" && answer > 0 && call.data.length > 0 && !call.nonBlocking && !call.aborted);
    case "ioctl":
      if (answer !== undefined && !isCount(answer, INT_MAX))
        throw new InternalError(`ioctl answered ${shown(answer)}, which is no int >= 0`);
      call.count = answer ?? 0;
      if (call.encodeOutput !== undefined) call.bytes = call.encodeOutput(call.arg);
      return true;
    case "seek":
      if (!isCount(answer, Number.MAX_SAFE_INTEGER))
        throw new InternalError(`seek answered ${shown(answer)}, which is no position`);
      call.count = answer;
      return true;
    default:
      return true;
  }
}

/** @throws InternalError when it is no set of POLL bits */
export function checkPoll(answer: unknown): number {
  // It comes too late for the kernel, which waits for poll's answer; a rejection that nobody took would end the daemon.
  if (answer instanceof Promise) answer.catch(() => undefined);
  if (!isCount(answer, 0xffff)) throw new InternalError(`poll answered ${shown(answer)}, which is no set of POLL bits`);
  return answer;
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
