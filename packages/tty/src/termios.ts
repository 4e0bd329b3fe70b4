// What a port keeps of struct termios: a Termios2 (the kernel's struct ktermios), an immutable value that is replaced as a
// whole. Its layout and what its bits mean are the kernel's headers', as x86, arm64 and riscv have them.

import {
  CFLAG,
  type termio as Termio,
  type termios as Termios,
  type termios2 as Termios2,
} from "@devlift/uapi/termios";
import type { LineSettings } from "./line.ts";
import { inputSpeedOf, outputSpeedOf, SPEED } from "./speed.ts";

export {
  CC,
  CFLAG,
  IFLAG,
  LFLAG,
  OFLAG,
  termio as Termio,
  termios as Termios,
  termios2 as Termios2,
} from "@devlift/uapi/termios";

/** A special character with this value is switched off (_POSIX_VDISABLE). */
export const DISABLED = 0;

/** Ctrl-C \ DEL U D, 0, 1, 0, Q S Z, 0, R O W V, 0: INIT_C_CC of include/linux/termios_internal.h. */
const CHARACTERS = Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0);

/**
 * A port that nobody has set up yet: raw and silent. The kernel's start (cooked, with echo) sends what a device says
 * before its program has set the port up back to the device.
 */
export const RAW_AND_SILENT: Termios2 = {
  c_iflag: 0,
  c_oflag: 0,
  c_cflag: SPEED.B9600 | CFLAG.CS8 | CFLAG.CREAD | CFLAG.HUPCL | CFLAG.CLOCAL,
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
