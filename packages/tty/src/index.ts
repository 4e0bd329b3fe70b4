// @devlift/tty: a serial port's behaviour on a device that is not a kernel tty.

export { TIOCM } from "./commands.ts";
export type { LineHost, LineSettings, ModemLines, OpenLineCall, SerialDriver, SerialLine } from "./line.ts";
export { defineSerialPort, type SerialDevice, type SerialPortOptions } from "./port.ts";
export { OUTPUT_RING, PortMemory } from "./port-memory.ts";
export { ptyAvailability } from "./pty.ts";
export { type ServePtyOptions, servePty } from "./pty-host.ts";
export { CC, IFLAG, LFLAG, OFLAG, RAW_AND_SILENT, Termios, Termios2 } from "./termios.ts";
