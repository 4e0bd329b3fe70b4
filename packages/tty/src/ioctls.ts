// What each ioctl of a port does: drivers/tty/{tty_io,tty_ioctl,n_tty}.c, drivers/usb/serial/usb-serial.c. One handler a
// command of commands.ts. They hold no state.

import { type ArgumentOf, DeviceError, type IoctlCall, type IoctlHandler } from "@devlift/core";
import { FLOW, FLUSH, type Int, type portCommands } from "./commands.ts";
import type { LiveLine } from "./connection.ts";
import { Deferred, interruptible } from "./interruptible.ts";
import type { Modem } from "./modem.ts";
import type { Port, PortFile } from "./port.ts";
import { CC, CFLAG, DISABLED, type Termio, type Termios, termioOf, withTermio, withTermios } from "./termios.ts";

type PortCommands = typeof portCommands;
type Handlers = { readonly [K in keyof PortCommands]: IoctlHandler<PortFile, ArgumentOf<PortCommands[K]>> };
type Call<Arg> = IoctlCall<PortFile, Arg>;

/** What a set call waits for first. */
interface Setting {
  readonly drain: boolean;
  readonly flush: boolean;
}

const NOW: Setting = { drain: false, flush: false };
const DRAIN: Setting = { drain: true, flush: false };
const FLUSHING: Setting = { drain: true, flush: true };

/** Milliseconds of TCSBRK's break, and of one unit of TCSBRKP's. */
const BREAK_MS = 250;
const BREAK_UNIT_MS = 100;
/** The longest that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

const N_TTY = 0;
const ROOT = 0;

export function portIoctls(port: Port): Handlers {
  const setter = (how: Setting) => (call: Call<Termios>) => set(call, withTermios(port.termios, call.arg), how);
  const oldSetter = (how: Setting) => (call: Call<Termio>) => set(call, withTermio(port.termios, call.arg), how);

  function set(call: Call<unknown>, wanted: ReturnType<typeof withTermios>, how: Setting): undefined | Promise<void> {
    const { connection } = call.state;
    const { transmitter, receiver } = connection.live;
    const apply = () => {
      if (how.flush) receiver.flush();
      return port.setTermios(connection, wanted);
    };
    const draining = how.drain ? transmitter.drain(call.signal) : undefined;
    return draining === undefined ? apply() : draining.then(apply);
  }

  return {
    TCGETS: ({ arg }) => copyInto(arg, modesOf(port.termios)),
    TCGETS2: ({ arg }) => copyInto(arg, port.termios),
    TCGETA: ({ arg }) => copyInto(arg, termioOf(port.termios)),
    TCSETS: setter(NOW),
    TCSETSW: setter(DRAIN),
    TCSETSF: setter(FLUSHING),
    TCSETS2: setter(NOW),
    TCSETSW2: setter(DRAIN),
    TCSETSF2: setter(FLUSHING),
    TCSETA: oldSetter(NOW),
    TCSETAW: oldSetter(DRAIN),
    TCSETAF: oldSetter(FLUSHING),

    /** With an argument it is tcdrain(3). */
    async TCSBRK(call) {
      await drained(call);
      if (call.arg === 0) await sendBreak(call, port, BREAK_MS);
    },
    async TCSBRKP(call) {
      await drained(call);
      const ms = call.arg === 0 ? BREAK_MS : Math.min((call.arg >>> 0) * BREAK_UNIT_MS, LONGEST_MS);
      await sendBreak(call, port, ms);
    },
    async TIOCSBRK(call) {
      await drained(call);
      await breakSetter(live(call))(true);
    },
    TIOCCBRK: (call) => breakSetter(live(call))(false),

    TCXONC(call) {
      const { transmitter } = live(call);
      const send = (place: number) => {
        const c = port.termios.c_cc[place] ?? DISABLED;
        if (c !== DISABLED) transmitter.sendNow(c);
      };
      if (call.arg === FLOW.TCOOFF) transmitter.suspend();
      else if (call.arg === FLOW.TCOON) transmitter.resume();
      else if (call.arg === FLOW.TCIOFF) send(CC.VSTOP);
      else if (call.arg === FLOW.TCION) send(CC.VSTART);
      else throw new DeviceError("EINVAL", `TCXONC: there is no action ${call.arg}`);
    },
    TCFLSH(call) {
      const { receiver, transmitter } = live(call);
      const { arg } = call;
      if (arg !== FLUSH.TCIFLUSH && arg !== FLUSH.TCOFLUSH && arg !== FLUSH.TCIOFLUSH)
        throw new DeviceError("EINVAL", `TCFLSH: there is no queue ${arg}`);
      if (arg !== FLUSH.TCOFLUSH) receiver.flush();
      if (arg !== FLUSH.TCIFLUSH) transmitter.discardOutput();
    },

    FIONREAD: (call) => give(call, live(call).discipline.readableBytes),
    TIOCOUTQ: (call) => give(call, live(call).transmitter.pending),

    TIOCEXCL: () => {
      port.exclusive = true;
    },
    TIOCNXCL: () => {
      port.exclusive = false;
    },
    TIOCGEXCL: (call) => give(call, Number(port.exclusive)),

    TIOCGWINSZ: ({ arg }) => copyInto(arg, port.winsize),
    TIOCSWINSZ: ({ arg }) => {
      port.winsize = arg;
    },

    TIOCGETD: (call) => give(call, N_TTY),
    async TIOCSETD(call) {
      await drained(call);
      if (call.arg.value !== N_TTY) throw new DeviceError("EINVAL", "line disciplines are the kernel's; here is N_TTY");
    },

    TIOCGSOFTCAR: (call) => give(call, Number((port.termios.c_cflag & CFLAG.CLOCAL) !== 0)),
    TIOCSSOFTCAR(call) {
      const { termios } = port;
      const bit = call.arg.value === 0 ? 0 : CFLAG.CLOCAL;
      const c_cflag = ((termios.c_cflag & ~CFLAG.CLOCAL) | bit) >>> 0;
      return port.setTermios(call.state.connection, { ...termios, c_cflag });
    },

    /** As of a USB serial port: no UART to tell of, but how long a close may take. */
    TIOCGSERIAL: ({ arg }) => copyInto(arg, { close_delay: port.closeDelay, closing_wait: port.closingWait }),
    TIOCSSERIAL({ arg, caller }) {
      const same = arg.close_delay === port.closeDelay && arg.closing_wait === port.closingWait;
      if (!same && caller.uid !== ROOT) throw new DeviceError("EPERM", "only root changes how long a close may take");
      port.closeDelay = arg.close_delay;
      port.closingWait = arg.closing_wait;
    },

    async TIOCMGET(call) {
      call.arg.value = await modem(call).get();
    },
    TIOCMSET: (call) => modem(call).update(call.arg.value, ~call.arg.value),
    TIOCMBIS: (call) => modem(call).update(call.arg.value, 0),
    TIOCMBIC: (call) => modem(call).update(0, call.arg.value),
    TIOCMIWAIT: (call) => modem(call).changeOf(call.arg, call.signal),
    TIOCGICOUNT(call) {
      const { transmitter, receiver } = live(call);
      const counts = { ...modem(call).counts, rx: receiver.received, tx: transmitter.sent, buf_overrun: receiver.lost };
      for (const name of COUNTS) call.arg[name] = counts[name] | 0;
    },
  };
}

const COUNTS = ["cts", "dsr", "dcd", "rng", "rx", "tx", "buf_overrun"] as const;

function live(call: Call<unknown>): LiveLine {
  return call.state.connection.live;
}

/** @throws DeviceError("ENOTTY") as a tty without tiocmget() */
function modem(call: Call<unknown>): Modem {
  const { modem } = live(call);
  if (modem === undefined) throw new DeviceError("ENOTTY", "this port has no modem lines");
  return modem;
}

async function drained(call: Call<unknown>): Promise<void> {
  await live(call).transmitter.drain(call.signal);
}

/** @throws DeviceError("ENOTTY") as serial_break() of usb-serial.c without break_ctl() */
function breakSetter({ line }: LiveLine): (on: boolean) => void | Promise<void> {
  if (line.setBreak === undefined) throw new DeviceError("ENOTTY", "this port cannot hold a break");
  return (on) => line.setBreak?.(on);
}

async function sendBreak(call: Call<unknown>, port: Port, ms: number): Promise<void> {
  const { line } = live(call);
  if (line.sendBreak !== undefined) {
    await interruptible(line.sendBreak(ms), call.signal);
    return;
  }
  const setBreak = breakSetter(live(call));
  await setBreak(true);
  const over = new Deferred();
  const cancel = port.clock.after(ms, () => over.resolve());
  try {
    await interruptible(over.promise, call.signal);
  } finally {
    cancel();
    await setBreak(false);
  }
}

function give(call: Call<Int>, value: number): undefined {
  call.arg.value = value;
}

function copyInto<T extends object>(target: T, source: Partial<T>): undefined {
  Object.assign(target, source);
}

/** Without the speeds, which struct termios does not have. */
function modesOf({ c_ispeed: _in, c_ospeed: _out, ...modes }: Port["termios"]): Termios {
  return modes;
}
