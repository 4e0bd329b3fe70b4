// What a channel cannot do, and why the kernel makes it so. A case that fails and is not here is a failure; one that is
// here and passes is one too, so this table says no more than what is true.

import type { Bits } from "./build.ts";
import type { ChannelName } from "./suite.ts";

/** What a case can need besides the device; client/harness.h has the same names. */
export type Need = "descriptor" | "unrestricted" | "chardev" | "root" | "sound";

export interface Unsupported {
  readonly channel: ChannelName;
  /** Cases that need this are not run. */
  readonly need?: Need;
  /** Cases of these names are run, and have to fail. */
  readonly cases?: RegExp;
  readonly bits?: Bits;
  /** E.g. "6.1": on this kernel line only. */
  readonly kernel?: string;
  readonly reason: string;
}

export const UNSUPPORTED: readonly Unsupported[] = [
  {
    channel: "memory",
    need: "descriptor",
    reason:
      "the kernel in memory gives no descriptor of the machine's kernel, so nothing can be dup'ed, inherited, passed on, selected, or put into an epoll set",
  },
  {
    channel: "memory",
    need: "sound",
    reason: "a comparison with a device of the machine's kernel",
  },
  {
    channel: "memory",
    need: "root",
    reason: "the daemon believes who the client says it is, so a change of user proves nothing",
  },
  {
    channel: "fuse",
    need: "unrestricted",
    reason:
      "the kernel copies what the number encodes, one area, and lets the daemon of a file ask for no other (FUSE_IOCTL_UNRESTRICTED is cuse.c's alone; fs/fuse/ioctl.c), so pointers in an argument and numbers older than _IOC lead nowhere",
  },
];

/** The entry that says a case cannot work; undefined when it has to. */
export function declared(
  { name, needs }: { readonly name: string; readonly needs: readonly string[] },
  { channel, bits, kernel }: { readonly channel: ChannelName; readonly bits: Bits; readonly kernel: string },
): Unsupported | undefined {
  return UNSUPPORTED.find(
    (entry) =>
      entry.channel === channel &&
      (entry.bits === undefined || entry.bits === bits) &&
      (entry.kernel === undefined || kernel.startsWith(`${entry.kernel}.`)) &&
      (entry.need === undefined || needs.includes(entry.need)) &&
      (entry.cases === undefined || entry.cases.test(name)),
  );
}
