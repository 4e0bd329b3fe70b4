// The files that an earlier daemon of a CUSE device left open: given to the driver before the first request, and what of its
// requests is answered without the driver. Lifetime: part of its session.

import { ERRNO, errnoName } from "../errno.ts";
import { Call, type CallKind, requestKey } from "./call.ts";
import { type AnyDriver, POLL } from "./driver.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { FuseFile } from "./fuse-file.ts";
import type { LeftFile, Outliving } from "./outliving.ts";

/** What recover() of a driver may take for a file: less than a service manager lets a service take to start. */
const RECOVER_MS = 30_000;

export class LeftFiles {
  readonly #options: Pick<EngineOptions, "clock" | "log">;
  readonly #engine: Engine;
  /** By the request that opened them. */
  readonly #opens = new Map<number, FuseFile>();
  /** Calls of recover() that wait. */
  readonly #waiting = new Map<Call, () => void>();

  constructor(engine: Engine, options: Pick<EngineOptions, "clock" | "log">) {
    this.#engine = engine;
    this.#options = options;
  }

  /** @returns the files, when the driver has them; those that it does not take give their programs errors from now on */
  async recover(outliving: Outliving): Promise<FuseFile[]> {
    const taken = outliving.files().map((left, index) => this.#recover(left, index));
    this.#engine.settleChanges();
    return await Promise.all(taken);
  }

  #recover(left: LeftFile, index: number): Promise<FuseFile> {
    const { id, flags, pid, uid, gid, uniqueLow, uniqueHigh, pollHandle, hungUp } = left;
    const file = new FuseFile(id, flags, this.#engine);
    file.pollHandle = pollHandle;
    this.#opens.set(requestKey(uniqueLow, uniqueHigh), file);
    file.hungUp = hungUp;
    if (hungUp !== undefined) return Promise.resolve(file);
    const { clock } = this.#options;
    // The kernel's numbers are even (FUSE_REQ_ID_STEP in fs/fuse/fuse_i.h), so this is none of them.
    const origin = { uniqueLow: 2 * index + 1, uniqueHigh: 0, pid, uid, gid };
    const call = new Call("recover", file, origin, clock.now);
    call.nonBlocking = file.nonBlocking;
    return new Promise((resolve) => {
      const callOff = clock.after(RECOVER_MS, () => this.#engine.interrupt(call));
      this.#waiting.set(call, () => {
        callOff();
        resolve(file);
      });
      if (this.#engine.run(call)) this.settled(call);
    });
  }

  /** A recover() has its answer. */
  settled(call: Call): void {
    const { file } = call;
    if (call.errno !== 0) {
      // That it took too long is no signal of the program's.
      const errno = call.errno === ERRNO.EINTR ? ERRNO.EIO : call.errno;
      file.hungUp = { errno, readEnds: false, poll: POLL.ERR | POLL.HUP };
      this.#options.log.warn({ file: file.id, errno: errnoName(errno) }, "a file of the daemon before cannot go on");
    }
    this.#waiting.get(call)?.();
    this.#waiting.delete(call);
  }

  /** The file that an open has made already, before the daemon died that did it. */
  openedBy(uniqueLow: number, uniqueHigh: number): FuseFile | undefined {
    return this.#opens.get(requestKey(uniqueLow, uniqueHigh));
  }
}

/** Whether a call that an earlier daemon had, and may have done, is done again. */
export function mayRepeat({ recovery }: AnyDriver, kind: CallKind): boolean {
  if (kind === "release") return true;
  const policies: Readonly<Partial<Record<CallKind, string>>> = recovery?.policy ?? {};
  return policies[kind] === "reissue";
}
