// The ioctls of a serial port, by the names that C programs use, out of those of the kernel's headers. What is missing
// here is ENOTTY; README.md says why.

import { type Infer, int, struct } from "@devlift/core";
import {
  FIONREAD,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TCXONC,
  TIOCCBRK,
  TIOCEXCL,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGICOUNT,
  TIOCGSERIAL,
  TIOCGSOFTCAR,
  TIOCGWINSZ,
  TIOCMBIC,
  TIOCMBIS,
  TIOCMGET,
  TIOCMIWAIT,
  TIOCMSET,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSBRK,
  TIOCSETD,
  TIOCSSERIAL,
  TIOCSSOFTCAR,
  TIOCSWINSZ,
} from "@devlift/uapi/termios";

export {
  FLOW,
  FLUSH,
  serial_icounter_struct as SerialIcounter,
  serial_struct as SerialStruct,
  TIOCM,
  winsize as Winsize,
} from "@devlift/uapi/termios";

/** An int behind the argument's pointer. */
export const Int = struct({ value: int });
export type Int = Infer<typeof Int>;

/** The ioctls by name. */
export const portCommands = {
  TCGETS,
  TCSETS,
  TCSETSW,
  TCSETSF,
  TCGETA,
  TCSETA,
  TCSETAW,
  TCSETAF,
  TCGETS2,
  TCSETS2,
  TCSETSW2,
  TCSETSF2,
  TCSBRK,
  TCXONC,
  TCFLSH,
  TIOCEXCL,
  TIOCNXCL,
  TIOCGEXCL,
  TIOCOUTQ,
  TIOCGWINSZ,
  TIOCSWINSZ,
  TIOCMGET,
  TIOCMBIS,
  TIOCMBIC,
  TIOCMSET,
  TIOCGSOFTCAR,
  TIOCSSOFTCAR,
  /** TIOCINQ is the same number. */
  FIONREAD,
  TIOCGSERIAL,
  TIOCSSERIAL,
  TIOCSETD,
  TIOCGETD,
  TCSBRKP,
  TIOCSBRK,
  TIOCCBRK,
  TIOCMIWAIT,
  TIOCGICOUNT,
};

export type CommandName = keyof typeof portCommands;
