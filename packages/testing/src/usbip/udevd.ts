// Starts udev's daemon where none runs, as in the test machine: without it libusb sees no device come.
// Lifetime: the daemon goes to the background and stays.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { UsbUsageError } from "@devlift/usb";
import { waitFor } from "./vhci.ts";

/** Where Debian has it; DEVLIFT_UDEVD names another, which the virtual machine brings where none is installed. */
const DAEMONS = [process.env["DEVLIFT_UDEVD"] ?? "", "/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd"];
/** libudev takes udev for running when this is there (sd-device, device_monitor_new_full). */
const CONTROL = "/run/udev/control";

/** Needs root. @throws UsbUsageError when udev is not installed */
export async function startUdevd(): Promise<void> {
  if (existsSync(CONTROL)) return;
  const daemon = DAEMONS.find((path) => path !== "" && existsSync(path));
  if (daemon === undefined) throw new UsbUsageError("hot-plug needs udev: apt-get install udev");
  mkdirSync("/run/udev", { recursive: true });
  execFileSync(daemon, ["--daemon", "--resolve-names=never"], { stdio: "ignore" });
  await waitFor("udevd to start", 30_000, () => existsSync(CONTROL) || undefined);
}
