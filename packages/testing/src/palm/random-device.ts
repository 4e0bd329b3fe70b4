// Devices that no engineer thought of: descriptors and answers from a seed, as plain data that any transport can
// serve. The same seed gives the same device.

import { STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
import { type Answer, answerWith, cancelled } from "./faults.ts";
import { configurationDescriptor, deviceDescriptor, MODELS, type PalmModel, VENDOR_REQUEST } from "./models.ts";
import { Random } from "./random.ts";

export interface RandomDevice {
  readonly seed: number;
  readonly device: Uint8Array;
  readonly configurations: readonly Uint8Array[];
  /** By bRequest; requests that are not here are stalled. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** What an IN endpoint says, one transfer after the other, before it falls silent. */
  readonly transfers: readonly (Uint8Array | "stall")[];
}

const ALL_MODELS: readonly [PalmModel, ...PalmModel[]] = [MODELS.visor, ...Object.values(MODELS)];

/**
 * One in four is nothing but noise behind the ids of a handheld; the others are a handheld with some bytes changed,
 * cut or added, because pure noise never gets past the first check.
 */
export function randomDevice(seed: number): RandomDevice {
  const random = new Random(seed);
  const model = random.pick(ALL_MODELS);
  const noise = random.oneIn(4);
  const spoil = (good: Uint8Array): Uint8Array => (noise ? random.bytes(random.below(80)) : mutate(good, random));
  const answer = (good: Uint8Array | undefined): Answer => {
    if (random.oneIn(8)) return "stall";
    if (random.oneIn(16)) return "silence";
    return good && !random.oneIn(4) ? spoil(good) : random.bytes(random.below(40));
  };
  const transfer = (): Uint8Array | "stall" => (random.oneIn(8) ? "stall" : random.bytes(1 + random.below(64)));
  return {
    seed,
    // The ids stay, or no driver would look at it.
    device: deviceDescriptor(model),
    configurations: [spoil(configurationDescriptor(model))],
    answers: Object.fromEntries(
      Object.values(VENDOR_REQUEST).map((request) => [request, answer(model.answers[request])]),
    ),
    transfers: Array.from({ length: random.below(6) }, transfer),
  };
}

function mutate(good: Uint8Array, random: Random): Uint8Array {
  const bytes = [...good];
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(4);
    if (kind === 0) bytes.splice(at, 1, random.below(256));
    else if (kind === 1) bytes.splice(at, random.below(8));
    else if (kind === 2) bytes.splice(at, 0, ...random.bytes(random.below(8)));
    else bytes.splice(at, 1, random.pick([0, 1, 0x7f, 0x80, 0xff]));
  }
  return Uint8Array.from(bytes);
}

/** The data as a device that can be plugged in. */
export function serveRandomDevice(data: RandomDevice): VirtualUsbDevice {
  const left = [...data.transfers];
  return {
    speed: "full",
    descriptors: { device: data.device, configurations: data.configurations },
    control: (setup) => answerWith(data.answers[setup.request] ?? "stall", setup.length),
    out: () => undefined,
    in: (_endpoint, length, signal) => {
      const next = left.shift();
      if (next === undefined) return cancelled(signal);
      return Promise.resolve(next === "stall" ? STALL : next.slice(0, length));
    },
  };
}
