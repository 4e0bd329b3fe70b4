// Generated from linux/ioctl.h, linux/time.h, linux/parport.h, linux/ppdev.h by `npm run ioctlgen -- ppdev`;
// what C does not say is in ppdev.annotations.ts. Never edit this file: change the annotations and generate it
// again.
//
// A parallel port from a program's side, /dev/parport*. Of 32-bit programs, those whose time_t has 32 bits set
// and get times.

import { enumeration, flags, type Infer, int, io, ior, iow, kernelLong, struct, u8, uint } from "@devlift/core";

/** Of PPGETFLAGS and PPSETFLAGS. */
export const PP = {
  PP_FASTWRITE: 0x4,
  PP_FASTREAD: 0x8,
  PP_W91284PIC: 0x10,
} as const;

/** The lines that a host drives. */
export const PARPORT_CONTROL = {
  PARPORT_CONTROL_STROBE: 0x1,
  PARPORT_CONTROL_AUTOFD: 0x2,
  PARPORT_CONTROL_INIT: 0x4,
  PARPORT_CONTROL_SELECT: 0x8,
} as const;

/** The lines that a device drives. */
export const PARPORT_STATUS = {
  PARPORT_STATUS_ERROR: 0x8,
  PARPORT_STATUS_SELECT: 0x10,
  PARPORT_STATUS_PAPEROUT: 0x20,
  PARPORT_STATUS_ACK: 0x40,
  PARPORT_STATUS_BUSY: 0x80,
} as const;

/** Of PPGETMODES. */
export const PARPORT_MODE = {
  PARPORT_MODE_PCSPP: 0x1,
  PARPORT_MODE_TRISTATE: 0x2,
  PARPORT_MODE_EPP: 0x4,
  PARPORT_MODE_ECP: 0x8,
  PARPORT_MODE_COMPAT: 0x10,
  PARPORT_MODE_DMA: 0x20,
  PARPORT_MODE_SAFEININT: 0x40,
} as const;

/** IEEE 1284 transfer modes. */
export const IEEE1284_MODE = {
  IEEE1284_MODE_NIBBLE: 0x0,
  IEEE1284_MODE_BYTE: 0x1,
  IEEE1284_MODE_COMPAT: 0x100,
  IEEE1284_MODE_BECP: 0x200,
  IEEE1284_MODE_ECP: 0x10,
  IEEE1284_MODE_ECPRLE: 0x30,
  IEEE1284_MODE_ECPSWE: 0x400,
  IEEE1284_MODE_EPP: 0x40,
  IEEE1284_MODE_EPPSL: 0x800,
  IEEE1284_MODE_EPPSWE: 0x1000,
} as const;

/** A change of some control lines. struct ppdev_frob_struct of linux/ppdev.h. */
export const ppdev_frob_struct = struct({
  mask: flags(u8, PARPORT_CONTROL),
  val: flags(u8, PARPORT_CONTROL),
});
export type ppdev_frob_struct = Infer<typeof ppdev_frob_struct>;

/** Seconds and microseconds. struct timeval of linux/time.h. */
export const timeval = struct({
  tv_sec: kernelLong,
  tv_usec: kernelLong,
});
export type timeval = Infer<typeof timeval>;

/** Integers behind an argument's pointer. */
const U8 = struct({ value: u8 });
const Int = struct({ value: int });

export const PPSETMODE = iow("p", 0x80, struct({ value: enumeration(int, IEEE1284_MODE) }));
export const PPRSTATUS = ior("p", 0x81, struct({ value: flags(u8, PARPORT_STATUS) }));
export const PPRCONTROL = ior("p", 0x83, struct({ value: flags(u8, PARPORT_CONTROL) }));
export const PPWCONTROL = iow("p", 0x84, struct({ value: flags(u8, PARPORT_CONTROL) }));
export const PPFCONTROL = iow("p", 0x8e, ppdev_frob_struct);
export const PPRDATA = ior("p", 0x85, U8);
export const PPWDATA = iow("p", 0x86, U8);
export const PPCLAIM = io("p", 0x8b, "none");
export const PPRELEASE = io("p", 0x8c, "none");
/** Gives the port to another driver that waits, and takes it again. */
export const PPYIELD = io("p", 0x8d, "none");
/** Before PPCLAIM: no other driver shall have the port. */
export const PPEXCL = io("p", 0x8f, "none");
/** Not 0: the data lines are inputs. */
export const PPDATADIR = iow("p", 0x90, Int);
/** Negotiates a mode with the device. */
export const PPNEGOT = iow("p", 0x91, struct({ value: enumeration(int, IEEE1284_MODE) }));
/** What an interrupt sets the control lines to. */
export const PPWCTLONIRQ = iow("p", 0x92, struct({ value: flags(u8, PARPORT_CONTROL) }));
/** The interrupts since the last call. */
export const PPCLRIRQ = ior("p", 0x93, Int);
export const PPSETPHASE = iow("p", 0x94, Int);
/** How long a transfer may take. */
export const PPGETTIME = ior("p", 0x95, timeval);
export const PPSETTIME = iow("p", 0x96, timeval);
/** What the hardware can do. */
export const PPGETMODES = ior("p", 0x97, struct({ value: flags(uint, PARPORT_MODE) }));
export const PPGETMODE = ior("p", 0x98, struct({ value: enumeration(int, IEEE1284_MODE) }));
export const PPGETPHASE = ior("p", 0x99, Int);
export const PPGETFLAGS = ior("p", 0x9a, struct({ value: flags(int, PP) }));
export const PPSETFLAGS = iow("p", 0x9b, struct({ value: flags(int, PP) }));
