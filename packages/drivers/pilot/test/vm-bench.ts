// What the tests in the virtual machine share: the modules, udev, and virtual handhelds on the machine's own USB bus.

import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { startUdevd, UsbipServer, VhciPort, type VirtualUsbDevice, waitFor } from "@devlift/testing";
import type { CallsProgram } from "@devlift/testing/calls";

export const PILOT = "/dev/pilot";
/** visor.ko's port for the first handheld. */
export const KERNEL_PORT = "/dev/ttyUSB0";

const BUSID = "1-1";
const ENODEV = 19;
const PATIENCE_MS = 60_000;

/** A cradle on vhci_hcd: what is put into it is a device on this machine's bus. Lives as long as the test file. */
export class Cradle {
  readonly server: UsbipServer;
  #port: VhciPort | undefined;

  private constructor(server: UsbipServer) {
    this.server = server;
  }

  /** @param modules of the kernel's, beside the bus */
  static async open(modules: readonly string[] = ["visor", "cuse"]): Promise<Cradle> {
    execFileSync("modprobe", ["-a", "vhci_hcd", ...modules]);
    await startUdevd();
    return new Cradle(await UsbipServer.listen());
  }

  /** @returns the device's name on the bus, once it is configured */
  async plug(device: VirtualUsbDevice): Promise<string> {
    this.server.plug(BUSID, device);
    this.#port = await VhciPort.attach(this.server, BUSID);
    return this.#port.enumerated();
  }

  /** Unplugs without waiting: unplug() is still due. */
  pull(): Promise<void> {
    return this.server.unplug(BUSID);
  }

  /** Resolves when the kernel has let go of the device, too. */
  async unplug(): Promise<void> {
    await this.server.unplug(BUSID);
    await this.#port?.free();
  }

  async close(): Promise<void> {
    await this.server.close();
  }
}

/** Opens the port as "a", as HotSync programs do: again while it says ENODEV. @returns the errno that ended it, or 0 */
export async function openWhenThere(program: CallsProgram, path: string, flags: number): Promise<number> {
  for (;;) {
    const { errno } = await program.open("a", path, flags);
    if (errno !== ENODEV) return errno;
  }
}

/** Resolves when visor.ko has made its port. */
export async function kernelPort(): Promise<void> {
  await waitFor("visor.ko's port", PATIENCE_MS, () => existsSync(KERNEL_PORT) || undefined);
}

/** The kernel driver that holds the first interface of a device on the bus. */
export function driverOf(busName: string): string | undefined {
  const link = `/sys/bus/usb/devices/${busName}/${busName}:1.0/driver`;
  return existsSync(link) ? readlinkSync(link).split("/").at(-1) : undefined;
}
