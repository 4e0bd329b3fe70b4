// What one daemon leaves of an open line to the next, as a note in the port's memory: which plug of which handheld, and the
// endpoints that the handheld named when it was greeted. Pure functions.

import { findInterface, type PilotInterface, type PilotPort } from "./endpoints.ts";
import type { Handheld } from "./handhelds.ts";

/** Text that names a plug and a port. */
export function noteOf({ device }: Handheld, port: PilotPort): string {
  return JSON.stringify([device.plug, port.in.address, port.out.address, port.interruptIn?.address ?? 0]);
}

/** The port of this handheld that a note names; undefined: the note is of another, or of another plug of it. */
export function portOf(handheld: Handheld, note: string): PilotPort | undefined {
  const { device, model } = handheld;
  if (device.configuration === undefined) return undefined;
  const found = findInterface(model, device.configuration);
  return portsOf(found).find((port) => noteOf(handheld, port) === note);
}

function portsOf({ bulkIn, bulkOut, interruptIn }: PilotInterface): PilotPort[] {
  return bulkIn.flatMap((input) =>
    bulkOut.flatMap((out) =>
      [undefined, ...interruptIn].map((interrupt) => ({ in: input, out, interruptIn: interrupt })),
    ),
  );
}
