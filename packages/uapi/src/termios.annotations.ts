// What asm/termios.h and linux/serial.h do not say of terminals and serial ports: drivers/tty/{tty_io,tty_ioctl}.c,
// drivers/tty/serial/serial_core.c. The C library's struct termios has another shape and the same name.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

export default {
  headers: ["asm/termios.h", "linux/serial.h", "linux/tty_flags.h"],
  about:
    "Terminals and serial ports: the kernel's termios, as x86, arm64 and riscv have it, modem lines, windows, and what " +
    "setserial sets.",
  constants: {
    IFLAG: {
      doc: "c_iflag.",
      names: [
        ...["IGNBRK", "BRKINT", "IGNPAR", "PARMRK", "INPCK", "ISTRIP", "INLCR", "IGNCR", "ICRNL"],
        ...["IUCLC", "IXON", "IXANY", "IXOFF", "IMAXBEL", "IUTF8"],
      ],
    },
    OFLAG: {
      doc: "c_oflag. The delays of System V are stored and, in Linux, not made; XTABS expands tabs.",
      names: [
        ...["OPOST", "OLCUC", "ONLCR", "OCRNL", "ONOCR", "ONLRET", "OFILL", "OFDEL"],
        ...["NL1", "CR1", "CR2", "CR3", "TAB1", "TAB2", "XTABS", "BS1", "VT1", "FF1"],
      ],
    },
    CFLAG: {
      doc: "c_cflag without the speeds.",
      names: [
        ...["CS6", "CS7", "CS8", "CSTOPB", "CREAD", "PARENB", "PARODD", "HUPCL", "CLOCAL"],
        ...["ADDRB", "CMSPAR", "CRTSCTS"],
      ],
    },
    SPEED: {
      doc:
        "Speeds in c_cflag, for output as they stand and for input 16 places up (IBSHIFT). BOTHER: c_ispeed and c_ospeed " +
        "of struct termios2 count.",
      names: [
        ...["B0", "B50", "B75", "B110", "B134", "B150", "B200", "B300", "B600", "B1200", "B1800", "B2400", "B4800"],
        ...["B9600", "B19200", "B38400", "BOTHER", "B57600", "B115200", "B230400", "B460800", "B500000", "B576000"],
        ...["B921600", "B1000000", "B1152000", "B1500000", "B2000000", "B2500000", "B3000000", "B3500000", "B4000000"],
      ],
    },
    LFLAG: {
      doc: "c_lflag.",
      names: [
        ...["ISIG", "ICANON", "XCASE", "ECHO", "ECHOE", "ECHOK", "ECHONL", "NOFLSH", "TOSTOP"],
        ...["ECHOCTL", "ECHOPRT", "ECHOKE", "FLUSHO", "PENDIN", "IEXTEN", "EXTPROC"],
      ],
    },
    CC: {
      doc: "Places in c_cc.",
      names: [
        ...["VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART"],
        ...["VSTOP", "VSUSP", "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2"],
      ],
    },
    MASK: { doc: "Masks and shifts of c_cflag.", names: ["CBAUD", "CSIZE", "CIBAUD", "IBSHIFT"], isHex: true },
    FLUSH: { doc: "The argument of TCFLSH.", names: ["TCIFLUSH", "TCOFLUSH", "TCIOFLUSH"] },
    FLOW: { doc: "The argument of TCXONC.", names: ["TCOOFF", "TCOON", "TCIOFF", "TCION"] },
    TIOCM: {
      doc: "Modem lines.",
      names: ["TIOCM_*"],
      // Other names of TIOCM_CAR and TIOCM_RNG.
      except: ["TIOCM_CD", "TIOCM_RI"],
    },
    ASYNC: {
      doc: "Of serial_struct.",
      names: ["ASYNC_SPD_HI", "ASYNC_SPD_VHI", "ASYNC_SKIP_TEST", "ASYNC_SPD_SHI", "ASYNC_LOW_LATENCY"],
    },
    SER_RS485: {
      doc: "Of serial_rs485.",
      names: [
        "SER_RS485_ENABLED",
        "SER_RS485_RTS_ON_SEND",
        "SER_RS485_RTS_AFTER_SEND",
        "SER_RS485_RX_DURING_TX",
        "SER_RS485_TERMINATE_BUS",
        "SER_RS485_ADDRB",
        "SER_RS485_ADDR_RECV",
        "SER_RS485_ADDR_DEST",
      ],
    },
    TIOCPKT_STATE: { doc: "The byte before each read of a pty in packet mode.", names: ["TIOCPKT_*"] },
  },
  types: {
    "struct termios": { doc: "36 bytes; the C library's has another shape.", fields: modes() },
    "struct termios2": { doc: "With the speeds as numbers.", fields: modes() },
    "struct termio": {
      doc: "Of System V: the low halves of the flags, and the first 8 characters.",
      fields: { c_iflag: { flags: "IFLAG" }, c_oflag: { flags: "OFLAG" } },
    },
    "struct winsize": { doc: "A window, in characters and in pixels." },
    "struct serial_struct": {
      doc: "What setserial sets.",
      fields: { flags: { flags: "ASYNC" }, iomem_base: { as: "address" }, reserved_char: { as: "bytes" } },
    },
    "struct serial_icounter_struct": { doc: "Changes of modem lines, bytes, and faults, each counted." },
    "struct serial_rs485": {
      doc: "Two wires in half-duplex.",
      choose: ["addr_recv"],
      fields: {
        flags: { flags: "SER_RS485" },
        delay_rts_before_send: { doc: "Milliseconds." },
        delay_rts_after_send: { doc: "Milliseconds." },
      },
    },
    "struct serial_iso7816": { doc: "Smart cards." },
  },
  commands: {
    TCGETS: { argument: "struct termios", direction: "out" },
    TCSETS: { argument: "struct termios", direction: "in" },
    TCSETSW: { argument: "struct termios", direction: "in" },
    TCSETSF: { argument: "struct termios", direction: "in" },
    TCGETA: { argument: "struct termio", direction: "out" },
    TCSETA: { argument: "struct termio", direction: "in" },
    TCSETAW: { argument: "struct termio", direction: "in" },
    TCSETAF: { argument: "struct termio", direction: "in" },
    TCGETS2: {},
    TCSETS2: {},
    TCSETSW2: {},
    TCSETSF2: {},
    TIOCGPTN: {},
    TIOCSPTLCK: {},
    TIOCGDEV: {},
    TIOCGPKT: {},
    TIOCGPTLCK: {},
    TIOCGEXCL: {},
    TIOCGPTPEER: {},
    TIOCGISO7816: {},
    TIOCSISO7816: {},
    TCSBRK: { doc: "0: a break; else tcdrain(3).", argument: "value" },
    TCXONC: { doc: "One of FLOW.", argument: "value" },
    TCFLSH: { doc: "One of FLUSH.", argument: "value" },
    TIOCEXCL: { argument: "none" },
    TIOCNXCL: { argument: "none" },
    TIOCSCTTY: { argument: "value" },
    TIOCGPGRP: { argument: "int", direction: "out" },
    TIOCSPGRP: { argument: "int", direction: "in" },
    TIOCOUTQ: { argument: "int", direction: "out" },
    TIOCSTI: { argument: "char", direction: "in" },
    TIOCGWINSZ: { argument: "struct winsize", direction: "out" },
    TIOCSWINSZ: { argument: "struct winsize", direction: "in" },
    TIOCMGET: { argument: "int", direction: "out", flags: "TIOCM" },
    TIOCMBIS: { argument: "int", direction: "in", flags: "TIOCM" },
    TIOCMBIC: { argument: "int", direction: "in", flags: "TIOCM" },
    TIOCMSET: { argument: "int", direction: "in", flags: "TIOCM" },
    TIOCGSOFTCAR: { argument: "int", direction: "out" },
    TIOCSSOFTCAR: { argument: "int", direction: "in" },
    FIONREAD: { argument: "int", direction: "out" },
    TIOCINQ: {},
    TIOCCONS: { argument: "none" },
    TIOCGSERIAL: { argument: "struct serial_struct", direction: "out" },
    TIOCSSERIAL: { argument: "struct serial_struct", direction: "in" },
    TIOCPKT: { argument: "int", direction: "in" },
    TIOCNOTTY: { argument: "none" },
    TIOCSETD: { argument: "int", direction: "in" },
    TIOCGETD: { argument: "int", direction: "out" },
    TCSBRKP: { doc: "A break, in units of 100 ms; 0: of 250 ms.", argument: "value" },
    TIOCSBRK: { argument: "none" },
    TIOCCBRK: { argument: "none" },
    TIOCGSID: { argument: "int", direction: "out" },
    TIOCGRS485: { argument: "struct serial_rs485", direction: "out" },
    TIOCSRS485: { doc: "Gives back what was set.", argument: "struct serial_rs485", direction: "inout" },
    TIOCSIG: { doc: "By value, whatever the number says.", argument: "value" },
    TIOCVHANGUP: { argument: "none" },
    TIOCGLCKTRMIOS: { argument: "struct termios", direction: "out" },
    TIOCSLCKTRMIOS: { argument: "struct termios", direction: "in" },
    TIOCSERGETLSR: { argument: "unsigned int", direction: "out" },
    TIOCMIWAIT: { doc: "Modem lines, of which one shall change.", argument: "value" },
    TIOCGICOUNT: { argument: "struct serial_icounter_struct", direction: "out" },
  },
} satisfies Annotations;

/** The fields that all termios have. */
function modes() {
  return {
    c_iflag: { flags: "IFLAG" },
    c_oflag: { flags: "OFLAG" },
    c_cflag: { flags: ["CFLAG", "SPEED"] },
    c_lflag: { flags: "LFLAG" },
    c_line: { doc: "The line discipline." },
    c_cc: { doc: "Special characters, by CC." },
  } as const;
}
