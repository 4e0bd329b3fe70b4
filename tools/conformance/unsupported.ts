// What a channel cannot do, and why the kernel makes it so. A case that fails and is not here is a failure; one that is
// here and passes is one too, so this table says no more than what is true.

import type { Bits } from "./build.ts";
import type { ChannelName } from "./suite.ts";

/** What a case can need besides the device; client/harness.h has the same names. */
export type Need = "descriptor" | "unrestricted" | "chardev" | "root" | "sound" | "slots";

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

/** The same on every channel that speaks FUSE, each for itself so that each is proven. */
function onEach(channels: readonly ChannelName[], entry: Omit<Unsupported, "channel">): Unsupported[] {
  return channels.map((channel) => ({ channel, ...entry }));
}

const CHANNELS_WITHOUT_FLAGS = ["memory", "fuse", "cuse"] as const;

export const UNSUPPORTED: readonly Unsupported[] = [
  ...onEach(["memory", "fuse", "cuse"], {
    cases: /^signals\/sa-restart-goes-on\//,
    reason:
      "an answer of the daemon cannot carry ERESTARTSYS: the kernel takes errors from -1 to -511 (fuse_dev_do_write() in fs/fuse/dev.c), so a handler with SA_RESTART sees EINTR",
  }),
  ...onEach(["fuse", "cuse"], {
    cases: /^signals\/stop-and-continue-goes-on$/,
    reason:
      "the kernel sends its INTERRUPT for any pending signal, a stop too (request_wait_answer() in fs/fuse/dev.c), and the EINTR that answers it is the caller's",
  }),
  ...onEach(["memory", "cuse"], {
    cases: /^read\/large\/takes-what-is-there$/,
    reason:
      "a read of more than a request is several, each asked for when the one before was filled (fuse_direct_io() in fs/fuse/file.c); a blocking caller waits in the second",
  }),
  ...onEach(["memory", "fuse", "cuse"], {
    cases: /^blocking\/ioctl\/nonblocking-by-fcntl$/,
    reason:
      "struct fuse_ioctl_in has no file flags: an ioctl goes by those of the last read, write or open, and fcntl(F_SETFL) is not told",
  }),
  ...onEach(["fuse", "cuse"], {
    cases: /^events\/edge\/room-is-no-news-for-in$/,
    reason:
      "FUSE_NOTIFY_POLL does not say what happened, so a wake-up for writers makes an edge-triggered set look at its readers again (fuse_notify_poll_wakeup() in fs/fuse/file.c)",
  }),
  ...onEach(["fuse", "cuse"], {
    cases: /^as-null\/bad-buffer-at-the-end$/,
    reason:
      "a reader's pages are pinned before the daemon is asked (fuse_get_user_pages() in fs/fuse/file.c), so a bad buffer is EFAULT where there is nothing to read, too",
  }),
  ...onEach(["fuse", "cuse"], {
    cases: /^signals\/sigio$/,
    reason: "neither fuse_file_operations nor cuse_frontend_fops has fasync, so O_ASYNC sends no SIGIO",
  }),
  {
    channel: "cuse",
    cases: /^offset\/(pread|pwrite|seek-\w+)-is-espipe$/,
    reason:
      "cuse_frontend_fops has noop_llseek and cuse_channel_open() does not make the file non-seekable: lseek(2) gives 0, and the offset of pread(2) is ignored (fs/fuse/cuse.c)",
  },
  ...onEach(["memory", "cuse"], {
    cases: /^(read|write)\/large\/in-one-request$/,
    reason:
      "a CUSE request has at most 32 pages (FUSE_DEFAULT_MAX_PAGES_PER_REQ in fs/fuse/fuse_i.h; CUSE_INIT has no max_pages), 128 KiB, and a larger call is several",
  }),
  {
    channel: "fuse",
    cases: /^write\/large\/in-one-request$/,
    reason: "a write is sent 128 KiB at a time, as on CUSE: the max_write that core answers FUSE_INIT with",
  },
  {
    channel: "fuse",
    cases: /^release\/(waited-for$|interrupted\/)/,
    reason:
      "close(2) of a file of a FUSE mount does not wait for RELEASE, which goes in the background (fuse_release_common() and fuse_file_put() in fs/fuse/file.c), so nobody can be interrupted in it",
  },
  {
    channel: "memory",
    need: "descriptor",
    reason:
      "the kernel in memory gives no descriptor of the machine's kernel, so nothing can be dup'ed, inherited, passed on, selected, or put into an epoll set",
  },
  {
    channel: "fuse",
    need: "chardev",
    reason:
      "a node of a FUSE mount that a character device's number could stand on would be that device, not ours: it is a regular file",
  },
  {
    channel: "fusd",
    cases:
      /^ioctl\/(array\/(256|300)-of-1-byte|areas\/(25[78]-\w+|257-two-levels|too-large-together-\w+)|legacy\/128k-and-1|length\/(131073|1048575|1048576|full-request-\w+))$/,
    reason:
      "what is too much for a FUSE request is not for fusd, whose ioctls have 1 MiB each way and 1024 areas (max_io and max_areas in kernel/fusd/uapi/fusd.h)",
  },
  {
    channel: "fusd",
    cases: /^(hangup\/(tty|enodev)\/told-for-good|poll\/nval\/path|select\/number\/below)$/,
    reason:
      "the case counts how often the driver's poll() is asked, which on fusd is after each call and at no poll(2) (FUSD_PUBLISH)",
  },
  {
    channel: "fusd",
    cases: /^ioctl\/as-dev-null\/fioasync-on$/,
    reason: "fusd has fasync, which /dev/null has not",
  },
  {
    channel: "fusd",
    cases: /^as-null\/bad-buffer-at-the-end$/,
    reason:
      "a reader's buffer is looked at before the daemon is asked, so that nothing is lost to a bad one; it is EFAULT where there is nothing to read, too",
  },
  {
    channel: "cuse",
    need: "slots",
    reason:
      "cuse_frontend_fops has neither mmap, flush nor fsync, its llseek is noop_llseek, and it passes no offset (fs/fuse/cuse.c), so the node is not served",
  },
  {
    channel: "fuse",
    need: "slots",
    reason:
      "a stream is what the file has to be for pread(2) and lseek(2) to be ESPIPE (FOPEN_STREAM), and a file of FOPEN_DIRECT_IO refuses shared mappings (fuse_file_mmap() in fs/fuse/file.c), so the node is not served",
  },
  {
    channel: "memory",
    need: "slots",
    reason: "the kernel in memory has streams alone, and no memory to map, so the node is not served",
  },
  ...onEach(["memory", "fuse"], {
    need: "sound",
    reason: "a comparison with snd-dummy of the virtual machine's kernel, made where CUSE is",
  }),
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
  {
    channel: "fuse",
    cases: /^ioctl\/(kernel\/fionread-of-the-driver|as-dev-null\/(fionread|fioqsize|fibmap))$/,
    reason:
      "the file is a regular one, for which the kernel answers FIONREAD, FIOQSIZE and FIBMAP itself (do_vfs_ioctl() and file_ioctl() in fs/ioctl.c)",
  },
  ...CHANNELS_WITHOUT_FLAGS.map((channel) => ({
    channel,
    cases: /^ioctl\/fcntl\//,
    reason:
      "FUSE_IOCTL does not carry the file's flags (struct fuse_ioctl_in), so an ioctl goes by what open() or the last read or write said of O_NONBLOCK",
  })),
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
