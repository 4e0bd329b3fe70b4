// The command line of `npm start`. Options is a plain value, made once.

import { parseArgs } from "node:util";
import { MODELS, type ModelName } from "@devlift/testing";
import { ToolError } from "../shared/errors.ts";

export const HELP = `Usage: npm start [-- OPTION...]

Serves a device file with a Palm OS handheld behind it, does one HotSync through it, shows what the handheld has, and
goes on serving until Ctrl-C, so that you can point a program of your own at it. The handheld is the one that is
plugged in here; when there is none, a virtual one.

  --once             end after the HotSync, with status 0 when it went well
  --usb WHERE        wait for a handheld there, instead of a virtual one: libusb (this machine) or
                     usbip://HOST[:PORT]/BUSID (exported by a USB/IP server)
  --model NAME       a virtual handheld of this model, whatever is plugged in:
                     ${Object.keys(MODELS).join(", ")}
  --protocol NAME    what the virtual handheld speaks: slp or net (default: as its model does)
  --device PATH      where the device file shall be (default: /dev/pilot, or a place where you may write)
  --channel CHANNEL  how it is made: fusd, cuse, pty, or auto, the best there is (default)
  --help             print this

Exit status: 0 done, also by Ctrl-C; 1 something failed; 2 wrong command line; 128 + n when signal n came before a
HotSync with --once was done.
`;

/** The command line is wrong; the message says how. */
export class CommandLineError extends ToolError {}

export interface VirtualOptions {
  readonly model: ModelName;
  readonly protocol: "slp" | "net" | undefined;
}

export interface Options {
  readonly once: boolean;
  /** Where handhelds come from: an address for devlift-pilot, a virtual one, or (undefined) what there is. */
  readonly handheld: string | VirtualOptions | undefined;
  /** What devlift-pilot is told besides. */
  readonly daemonArgs: readonly string[];
}

export const DEFAULT_VIRTUAL: VirtualOptions = { model: "tungsten", protocol: undefined };

/** @returns undefined when help is asked for. @throws CommandLineError */
export function parseCommandLine(args: readonly string[]): Options | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const { usb, model, protocol, device, channel } = values;
  const isVirtual = model !== undefined || protocol !== undefined;
  if (usb !== undefined && isVirtual)
    throw new CommandLineError("--usb is for a handheld that exists, --model and --protocol are for a virtual one");
  if (protocol !== undefined && protocol !== "slp" && protocol !== "net")
    throw new CommandLineError(`--protocol ${protocol}: one of slp, net`);
  return {
    once: values.once,
    handheld: isVirtual ? { model: modelName(model ?? DEFAULT_VIRTUAL.model), protocol } : usb,
    daemonArgs: [...given("--device", device), ...given("--channel", channel)],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean", default: false },
        usb: { type: "string" },
        model: { type: "string" },
        protocol: { type: "string" },
        device: { type: "string" },
        channel: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (cause) {
    // Node's first sentence is good; what follows is about positional arguments, which there are none of.
    const sentence = cause instanceof Error ? cause.message.split(". ")[0] : String(cause);
    throw new CommandLineError(`${sentence}; try: npm start -- --help`, { cause });
  }
}

function given(option: string, value: string | undefined): string[] {
  return value === undefined ? [] : [option, value];
}

function isModelName(name: string): name is ModelName {
  return Object.hasOwn(MODELS, name);
}

function modelName(name: string): ModelName {
  if (!isModelName(name)) throw new CommandLineError(`--model ${name}: one of ${Object.keys(MODELS).join(", ")}`);
  return name;
}
