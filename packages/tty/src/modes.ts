// The settings in force, in the form in which the parts of a port ask for them. One for each open line, shared by its
// parts; only the port changes it.

import { characterOf, type Termios2 } from "./termios.ts";

export class Modes {
  termios: Termios2;

  constructor(termios: Termios2) {
    this.termios = termios;
  }

  /** Whether a flag of c_iflag is on. */
  input(flag: number): boolean {
    return (this.termios.c_iflag & flag) !== 0;
  }

  /** Whether a flag of c_oflag is on. */
  output(flag: number): boolean {
    return (this.termios.c_oflag & flag) !== 0;
  }

  /** Whether a flag of c_cflag is on. */
  control(flag: number): boolean {
    return (this.termios.c_cflag & flag) !== 0;
  }

  /** Whether a flag of c_lflag is on. */
  local(flag: number): boolean {
    return (this.termios.c_lflag & flag) !== 0;
  }

  /** A special character, DISABLED when it has none. */
  character(place: number): number {
    return characterOf(this.termios, place);
  }
}
