// The log of a driver whose author has not chosen one: what goes wrong is seen, the rest is not.

import type { Logger } from "../log.ts";

function say(level: string, fields: object, message: string): void {
  const error = "err" in fields ? fields.err : undefined;
  process.stderr.write(`${level}: ${message}${error instanceof Error ? `\n${error.stack}` : ""}\n`);
}

export const stderrLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => say("warning", fields, message),
  error: (fields, message) => say("error", fields, message),
};
