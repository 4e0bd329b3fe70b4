// A port on a kernel in memory, with a fake line below it and a clock that the test moves. Settings are changed as a C
// program would: get, change, set.

import { setImmediate } from "node:timers/promises";
import {
  type Channel,
  type Command,
  type DataModel,
  decode,
  encode,
  type MemoryFile,
  MemoryKernel,
  type StructSchema,
  silent,
} from "@devlift/core";
import { FakeClock } from "../../core/test/fake-clock.ts";
import { type CommandName, Int, portCommands } from "../src/commands.ts";
import { defineSerialPort } from "../src/port.ts";
import { CC, Termios2 } from "../src/termios.ts";
import { FakeDriver } from "./fake-line.ts";

/** Lets everything happen that needs no clock and no test. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await setImmediate();
}

/** A call that is under way. */
export class Pending<T> {
  readonly done: Promise<T>;
  over = false;

  constructor(promise: Promise<T>) {
    this.done = promise;
    const end = () => {
      this.over = true;
    };
    promise.then(end, end);
  }

  /** Whether it still waits, when all that can happen has happened. */
  async waits(): Promise<boolean> {
    await settle();
    return !this.over;
  }
}

export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;

export class Bench {
  readonly clock = new FakeClock();
  readonly driver = new FakeDriver();
  readonly kernel = new MemoryKernel({ clock: this.clock });
  readonly device = defineSerialPort(this.driver, { clock: this.clock });
  #channel: Channel | undefined;

  async serve(): Promise<this> {
    const { driver, files } = this.device;
    this.#channel = await this.kernel.open({ driver, files, path: "/dev/fake", log: silent });
    return this;
  }

  get line() {
    return this.driver.line;
  }

  async open(flags: number = O_RDWR, signal?: AbortSignal): Promise<Client> {
    return new Client(this.kernel, await this.kernel.openFile(flags, signal === undefined ? {} : { signal }));
  }

  async close(): Promise<void> {
    await this.#channel?.close();
  }
}

export interface Settings extends Partial<Omit<Termios2, "c_cc">> {
  readonly cc?: Partial<Record<keyof typeof CC, number>>;
}

/** A program with one open file. */
export class Client {
  readonly #kernel: MemoryKernel;
  readonly file: MemoryFile;

  constructor(kernel: MemoryKernel, file: MemoryFile) {
    this.#kernel = kernel;
    this.file = file;
  }

  /** An ioctl whose argument is passed by value. */
  call(name: CommandName, arg: number | bigint = 0, signal?: AbortSignal): Promise<number> {
    return this.#ioctl(portCommands[name], BigInt(arg), "lp64", signal);
  }

  async get<T>(name: CommandName, schema: StructSchema<T>, model: DataModel = "lp64"): Promise<T> {
    const area = new Uint8Array(256);
    await this.#ioctl(portCommands[name], this.#kernel.memory.map(area), model);
    return decode(schema, model, area);
  }

  put(name: CommandName, bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#ioctl(portCommands[name], this.#kernel.memory.map(bytes), "lp64", signal);
  }

  set<T>(name: CommandName, schema: StructSchema<T>, value: T, signal?: AbortSignal): Promise<number> {
    return this.put(name, encode(schema, "lp64", value), signal);
  }

  async int(name: CommandName): Promise<number> {
    return (await this.get(name, Int)).value;
  }

  setInt(name: CommandName, value: number, signal?: AbortSignal): Promise<number> {
    return this.set(name, Int, { value }, signal);
  }

  termios(): Promise<Termios2> {
    return this.get("TCGETS2", Termios2);
  }

  /** tcgetattr(3), the changes, tcsetattr(3). */
  async change({ cc = {}, ...modes }: Settings, how: CommandName = "TCSETS2", signal?: AbortSignal): Promise<void> {
    const old = await this.termios();
    const c_cc = old.c_cc.slice();
    for (const [name, value] of Object.entries(cc)) c_cc[CC[name as keyof typeof CC]] = value;
    await this.set(how, Termios2, { ...old, ...modes, c_cc }, signal);
  }

  async text(length: number, signal?: AbortSignal): Promise<string> {
    return String.fromCharCode(...(await this.file.read(length, signal === undefined ? {} : { signal })));
  }

  #ioctl(command: Command, arg: bigint, model: DataModel, signal?: AbortSignal): Promise<number> {
    return this.file.ioctl(command.number(model), arg, model, signal === undefined ? {} : { signal });
  }
}
