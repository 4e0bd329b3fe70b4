// What a request says, and how to read its answer: a row an opcode, from the bytes of the messages alone.

import { type CommandTable, type DataModel, decode, describeIoctl, sizeOf } from "../layout/index.ts";
import { modelOf } from "../session/ioctl.ts";
import * as abi from "../wire/abi.ts";
import type { OpcodeName } from "../wire/opcodes.ts";
import type { RequestView } from "../wire/request.ts";
import { type Areas, address, argumentIn, argumentOut, type Round } from "./argument.ts";
import { data, openFlags, pollBits } from "./names.ts";

/** A request, decoded. */
export interface Traced {
  /** `read(3, 4096)`. */
  readonly text: string;
  /** What a successful answer gave: `"\x01A" 2`. @param body behind the answer's header */
  result(body: Uint8Array): string;
  /** For an ioctl: one call of a program is several requests, which have this in common. */
  readonly ioctl?: string;
}

export interface Decoding {
  readonly commands: CommandTable;
  /** The areas that an earlier round of this ioctl was answered with. */
  asked(ioctl: string): Areas | undefined;
}

/** @param view loaded, and not malformed */
export function decodeRequest(view: RequestView, decoding: Decoding): Traced {
  const { opcode } = view;
  if (opcode === undefined) return { text: `opcode ${view.opcodeNumber}()`, result: size };
  const row = ROWS[opcode.name];
  return row === undefined ? { text: `${opcode.name.toLowerCase()}()`, result: size } : row(view, decoding);
}

function size(body: Uint8Array): string {
  return body.length === 0 ? "0" : `${body.length} bytes`;
}

/** What the rows do not name is a channel's own: its name and the size of its answer tell enough. */
const ROWS: Readonly<Partial<Record<OpcodeName, (view: RequestView, decoding: Decoding) => Traced>>> = {
  CUSE_INIT: (view) => ({ text: `cuse_init(${view.initMajor}.${view.initMinor})`, result: version }),
  OPEN: (view) => ({ text: openText(view.openFlags), result: (body) => String(decode(FH, "lp64", body).fh) }),
  RELEASE: (view) => ({ text: `release(${view.fh})`, result: size }),
  READ: (view) => ({
    text: readText(view.fh, view.readSize, nonBlocking(view.readFlags)),
    result: readResult,
  }),
  WRITE: (view) => ({
    text: writeText(view.fh, view.payload(), nonBlocking(view.writeFlags)),
    result: (body) => String(decode(abi.fuse_write_out, "lp64", body).size),
  }),
  IOCTL: ioctl,
  POLL: (view) => {
    const wakes = (view.pollFlags & abi.FUSE_POLL_SCHEDULE_NOTIFY) === 0 ? "" : ", wake";
    return {
      text: `poll(${view.fh}, ${pollBits(view.pollEvents)}${wakes})`,
      result: (body) => pollBits(decode(abi.fuse_poll_out, "lp64", body).revents),
    };
  },
};

const FH = abi.fuse_open_out;

function version(body: Uint8Array): string {
  const { major, minor } = decode(abi.cuse_init_out, "lp64", body);
  return `${major}.${minor}`;
}

function nonBlocking(flags: number): boolean {
  return (flags & abi.O_NONBLOCK) !== 0;
}

export function openText(flags: number): string {
  return `open(${openFlags(flags)})`;
}

export function readText(file: number, length: number, nonBlocking: boolean): string {
  return `read(${file}, ${length}${nonBlocking ? ", O_NONBLOCK" : ""})`;
}

export function readResult(body: Uint8Array): string {
  return `${data(body)} ${body.length}`;
}

export function writeText(file: number, bytes: Uint8Array, nonBlocking: boolean): string {
  return `write(${file}, ${data(bytes)}, ${bytes.length}${nonBlocking ? ", O_NONBLOCK" : ""})`;
}

/** @param argument undefined where there is none to be shown */
export function ioctlText(file: number, { name, model, argument }: IoctlText): string {
  return `${IOCTL_OF[model]}(${file}, ${name}${argument === undefined ? "" : `, ${argument}`})`;
}

export interface IoctlText {
  readonly name: string;
  readonly model: DataModel;
  readonly argument: string | undefined;
}

/** Which program calls: its structs look different. */
const IOCTL_OF: Readonly<Record<DataModel, string>> = { lp64: "ioctl", ilp32: "ioctl32", x32: "ioctlx32" };

function ioctl(view: RequestView, { commands, asked }: Decoding): Traced {
  const { fh, ioctlCommand: number, ioctlArgument: arg, ioctlOutSize: outSize } = view;
  const model = modelOf(view.ioctlFlags);
  const key = `${view.pid} ${fh} ${number} ${arg}`;
  const entry = commands.lookup(number, model);
  if (entry === undefined) {
    const text = ioctlText(fh, { name: describeIoctl(number), model, argument: address(arg) });
    return { text, ioctl: key, result: (body) => String(decode(abi.fuse_ioctl_out, "lp64", body).result) };
  }
  // The buffer is read into again before the answer comes.
  const areas = asked(key);
  const input = view.payload().slice();
  const complete = areas === undefined && input.length + outSize > 0;
  const round: Round = { command: entry.command, model, arg, input, outSize, complete };
  return {
    text: ioctlText(fh, { name: entry.name, model, argument: argumentIn(round) }),
    ioctl: key,
    result: (body) => {
      const { result } = decode(abi.fuse_ioctl_out, "lp64", body);
      const argument = argumentOut(round, areas, body.subarray(IOCTL_OUT_SIZE));
      return argument === undefined ? String(result) : `${argument} ${result}`;
    },
  };
}

const IOCTL_OUT_SIZE = sizeOf(abi.fuse_ioctl_out, "lp64");

/** The areas that an answer to an ioctl asks for, or undefined when it is the last answer. */
export function areasOf(body: Uint8Array): Areas | undefined {
  if (body.length < IOCTL_OUT_SIZE) return undefined;
  const { flags, in_iovs, out_iovs } = decode(abi.fuse_ioctl_out, "lp64", body);
  if ((flags & abi.FUSE_IOCTL_RETRY) === 0) return undefined;
  const step = sizeOf(abi.fuse_ioctl_iovec, "lp64");
  const areas = Array.from({ length: in_iovs + out_iovs }, (_, index) => {
    const { base, len } = decode(abi.fuse_ioctl_iovec, "lp64", body, IOCTL_OUT_SIZE + index * step);
    return { base, len: Number(len) };
  });
  return { in: areas.slice(0, in_iovs), out: areas.slice(in_iovs) };
}
