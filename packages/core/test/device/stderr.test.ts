// What becomes of lines that nobody reads.

import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { LineOutput } from "../../src/device/stderr.ts";

/** Takes what is written when it is told to. */
class Reader extends Writable {
  readonly taken: string[] = [];
  #next: (() => void) | undefined;
  #reads = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(chunk.toString());
    if (this.#reads) done();
    else this.#next = done;
  }

  async readAll(): Promise<void> {
    const drained = new Promise((resolve) => this.once("drain", resolve));
    this.#reads = true;
    this.#next?.();
    await drained;
  }
}

test("a reader that stands still costs no more memory than the bound, and hears what it has missed", async () => {
  const reader = new Reader({ highWaterMark: 1 });
  const lines = new LineOutput(() => reader, 1000);
  for (let i = 0; i < 100_000; i++) lines.write(`line ${i}`);
  expect(reader.writableLength).toBeGreaterThan(1000);
  expect(reader.writableLength).toBeLessThan(1020);
  await reader.readAll();
  const read = reader.taken.length;
  lines.write("one more");
  lines.write("and another");
  expect(reader.taken.slice(0, read)).toEqual(Array.from({ length: read }, (_, i) => `line ${i}\n`));
  expect(reader.taken.slice(read)).toEqual([
    `warning: ${100_000 - read} lines are left out here: nobody read them in time\n`,
    "one more\n",
    "and another\n",
  ]);
});
