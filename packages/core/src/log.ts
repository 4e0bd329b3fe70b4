// What the library logs to: the subset of pino's interface that it needs, so that a daemon passes its logger as it is.
// Levels: error = ours to mend, warn = somebody should look, info = state changed, debug = one client's doings.

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => undefined;

/** Logs nowhere: the default of every option that takes a logger. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
