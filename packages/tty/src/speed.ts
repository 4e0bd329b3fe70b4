// Speeds in c_cflag: the CBAUD bits name a standard speed, or BOTHER says that the number itself counts; the same bits,
// 16 places up, are for input. include/uapi/asm-generic/termbits.h, drivers/tty/tty_baudrate.c.

/** CBAUD values, highest first, so that a trace finds the one that has all of its bits. */
export const SPEED_BITS = {
  B4000000: 0x100f,
  B3500000: 0x100e,
  B3000000: 0x100d,
  B2500000: 0x100c,
  B2000000: 0x100b,
  B1500000: 0x100a,
  B1152000: 0x1009,
  B1000000: 0x1008,
  B921600: 0x1007,
  B576000: 0x1006,
  B500000: 0x1005,
  B460800: 0x1004,
  B230400: 0x1003,
  B115200: 0x1002,
  B57600: 0x1001,
  BOTHER: 0x1000,
  B38400: 0xf,
  B19200: 0xe,
  B9600: 0xd,
  B4800: 0xc,
  B2400: 0xb,
  B1800: 0xa,
  B1200: 0x9,
  B600: 0x8,
  B300: 0x7,
  B200: 0x6,
  B150: 0x5,
  B134: 0x4,
  B110: 0x3,
  B75: 0x2,
  B50: 0x1,
  B0: 0,
} as const;

const CBAUD = 0x100f;
const IBSHIFT = 16;

const SPEEDS = new Map<number, number>(
  Object.entries(SPEED_BITS)
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
  if (bits === SPEED_BITS.B0) return outputSpeedOf(termios);
  return SPEEDS.get(bits) ?? termios.c_ispeed;
}

const BITS = new Map([...SPEEDS].map(([bits, speed]) => [speed, bits]));

/** CBAUD and CIBAUD bits that say these speeds. */
export function speedBits(inputSpeed: number, outputSpeed: number): number {
  const output = BITS.get(outputSpeed) ?? SPEED_BITS.BOTHER;
  const input = inputSpeed === outputSpeed ? 0 : (BITS.get(inputSpeed) ?? SPEED_BITS.BOTHER);
  return ((input << IBSHIFT) | output) >>> 0;
}
