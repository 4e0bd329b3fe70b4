// Descriptors that the service manager keeps while the service is started anew (FileDescriptorStoreMax= of a unit, FDSTORE=1 of
// sd_notify(3)), and gives to the next process (sd_listen_fds(3)).
// Lifetime: one a process. What is left in it by an earlier one is open here until it is taken or forgotten.

import { closeSync } from "node:fs";
import { DeviceError } from "../errors.ts";
import { sdNotify } from "../native.ts";

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3;

/** What a store needs of its process. */
export interface StoreProcess {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
}

export class FdStore {
  readonly #socket: string;
  /** How many descriptors may be there. */
  readonly #most: number;
  /** Names that are in the store, as far as is known here. */
  readonly #kept = new Set<string>();
  readonly #left = new Map<string, number>();

  private constructor(socket: string, most: number, left: readonly (readonly [string, number])[]) {
    this.#socket = socket;
    this.#most = most;
    for (const [name, fd] of left) {
      this.#kept.add(name);
      if (this.#left.has(name)) closeSync(fd);
      else this.#left.set(name, fd);
    }
  }

  /** @returns undefined where nobody keeps descriptors: FDSTORE is there since systemd 254 */
  static of({ env, pid }: StoreProcess): FdStore | undefined {
    const { NOTIFY_SOCKET: socket = "", FDSTORE: most = "" } = env;
    if (socket === "" || !/^[1-9]\d*$/.test(most)) return undefined;
    return new FdStore(socket, Number(most), inherited(env, pid));
  }

  /** What an earlier process has left under a name: the caller's to close. Once. */
  take(name: string): number | undefined {
    const fd = this.#left.get(name);
    this.#left.delete(name);
    return fd;
  }

  /**
   * Keeps the open file of a descriptor, which may be closed then.
   * @param name of visible ASCII without a colon, used by nothing else that is kept
   * @throws DeviceError("ENFILE") when the unit allows no more; NativeError when the manager is not there
   */
  keep(name: string, fd: number): void {
    if (this.#kept.size >= this.#most)
      throw new DeviceError("ENFILE", `the service manager keeps ${this.#most} descriptors (FileDescriptorStoreMax=)`);
    // Without FDPOLL=0 the manager would be woken by each request of the kernel's.
    sdNotify(this.#socket, `FDSTORE=1\nFDPOLL=0\nFDNAME=${name}`, fd);
    this.#kept.add(name);
  }

  /** Keeps nothing under a name any more. */
  forget(name: string): void {
    const fd = this.take(name);
    if (fd !== undefined) closeSync(fd);
    if (this.#kept.delete(name)) sdNotify(this.#socket, `FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  /** Forgets what nobody here has taken: no later process would know better. */
  forgetRest(): void {
    for (const name of [...this.#left.keys()]) this.forget(name);
  }
}

/** Descriptors that this process was started with, by name. */
function inherited({ LISTEN_FDS: count = "", LISTEN_FDNAMES: names = "", ...env }: NodeJS.ProcessEnv, pid: number) {
  if (!/^[1-9]\d{0,3}$/.test(count) || env["LISTEN_PID"] !== String(pid)) return [];
  const named = names.split(":");
  return Array.from({ length: Number(count) }, (_, index) => [named[index] ?? "", FIRST_FD + index] as const);
}

let ours: { readonly store: FdStore | undefined } | undefined;

/** This process's. */
export function fdStore(): FdStore | undefined {
  ours ??= { store: FdStore.of(process) };
  // Not for those that this process starts.
  for (const name of ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"]) delete process.env[name];
  return ours.store;
}
