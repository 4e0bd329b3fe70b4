// The command line of devlift-oss: what can be asked for, and what is wrong with what was asked.
// Options is a plain value, made once at start.

import { parseArgs } from "node:util";
import {
  absolutePath,
  type NodePermissions,
  oneOf,
  parsed,
  parsePermissions,
  parseWatching,
  traceWord,
  UsageError,
  WATCHING_OPTIONS,
  type Watching,
} from "@devlift/core";
import { COMMAND_HELP, COMMAND_OPTIONS, type Command, type DaemonChoice, parseDaemonChoice } from "@devlift/daemon";
import { BACKENDS } from "./backend/user-source.ts";

const CHANNELS = ["auto", "fusd", "cuse", "fuse"] as const;

/** Names of device files, below the folder. */
export interface DeviceNames {
  readonly dsp: readonly string[];
  readonly adsp: readonly string[];
  readonly audio: readonly string[];
  readonly mixer: readonly string[];
  readonly sndstat: readonly string[];
}

export interface Options extends DaemonChoice {
  readonly channel: (typeof CHANNELS)[number];
  readonly backend: (typeof BACKENDS)[number];
  /** As PULSE_SERVER would name it; undefined: each user's own. */
  readonly server: string | undefined;
  /** Path of a file. */
  readonly cookie: string | undefined;
  readonly folder: string;
  readonly devices: DeviceNames;
  readonly permissions: NodePermissions;
  /** Files of one device that can be open at once, of all users and of each. */
  readonly maxOpens: number;
  readonly maxOpensPerUser: number;
  /** What is written down of the requests. */
  readonly watching: Watching;
}

export const HELP = `devlift-oss: serves /dev/dsp and its kin for programs that know the Open Sound System, over the sound server

Usage: devlift-oss [options]
       devlift-oss status [--watch] [--json] [--metrics] [--control PATH]

  --backend BACKEND     pulse (PulseAudio, and PipeWire by its pulse server), alsa (aplay and arecord), or auto (the
                        default: alsa where no sound server can be reached)
  --server ADDRESS      one server for everybody, as PULSE_SERVER would name it: unix:/PATH, tcp:HOST[:PORT]; with alsa
                        a PCM, such as hw:0 (default: that of the user whose program opens the device)
  --cookie FILE         what that server asks for (default: the usual places)
  --channel CHANNEL     how the device files are made: fusd or cuse (character devices; need root and that kernel
                        module), fuse (plain files), or auto (the best that this machine has, the default)
  --folder FOLDER       where they are (default /dev)
  --dsp NAME            a dsp (default: dsp); may be given several times; none: there is none
  --adsp NAME           a second one (default: adsp), likewise
  --audio NAME          one that begins with mu-law (default: audio), likewise
  --mixer NAME          a mixer (default: mixer), likewise
  --sndstat NAME        a page that says what there is (default: sndstat), likewise
  --mode MODE           permissions of the device files, octal (default 0666; with --server 0660)
  --owner USER          their owner, name or number
  --group GROUP         their group, name or number
  --max N               files of one device that can be open at once (default 256)
  --max-per-user N      the same for each user but root (default 64)
  --trace[=FILE]        a line for each request, to stderr or to a file; SIGUSR2 switches it on and off
  --record FILE         writes down every message, what programs play and record included
${COMMAND_HELP}

status says what each program plays and records: program, format, latency, underruns, volume. With --watch again each
second, with --json a line for each daemon, with --metrics the text that Prometheus reads. It sees the daemons of its own user, and root all of root's.

Examples:
  devlift-oss                                        each user's programs play on that user's desktop
  devlift-oss --server unix:/run/pulse/native        everybody's on one server
  devlift-oss --dsp dsp --dsp dsp1 --adsp none       other device files
  devlift-oss --channel fuse --folder ~/oss          plain files, for a container without CUSE
  sox song.wav -t oss /dev/dsp                       a program that uses it
  devlift-oss status --watch                         what it does

It logs to stderr, and ends with SIGTERM or SIGINT. Exit status: 0 after a signal, 1 when it failed, 2 for a wrong
command line.
`;

const NONE = "none";

/** @throws UsageError that says what is wrong with the command line */
export function parseCommandLine(args: readonly string[]): Command<Options> {
  const values = parse(args);
  if (values.help) return { print: "help" };
  if (values.version) return { print: "version" };
  const { server, cookie } = values;
  if (server === "") throw new UsageError("--server wants an address");
  const devices = {
    dsp: names("--dsp", values.dsp),
    adsp: names("--adsp", values.adsp),
    audio: names("--audio", values.audio),
    mixer: names("--mixer", values.mixer),
    sndstat: names("--sndstat", values.sndstat),
  };
  const all = Object.values(devices).flat();
  const twice = all.find((name, index) => all.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`two devices are called ${twice}`);
  if (all.length === 0) throw new UsageError("there is no device left to serve");
  return {
    run: {
      channel: oneOf("--channel", values.channel, CHANNELS),
      backend: oneOf("--backend", values.backend, BACKENDS),
      server,
      cookie: cookie === undefined ? undefined : absolutePath("--cookie", cookie),
      folder: absolutePath("--folder", values.folder),
      devices,
      // Whoever opens a device reaches his own server alone, but with --server.
      permissions: { mode: server === undefined ? 0o666 : 0o660, ...parsePermissions(values) },
      maxOpens: count("--max", values.max),
      maxOpensPerUser: count("--max-per-user", values["max-per-user"]),
      ...parseDaemonChoice(values),
      watching: parseWatching(values),
    },
  };
}

function parse(args: readonly string[]) {
  return parsed(() =>
    parseArgs({
      args: traceWord(args),
      options: {
        backend: { type: "string", default: "auto" },
        server: { type: "string" },
        cookie: { type: "string" },
        channel: { type: "string", default: "auto" },
        folder: { type: "string", default: "/dev" },
        dsp: { type: "string", multiple: true, default: ["dsp"] },
        adsp: { type: "string", multiple: true, default: ["adsp"] },
        audio: { type: "string", multiple: true, default: ["audio"] },
        mixer: { type: "string", multiple: true, default: ["mixer"] },
        sndstat: { type: "string", multiple: true, default: ["sndstat"] },
        mode: { type: "string" },
        owner: { type: "string" },
        group: { type: "string" },
        max: { type: "string", default: "256" },
        "max-per-user": { type: "string", default: "64" },
        ...WATCHING_OPTIONS,
        ...COMMAND_OPTIONS,
      },
    }),
  ).values;
}

function names(option: string, given: readonly string[]): readonly string[] {
  if (given.includes(NONE)) {
    if (given.length > 1) throw new UsageError(`${option} none excludes other names`);
    return [];
  }
  for (const name of given)
    if (!/^[A-Za-z0-9_.-]+$/.test(name) || /^\.+$/.test(name))
      throw new UsageError(`${option} ${name}: a name is letters, digits, dots and dashes`);
  return given;
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 16_384)
    throw new UsageError(`${option} ${text}: a number from 1 to 16384`);
  return number;
}
