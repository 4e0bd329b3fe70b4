// Which interface and endpoints carry HotSync: what the descriptors have, the model's quirks and the handheld's own
// word put together. Pure functions. Source: visor_calc_num_ports and clie_5_calc_num_ports of
// drivers/usb/serial/visor.c, and find_endpoints of usb-serial.c (Linux 6.1).

import type { AlternateSetting, ConfigurationDescriptor, EndpointDescriptor } from "@devlift/usb";
import { HandheldError } from "./errors.ts";
import { CLASS_VENDOR_SPECIFIC, type Model } from "./models.ts";
import type { HotSyncPort } from "./protocol.ts";

/** The endpoints of one interface that matter, in the order of the descriptors, swapped where the model wants that. */
export interface PilotInterface {
  readonly number: number;
  readonly bulkIn: readonly EndpointDescriptor[];
  readonly bulkOut: readonly EndpointDescriptor[];
  readonly interruptIn: readonly EndpointDescriptor[];
}

/** What a HotSync runs over. */
export interface PilotPort {
  readonly in: EndpointDescriptor;
  readonly out: EndpointDescriptor;
  /** Treos report on it when data is there; nobody knows more, but it has to be read. */
  readonly interruptIn: EndpointDescriptor | undefined;
}

/**
 * The interface that speaks HotSync: the first that has bulk endpoints both ways.
 * @throws HandheldError("endpoints") when no interface has, or not all that the model needs (CVE-2015-7566, CVE-2016-2782)
 */
export function findInterface(model: Model, configuration: ConfigurationDescriptor): PilotInterface {
  for (const { number, alternates } of configuration.interfaces) {
    const active = alternates.find(({ setting }) => setting === 0);
    if (active === undefined) continue;
    if (model.only === "vendor-specific interface" && active.interfaceClass !== CLASS_VENDOR_SPECIFIC) continue;
    const bulkIn = select(active, "bulk", "in");
    const bulkOut = select(active, "bulk", "out");
    if (bulkIn.length === 0 || bulkOut.length === 0) continue;
    return withQuirks(model, { number, bulkIn, bulkOut, interruptIn: select(active, "interrupt", "in") });
  }
  throw new HandheldError("endpoints", "none of its interfaces has a bulk IN and a bulk OUT endpoint");
}

/**
 * The endpoints of the HotSync port.
 * @throws HandheldError("endpoints") when the handheld names endpoints that it does not have
 */
export function choosePort(model: Model, from: PilotInterface, said: HotSyncPort): PilotPort {
  const { bulkIn, bulkOut } = from;
  const clie5 = model.family === "clie_5";
  switch (said.kind) {
    case "endpoints":
      return port(from, numbered(bulkIn, said.in, "IN"), numbered(bulkOut, said.out, "OUT"));
    case "port": {
      if (clie5) return port(from, numbered(bulkIn, said.number, "IN"), second(bulkOut));
      const out = numbered(bulkOut, said.number, "OUT");
      // Of swapped inputs the one in the place of the output belongs to it, whatever its number is.
      const paired = swaps(model, from) ? bulkIn[bulkOut.indexOf(out)] : undefined;
      return port(from, paired ?? numbered(bulkIn, said.number, "IN"), out);
    }
    case "unsaid": {
      // A UX50 and a TH55 talk on the first input and listen on the second output (clie_5_calc_num_ports).
      if (clie5) return port(from, bulkIn[0], second(bulkOut));
      // HotSync is the second port of those that have two (Documentation/usb/usb-serial.rst, "HandSpring Visor").
      const ports = model.family === "clie_3_5" ? 1 : said.ports;
      const index = Math.min(ports, bulkIn.length, bulkOut.length) - 1;
      return port(from, bulkIn[index], bulkOut[index]);
    }
  }
}

function withQuirks(model: Model, found: PilotInterface): PilotInterface {
  const { bulkIn, bulkOut, interruptIn } = found;
  if (model.family === "clie_5" && bulkOut.length < 2)
    throw new HandheldError("endpoints", `it has ${bulkOut.length} bulk OUT endpoint, and a ${model.name} needs two`);
  if (!swaps(model, found)) return found;
  if (bulkIn.length < 2 || interruptIn.length < 2)
    throw new HandheldError(
      "endpoints",
      `it has ${bulkIn.length} bulk IN and ${interruptIn.length} interrupt IN endpoints, and a ${model.name} needs two of each`,
    );
  return { ...found, bulkIn: swapped(bulkIn), interruptIn: swapped(interruptIn) };
}

function swaps(model: Model, { interruptIn }: PilotInterface): boolean {
  return model.swapsInputs === true && interruptIn.length > 0;
}

function swapped<T>(list: readonly T[]): readonly T[] {
  const [first, next, ...rest] = list;
  return first === undefined || next === undefined ? list : [next, first, ...rest];
}

function second(bulkOut: readonly EndpointDescriptor[]): EndpointDescriptor | undefined {
  return bulkOut[1];
}

function port(
  from: PilotInterface,
  input: EndpointDescriptor | undefined,
  out: EndpointDescriptor | undefined,
): PilotPort {
  if (input === undefined || out === undefined) throw new HandheldError("endpoints", "it has no complete port");
  return { in: input, out, interruptIn: from.interruptIn[from.bulkIn.indexOf(input)] };
}

function numbered(endpoints: readonly EndpointDescriptor[], number: number, direction: string): EndpointDescriptor {
  const found = endpoints.find((endpoint) => endpoint.number === number);
  if (found !== undefined) return found;
  const there = endpoints.map((endpoint) => endpoint.number).join(", ");
  throw new HandheldError(
    "endpoints",
    `it says that HotSync uses bulk ${direction} endpoint ${number}, but has only ${there}`,
  );
}

function select(
  { endpoints }: AlternateSetting,
  type: EndpointDescriptor["type"],
  direction: EndpointDescriptor["direction"],
): readonly EndpointDescriptor[] {
  return endpoints.filter((endpoint) => endpoint.type === type && endpoint.direction === direction);
}
