// The kernel's own serial port, as an oracle: a pty whose slave is the port and whose master is the hardware. All calls
// return at once, and none of them blocks.

import { closeSync, constants, openSync } from "node:fs";
import { decode, encode, native, type StructSchema } from "@devlift/core";
import { type CommandName, Int, portCommands } from "../src/commands.ts";

const EAGAIN = -11;

export class KernelPort {
  readonly #master: number;
  readonly #slave: number;
  #output: number[] = [];

  constructor() {
    const { master, slavePath } = native.openPty();
    this.#master = master;
    this.#slave = openSync(slavePath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  }

  close(): void {
    closeSync(this.#slave);
    closeSync(this.#master);
  }

  /** What the hardware sends. It reaches the port through a work queue, later. */
  gives(bytes: Uint8Array): void {
    const written = native.writev(this.#master, [bytes]);
    if (written !== bytes.length) throw new RangeError(`the pty took ${written} of ${bytes.length} bytes`);
  }

  /** All that the hardware has got so far. */
  output(): readonly number[] {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = native.read(this.#master, buffer);
      if (count === EAGAIN) return this.#output;
      if (count <= 0) throw new RangeError(`reading the master gave ${count}`);
      this.#output.push(...buffer.subarray(0, count));
    }
  }

  /** read(2): the bytes, or undefined for EAGAIN. */
  read(length: number): Uint8Array | undefined {
    const buffer = new Uint8Array(length);
    const count = native.read(this.#slave, buffer);
    if (count === EAGAIN) return undefined;
    if (count < 0) throw new RangeError(`reading the slave gave ${count}`);
    return buffer.subarray(0, count);
  }

  /** write(2): the count, or undefined for EAGAIN. */
  write(data: Uint8Array): number | undefined {
    const count = native.writev(this.#slave, [data]);
    return count === EAGAIN ? undefined : count;
  }

  /** @returns the result, or -errno */
  call(name: CommandName, arg: number | Uint8Array): number {
    return native.ioctl(this.#slave, portCommands[name].number("lp64"), arg);
  }

  get<T>(name: CommandName, schema: StructSchema<T>): T {
    const area = new Uint8Array(256);
    const result = this.call(name, area);
    if (result < 0) throw new RangeError(`${name} gave ${result}`);
    return decode(schema, "lp64", area);
  }

  set<T>(name: CommandName, schema: StructSchema<T>, value: T): number {
    return this.call(name, encode(schema, "lp64", value));
  }

  int(name: CommandName): number {
    return this.get(name, Int).value;
  }
}
