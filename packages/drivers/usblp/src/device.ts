// The device file of a printer: /dev/usb/lp0. What drivers/usb/class/usblp.c does in usblp_ioctl() is here, the rest is
// the printer's.
// Lifetime: as long as the printer is served.

import { command, type Device, DeviceError, defineDevice, int, io, iorOfAnySize } from "@devlift/core";
import { UsbError } from "@devlift/usb";
import type { Printer } from "./printer.ts";
import { hasHpChannels } from "./protocol.ts";

/** LPIOC_GET_DEVICE_ID(len) and its kin are in usblp.c, LPABORT and LPGETSTATUS in include/uapi/linux/lp.h. */
const COMMANDS = {
  LPIOC_GET_DEVICE_ID: iorOfAnySize("P", 1),
  LPIOC_GET_PROTOCOLS: iorOfAnySize("P", 2),
  /** _IOC(_IOC_WRITE, 'P', 3, 0): by value. */
  LPIOC_SET_PROTOCOL: command(0x4000_5003),
  LPIOC_HP_SET_CHANNEL: command(0x4000_5004),
  LPIOC_GET_BUS_ADDRESS: iorOfAnySize("P", 5),
  LPIOC_GET_VID_PID: iorOfAnySize("P", 6),
  LPIOC_SOFT_RESET: io("P", 7, "none"),
  LPABORT: command(0x0604),
  LPGETSTATUS: command(0x060b, int, "out"),
};

/** @param name under /dev */
export function definePrinter(printer: Printer, name: string): Device<void, typeof COMMANDS> {
  const { device: hardware } = printer;
  const { descriptor, address } = hardware;
  const device = defineDevice({
    name,
    commands: COMMANDS,
    writes: "once",
    open: () => printer.open(),
    release: () => printer.release(),
    read: ({ length }) => printer.read(length),
    write: (call) => printer.write(call),
    poll: () => printer.poll(),
    ioctl: {
      async LPIOC_GET_DEVICE_ID({ arg, signal }) {
        const id = await orErrno(printer.deviceId(signal), "EIO");
        arg.set(id.subarray(0, arg.length));
      },
      LPIOC_GET_PROTOCOLS({ arg }) {
        const spoken = [...printer.ways.keys()].reduce((mask, protocol) => mask | (1 << protocol), 0);
        twoInts(printer, arg, [printer.protocol, spoken]);
      },
      async LPIOC_SET_PROTOCOL({ arg }) {
        await orErrno(printer.speak(arg));
      },
      async LPIOC_HP_SET_CHANNEL({ arg, signal }) {
        checkPresent(printer);
        if (!hasHpChannels(descriptor)) throw new DeviceError("EINVAL", "it is none of HP's printers with channels");
        await orErrno(printer.setHpChannel(arg, signal), "EIO");
      },
      LPIOC_GET_BUS_ADDRESS: ({ arg }) => twoInts(printer, arg, [address?.bus ?? 0, address?.device ?? 0]),
      LPIOC_GET_VID_PID: ({ arg }) => twoInts(printer, arg, [descriptor.vendorId, descriptor.productId]),
      async LPIOC_SOFT_RESET({ signal }) {
        await orErrno(printer.reset(signal));
      },
      LPABORT({ arg }) {
        checkPresent(printer);
        printer.abortsWithoutPaper = arg !== 0;
      },
      async LPGETSTATUS(call) {
        call.arg = await orErrno(printer.status(call.signal), "EIO");
      },
    },
  });
  printer.changed = () => {
    device.readable();
    device.writable();
  };
  return device;
}

function checkPresent(printer: Printer): void {
  if (!printer.isPresent) throw new DeviceError("ENODEV", "the printer was unplugged");
}

/** @throws DeviceError("EINVAL") for a buffer that is too small */
function twoInts(printer: Printer, buffer: Uint8Array, ints: readonly [number, number]): void {
  checkPresent(printer);
  const bytes = new Uint8Array(Int32Array.from(ints).buffer);
  if (buffer.length < bytes.length) throw new DeviceError("EINVAL", "two ints are asked for in less than their size");
  buffer.set(bytes);
}

/** What came of a request. @param errno for a request that failed; default: as usb_control_msg() gives it */
async function orErrno<T>(answer: Promise<T>, errno?: "EIO"): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    // A signal's is the core's to answer.
    if (!(error instanceof UsbError) || error.code === "cancelled") throw error;
    throw new DeviceError(errnoOf(error, errno), error.message, { cause: error });
  }
}

function errnoOf({ code }: UsbError, failed: "EIO" | undefined) {
  if (code === "gone") return "ENODEV";
  if (failed !== undefined) return failed;
  return code === "stall" ? "EPIPE" : code === "timeout" ? "ETIMEDOUT" : "EIO";
}
