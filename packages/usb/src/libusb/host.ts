// A UsbHost over libusb: this machine's bus. Hubs are left out.
// Lifetimes: a LibusbHost is a value; a watch holds libusb's hot-plug events from watch() to close(); a LibusbDevice
// lives from attach to detach.

import { closeSync, existsSync, openSync } from "node:fs";
import type { Keeper } from "@devlift/core";
import type { Device } from "usb";
import type { ConfigurationDescriptor, DeviceDescriptor } from "../descriptors.ts";
import { UsbError } from "../errors.ts";
import { firstLook } from "../first-look.ts";
import type { OpenOptions, UsbDevice, UsbHost, UsbHostListener, UsbTransport, UsbWatch } from "../transport.ts";
import { goneError, type UrbPort } from "../urb.ts";
import { UrbTransport } from "../urb-transport.ts";
import { forgetKept, takeKept } from "../usbfs/kept.ts";
import { Slots } from "../usbfs/slots.ts";
import { type Binding, loadBinding, usbError } from "./binding.ts";
import { type LibusbIdentity, type LibusbPlug, LibusbPort } from "./port.ts";
import { DEVICES, readDescriptors, type SysfsDescriptors } from "./sysfs.ts";

const HUB_CLASS = 9;
/** The kernel reports a device before it configures it; configuring one takes milliseconds, a bad one 5 s (its timeout). */
const CONFIGURE_MS = 5000;
const CONFIGURE_POLL_MS = 20;

export class LibusbHost implements UsbHost {
  readonly name = "libusb";

  /** @throws UsbError("io") when libusb cannot be loaded or started; the message says what to install */
  async watch(listener: UsbHostListener): Promise<UsbWatch> {
    const watch = new LibusbWatch(await loadBinding(), listener);
    await watch.start();
    return watch;
  }
}

class LibusbWatch implements UsbWatch {
  readonly #binding: Binding;
  readonly #listener: UsbHostListener;
  /** What is plugged in, reported or about to be. */
  readonly #present = new Map<Device, AbortController>();
  readonly #reported = new Map<Device, LibusbDevice>();
  readonly #attach = (device: Device) => void this.#arrived(device);
  readonly #detach = (device: Device) => this.#left(device);
  #closed = false;

  constructor(binding: Binding, listener: UsbHostListener) {
    this.#binding = binding;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    // Events first, then the list: what arrives in between is in both, and taken once.
    this.#binding.on("attach", this.#attach);
    this.#binding.on("detach", this.#detach);
    try {
      await firstLook(Promise.all(this.#binding.getDeviceList().map((device) => this.#arrived(device))));
    } catch (cause) {
      await this.close();
      throw usbError(cause, "the USB bus cannot be listed");
    }
    if (!existsSync(DEVICES)) this.#listener.trouble(noSysfs());
    if (!existsSync("/run/udev/control")) this.#listener.trouble(noUdev());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#binding.off("attach", this.#attach);
    this.#binding.off("detach", this.#detach);
  }

  async #arrived(device: Device): Promise<void> {
    if (this.#present.has(device) || device.deviceDescriptor.bDeviceClass === HUB_CLASS) return;
    const gone = new AbortController();
    this.#present.set(device, gone);
    const name = nameOf(device);
    try {
      const found = await configured(name, gone.signal);
      if (found === undefined || gone.signal.aborted || this.#closed) return;
      const reported = new LibusbDevice(this.#binding, device, { name, ...found }, gone);
      this.#reported.set(device, reported);
      this.#listener.attached(reported);
    } catch (error) {
      if (!(error instanceof UsbError)) throw error;
      if (!this.#closed)
        this.#listener.trouble(new UsbError(error.code, `USB device ${name}: ${error.message}`, { cause: error }));
    }
  }

  #left(device: Device): void {
    const reported = this.#reported.get(device);
    this.#reported.delete(device);
    const gone = this.#present.get(device);
    this.#present.delete(device);
    gone?.abort(new UsbError("gone", `${nameOf(device)} was unplugged`));
    if (reported !== undefined) this.#listener.detached(reported);
  }
}

type KeptOptions = OpenOptions & { readonly keeper: Keeper };

/** The binding has one object and one handle a device, whatever the number of watches. */
const opened = new WeakSet<Device>();

class LibusbDevice implements UsbDevice {
  readonly id: string;
  readonly plug: string;
  readonly address: { readonly bus: number; readonly device: number };
  readonly descriptor: DeviceDescriptor;
  readonly configuration: ConfigurationDescriptor | undefined;
  readonly #binding: Binding;
  readonly #device: Device;
  readonly #gone: AbortController;

  constructor(
    binding: Binding,
    device: Device,
    found: SysfsDescriptors & { readonly name: string },
    gone: AbortController,
  ) {
    this.id = found.name;
    // Addresses are given in turn (choose_devnum() in drivers/usb/core/hub.c).
    this.plug = `${found.name} ${device.deviceAddress}`;
    this.address = { bus: device.busNumber, device: device.deviceAddress };
    this.descriptor = found.descriptor;
    this.configuration = found.configuration;
    this.#binding = binding;
    this.#device = device;
    this.#gone = gone;
  }

  async open(options: OpenOptions = {}): Promise<UsbTransport> {
    if (this.#gone.signal.aborted) throw goneError(this.#gone.signal);
    if (opened.has(this.#device)) throw new UsbError("busy", `${this.id} is open already`);
    const plug = {
      gone: this.#gone.signal,
      unplugged: () => this.#gone.abort(new UsbError("gone", `${this.id} was unplugged`)),
      released: () => opened.delete(this.#device),
    };
    const { keeper, goesOn } = options;
    opened.add(this.#device);
    try {
      const port = keeper === undefined ? this.#openHere(plug) : await this.#openKept(plug, { keeper, goesOn });
      return new UrbTransport(this, port);
    } catch (cause) {
      opened.delete(this.#device);
      throw this.#openError(cause);
    }
  }

  #openHere(plug: LibusbPlug): UrbPort {
    this.#device.open(false);
    return new LibusbPort(this.#binding, this.#device, this.#identity, plug);
  }

  async #openKept(plug: LibusbPlug, { keeper, goesOn }: KeptOptions): Promise<UrbPort> {
    // It loads native code, which nobody else here needs.
    const { UsbfsPort } = await import("../usbfs/port.ts");
    const identity = this.#identity;
    const isKnown = new Slots(keeper.memory, keeper.address).areKnown;
    const left = goesOn === undefined || !isKnown ? undefined : takeKept(keeper);
    // An earlier process may have another interface, or this one.
    if (left === undefined) forgetKept(keeper);
    const fd = left ?? openNode(identity);
    try {
      return new UsbfsPort({ fd, keeper, identity, plug, goesOn: left === undefined ? undefined : goesOn });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get #identity(): LibusbIdentity {
    const number = (value: number) => String(value).padStart(3, "0");
    return {
      name: this.id,
      node: `/dev/bus/usb/${number(this.#device.busNumber)}/${number(this.#device.deviceAddress)}`,
      configurationValue: this.configuration?.value ?? 0,
    };
  }

  #openError(cause: unknown): UsbError {
    const error = cause instanceof UsbError ? cause : usbError(cause, `${this.id} cannot be opened`);
    if (error.code !== "access") return error;
    const hex = (id: number) => id.toString(16).padStart(4, "0");
    const { vendorId, productId } = this.descriptor;
    const rule = `SUBSYSTEM=="usb", ATTR{idVendor}=="${hex(vendorId)}", ATTR{idProduct}=="${hex(productId)}", MODE="0660", GROUP="plugdev"`;
    const sentence =
      `no permission for ${this.#identity.node} (${this.id}): run as root, or add the udev rule ` +
      `'${rule}' in /etc/udev/rules.d and the user to that group, then plug the device in again`;
    return new UsbError("access", sentence, { cause });
  }
}

function openNode({ name, node }: LibusbIdentity): number {
  try {
    return openSync(node, "r+");
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const code = why === "EACCES" ? "access" : ["ENOENT", "ENODEV"].includes(why) ? "gone" : "io";
    throw new UsbError(code, `${name} cannot be opened: ${why}`, { cause });
  }
}

/** The name in /sys/bus/usb/devices: bus, then the ports on the way (drivers/usb/core/usb.c). */
function nameOf(device: Device): string {
  // Absent for a root hub, whatever the types say.
  const ports: readonly number[] = device.portNumbers ?? [];
  return ports.length === 0 ? `usb${device.busNumber}` : `${device.busNumber}-${ports.join(".")}`;
}

/** Waits until the kernel has configured the device. @returns undefined when the device has left */
async function configured(name: string, gone: AbortSignal): Promise<SysfsDescriptors | undefined> {
  const end = performance.now() + CONFIGURE_MS;
  for (;;) {
    const found = readDescriptors(name);
    if (found === undefined || found.configuration !== undefined || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, CONFIGURE_POLL_MS));
    if (gone.aborted) return undefined;
  }
}

function noSysfs(): UsbError {
  return new UsbError(
    "io",
    `there is no ${DEVICES} here, so no USB device can be seen: load the kernel's usbcore module, or mount sysfs ` +
      "(in a container, share /sys)",
  );
}

function noUdev(): UsbError {
  return new UsbError(
    "io",
    "no udev daemon runs here, so libusb cannot see devices that are plugged in from now on: start systemd-udevd " +
      "(in a container, share /run/udev and the host's network namespace), or plug the device in before this program starts",
  );
}
