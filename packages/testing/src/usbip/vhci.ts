// Puts a virtual device on this machine's USB bus, through the kernel's USB/IP client (vhci_hcd): to kernel drivers,
// libusb and udev it is a device like any other. Needs root and the module vhci_hcd.
// Lifetime: a VhciPort from attach() to detach(), or until the server closes the connection, which is an unplug.
//
// The kernel takes a connected socket by its descriptor number and keeps its own reference, so ours is closed at once;
// the write and the close run in one turn of the event loop, so Node never reads what is meant for the kernel.
//
// The thread that serves a device must never make a system call that waits for it, because nobody would answer then,
// and a kernel driver that waits for a cancelled transfer waits for ever. So use libusb, the tty of a kernel driver and
// sysfs attributes such as bConfigurationValue (which take the device's lock) from another thread or process.

import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  configuredValue,
  type StreamParser,
  StreamReader,
  UsbError,
  UsbUsageError,
  usbipProtocol as usbip,
} from "@devlift/usb";

const SYSFS = "/sys/devices/platform/vhci_hcd.0";
/** enum usbip_device_status (usbip_common.h): VDEV_ST_NULL is a free port, VDEV_ST_USED has an address. */
const VDEV_ST_NULL = 4;
const VDEV_ST_USED = 6;
const POLL_MS = 10;

export interface VhciServer {
  readonly host: string;
  readonly port: number;
}

interface PortStatus {
  readonly hub: string;
  readonly port: number;
  readonly status: number;
  /** "0-0" on a free port. */
  readonly busid: string;
}

export class VhciPort {
  /** vhci_hcd's number of the port. */
  readonly port: number;

  private constructor(port: number) {
    this.port = port;
  }

  /** Whether attach() can work here: the module is loaded and /sys can be written. */
  static available(): boolean {
    return existsSync(`${SYSFS}/attach`) && process.geteuid?.() === 0;
  }

  /**
   * Imports `busid` from the server and hands the connection to the kernel, which then enumerates the device.
   * @throws UsbUsageError without vhci_hcd or a free port, UsbError("gone") when the server does not export it
   */
  static async attach(server: VhciServer, busid: string): Promise<VhciPort> {
    if (!VhciPort.available())
      throw new UsbUsageError("virtual devices on the real bus need root and `modprobe vhci_hcd`");
    const socket = connect({ ...server, noDelay: true });
    try {
      await once(socket, "connect");
      const record = await importRecord(socket, busid);
      const free = portStatus().find(({ hub, status }) => hub === "hs" && status === VDEV_ST_NULL);
      if (free === undefined) throw new UsbUsageError("all ports of vhci_hcd are in use");
      const devid = (record.busnum << 16) | record.devnum;
      writeFileSync(`${SYSFS}/attach`, `${free.port} ${descriptorOf(socket)} ${devid} ${record.speed}`);
      return new VhciPort(free.port);
    } finally {
      socket.destroy();
    }
  }

  /**
   * Resolves with the device's name on this machine's bus ("3-1", as in /sys/bus/usb/devices) when it is configured.
   * @throws UsbError("timeout"): the kernel refused it, see dmesg
   */
  async enumerated(timeoutMs = 30_000): Promise<string> {
    return await waitFor(`vhci port ${this.port} to be enumerated`, timeoutMs, () => {
      const { status, busid } = this.#status();
      if (status !== VDEV_ST_USED || busid === "0-0") return undefined;
      return configuredValue(busid) === undefined ? undefined : busid;
    });
  }

  /** Resolves when the kernel has let go of the device, after unplug or detach. */
  async free(timeoutMs = 30_000): Promise<void> {
    await waitFor(
      `vhci port ${this.port} to be free`,
      timeoutMs,
      () => this.#status().status === VDEV_ST_NULL || undefined,
    );
  }

  /** Takes the device off the bus. Idempotent. */
  async detach(): Promise<void> {
    if (this.#status().status !== VDEV_ST_NULL) writeFileSync(`${SYSFS}/detach`, `${this.port}`);
    await this.free();
  }

  #status(): PortStatus {
    const found = portStatus().find(({ port }) => port === this.port);
    if (found === undefined) throw new UsbUsageError(`vhci_hcd has no port ${this.port}`);
    return found;
  }
}

/** Polls, for what sysfs has no event for. @throws UsbError("timeout") that names what did not happen */
export async function waitFor<T>(what: string, timeoutMs: number, check: () => T | undefined): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new UsbError("timeout", `waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(POLL_MS);
  }
}

/** `hub port sta spd dev sockfd local_busid`, a line a port (vhci_sysfs.c, status_show_vhci). */
function portStatus(): PortStatus[] {
  const [, ...lines] = readFileSync(`${SYSFS}/status`, "latin1").trim().split("\n");
  return lines.map((line) => {
    const [hub = "", port = "", status = "", , , , busid = ""] = line.split(/\s+/);
    return { hub, port: Number(port), status: Number(status), busid };
  });
}

async function importRecord(socket: Socket, busid: string): Promise<usbip.DeviceRecord> {
  socket.write(usbip.encodeImportRequest(busid));
  return await new Promise((resolve, reject) => {
    const reader = new StreamReader(importReply(busid, resolve));
    socket.on("data", (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        reject(error);
      }
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new UsbError("gone", "the USB/IP server closed the connection")));
  });
}

function* importReply(busid: string, resolve: (record: usbip.DeviceRecord) => void): StreamParser {
  const { code, status } = usbip.decodeOpHeader(yield usbip.OP_HEADER_LENGTH);
  if (code !== usbip.OP_REP_IMPORT) throw usbip.violation(`reply 0x${code.toString(16)} to an import`);
  if (status !== usbip.ST_OK) throw new UsbError("gone", `the server refuses ${busid} with status ${status}`);
  resolve(usbip.decodeDeviceRecord(yield usbip.DEVICE_RECORD_LENGTH));
}

/** Node has no public way to a socket's descriptor; `_handle.fd` is what its own child_process uses. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  if (typeof fd !== "number" || fd < 0)
    throw new UsbError("io", "this Node version does not tell a socket's descriptor");
  return fd;
}
