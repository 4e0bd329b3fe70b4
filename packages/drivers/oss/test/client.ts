// A C program with a dsp or a mixer open: its calls on a real device file. Lives until stop().

import { type Command, DeviceError, decode, ERRNO, encode, InternalError, type StructSchema } from "@devlift/core";
import { type CallResult, type CallsBuild, CallsProgram } from "@devlift/testing/calls";
import * as oss from "@devlift/uapi/soundcard";

// TypeScript keeps the keys of an object to itself.
const ERRNOS = Object.entries(ERRNO) as [keyof typeof ERRNO, number][];
const FILE = "d";
/** Bytes of one write: the program takes its calls as lines of text. */
const PIECE = 65_536;

export class Client {
  readonly #program: CallsProgram;

  private constructor(program: CallsProgram) {
    this.#program = program;
  }

  /** @throws DeviceError of its open(2) */
  static async open(path: string, flags: number, env: NodeJS.ProcessEnv, build: CallsBuild = 64): Promise<Client> {
    return Client.of(new CallsProgram(build, env), path, flags);
  }

  /** The same of a program that runs already. */
  static async of(program: CallsProgram, path: string, flags: number): Promise<Client> {
    const client = new Client(program);
    try {
      checked(await client.#program.open(FILE, path, flags));
    } catch (error) {
      await client.stop();
      throw error;
    }
    return client;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** S16_LE, stereo, 48 kHz, as the sink has it, or something else. */
  async configure(format: number = oss.AFMT.AFMT_S16_LE, channels = 2, rate = 48_000): Promise<void> {
    await this.int(oss.SNDCTL_DSP_SETFMT, format);
    await this.int(oss.SNDCTL_DSP_CHANNELS, channels);
    await this.int(oss.SNDCTL_DSP_SPEED, rate);
  }

  /** @returns bytes taken @throws DeviceError */
  async write(data: Uint8Array): Promise<number> {
    let taken = 0;
    for (let at = 0; at < data.length; at += PIECE)
      taken += checked(await this.#program.write(FILE, data.subarray(at, at + PIECE))).result;
    return taken;
  }

  /** Writes so many bytes of anything, in one call of at most 1 MiB. @returns bytes taken @throws DeviceError */
  async fill(length: number): Promise<number> {
    return checked(await this.#program.fill(FILE, length)).result;
  }

  /** The same where nothing is waited for. */
  async nonBlockingFill(length: number): Promise<number> {
    await this.nonBlock(true);
    return this.fill(length);
  }

  /** A signal with a handler every so many milliseconds from now on; 0: no more. */
  async signals(ms: number): Promise<void> {
    checked(await this.#program.signals(ms));
  }

  /** @returns revents of poll(2) */
  async poll(events: number, ms: number): Promise<number> {
    return checked(await this.#program.poll(FILE, events, ms)).result;
  }

  async read(length: number): Promise<Uint8Array> {
    return checked(await this.#program.read(FILE, length)).data;
  }

  async nonBlock(on: boolean): Promise<void> {
    checked(await this.#program.nonBlock(FILE, on));
  }

  async ask<A>(command: Command<A>, value?: A): Promise<A> {
    const schema = command.schema as StructSchema | undefined;
    if (schema === undefined) throw new InternalError("the command has no argument");
    const sent = value === undefined ? undefined : encode(schema, "lp64", value as never);
    const { data } = checked(await this.#program.ioctlBuffer(FILE, command.number("lp64"), sent));
    return decode(schema, "lp64", data) as A;
  }

  async int(command: Command<{ value: number }>, value = 0): Promise<number> {
    return (await this.ask(command, { value })).value;
  }

  async plain(command: Command<undefined>): Promise<void> {
    checked(await this.#program.ioctl(FILE, command.number("lp64"), 0));
  }

  async close(): Promise<void> {
    checked(await this.#program.close(FILE));
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

function checked(answer: CallResult): CallResult {
  if (answer.result >= 0) return answer;
  const [code] = ERRNOS.find(([, number]) => number === answer.errno) ?? [];
  if (code === undefined) throw new InternalError(`errno ${answer.errno}`);
  throw new DeviceError(code);
}
