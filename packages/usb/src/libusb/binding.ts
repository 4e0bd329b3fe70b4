// The npm package `usb` (libusb inside), loaded when it is first needed, and its errors as ours.
// Lifetime: the native module stays loaded until the process ends, with one thread for libusb's events.

import type * as Usb from "usb";
import { UsbError, type UsbErrorCode } from "../errors.ts";

export type Binding = typeof Usb.usb;

let loading: Promise<Binding> | undefined;

/** @throws UsbError("io") that says which package to install */
export function loadBinding(): Promise<Binding> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Binding> {
  let binding: Binding;
  try {
    binding = (await import("usb")).usb;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const fix = message.includes("libudev")
      ? "install libudev (Debian, Ubuntu: apt install libudev1)"
      : `it has no binary for ${process.platform}-${process.arch}; use a USB/IP server instead (--usb usbip://...)`;
    throw new UsbError("io", `libusb cannot be loaded: ${fix}. ${message.split("\n")[0]}`, { cause });
  }
  if (binding.INIT_ERROR !== 0)
    throw new UsbError(
      "io",
      `libusb cannot start (error ${binding.INIT_ERROR}): is /dev/bus/usb or /sys mounted here?`,
    );
  return binding;
}

/** An error that the package threw or handed over: a negative enum libusb_error, or a positive transfer status. */
export function usbError(cause: unknown, what: string): UsbError {
  const errno = cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? cause.errno : 0;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new UsbError(codeOf(errno), `${what}: ${detail}`, { cause });
}

/** enum libusb_error and enum libusb_transfer_status (libusb.h); their values are part of its ABI. */
function codeOf(errno: number): UsbErrorCode {
  switch (errno) {
    case -3: // LIBUSB_ERROR_ACCESS
      return "access";
    case -4: // LIBUSB_ERROR_NO_DEVICE
    case 5: // LIBUSB_TRANSFER_NO_DEVICE
      return "gone";
    case -6: // LIBUSB_ERROR_BUSY
      return "busy";
    case -7: // LIBUSB_ERROR_TIMEOUT
    case 2: // LIBUSB_TRANSFER_TIMED_OUT
      return "timeout";
    case -8: // LIBUSB_ERROR_OVERFLOW
    case 6: // LIBUSB_TRANSFER_OVERFLOW
      return "overflow";
    case -9: // LIBUSB_ERROR_PIPE
    case 4: // LIBUSB_TRANSFER_STALL
      return "stall";
    case 3: // LIBUSB_TRANSFER_CANCELLED
      return "cancelled";
    default:
      return "io";
  }
}
