// @devlift/usblp for other programs: the driver without its daemon.

export { definePrinter } from "./device.ts";
export { Printer } from "./printer.ts";
export { Printers, type PrintersOptions } from "./printers.ts";
