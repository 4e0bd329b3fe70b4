// Generated from linux/ioctl.h, linux/usbdevice_fs.h by `npm run ioctlgen -- usbdevice_fs`; what C does not say
// is in usbdevice_fs.annotations.ts. Never edit this file: change the annotations and generate it again.
//
// A USB device from a program's side, /dev/bus/usb/*/*. The commands of 32-bit programs are the same here; their
// numbers follow from the caller. A transfer that ends after USBDEVFS_SUBMITURB has returned is out of reach:
// what the kernel writes to an URB when it is reaped is no part of the reaping call's argument.

import {
  address,
  array,
  bytes,
  cstring,
  enumeration,
  flagged,
  flags,
  type Infer,
  i8,
  int,
  io,
  ior,
  iow,
  iowr,
  ptr,
  struct,
  u8,
  u16,
  u32,
  uint,
} from "@devlift/core";

/** Flags of an URB. */
export const USBDEVFS_URB_FLAG = {
  USBDEVFS_URB_SHORT_NOT_OK: 0x1,
  USBDEVFS_URB_ISO_ASAP: 0x2,
  USBDEVFS_URB_BULK_CONTINUATION: 0x4,
  USBDEVFS_URB_NO_FSBR: 0x20,
  USBDEVFS_URB_ZERO_PACKET: 0x40,
  USBDEVFS_URB_NO_INTERRUPT: 0x80,
} as const;

/** Kinds of transfers. */
export const USBDEVFS_URB_TYPE = {
  USBDEVFS_URB_TYPE_ISO: 0,
  USBDEVFS_URB_TYPE_INTERRUPT: 1,
  USBDEVFS_URB_TYPE_CONTROL: 2,
  USBDEVFS_URB_TYPE_BULK: 3,
} as const;

/** Capabilities. */
export const USBDEVFS_CAP = {
  USBDEVFS_CAP_ZERO_PACKET: 0x1,
  USBDEVFS_CAP_BULK_CONTINUATION: 0x2,
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM: 0x4,
  USBDEVFS_CAP_BULK_SCATTER_GATHER: 0x8,
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT: 0x10,
  USBDEVFS_CAP_MMAP: 0x20,
  USBDEVFS_CAP_DROP_PRIVILEGES: 0x40,
  USBDEVFS_CAP_CONNINFO_EX: 0x80,
  USBDEVFS_CAP_SUSPEND: 0x100,
} as const;

export const USBDEVFS_DISCONNECT_CLAIM_FLAG = {
  USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER: 0x1,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER: 0x2,
} as const;

/** A control transfer. struct usbdevfs_ctrltransfer of linux/usbdevice_fs.h. */
export const usbdevfs_ctrltransfer = struct({
  /** Bit 7: from the device. */
  bRequestType: u8,
  bRequest: u8,
  wValue: u16,
  wIndex: u16,
  wLength: u16,
  /** Milliseconds; 0: none. */
  timeout: u32,
  /** From the device: what it does not send stays as it is. */
  data: ptr(bytes("wLength", { max: 4096 }), flagged("bRequestType", 0x80, "inout", "in")),
});
export type usbdevfs_ctrltransfer = Infer<typeof usbdevfs_ctrltransfer>;

/** A bulk or interrupt transfer. struct usbdevfs_bulktransfer of linux/usbdevice_fs.h. */
export const usbdevfs_bulktransfer = struct({
  /** Bit 7: from the device. */
  ep: uint,
  len: uint,
  /** Milliseconds; 0: none. */
  timeout: uint,
  /** From the device: what it does not send stays as it is. */
  data: ptr(bytes("len", { max: 16777216 }), flagged("ep", 0x80, "inout", "in")),
});
export type usbdevfs_bulktransfer = Infer<typeof usbdevfs_bulktransfer>;

/** A signal for when the device goes. struct usbdevfs_disconnectsignal of linux/usbdevice_fs.h. */
export const usbdevfs_disconnectsignal = struct({
  /** 0: none. */
  signr: uint,
  context: address,
});
export type usbdevfs_disconnectsignal = Infer<typeof usbdevfs_disconnectsignal>;

/** Where the device is. struct usbdevfs_conninfo_ex of linux/usbdevice_fs.h. */
export const usbdevfs_conninfo_ex = struct({
  size: u32,
  busnum: u32,
  devnum: u32,
  speed: u32,
  num_ports: u8,
  /** From the root hub on. */
  ports: bytes(7),
});
export type usbdevfs_conninfo_ex = Infer<typeof usbdevfs_conninfo_ex>;

/** struct usbdevfs_iso_packet_desc of linux/usbdevice_fs.h. */
export const usbdevfs_iso_packet_desc = struct({
  length: uint,
  actual_length: uint,
  status: uint,
});
export type usbdevfs_iso_packet_desc = Infer<typeof usbdevfs_iso_packet_desc>;

/** A transfer of its own time. struct usbdevfs_urb of linux/usbdevice_fs.h. */
export const usbdevfs_urb = struct({
  type: enumeration(u8, USBDEVFS_URB_TYPE),
  /** Bit 7: from the device. */
  endpoint: u8,
  /** A negative errno. */
  status: int,
  flags: flags(uint, USBDEVFS_URB_FLAG),
  /** A control transfer's begins with its 8 bytes of setup, which tell the direction. */
  buffer: ptr(
    bytes("buffer_length", { max: 16777216 }),
    ({ type, endpoint }) => (type === USBDEVFS_URB_TYPE.USBDEVFS_URB_TYPE_CONTROL || endpoint & 0x80 ? "inout" : "in"),
    { nullable: true },
  ),
  buffer_length: int,
  actual_length: int,
  start_frame: int,
  /** Of an isochronous transfer; of a bulk transfer it is the stream_id. */
  number_of_packets: int,
  error_count: int,
  signr: uint,
  usercontext: address,
  iso_frame_desc: array(
    usbdevfs_iso_packet_desc,
    ({ type, number_of_packets }: { type: number; number_of_packets: number }) =>
      type === USBDEVFS_URB_TYPE.USBDEVFS_URB_TYPE_ISO ? number_of_packets : 0,
    { max: 128 },
  ),
});
export type usbdevfs_urb = Infer<typeof usbdevfs_urb>;

/** An ioctl for the driver of an interface. struct usbdevfs_ioctl of linux/usbdevice_fs.h. */
export const usbdevfs_ioctl = struct({
  ifno: int,
  /** Encoded by _IOC: it tells what data is. */
  ioctl_code: int,
  data: ptr(
    bytes(({ ioctl_code }: { ioctl_code: number }) => (ioctl_code >>> 16) & 0x3fff, { max: 16383 }),
    ({ ioctl_code }) => {
      const way = ioctl_code >>> 30;
      return way === 3 ? "inout" : way === 2 ? "out" : "in";
    },
  ),
});
export type usbdevfs_ioctl = Infer<typeof usbdevfs_ioctl>;

/** struct usbdevfs_hub_portinfo of linux/usbdevice_fs.h. */
export const usbdevfs_hub_portinfo = struct({
  nports: i8,
  /** The device that is connected to each. */
  port: bytes(127),
});
export type usbdevfs_hub_portinfo = Infer<typeof usbdevfs_hub_portinfo>;

/** struct usbdevfs_disconnect_claim of linux/usbdevice_fs.h. */
export const usbdevfs_disconnect_claim = struct({
  interface: uint,
  flags: flags(uint, USBDEVFS_DISCONNECT_CLAIM_FLAG),
  driver: cstring(256),
});
export type usbdevfs_disconnect_claim = Infer<typeof usbdevfs_disconnect_claim>;

/** struct usbdevfs_streams of linux/usbdevice_fs.h. */
export const usbdevfs_streams = struct({
  num_streams: uint,
  num_eps: uint,
  /** Endpoints. */
  eps: bytes("num_eps", { max: 30 }),
});
export type usbdevfs_streams = Infer<typeof usbdevfs_streams>;

/** struct usbdevfs_setinterface of linux/usbdevice_fs.h. */
export const usbdevfs_setinterface = struct({
  interface: uint,
  altsetting: uint,
});
export type usbdevfs_setinterface = Infer<typeof usbdevfs_setinterface>;

/** struct usbdevfs_getdriver of linux/usbdevice_fs.h. */
export const usbdevfs_getdriver = struct({
  interface: uint,
  driver: cstring(256),
});
export type usbdevfs_getdriver = Infer<typeof usbdevfs_getdriver>;

/** struct usbdevfs_connectinfo of linux/usbdevice_fs.h. */
export const usbdevfs_connectinfo = struct({
  devnum: uint,
  slow: u8,
});
export type usbdevfs_connectinfo = Infer<typeof usbdevfs_connectinfo>;

/** Integers behind an argument's pointer. */
const Uint = struct({ value: uint });
const Address = struct({ value: address });
const U32 = struct({ value: u32 });

/** The result is the number of bytes that were transferred. */
export const USBDEVFS_CONTROL = iowr("U", 0, usbdevfs_ctrltransfer);
/** The result is the number of bytes that were transferred. */
export const USBDEVFS_BULK = iowr("U", 2, usbdevfs_bulktransfer);
export const USBDEVFS_RESETEP = ior("U", 3, Uint, "in");
export const USBDEVFS_SETINTERFACE = ior("U", 4, usbdevfs_setinterface, "in");
/** -1, as an unsigned number, for none. */
export const USBDEVFS_SETCONFIGURATION = ior("U", 5, Uint, "in");
export const USBDEVFS_GETDRIVER = iow("U", 8, usbdevfs_getdriver, "inout");
export const USBDEVFS_SUBMITURB = ior("U", 10, usbdevfs_urb, "inout");
/** The argument is the URB's address, as of SUBMITURB. */
export const USBDEVFS_DISCARDURB = io("U", 11, "address");
/** Gives the address of an URB that has ended. */
export const USBDEVFS_REAPURB = iow("U", 12, Address, "out");
/** As REAPURB, EAGAIN when there is none. */
export const USBDEVFS_REAPURBNDELAY = iow("U", 13, Address, "out");
export const USBDEVFS_DISCSIGNAL = ior("U", 14, usbdevfs_disconnectsignal, "in");
export const USBDEVFS_CLAIMINTERFACE = ior("U", 15, Uint, "in");
export const USBDEVFS_RELEASEINTERFACE = ior("U", 16, Uint, "in");
export const USBDEVFS_CONNECTINFO = iow("U", 17, usbdevfs_connectinfo, "out");
export const USBDEVFS_IOCTL = iowr("U", 18, usbdevfs_ioctl);
export const USBDEVFS_HUB_PORTINFO = ior("U", 19, usbdevfs_hub_portinfo);
export const USBDEVFS_RESET = io("U", 20, "none");
export const USBDEVFS_CLEAR_HALT = ior("U", 21, Uint, "in");
export const USBDEVFS_DISCONNECT = io("U", 22, "none");
export const USBDEVFS_CONNECT = io("U", 23, "none");
export const USBDEVFS_CLAIM_PORT = ior("U", 24, Uint, "in");
export const USBDEVFS_RELEASE_PORT = ior("U", 25, Uint, "in");
export const USBDEVFS_GET_CAPABILITIES = ior("U", 26, struct({ value: flags(u32, USBDEVFS_CAP) }));
export const USBDEVFS_DISCONNECT_CLAIM = ior("U", 27, usbdevfs_disconnect_claim, "in");
export const USBDEVFS_ALLOC_STREAMS = ior("U", 28, usbdevfs_streams, "in");
export const USBDEVFS_FREE_STREAMS = ior("U", 29, usbdevfs_streams, "in");
/** The interfaces that may still be claimed, a bit each. */
export const USBDEVFS_DROP_PRIVILEGES = iow("U", 30, U32);
/** The result is one of enum usb_device_speed. */
export const USBDEVFS_GET_SPEED = io("U", 31, "none");
/** For callers with a struct of today's size: the size is part of the number. */
export const USBDEVFS_CONNINFO_EX = ior("U", 32, usbdevfs_conninfo_ex);
export const USBDEVFS_FORBID_SUSPEND = io("U", 33, "none");
export const USBDEVFS_ALLOW_SUSPEND = io("U", 34, "none");
export const USBDEVFS_WAIT_FOR_RESUME = io("U", 35, "none");
