// The daemon's log: pino, and a formatter that makes lines for people of its JSON.
// Lifetime: one logger a process.
//
// stderr decides what text looks like: a terminal and a file get time and level, the journal gets the level as the
// priority that it understands (sd-daemon(3)) and keeps the time itself, so that `journalctl -p warning` works.

import { fstatSync } from "node:fs";
import type { Logger } from "@devlift/core";
import { pino, stdTimeFunctions } from "pino";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** syslog(3). */
const PRIORITIES: Record<LogLevel, number> = { debug: 7, info: 6, warn: 4, error: 3 };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes whole lines. Default: stderr. */
  readonly write?: (line: string) => void;
  /** Default: whether stderr is the journal. */
  readonly journal?: boolean;
}

export function createLog(options: LogOptions): Logger {
  const { level, format, write = toStderr, journal = isJournal(process.env["JOURNAL_STREAM"], 2) } = options;
  const destination = format === "json" ? { write } : { write: (line: string) => write(textLine(line, journal)) };
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    destination,
  );
  return log;
}

/** An answer to a client has its errno, of which the message speaks; anything else is a bug and has its place. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return "code" in error && typeof error.code === "string" ? error.code : error.stack;
}

/** One line of text from one line of pino's JSON. */
function textLine(json: string, journal: boolean): string {
  const { level, time, msg, ...fields }: Record<string, unknown> = JSON.parse(json);
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  const text = oneLine(`${msg}${pairs.join("")}`);
  const known = LOG_LEVELS.find((it) => it === level) ?? "error";
  return journal ? `<${PRIORITIES[known]}>${text}\n` : `${time} ${known.padEnd(5)} ${text}\n`;
}

function fieldText(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** Parts of a message may come from a device or a server: a line stays one line, and a terminal is not driven by it. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

/** Whether systemd has connected the descriptor to the journal (systemd.exec(5), $JOURNAL_STREAM). */
function isJournal(stream: string | undefined, fd: number): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(fd);
  return stream === `${dev}:${ino}`;
}

function toStderr(line: string): void {
  process.stderr.write(line);
}
