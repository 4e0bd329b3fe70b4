// An example on a kernel in memory, and what its tests say often.

import { type AnyDevice, type Logger, MemoryKernel, serve, silent } from "@devlift/core";
import { onTestFinished } from "vitest";

/** Serves a device until the test ends. */
export async function start(device: AnyDevice, log: Logger = silent): Promise<MemoryKernel> {
  const kernel = new MemoryKernel();
  const channel = await serve(device, { channel: kernel, log });
  onTestFinished(() => channel.close());
  return kernel;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);
