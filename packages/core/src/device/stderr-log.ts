// The log of a driver whose author has not chosen one: lines on stderr.

import type { Logger } from "../log.ts";
import { stderrLines } from "./stderr.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const nothing = (): void => undefined;

/** A log on stderr with what is of this level, or worse. */
export function stderrLogAt(level: LogLevel): Logger {
  const from = LOG_LEVELS.indexOf(level);
  const at = (own: LogLevel, label: string) =>
    LOG_LEVELS.indexOf(own) < from ? nothing : (fields: object, message: string) => say(label, fields, message);
  return {
    debug: at("debug", "debug"),
    info: at("info", "info"),
    warn: at("warn", "warning"),
    error: at("error", "error"),
  };
}

function say(label: string, fields: object, message: string): void {
  const error = "err" in fields ? fields.err : undefined;
  const errno = "errno" in fields ? ` (${fields.errno})` : "";
  stderrLines.write(`${label}: ${message}${errno}${error instanceof Error ? `\n${error.stack}` : ""}`);
}

/** What goes wrong is seen, the rest is not. */
export const stderrLog: Logger = stderrLogAt("warn");
