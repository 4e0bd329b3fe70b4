// The command devlift-usblp.

import { runDriver } from "@devlift/daemon";
import { openUsbHost } from "@devlift/usb";
import manifest from "../package.json" with { type: "json" };
import { description } from "./description.ts";
import { Printers } from "./printers.ts";

/** Runs the command and ends the process, unless there is nothing but text to print. */
export function main(args: readonly string[]): Promise<void> {
  return runDriver(
    {
      description,
      version: manifest.version,
      examples: [
        "devlift-usblp --group lp --mode 660         printers on this machine's USB, for the group lp",
        "cat page.ps > /dev/usb/lp0                  a program that uses the first of them",
      ],
      async start({ log, serve }) {
        const printers = new Printers({ host: openUsbHost({ kind: "libusb" }), log, serve });
        await printers.start();
        return { devices: [], hardware: () => printers.names(), close: () => printers.close() };
      },
    },
    args,
  );
}
