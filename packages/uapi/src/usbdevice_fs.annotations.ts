// What linux/usbdevice_fs.h does not say of /dev/bus/usb/*/*: drivers/usb/core/devio.c. Many of its numbers have the
// direction the wrong way round.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

export default {
  headers: ["linux/ioctl.h", "linux/usbdevice_fs.h"],
  about:
    "A USB device from a program's side, /dev/bus/usb/*/*. The commands of 32-bit programs are the same here; their numbers " +
    "follow from the caller. A transfer that ends after USBDEVFS_SUBMITURB has returned is out of reach: what the kernel " +
    "writes to an URB when it is reaped is no part of the reaping call's argument.",
  constants: {
    USBDEVFS_URB_FLAG: {
      doc: "Flags of an URB.",
      names: [
        "USBDEVFS_URB_SHORT_NOT_OK",
        "USBDEVFS_URB_ISO_ASAP",
        "USBDEVFS_URB_BULK_CONTINUATION",
        "USBDEVFS_URB_NO_FSBR",
        "USBDEVFS_URB_ZERO_PACKET",
        "USBDEVFS_URB_NO_INTERRUPT",
      ],
    },
    USBDEVFS_URB_TYPE: { doc: "Kinds of transfers.", names: ["USBDEVFS_URB_TYPE_*"] },
    USBDEVFS_CAP: {
      doc: "Capabilities.",
      names: [
        "USBDEVFS_CAP_ZERO_PACKET",
        "USBDEVFS_CAP_BULK_CONTINUATION",
        "USBDEVFS_CAP_NO_PACKET_SIZE_LIM",
        "USBDEVFS_CAP_BULK_SCATTER_GATHER",
        "USBDEVFS_CAP_REAP_AFTER_DISCONNECT",
        "USBDEVFS_CAP_MMAP",
        "USBDEVFS_CAP_DROP_PRIVILEGES",
        "USBDEVFS_CAP_CONNINFO_EX",
        "USBDEVFS_CAP_SUSPEND",
      ],
    },
    USBDEVFS_DISCONNECT_CLAIM_FLAG: {
      names: ["USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER", "USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER"],
    },
  },
  types: {
    "struct usbdevfs_ctrltransfer": {
      doc: "A control transfer.",
      fields: {
        bRequestType: { doc: "Bit 7: from the device." },
        timeout: { doc: "Milliseconds; 0: none." },
        data: {
          doc: "From the device: what it does not send stays as it is.",
          count: "wLength",
          max: 4096,
          direction: { field: "bRequestType", mask: 0x80, set: "inout", clear: "in" },
        },
      },
    },
    "struct usbdevfs_bulktransfer": {
      doc: "A bulk or interrupt transfer.",
      fields: {
        ep: { doc: "Bit 7: from the device." },
        timeout: { doc: "Milliseconds; 0: none." },
        data: {
          doc: "From the device: what it does not send stays as it is.",
          count: "len",
          max: 16 * 1024 * 1024,
          direction: { field: "ep", mask: 0x80, set: "inout", clear: "in" },
        },
      },
    },
    "struct usbdevfs_disconnectsignal": {
      doc: "A signal for when the device goes.",
      fields: { signr: { doc: "0: none." }, context: { as: "address" } },
    },
    "struct usbdevfs_conninfo_ex": { doc: "Where the device is.", fields: { ports: { doc: "From the root hub on." } } },
    "struct usbdevfs_urb": {
      doc: "A transfer of its own time.",
      choose: ["number_of_packets"],
      fields: {
        type: { values: "USBDEVFS_URB_TYPE" },
        endpoint: { doc: "Bit 7: from the device." },
        status: { doc: "A negative errno." },
        flags: { flags: "USBDEVFS_URB_FLAG" },
        buffer: {
          doc: "A control transfer's begins with its 8 bytes of setup, which tell the direction.",
          count: "buffer_length",
          max: 16 * 1024 * 1024,
          direction: `({ type, endpoint }) =>
            type === USBDEVFS_URB_TYPE.USBDEVFS_URB_TYPE_CONTROL || endpoint & 0x80 ? "inout" : "in"`,
          nullable: true,
        },
        number_of_packets: { doc: "Of an isochronous transfer; of a bulk transfer it is the stream_id." },
        usercontext: { as: "address" },
        iso_frame_desc: {
          count: `({ type, number_of_packets }: { type: number; number_of_packets: number }) =>
            type === USBDEVFS_URB_TYPE.USBDEVFS_URB_TYPE_ISO ? number_of_packets : 0`,
          max: 128,
        },
      },
    },
    "struct usbdevfs_ioctl": {
      doc: "An ioctl for the driver of an interface.",
      fields: {
        ioctl_code: { doc: "Encoded by _IOC: it tells what data is." },
        data: {
          count: "({ ioctl_code }: { ioctl_code: number }) => (ioctl_code >>> 16) & 0x3fff",
          max: 0x3fff,
          direction: `({ ioctl_code }) => {
            const way = ioctl_code >>> 30;
            return way === 3 ? "inout" : way === 2 ? "out" : "in";
          }`,
        },
      },
    },
    "struct usbdevfs_hub_portinfo": { fields: { port: { doc: "The device that is connected to each.", as: "bytes" } } },
    "struct usbdevfs_disconnect_claim": { fields: { flags: { flags: "USBDEVFS_DISCONNECT_CLAIM_FLAG" } } },
    "struct usbdevfs_streams": { fields: { eps: { doc: "Endpoints.", count: "num_eps", max: 30 } } },
  },
  commands: {
    USBDEVFS_CONTROL: { doc: "The result is the number of bytes that were transferred." },
    USBDEVFS_BULK: { doc: "The result is the number of bytes that were transferred." },
    USBDEVFS_RESETEP: { direction: "in" },
    USBDEVFS_SETINTERFACE: { direction: "in" },
    USBDEVFS_SETCONFIGURATION: { doc: "-1, as an unsigned number, for none.", direction: "in" },
    USBDEVFS_GETDRIVER: { direction: "inout" },
    USBDEVFS_SUBMITURB: { direction: "inout" },
    USBDEVFS_DISCARDURB: { doc: "The argument is the URB's address, as of SUBMITURB.", argument: "address" },
    USBDEVFS_REAPURB: { doc: "Gives the address of an URB that has ended.", direction: "out" },
    USBDEVFS_REAPURBNDELAY: { doc: "As REAPURB, EAGAIN when there is none.", direction: "out" },
    USBDEVFS_DISCSIGNAL: { direction: "in" },
    USBDEVFS_CLAIMINTERFACE: { direction: "in" },
    USBDEVFS_RELEASEINTERFACE: { direction: "in" },
    USBDEVFS_CONNECTINFO: { direction: "out" },
    USBDEVFS_CLEAR_HALT: { direction: "in" },
    USBDEVFS_CLAIM_PORT: { direction: "in" },
    USBDEVFS_RELEASE_PORT: { direction: "in" },
    USBDEVFS_IOCTL: {},
    USBDEVFS_HUB_PORTINFO: {},
    USBDEVFS_GET_CAPABILITIES: { flags: "USBDEVFS_CAP" },
    USBDEVFS_DISCONNECT_CLAIM: { direction: "in" },
    USBDEVFS_ALLOC_STREAMS: { direction: "in" },
    USBDEVFS_FREE_STREAMS: { direction: "in" },
    USBDEVFS_DROP_PRIVILEGES: { doc: "The interfaces that may still be claimed, a bit each." },
    USBDEVFS_RESET: { argument: "none" },
    USBDEVFS_DISCONNECT: { argument: "none" },
    USBDEVFS_CONNECT: { argument: "none" },
    USBDEVFS_GET_SPEED: { doc: "The result is one of enum usb_device_speed.", argument: "none" },
    USBDEVFS_CONNINFO_EX: {
      doc: "For callers with a struct of today's size: the size is part of the number.",
      with: "sizeof(struct usbdevfs_conninfo_ex)",
      argument: "struct usbdevfs_conninfo_ex",
    },
    USBDEVFS_FORBID_SUSPEND: { argument: "none" },
    USBDEVFS_ALLOW_SUSPEND: { argument: "none" },
    USBDEVFS_WAIT_FOR_RESUME: { argument: "none" },
  },
} satisfies Annotations;
