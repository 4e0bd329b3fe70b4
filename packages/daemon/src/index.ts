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
export type { Report, Row, Scalar, Status } from "./control/report.ts";
export { ControlServer } from "./control/server.ts";
export { CONTROL_OPTIONS, parseControl, parseStatus, type StatusChoice } from "./control/status.ts";
export type { DriverDescription, UsbHardware } from "./description.ts";
export { type DriverProgram, runDriver, type Started } from "./driver.ts";
export { ControlError } from "./errors.ts";
export { createLog, type LogFormat, type LogLevel, type LogOptions } from "./logging.ts";
