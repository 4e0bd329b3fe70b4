// The part of usbfs's ABI that is used, names verbatim from include/uapi/linux/usbdevice_fs.h; its layouts are those of
// 64-bit programs. What a call does with them is told by drivers/usb/core/devio.c.

/** _IOR('U', 10, struct usbdevfs_urb); the argument is the struct's address. */
export const USBDEVFS_SUBMITURB = 0x8038_550a;
/** _IO('U', 11); the argument is the address that was submitted. Resolves the transfer at once: it can be reaped then. */
export const USBDEVFS_DISCARDURB = 0x550b;
/** _IOW('U', 13, void *): writes what came of a transfer to its struct and buffer, and the struct's address. */
export const USBDEVFS_REAPURBNDELAY = 0x4008_550d;
/** _IOR('U', 15, unsigned int) */
export const USBDEVFS_CLAIMINTERFACE = 0x8004_550f;
/** _IOR('U', 16, unsigned int) */
export const USBDEVFS_RELEASEINTERFACE = 0x8004_5510;
/** _IOWR('U', 18, struct usbdevfs_ioctl) */
export const USBDEVFS_IOCTL = 0xc010_5512;
/** _IO('U', 23), by USBDEVFS_IOCTL: kernel drivers may have the interface. */
export const USBDEVFS_CONNECT = 0x5517;
/** _IOR('U', 4, struct usbdevfs_setinterface) */
export const USBDEVFS_SETINTERFACE = 0x8008_5504;
/** _IOR('U', 3, unsigned int): the host's side of an endpoint that the device has reset. */
export const USBDEVFS_RESETEP = 0x8004_5503;
/** _IOR('U', 27, struct usbdevfs_disconnect_claim) */
export const USBDEVFS_DISCONNECT_CLAIM = 0x8108_551b;
/** Of its flags: the interface is taken unless this driver has it. */
export const USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER = 2;

export const URB_TYPE = { control: 2, bulk: 3, interrupt: 1 } as const;

/** struct usbdevfs_urb, 56 bytes: where its fields are. */
export const URB = {
  type: 0,
  endpoint: 1,
  status: 4,
  buffer: 16,
  bufferLength: 24,
  actualLength: 28,
  size: 56,
} as const;

export const ERRNO = {
  ENOENT: 2,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EPIPE: 32,
  EOVERFLOW: 75,
  ECONNRESET: 104,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
} as const;
