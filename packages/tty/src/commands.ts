// The ioctls of a serial port, by the names that C programs use: include/uapi/asm-generic/ioctls.h; their structures:
// termios.ts and include/uapi/{asm-generic/termios.h,linux/serial.h}. What is missing here is ENOTTY; README.md says why.

import { array, command, type Infer, i8, int, ior, iow, struct, u16, uint, ulong } from "@devlift/core";
import { Termio, Termios, Termios2 } from "./termios.ts";

/** An int behind the argument's pointer. */
export const Int = struct({ value: int });
export type Int = Infer<typeof Int>;

export const Winsize = struct({ ws_row: u16, ws_col: u16, ws_xpixel: u16, ws_ypixel: u16 });
export type Winsize = Infer<typeof Winsize>;

export const SerialStruct = struct({
  type: int,
  line: int,
  port: uint,
  irq: int,
  flags: int,
  xmit_fifo_size: int,
  custom_divisor: int,
  baud_base: int,
  close_delay: u16,
  io_type: i8,
  reserved_char: i8,
  hub6: int,
  closing_wait: u16,
  closing_wait2: u16,
  /** A pointer in C; never followed. */
  iomem_base: ulong,
  iomem_reg_shift: u16,
  port_high: uint,
  iomap_base: ulong,
});
export type SerialStruct = Infer<typeof SerialStruct>;

export const SerialIcounter = struct({
  cts: int,
  dsr: int,
  rng: int,
  dcd: int,
  rx: int,
  tx: int,
  frame: int,
  overrun: int,
  parity: int,
  brk: int,
  buf_overrun: int,
  reserved: array(int, 9),
});
export type SerialIcounter = Infer<typeof SerialIcounter>;

/** Modem lines, as in TIOCMGET. */
export const TIOCM = {
  LE: 0x001,
  DTR: 0x002,
  RTS: 0x004,
  ST: 0x008,
  SR: 0x010,
  CTS: 0x020,
  CAR: 0x040,
  RNG: 0x080,
  DSR: 0x100,
  OUT1: 0x2000,
  OUT2: 0x4000,
  LOOP: 0x8000,
} as const;

/** The argument of TCFLSH. */
export const FLUSH = { TCIFLUSH: 0, TCOFLUSH: 1, TCIOFLUSH: 2 } as const;

/** The argument of TCXONC. */
export const FLOW = { TCOOFF: 0, TCOON: 1, TCIOFF: 2, TCION: 3 } as const;

/** The ioctls by name. */
export const portCommands = {
  TCGETS: command(0x5401, Termios, "out"),
  TCSETS: command(0x5402, Termios),
  TCSETSW: command(0x5403, Termios),
  TCSETSF: command(0x5404, Termios),
  TCGETA: command(0x5405, Termio, "out"),
  TCSETA: command(0x5406, Termio),
  TCSETAW: command(0x5407, Termio),
  TCSETAF: command(0x5408, Termio),
  TCGETS2: ior("T", 0x2a, Termios2),
  TCSETS2: iow("T", 0x2b, Termios2),
  TCSETSW2: iow("T", 0x2c, Termios2),
  TCSETSF2: iow("T", 0x2d, Termios2),
  TCSBRK: command(0x5409),
  TCXONC: command(0x540a),
  TCFLSH: command(0x540b),
  TIOCEXCL: command(0x540c, "none"),
  TIOCNXCL: command(0x540d, "none"),
  TIOCGEXCL: ior("T", 0x40, Int),
  TIOCOUTQ: command(0x5411, Int, "out"),
  TIOCGWINSZ: command(0x5413, Winsize, "out"),
  TIOCSWINSZ: command(0x5414, Winsize),
  TIOCMGET: command(0x5415, Int, "out"),
  TIOCMBIS: command(0x5416, Int),
  TIOCMBIC: command(0x5417, Int),
  TIOCMSET: command(0x5418, Int),
  TIOCGSOFTCAR: command(0x5419, Int, "out"),
  TIOCSSOFTCAR: command(0x541a, Int),
  /** TIOCINQ is the same number. */
  FIONREAD: command(0x541b, Int, "out"),
  TIOCGSERIAL: command(0x541e, SerialStruct, "out"),
  TIOCSSERIAL: command(0x541f, SerialStruct),
  TIOCSETD: command(0x5423, Int),
  TIOCGETD: command(0x5424, Int, "out"),
  TCSBRKP: command(0x5425),
  TIOCSBRK: command(0x5427, "none"),
  TIOCCBRK: command(0x5428, "none"),
  TIOCMIWAIT: command(0x545c),
  TIOCGICOUNT: command(0x545d, SerialIcounter, "out"),
};

export type CommandName = keyof typeof portCommands;
