// What linux/ppdev.h does not say of /dev/parport*: drivers/char/ppdev.c, include/uapi/linux/parport.h.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

export default {
  headers: ["linux/ioctl.h", "linux/time.h", "linux/parport.h", "linux/ppdev.h"],
  about:
    "A parallel port from a program's side, /dev/parport*. Of 32-bit programs, those whose time_t has 32 bits set and get times.",
  constants: {
    PP: { doc: "Of PPGETFLAGS and PPSETFLAGS.", names: ["PP_FASTWRITE", "PP_FASTREAD", "PP_W91284PIC"] },
    PARPORT_CONTROL: { doc: "The lines that a host drives.", names: ["PARPORT_CONTROL_*"] },
    PARPORT_STATUS: { doc: "The lines that a device drives.", names: ["PARPORT_STATUS_*"] },
    PARPORT_MODE: { doc: "Of PPGETMODES.", names: ["PARPORT_MODE_*"] },
    IEEE1284_MODE: {
      doc: "IEEE 1284 transfer modes.",
      names: ["IEEE1284_MODE_*"],
      isHex: true,
    },
  },
  types: {
    "struct ppdev_frob_struct": {
      doc: "A change of some control lines.",
      fields: { mask: { flags: "PARPORT_CONTROL" }, val: { flags: "PARPORT_CONTROL" } },
    },
    "struct timeval": { doc: "Seconds and microseconds." },
  },
  commands: {
    PPFCONTROL: {},
    PPRDATA: {},
    PPWDATA: {},
    PPSETPHASE: {},
    PPSETTIME: {},
    PPGETPHASE: {},
    PPRSTATUS: { flags: "PARPORT_STATUS" },
    PPRCONTROL: { flags: "PARPORT_CONTROL" },
    PPWCONTROL: { flags: "PARPORT_CONTROL" },
    PPDATADIR: { doc: "Not 0: the data lines are inputs." },
    PPSETMODE: { values: "IEEE1284_MODE" },
    PPGETMODE: { values: "IEEE1284_MODE" },
    PPNEGOT: { doc: "Negotiates a mode with the device.", values: "IEEE1284_MODE" },
    PPWCTLONIRQ: { doc: "What an interrupt sets the control lines to.", flags: "PARPORT_CONTROL" },
    PPCLRIRQ: { doc: "The interrupts since the last call." },
    PPGETMODES: { doc: "What the hardware can do.", flags: "PARPORT_MODE" },
    PPGETFLAGS: { flags: "PP" },
    PPSETFLAGS: { flags: "PP" },
    PPGETTIME: { doc: "How long a transfer may take." },
    PPCLAIM: { argument: "none" },
    PPRELEASE: { argument: "none" },
    PPYIELD: { doc: "Gives the port to another driver that waits, and takes it again.", argument: "none" },
    PPEXCL: { doc: "Before PPCLAIM: no other driver shall have the port.", argument: "none" },
  },
} satisfies Annotations;
