// @devlift/daemon: what the main files of drivers have in common.

export { type Command, type DaemonParts, type DaemonProgram, type LogChoice, runCommand } from "./command.ts";
export { createLog, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel, type LogOptions } from "./logging.ts";
