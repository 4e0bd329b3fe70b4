// The command line of devlift-pilot: what can be asked for, and what is wrong with what was asked.
// Options is a plain value, made once at start.

import { parseArgs } from "node:util";
import {
  absolutePath,
  type NodePermissions,
  oneOf,
  parsed,
  parsePermissions,
  parseWatching,
  traceWord,
  UsageError,
  WATCHING_OPTIONS,
  type Watching,
} from "@devlift/core";
import { COMMAND_HELP, COMMAND_OPTIONS, type Command, type DaemonChoice, parseDaemonChoice } from "@devlift/daemon";
import { parseUsbAddress, type UsbAddress, UsbUsageError } from "@devlift/usb";

export const DEFAULT_DEVICE = "/dev/pilot";

export const CHANNELS = ["auto", "fusd", "cuse", "pty"] as const;

/** Where a handheld is looked for. */
export type SourceOptions =
  | { readonly kind: "usb"; readonly address: UsbAddress; readonly wait: boolean }
  | { readonly kind: "serial"; readonly path: string };

export interface Options extends DaemonChoice {
  /** undefined: nobody asked for one. */
  readonly device: string | undefined;
  readonly channel: (typeof CHANNELS)[number];
  readonly source: SourceOptions;
  /** What was asked for. */
  readonly permissions: NodePermissions;
  /** What is written down of the requests. */
  readonly watching: Watching;
}

export const HELP = `devlift-pilot: serves ${DEFAULT_DEVICE} for HotSync programs, with a Palm OS handheld behind it

Usage: devlift-pilot [options]
       devlift-pilot status [--watch] [--json] [--metrics] [--control PATH]

  --device PATH         the device file (default ${DEFAULT_DEVICE})
  --channel CHANNEL     how it is made: fusd or cuse (a character device; needs root and that kernel module),
                        pty (a link to a pseudoterminal; needs no privilege), or
                        auto (the best that this machine has, the default)
  --usb WHERE           where handhelds are plugged in: libusb (this machine, the default), or
                        usbip://HOST[:PORT]/BUSID (exported by a USB/IP server)
  --serial PATH         a serial cradle on this port instead of USB
  --wait                open(2) waits for a handheld, also with O_NONBLOCK (default: it says ENODEV)
  --mode MODE           permissions of the device file, octal (default 0660; a pty without --group: the kernel's)
  --owner USER          its owner, name or number
  --group GROUP         its group, name or number
  --trace[=FILE]        a line for each request, to stderr or to a file; SIGUSR2 switches it on and off (not a pty's)
  --record FILE         writes down every message, what programs read and write included (not a pty's)
${COMMAND_HELP}

Examples:
  devlift-pilot                                    a handheld on this machine's USB
  devlift-pilot --group dialout --wait             for everybody in dialout; programs wait for the HotSync button
  devlift-pilot --usb usbip://desk.local/1-1.4     a handheld that is plugged in elsewhere
  devlift-pilot --channel pty --device ~/pilot     without root
  devlift-pilot --serial /dev/ttyS0                an old cradle
  pilot-xfer --port ${DEFAULT_DEVICE} --list             a program that uses it

It logs to stderr, and ends with SIGTERM or SIGINT. Exit status: 0 after a signal, 1 when it failed, 2 for a wrong
command line.
`;

/** @throws UsageError that says what is wrong with the command line */
export function parseCommandLine(args: readonly string[]): Command<Options> {
  const values = parse(args);
  if (values.help) return { print: "help" };
  if (values.version) return { print: "version" };
  return {
    run: {
      device: values.device === undefined ? undefined : absolutePath("--device", values.device),
      channel: oneOf("--channel", values.channel, CHANNELS),
      source: sourceFrom(values),
      permissions: parsePermissions(values),
      ...parseDaemonChoice(values),
      watching: parseWatching(values),
    },
  };
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  return parsed(() =>
    parseArgs({
      args: traceWord(args),
      options: {
        device: { type: "string" },
        channel: { type: "string", default: "auto" },
        usb: { type: "string" },
        serial: { type: "string" },
        wait: { type: "boolean", default: false },
        mode: { type: "string" },
        owner: { type: "string" },
        group: { type: "string" },
        ...WATCHING_OPTIONS,
        ...COMMAND_OPTIONS,
      },
    }),
  ).values;
}

function sourceFrom({ usb, serial, wait }: Values): SourceOptions {
  if (serial === undefined) return { kind: "usb", address: usbAddress(usb ?? "libusb"), wait };
  if (usb !== undefined) throw new UsageError("--usb and --serial exclude each other: a handheld is on one of them");
  if (wait) throw new UsageError("--wait is for USB: on a serial port nobody can tell whether a handheld is there");
  return { kind: "serial", path: absolutePath("--serial", serial) };
}

function usbAddress(text: string): UsbAddress {
  try {
    return parseUsbAddress(text);
  } catch (cause) {
    if (!(cause instanceof UsbUsageError)) throw cause;
    throw new UsageError(`--usb: ${cause.message}`, { cause });
  }
}
