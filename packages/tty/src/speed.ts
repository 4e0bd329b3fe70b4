// Speeds in c_cflag: the CBAUD bits name a standard speed, or BOTHER says that the number itself counts; the same bits,
// 16 places up, are for input. drivers/tty/tty_baudrate.c.

import { MASK, SPEED } from "@devlift/uapi/termios";

export { SPEED };

const { CBAUD, IBSHIFT } = MASK;

const SPEEDS = new Map<number, number>(
  Object.entries(SPEED)
    .filter(([name]) => name !== "BOTHER")
    .map(([name, bits]) => [bits, Number(name.slice(1))]),
);

interface Speeds {
  readonly c_cflag: number;
  readonly c_ispeed: number;
  readonly c_ospeed: number;
}

/** Bits a second; 0 (B0) hangs up. */
export function outputSpeedOf({ c_cflag, c_ospeed }: Speeds): number {
  return SPEEDS.get(c_cflag & CBAUD) ?? c_ospeed;
}

/** Bits a second; as for output where nothing else is asked for. */
export function inputSpeedOf(termios: Speeds): number {
  const bits = (termios.c_cflag >>> IBSHIFT) & CBAUD;
  if (bits === SPEED.B0) return outputSpeedOf(termios);
  return SPEEDS.get(bits) ?? termios.c_ispeed;
}

const BITS = new Map([...SPEEDS].map(([bits, speed]) => [speed, bits]));

/** CBAUD and CIBAUD bits that say these speeds. */
export function speedBits(inputSpeed: number, outputSpeed: number): number {
  const output = BITS.get(outputSpeed) ?? SPEED.BOTHER;
  const input = inputSpeed === outputSpeed ? 0 : (BITS.get(inputSpeed) ?? SPEED.BOTHER);
  return ((input << IBSHIFT) | output) >>> 0;
}
