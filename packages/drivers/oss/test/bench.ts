// A dsp and a mixer over a virtual sound server, on a kernel in memory, and a program's calls on them.

import {
  type AnyDevice,
  type Command,
  DeviceError,
  decode,
  encode,
  type Logger,
  type MemoryFile,
  MemoryKernel,
  type Schema,
  type StructSchema,
  serve,
  silent,
} from "@devlift/core";
import { defineDsp } from "../src/dsp.ts";
import type { DspFile } from "../src/dsp-file.ts";
import { U8 } from "../src/format.ts";
import { Mixers } from "../src/mixer.ts";
import { defineMixer } from "../src/mixer-device.ts";
import { statusOf } from "../src/status.ts";
import { VirtualServer } from "./virtual-server.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;

/** This test's own process is the program that calls. */
const CALLER = { pid: process.pid, uid: 1000, gid: 1000 };

export class Program {
  readonly file: MemoryFile;
  readonly #kernel: MemoryKernel;

  constructor(kernel: MemoryKernel, file: MemoryFile) {
    this.#kernel = kernel;
    this.file = file;
  }

  /** ioctl(2) with what the argument points to. @returns what is there afterwards */
  async ask<A>(command: Command<A>, value?: Partial<A>): Promise<A> {
    const schema = structOf(command);
    const memory = new Uint8Array(2048);
    if (value !== undefined) memory.set(encode(schema, "lp64", { ...decode(schema, "lp64", memory), ...value }));
    await this.file.ioctl(command.number("lp64"), this.#kernel.memory.map(memory));
    return decode(schema, "lp64", memory) as A;
  }

  /** The same for an int. */
  async int(command: Command<{ value: number }>, value = 0): Promise<number> {
    return (await this.ask(command, { value })).value;
  }

  /** With memory as it is. */
  raw(command: Command<unknown>, memory: Uint8Array): Promise<number> {
    return this.file.ioctl(command.number("lp64"), this.#kernel.memory.map(memory));
  }

  /** The same for a string. */
  async text(command: Command<string>, value = ""): Promise<string> {
    const memory = new Uint8Array(2048);
    memory.set(new TextEncoder().encode(value));
    await this.file.ioctl(command.number("lp64"), this.#kernel.memory.map(memory));
    return new TextDecoder().decode(memory.subarray(0, memory.indexOf(0)));
  }

  /** One without an argument. */
  plain(command: Command<undefined>, signal?: AbortSignal): Promise<number> {
    return this.file.ioctl(command.number("lp64"), 0n, "lp64", signal === undefined ? {} : { signal });
  }

  write(...bytes: number[]): Promise<number> {
    return this.file.write(Uint8Array.from(bytes));
  }
}

/** Commands of a struct: all that these devices have, but those without an argument. */
function structOf<A>({ schema }: Command<A>): StructSchema & Schema<A> {
  if (schema === undefined) throw new DeviceError("EINVAL", "the command has no argument");
  return schema as StructSchema & Schema<A>;
}

export async function bench(server = new VirtualServer(), log: Logger = silent) {
  const mixers = new Mixers();
  const inventory = { version: "1.2", audio: ["/dev/dsp", "/dev/adsp"], mixers: ["/dev/mixer"], server: "virtual" };
  const openFiles = new Set<DspFile>();
  const common = { inventory, source: server, mixers, openFiles, log };
  const dsp = await served(defineDsp({ ...common, name: "dsp", path: "/dev/dsp", format: U8, maxOpens: 1000 }), log);
  const mixer = await served(defineMixer({ ...common, name: "mixer", path: "/dev/mixer" }), log);
  return {
    server,
    status: () => statusOf(inventory, openFiles),
    dsp: (flags = O_WRONLY) => dsp(flags),
    mixer: (flags = O_RDWR, pid?: number) => mixer(flags, pid),
  };
}

async function served(device: AnyDevice, log: Logger) {
  const kernel = new MemoryKernel();
  await serve(device, { channel: kernel, log });
  return async (flags: number, pid = CALLER.pid): Promise<Program> =>
    new Program(kernel, await kernel.openFile(flags, { caller: { ...CALLER, pid } }));
}

/** Lets everything happen that needs no more time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
