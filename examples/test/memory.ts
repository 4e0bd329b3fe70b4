// An example on a kernel in memory, and what its tests say often.

import { type AnyDevice, type Logger, MemoryKernel, serve, silent } from "@devlift/core";
import { expect, onTestFinished } from "vitest";

/** Serves a device until the test ends, and expects that nothing is logged that would worry its operator. */
export async function start(device: AnyDevice): Promise<MemoryKernel> {
  const kernel = new MemoryKernel();
  const worries: string[] = [];
  const worry = (_: object, message: string) => void worries.push(message);
  const log: Logger = { ...silent, warn: worry, error: worry };
  const channel = await serve(device, { channel: kernel, log });
  onTestFinished(async () => {
    await channel.close();
    expect(worries).toEqual([]);
  });
  return kernel;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);
