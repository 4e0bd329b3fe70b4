// The calls that are made on the kernel's dsp and on ours, each line on a file of its own, and what they gave, as text.

import type { Command } from "@devlift/core";
import * as oss from "@devlift/uapi/soundcard";
import { Client } from "../client.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;

type Step = (client: Client) => Promise<unknown>;
type IntCommand = Command<{ value: number }>;

interface Line {
  readonly name: string;
  readonly flags: number;
  readonly steps: readonly Step[];
}

const int =
  (command: IntCommand, value = 0): Step =>
  (client) =>
    client.int(command, value);
const plain =
  (command: Command<undefined>): Step =>
  (client) =>
    client.plain(command);
const get =
  <A>(command: Command<A>): Step =>
  (client) =>
    client.ask(command);

/** The same command with each of these, each on a file of its own. */
function each(name: string, command: IntCommand, values: readonly number[], ...after: Step[]): Line[] {
  return values.map((value) => ({
    name: `${name} ${hex(value)}`,
    flags: O_WRONLY,
    steps: [int(command, value), ...after],
  }));
}

const FORMATS = [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x1000, 0x8000, 0x40000, 0x18, 0];
const INT_MIN = -(2 ** 31);

function ofEachWay(name: string, ...steps: Step[]): Line[] {
  return [
    { name: `${name}, O_WRONLY`, flags: O_WRONLY, steps },
    { name: `${name}, O_RDONLY`, flags: O_RDONLY, steps },
    { name: `${name}, O_RDWR`, flags: O_RDWR, steps },
  ];
}

/** What a program looks at before it plays: a fragment's size, and that the rest agrees with it. */
const fragments: Step = async (client) => {
  const { bytes, fragments, fragsize, fragstotal } = await client.ask(oss.SNDCTL_DSP_GETOSPACE);
  const size = await client.int(oss.SNDCTL_DSP_GETBLKSIZE);
  return `${size} ${fragsize === size} ${fragments === fragstotal} ${bytes === size * fragments} ${fragstotal >= 2}`;
};
const cd: Step = (client) => client.configure();

export const LINES: readonly Line[] = [
  ...each("SPEED", oss.SNDCTL_DSP_SPEED, [8000, 11_025, 44_100, 48_000, 0, 1, 999, 400_000, -1, INT_MIN]),
  ...each("CHANNELS", oss.SNDCTL_DSP_CHANNELS, [0, 1, 2, 129, 0x7fff_ffff]),
  ...each("STEREO", oss.SNDCTL_DSP_STEREO, [0, 1, 2, -1]),
  ...each("SETFMT", oss.SNDCTL_DSP_SETFMT, FORMATS, int(oss.SOUND_PCM_READ_BITS)),
  ...each("SUBDIVIDE", oss.SNDCTL_DSP_SUBDIVIDE, [0, 1, 2, 3, 16, 32, -1], int(oss.SNDCTL_DSP_SUBDIVIDE, 2)),
  ...each("SETFRAGMENT", oss.SNDCTL_DSP_SETFRAGMENT, [25, 0x2_0019, -1, 0x2_ffff]),
  ...each("SETFRAGMENT", oss.SNDCTL_DSP_SETFRAGMENT, [0x2_000b, 0x4_000a, 0x7fff_000c, 0x8_000d], cd, fragments),
  ...each("SETFRAGMENT twice", oss.SNDCTL_DSP_SETFRAGMENT, [0x4_000a], int(oss.SNDCTL_DSP_SETFRAGMENT, 0x4_000b)),
  ...each("SETTRIGGER", oss.SNDCTL_DSP_SETTRIGGER, [0, 1, 2, 3, -1], int(oss.SNDCTL_DSP_GETTRIGGER)),
  ...ofEachWay("GETFMTS", int(oss.SNDCTL_DSP_GETFMTS)),
  ...ofEachWay("GETCAPS", int(oss.SNDCTL_DSP_GETCAPS)),
  ...ofEachWay("GETTRIGGER", int(oss.SNDCTL_DSP_GETTRIGGER)),
  ...ofEachWay("GETODELAY", int(oss.SNDCTL_DSP_GETODELAY)),
  ...ofEachWay("GETOPTR", get(oss.SNDCTL_DSP_GETOPTR)),
  ...ofEachWay("GETIPTR", get(oss.SNDCTL_DSP_GETIPTR)),
  ...ofEachWay(
    "READ_RATE, CHANNELS, BITS",
    ...[oss.SOUND_PCM_READ_RATE, oss.SOUND_PCM_READ_CHANNELS, oss.SOUND_PCM_READ_BITS].map((command) => int(command)),
  ),
  ...ofEachWay("FILTER", int(oss.SOUND_PCM_READ_FILTER), int(oss.SOUND_PCM_WRITE_FILTER)),
  ...ofEachWay("SETSYNCRO", plain(oss.SNDCTL_DSP_SETSYNCRO)),
  ...ofEachWay("SETDUPLEX", plain(oss.SNDCTL_DSP_SETDUPLEX)),
  ...ofEachWay("NONBLOCK", plain(oss.SNDCTL_DSP_NONBLOCK)),
  ...ofEachWay("RESET", plain(oss.SNDCTL_DSP_RESET)),
  ...ofEachWay("POST", plain(oss.SNDCTL_DSP_POST)),
  ...ofEachWay("SYNC", plain(oss.SNDCTL_DSP_SYNC)),
  ...ofEachWay("PROFILE", int(oss.SNDCTL_DSP_PROFILE, 0)),
  ...ofEachWay("MAPINBUF", get(oss.SNDCTL_DSP_MAPINBUF)),
  ...ofEachWay("write", (client) => client.write(new Uint8Array(8))),
  ...ofEachWay("OSS_GETVERSION", int(oss.OSS_GETVERSION)),
  {
    name: "write, SYNC",
    flags: O_WRONLY,
    steps: [
      cd,
      (client) => client.write(new Uint8Array(40_000)),
      async (client) => (await client.int(oss.SNDCTL_DSP_GETODELAY)) > 0,
      plain(oss.SNDCTL_DSP_SYNC),
      int(oss.SNDCTL_DSP_GETODELAY),
      get(oss.SNDCTL_DSP_GETOPTR),
    ],
  },
  {
    name: "write, RESET",
    flags: O_WRONLY,
    steps: [
      cd,
      (client) => client.write(new Uint8Array(40_000)),
      plain(oss.SNDCTL_DSP_RESET),
      int(oss.SNDCTL_DSP_GETODELAY),
      fragments,
    ],
  },
  {
    name: "held by SETTRIGGER",
    flags: O_WRONLY,
    steps: [
      cd,
      int(oss.SNDCTL_DSP_SETFRAGMENT, 0x4_000b),
      int(oss.SNDCTL_DSP_SETTRIGGER, 0),
      (client) => client.write(new Uint8Array(4096)),
      int(oss.SNDCTL_DSP_GETODELAY),
      int(oss.SNDCTL_DSP_SETTRIGGER, 2),
      plain(oss.SNDCTL_DSP_SYNC),
      int(oss.SNDCTL_DSP_GETODELAY),
    ],
  },
];

/** Makes the calls of each line. @returns a text for each: what each step gave, or its errno */
export async function outcomes(path: string, env: NodeJS.ProcessEnv): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for (const { name, flags, steps } of LINES) {
    const client = await Client.open(path, flags, env);
    const said: string[] = [];
    for (const step of steps) said.push(await step(client).then(shown, (error: { code: string }) => error.code));
    await client.plain(oss.SNDCTL_DSP_RESET);
    await client.close();
    await client.stop();
    all.set(name, said.join("; "));
  }
  return all;
}

function shown(value: unknown): string {
  if (typeof value === "number") return hex(value);
  return typeof value === "object"
    ? JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? `${part}` : part))
    : `${value}`;
}

function hex(value: number): string {
  return value >= 0 && value < 10 ? `${value}` : value < 0 ? `${value}` : `0x${value.toString(16)}`;
}
