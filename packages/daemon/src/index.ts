// @devlift/daemon: what the main files of drivers have in common.

export {
  COMMAND_OPTIONS,
  type Command,
  type DaemonParts,
  type DaemonProgram,
  type LogChoice,
  parseLogChoice,
  runCommand,
} from "./command.ts";
export type { DriverDescription, UsbHardware } from "./description.ts";
export { createLog, type LogFormat, type LogLevel, type LogOptions } from "./logging.ts";
