// Which ioctls a file of a FUSE mount can carry. The kernel copies what the command's number encodes, one area, and
// lets the daemon ask for no other ("restricted", fs/fuse/ioctl.c).

import { type Command, type CommandTable, type DataModel, type NamedCommand, sizeOf } from "../layout/index.ts";
import { depthOf } from "../layout/layout.ts";
import type { Logger } from "../log.ts";
import { FUSE_IOCTL_UNRESTRICTED } from "../wire/abi.ts";
import type { RequestView } from "../wire/request.ts";
import { modelOf } from "./ioctl.ts";

/** Commands that the kernel answers itself for every regular file (file_ioctl() and do_vfs_ioctl() in fs/ioctl.c). */
const KERNELS_OWN: ReadonlyMap<number, string> = new Map([
  [0x0000_0001, "FIBMAP"],
  [0x0000_541b, "FIONREAD"],
  [0x0000_5460, "FIOQSIZE"],
]);

/** @returns why a command cannot come through, or undefined when it can */
export function whyNotCarried(command: Command, model: DataModel): string | undefined {
  const number = command.number(model);
  const own = KERNELS_OWN.get(number);
  if (own !== undefined) return `the kernel answers ${own} of a regular file itself`;
  const { schema, direction } = command;
  const encoded = { size: (number >>> 16) & 0x3fff, in: (number >>> 30) & 1, out: number >>> 31 };
  if (schema === undefined)
    return encoded.in + encoded.out === 0 || encoded.size === 0
      ? undefined
      : "its number says that an area is copied, but its argument is no pointer";
  if (depthOf(schema.layout) > 1) return "its argument leads to more memory, by pointers or told lengths";
  if (encoded.in + encoded.out === 0) return "its number does not encode a size (it is older than _IOR and _IOW)";
  const reads = direction === "out" ? 0 : 1;
  const writes = direction === "in" ? 0 : 1;
  if (encoded.size !== sizeOf(schema, model) || encoded.in !== reads || encoded.out !== writes)
    return "its number encodes another size or direction than its argument has";
  return undefined;
}

/** The ioctls that come from a FUSE file, restricted as they are. Lives as long as its session. */
export class RestrictedIoctls {
  readonly #table: CommandTable;
  readonly #log: Logger;
  readonly #warned = new Set<string>();
  /** Those that come through, as the table has them: each for one data model. */
  readonly #carried = new Set<NamedCommand>();

  constructor(table: CommandTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  /**
   * Whether this is an ioctl that the kernel brings nothing or too little of. Its caller gets ENOTTY, as for a command
   * that there is not, which programs can cope with: isatty(), which is TCGETS, says no, and rightly so.
   */
  refuses(request: RequestView): boolean {
    if ((request.ioctlFlags & FUSE_IOCTL_UNRESTRICTED) !== 0) return false;
    const model = modelOf(request.ioctlFlags);
    const entry = this.#table.lookup(request.ioctlCommand, model);
    if (entry === undefined || this.#carried.has(entry)) return false;
    const why = whyNotCarried(entry.command, model);
    if (why === undefined) {
      this.#carried.add(entry);
      return false;
    }
    if (!this.#warned.has(entry.name)) {
      this.#warned.add(entry.name);
      const fields = { call: `ioctl ${entry.name}`, pid: request.pid };
      this.#log.warn(fields, `ENOTTY for the caller of ${entry.name}: ${why}. The cuse channel carries it`);
    }
    return true;
  }
}
