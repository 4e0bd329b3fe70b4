// struct termios, its older and newer brothers, and what their bits mean, as x86, arm64 and riscv have them:
// include/uapi/asm-generic/{termbits-common,termbits,termios}.h. A Termios2 is what a port keeps (the kernel's
// struct ktermios): an immutable value, replaced as a whole.

import { bytes, flags, type Infer, struct, u8, u16, u32 } from "@devlift/core";
import type { LineSettings } from "./line.ts";
import { inputSpeedOf, outputSpeedOf, SPEED_BITS } from "./speed.ts";

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

/** c_oflag. The delays of System V are stored and, as in Linux, not made; XTABS expands tabs. */
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
  CR2: 0x400,
  CR1: 0x200,
  XTABS: 0x1800,
  TAB2: 0x1000,
  TAB1: 0x800,
  BS1: 0x2000,
  VT1: 0x4000,
  FF1: 0x8000,
} as const;

/** c_cflag without the speeds, which are in speed.ts. */
export const CFLAG = {
  CS8: 0x30,
  CS7: 0x20,
  CS6: 0x10,
  CSTOPB: 0x40,
  CREAD: 0x80,
  PARENB: 0x100,
  PARODD: 0x200,
  HUPCL: 0x400,
  CLOCAL: 0x800,
  ADDRB: 0x2000_0000,
  CMSPAR: 0x4000_0000,
  CRTSCTS: 0x8000_0000,
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
  EXTPROC: 0x1_0000,
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

/** A special character with this value is switched off (_POSIX_VDISABLE). */
export const DISABLED = 0;

const modes = {
  c_iflag: flags(u32, IFLAG),
  c_oflag: flags(u32, OFLAG),
  c_cflag: flags(u32, { ...CFLAG, ...SPEED_BITS }),
  c_lflag: flags(u32, LFLAG),
  c_line: u8,
  c_cc: bytes(19),
};

/** struct termios of the kernel (36 bytes; the C library's has another shape). */
export const Termios = struct(modes);
export type Termios = Infer<typeof Termios>;

/** struct termios2: with the speeds as numbers. */
export const Termios2 = struct({ ...modes, c_ispeed: u32, c_ospeed: u32 });
export type Termios2 = Infer<typeof Termios2>;

/** struct termio, of System V: the low halves of the flags and the first 8 characters. */
export const Termio = struct({
  c_iflag: flags(u16, IFLAG),
  c_oflag: flags(u16, OFLAG),
  c_cflag: u16,
  c_lflag: u16,
  c_line: u8,
  c_cc: bytes(8),
});
export type Termio = Infer<typeof Termio>;

/** Ctrl-C \ DEL U D, 0, 1, 0, Q S Z, 0, R O W V, 0: INIT_C_CC of include/linux/termios_internal.h. */
const CHARACTERS = Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0);

/**
 * A port that nobody has set up yet: raw and silent. The kernel's start (cooked, with echo) sends what a device says
 * before its program has set the port up back to the device.
 */
export const RAW_AND_SILENT: Termios2 = {
  c_iflag: 0,
  c_oflag: 0,
  c_cflag: SPEED_BITS.B9600 | CFLAG.CS8 | CFLAG.CREAD | CFLAG.HUPCL | CFLAG.CLOCAL,
  c_lflag: 0,
  c_line: 0,
  c_cc: CHARACTERS,
  c_ispeed: 9600,
  c_ospeed: 9600,
};

/** What TCSETS makes of a port. Speeds follow from the bits, so that they are there for TCGETS2 (set_termios()). */
export function withTermios(old: Termios2, value: Termios | Termios2): Termios2 {
  const set = { ...old, ...value, c_cc: value.c_cc.slice() };
  // ADDRB is changed by rs485 configuration only (tty_set_termios()).
  const c_cflag = ((set.c_cflag & ~CFLAG.ADDRB) | (old.c_cflag & CFLAG.ADDRB)) >>> 0;
  return { ...set, c_cflag, c_ispeed: inputSpeedOf(set), c_ospeed: outputSpeedOf(set) };
}

/** What TCSETA makes of a port: the high halves of the flags stay (user_termio_to_kernel_termios()). */
export function withTermio(old: Termios2, value: Termio): Termios2 {
  const join = (high: number, low: number) => ((high & 0xffff_0000) | low) >>> 0;
  const c_cc = old.c_cc.slice();
  c_cc.set(value.c_cc);
  return withTermios(old, {
    c_iflag: join(old.c_iflag, value.c_iflag),
    c_oflag: join(old.c_oflag, value.c_oflag),
    c_cflag: join(old.c_cflag, value.c_cflag),
    c_lflag: join(old.c_lflag, value.c_lflag),
    c_line: value.c_line,
    c_cc,
  });
}

export function termioOf(termios: Termios2): Termio {
  const low = (flag: number) => flag & 0xffff;
  return {
    c_iflag: low(termios.c_iflag),
    c_oflag: low(termios.c_oflag),
    c_cflag: low(termios.c_cflag),
    c_lflag: low(termios.c_lflag),
    c_line: termios.c_line,
    c_cc: termios.c_cc.slice(0, 8),
  };
}

/** The value of a special character, DISABLED when it has none. */
export function characterOf(termios: Termios2, place: number): number {
  return termios.c_cc[place] ?? DISABLED;
}

/** What of it concerns hardware. */
export function settingsOf(termios: Termios2): LineSettings {
  const { c_cflag } = termios;
  const has = (bit: number) => (c_cflag & bit) !== 0;
  const sticky = has(CFLAG.CMSPAR);
  const odd = has(CFLAG.PARODD);
  return {
    inputSpeed: termios.c_ispeed,
    outputSpeed: termios.c_ospeed,
    dataBits: DATA_BITS[(c_cflag >> 4) & 3] ?? 8,
    stopBits: has(CFLAG.CSTOPB) ? 2 : 1,
    parity: !has(CFLAG.PARENB) ? "none" : sticky ? (odd ? "mark" : "space") : odd ? "odd" : "even",
    hardwareFlow: has(CFLAG.CRTSCTS),
  };
}

const DATA_BITS = [5, 6, 7, 8] as const;

/** Bits that a port handles by itself: a change of others concerns hardware (tty_termios_hw_change()). */
const SOFT = CFLAG.CREAD | CFLAG.HUPCL | CFLAG.CLOCAL;

export function hardwareDiffers(a: Termios2, b: Termios2): boolean {
  return a.c_ispeed !== b.c_ispeed || a.c_ospeed !== b.c_ospeed || ((a.c_cflag ^ b.c_cflag) & ~SOFT) !== 0;
}

/** `wanted` with the hardware's part of `old`: what stands when the hardware refuses (tty_termios_copy_hw()). */
export function withHardwareOf(old: Termios2, wanted: Termios2): Termios2 {
  const c_cflag = ((wanted.c_cflag & SOFT) | (old.c_cflag & ~SOFT)) >>> 0;
  return { ...wanted, c_cflag, c_ispeed: old.c_ispeed, c_ospeed: old.c_ospeed };
}
