// The limit of a first look, and who hears of its failures.

import { once } from "node:events";
import { expect, it } from "vitest";
import { firstLook } from "../src/first-look.ts";

const never = new Promise<void>(() => {});

it("ends with the look, with its failure, or with the limit", async () => {
  await firstLook(Promise.resolve(), 60_000);
  await expect(firstLook(Promise.reject(new RangeError("bad")), 60_000)).rejects.toThrow("bad");
  await firstLook(never, 1);
});

it("does not hide a failure after the limit", async () => {
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  try {
    let fail: (error: Error) => void = () => {};
    const look = new Promise<void>((_, reject) => {
      fail = reject;
    });
    await firstLook(look, 1);
    const unhandled = once(process, "unhandledRejection");
    fail(new RangeError("too late"));
    expect((await unhandled)[0]).toMatchObject({ message: "too late" });
  } finally {
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
});
