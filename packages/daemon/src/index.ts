// @devlift/daemon: what the main files of drivers have in common, and how a running daemon is asked.

export {
  COMMAND_HELP,
  COMMAND_OPTIONS,
  type Command,
  type DaemonChoice,
  type DaemonParts,
  type DaemonProgram,
  parseDaemonChoice,
  runCommand,
} from "./command.ts";
export { askAll, type TraceEvent, type Whom, watchTrace } from "./control/ask.ts";
export {
  type About,
  type DeviceReport,
  driverOf,
  type Report,
  type Row,
  type Scalar,
  type Status,
} from "./control/report.ts";
export { checkedStatus, parseControl, print, STATUS_OPTIONS, showStatus } from "./control/status.ts";
export { clean, tableOf } from "./control/text.ts";
export type { DriverDescription, UsbHardware } from "./description.ts";
export { type DriverParts, type DriverProgram, runDriver, type Started } from "./driver.ts";
export { ControlError } from "./errors.ts";
export { createLog, type LogFormat, type LogLevel, type LogOptions } from "./logging.ts";
