// Generated from asm/termios.h, linux/serial.h, linux/tty_flags.h by `npm run ioctlgen -- termios`; what C does
// not say is in termios.annotations.ts. Never edit this file: change the annotations and generate it again.
//
// Terminals and serial ports: the kernel's termios, as x86, arm64 and riscv have it, modem lines, windows, and
// what setserial sets.

import {
  address,
  array,
  bytes,
  command,
  flags,
  type Infer,
  i8,
  int,
  io,
  ior,
  iow,
  iowr,
  struct,
  u8,
  u16,
  u32,
  uint,
  ulong,
} from "@devlift/core";

/** c_iflag. */
export const IFLAG = {
  IGNBRK: 0x1,
  BRKINT: 0x2,
  IGNPAR: 0x4,
  PARMRK: 0x8,
  INPCK: 0x10,
  ISTRIP: 0x20,
  INLCR: 0x40,
  IGNCR: 0x80,
  ICRNL: 0x100,
  IUCLC: 0x200,
  IXON: 0x400,
  IXANY: 0x800,
  IXOFF: 0x1000,
  IMAXBEL: 0x2000,
  IUTF8: 0x4000,
} as const;

/** c_oflag. The delays of System V are stored and, in Linux, not made; XTABS expands tabs. */
export const OFLAG = {
  OPOST: 0x1,
  OLCUC: 0x2,
  ONLCR: 0x4,
  OCRNL: 0x8,
  ONOCR: 0x10,
  ONLRET: 0x20,
  OFILL: 0x40,
  OFDEL: 0x80,
  NL1: 0x100,
  CR3: 0x600,
  CR1: 0x200,
  CR2: 0x400,
  XTABS: 0x1800,
  TAB1: 0x800,
  TAB2: 0x1000,
  BS1: 0x2000,
  VT1: 0x4000,
  FF1: 0x8000,
} as const;

/** c_cflag without the speeds. */
export const CFLAG = {
  CS8: 0x30,
  CS6: 0x10,
  CS7: 0x20,
  CSTOPB: 0x40,
  CREAD: 0x80,
  PARENB: 0x100,
  PARODD: 0x200,
  HUPCL: 0x400,
  CLOCAL: 0x800,
  ADDRB: 0x20000000,
  CMSPAR: 0x40000000,
  CRTSCTS: 0x80000000,
} as const;

/**
 * Speeds in c_cflag, for output as they stand and for input 16 places up (IBSHIFT). BOTHER: c_ispeed and
 * c_ospeed of struct termios2 count.
 */
export const SPEED = {
  B0: 0x0,
  B4000000: 0x100f,
  B38400: 0xf,
  B921600: 0x1007,
  B300: 0x7,
  B2000000: 0x100b,
  B2400: 0xb,
  B230400: 0x1003,
  B110: 0x3,
  B3000000: 0x100d,
  B9600: 0xd,
  B500000: 0x1005,
  B150: 0x5,
  B1152000: 0x1009,
  B1200: 0x9,
  B57600: 0x1001,
  B50: 0x1,
  B3500000: 0x100e,
  B19200: 0xe,
  B576000: 0x1006,
  B200: 0x6,
  B1500000: 0x100a,
  B1800: 0xa,
  B115200: 0x1002,
  B75: 0x2,
  B2500000: 0x100c,
  B4800: 0xc,
  B460800: 0x1004,
  B134: 0x4,
  B1000000: 0x1008,
  B600: 0x8,
  BOTHER: 0x1000,
} as const;

/** c_lflag. */
export const LFLAG = {
  ISIG: 0x1,
  ICANON: 0x2,
  XCASE: 0x4,
  ECHO: 0x8,
  ECHOE: 0x10,
  ECHOK: 0x20,
  ECHONL: 0x40,
  NOFLSH: 0x80,
  TOSTOP: 0x100,
  ECHOCTL: 0x200,
  ECHOPRT: 0x400,
  ECHOKE: 0x800,
  FLUSHO: 0x1000,
  PENDIN: 0x4000,
  IEXTEN: 0x8000,
  EXTPROC: 0x10000,
} as const;

/** Places in c_cc. */
export const CC = {
  VINTR: 0,
  VQUIT: 1,
  VERASE: 2,
  VKILL: 3,
  VEOF: 4,
  VTIME: 5,
  VMIN: 6,
  VSWTC: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VEOL: 11,
  VREPRINT: 12,
  VDISCARD: 13,
  VWERASE: 14,
  VLNEXT: 15,
  VEOL2: 16,
} as const;

/** Masks and shifts of c_cflag. */
export const MASK = {
  CBAUD: 0x100f,
  CSIZE: 0x30,
  CIBAUD: 0x100f0000,
  IBSHIFT: 0x10,
} as const;

/** The argument of TCFLSH. */
export const FLUSH = {
  TCIFLUSH: 0,
  TCOFLUSH: 1,
  TCIOFLUSH: 2,
} as const;

/** The argument of TCXONC. */
export const FLOW = {
  TCOOFF: 0,
  TCOON: 1,
  TCIOFF: 2,
  TCION: 3,
} as const;

/** Modem lines. */
export const TIOCM = {
  TIOCM_LE: 0x1,
  TIOCM_DTR: 0x2,
  TIOCM_RTS: 0x4,
  TIOCM_ST: 0x8,
  TIOCM_SR: 0x10,
  TIOCM_CTS: 0x20,
  TIOCM_CAR: 0x40,
  TIOCM_RNG: 0x80,
  TIOCM_DSR: 0x100,
  TIOCM_OUT1: 0x2000,
  TIOCM_OUT2: 0x4000,
  TIOCM_LOOP: 0x8000,
} as const;

/** Of serial_struct. */
export const ASYNC = {
  ASYNC_SPD_HI: 0x10,
  ASYNC_SPD_VHI: 0x20,
  ASYNC_SKIP_TEST: 0x40,
  ASYNC_SPD_SHI: 0x1000,
  ASYNC_LOW_LATENCY: 0x2000,
} as const;

/** Of serial_rs485. */
export const SER_RS485 = {
  SER_RS485_ENABLED: 0x1,
  SER_RS485_RTS_ON_SEND: 0x2,
  SER_RS485_RTS_AFTER_SEND: 0x4,
  SER_RS485_RX_DURING_TX: 0x10,
  SER_RS485_TERMINATE_BUS: 0x20,
  SER_RS485_ADDRB: 0x40,
  SER_RS485_ADDR_RECV: 0x80,
  SER_RS485_ADDR_DEST: 0x100,
} as const;

/** The byte before each read of a pty in packet mode. */
export const TIOCPKT_STATE = {
  TIOCPKT_DATA: 0,
  TIOCPKT_FLUSHREAD: 1,
  TIOCPKT_FLUSHWRITE: 2,
  TIOCPKT_STOP: 4,
  TIOCPKT_START: 8,
  TIOCPKT_NOSTOP: 16,
  TIOCPKT_DOSTOP: 32,
  TIOCPKT_IOCTL: 64,
} as const;

/** 36 bytes; the C library's has another shape. struct termios of asm-generic/termbits.h. */
export const termios = struct({
  c_iflag: flags(uint, IFLAG),
  c_oflag: flags(uint, OFLAG),
  c_cflag: flags(uint, { ...CFLAG, ...SPEED }),
  c_lflag: flags(uint, LFLAG),
  /** The line discipline. */
  c_line: u8,
  /** Special characters, by CC. */
  c_cc: bytes(19),
});
export type termios = Infer<typeof termios>;

/** With the speeds as numbers. struct termios2 of asm-generic/termbits.h. */
export const termios2 = struct({
  c_iflag: flags(uint, IFLAG),
  c_oflag: flags(uint, OFLAG),
  c_cflag: flags(uint, { ...CFLAG, ...SPEED }),
  c_lflag: flags(uint, LFLAG),
  /** The line discipline. */
  c_line: u8,
  /** Special characters, by CC. */
  c_cc: bytes(19),
  c_ispeed: uint,
  c_ospeed: uint,
});
export type termios2 = Infer<typeof termios2>;

/** Of System V: the low halves of the flags, and the first 8 characters. struct termio of asm-generic/termios.h. */
export const termio = struct({
  c_iflag: flags(u16, IFLAG),
  c_oflag: flags(u16, OFLAG),
  c_cflag: u16,
  c_lflag: u16,
  c_line: u8,
  c_cc: bytes(8),
});
export type termio = Infer<typeof termio>;

/** A window, in characters and in pixels. struct winsize of asm-generic/termios.h. */
export const winsize = struct({
  ws_row: u16,
  ws_col: u16,
  ws_xpixel: u16,
  ws_ypixel: u16,
});
export type winsize = Infer<typeof winsize>;

/** What setserial sets. struct serial_struct of linux/serial.h. */
export const serial_struct = struct({
  type: int,
  line: int,
  port: uint,
  irq: int,
  flags: flags(int, ASYNC),
  xmit_fifo_size: int,
  custom_divisor: int,
  baud_base: int,
  close_delay: u16,
  io_type: i8,
  reserved_char: bytes(1),
  hub6: int,
  closing_wait: u16,
  closing_wait2: u16,
  iomem_base: address,
  iomem_reg_shift: u16,
  port_high: uint,
  iomap_base: ulong,
});
export type serial_struct = Infer<typeof serial_struct>;

/** Changes of modem lines, bytes, and faults, each counted. struct serial_icounter_struct of linux/serial.h. */
export const serial_icounter_struct = struct({
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
export type serial_icounter_struct = Infer<typeof serial_icounter_struct>;

/** Two wires in half-duplex. struct serial_rs485 of linux/serial.h. */
export const serial_rs485 = struct({
  flags: flags(u32, SER_RS485),
  /** Milliseconds. */
  delay_rts_before_send: u32,
  /** Milliseconds. */
  delay_rts_after_send: u32,
  addr_recv: u8,
  addr_dest: u8,
  padding0: bytes(2),
  padding1: array(u32, 4),
});
export type serial_rs485 = Infer<typeof serial_rs485>;

/** Smart cards. struct serial_iso7816 of linux/serial.h. */
export const serial_iso7816 = struct({
  flags: u32,
  tg: u32,
  sc_fi: u32,
  sc_di: u32,
  clk: u32,
  reserved: array(u32, 5),
});
export type serial_iso7816 = Infer<typeof serial_iso7816>;

/** Integers behind an argument's pointer. */
const Int = struct({ value: int });
const I8 = struct({ value: i8 });
const Uint = struct({ value: uint });

export const TCGETS = command(0x5401, termios, "out");
export const TCSETS = command(0x5402, termios);
export const TCSETSW = command(0x5403, termios);
export const TCSETSF = command(0x5404, termios);
export const TCGETA = command(0x5405, termio, "out");
export const TCSETA = command(0x5406, termio);
export const TCSETAW = command(0x5407, termio);
export const TCSETAF = command(0x5408, termio);
/** 0: a break; else tcdrain(3). */
export const TCSBRK = command(0x5409);
/** One of FLOW. */
export const TCXONC = command(0x540a);
/** One of FLUSH. */
export const TCFLSH = command(0x540b);
export const TIOCEXCL = command(0x540c, "none");
export const TIOCNXCL = command(0x540d, "none");
export const TIOCSCTTY = command(0x540e);
export const TIOCGPGRP = command(0x540f, Int, "out");
export const TIOCSPGRP = command(0x5410, Int);
export const TIOCOUTQ = command(0x5411, Int, "out");
export const TIOCSTI = command(0x5412, I8);
export const TIOCGWINSZ = command(0x5413, winsize, "out");
export const TIOCSWINSZ = command(0x5414, winsize);
export const TIOCMGET = command(0x5415, struct({ value: flags(int, TIOCM) }), "out");
export const TIOCMBIS = command(0x5416, struct({ value: flags(int, TIOCM) }));
export const TIOCMBIC = command(0x5417, struct({ value: flags(int, TIOCM) }));
export const TIOCMSET = command(0x5418, struct({ value: flags(int, TIOCM) }));
export const TIOCGSOFTCAR = command(0x5419, Int, "out");
export const TIOCSSOFTCAR = command(0x541a, Int);
export const FIONREAD = command(0x541b, Int, "out");
export const TIOCCONS = command(0x541d, "none");
export const TIOCGSERIAL = command(0x541e, serial_struct, "out");
export const TIOCSSERIAL = command(0x541f, serial_struct);
export const TIOCPKT = command(0x5420, Int);
export const TIOCNOTTY = command(0x5422, "none");
export const TIOCSETD = command(0x5423, Int);
export const TIOCGETD = command(0x5424, Int, "out");
/** A break, in units of 100 ms; 0: of 250 ms. */
export const TCSBRKP = command(0x5425);
export const TIOCSBRK = command(0x5427, "none");
export const TIOCCBRK = command(0x5428, "none");
export const TIOCGSID = command(0x5429, Int, "out");
export const TCGETS2 = ior("T", 0x2a, termios2);
export const TCSETS2 = iow("T", 0x2b, termios2);
export const TCSETSW2 = iow("T", 0x2c, termios2);
export const TCSETSF2 = iow("T", 0x2d, termios2);
export const TIOCGRS485 = command(0x542e, serial_rs485, "out");
/** Gives back what was set. */
export const TIOCSRS485 = command(0x542f, serial_rs485, "inout");
export const TIOCGPTN = ior("T", 0x30, Uint);
export const TIOCSPTLCK = iow("T", 0x31, Int);
export const TIOCGDEV = ior("T", 0x32, Uint);
/** By value, whatever the number says. */
export const TIOCSIG = command(0x40045436);
export const TIOCVHANGUP = command(0x5437, "none");
export const TIOCGPKT = ior("T", 0x38, Int);
export const TIOCGPTLCK = ior("T", 0x39, Int);
export const TIOCGEXCL = ior("T", 0x40, Int);
export const TIOCGPTPEER = io("T", 0x41);
export const TIOCGISO7816 = ior("T", 0x42, serial_iso7816);
export const TIOCSISO7816 = iowr("T", 0x43, serial_iso7816);
export const TIOCGLCKTRMIOS = command(0x5456, termios, "out");
export const TIOCSLCKTRMIOS = command(0x5457, termios);
export const TIOCSERGETLSR = command(0x5459, Uint, "out");
/** Modem lines, of which one shall change. */
export const TIOCMIWAIT = command(0x545c);
export const TIOCGICOUNT = command(0x545d, serial_icounter_struct, "out");

export const TIOCINQ = FIONREAD;
