// A UsbDevice over a UrbQueue that this process has for itself (a USB/IP import, a virtual device): one open at a time.
// Lifetime: from plug to unplug, which is the queue's `gone`.

import type { ConfigurationDescriptor, DeviceDescriptor } from "./descriptors.ts";
import { UsbError } from "./errors.ts";
import { clearHalt, enumerate, setInterface } from "./requests.ts";
import type { UsbDevice, UsbTransport } from "./transport.ts";
import { goneError, type SubmittedUrb, type Urb, type UrbDone, type UrbPort, type UrbQueue } from "./urb.ts";
import { UrbTransport } from "./urb-transport.ts";

/** What else stands between a driver and the device. Both optional: nothing to do. */
export interface QueueDeviceHooks {
  /** @throws UsbError to refuse the open */
  open?(): void;
  /** See UsbTransport.claim. */
  claim?(interfaceNumber: number): string | undefined;
  /** After the last transfer of an open. */
  release?(): void;
}

/** How many there were in this process, which has each for itself. */
let plugs = 0;

export class QueueDevice implements UsbDevice {
  readonly id: string;
  readonly plug: string;
  readonly descriptor: DeviceDescriptor;
  readonly configuration: ConfigurationDescriptor;
  readonly #queue: UrbQueue;
  readonly #hooks: QueueDeviceHooks;
  #open = false;

  private constructor(
    id: string,
    queue: UrbQueue,
    hooks: QueueDeviceHooks,
    descriptors: { descriptor: DeviceDescriptor; configuration: ConfigurationDescriptor },
  ) {
    this.id = id;
    this.plug = `${id} ${++plugs}`;
    this.#queue = queue;
    this.#hooks = hooks;
    this.descriptor = descriptors.descriptor;
    this.configuration = descriptors.configuration;
  }

  /** Reads the descriptors first. @throws UsbError, see enumerate() */
  static async create(id: string, queue: UrbQueue, hooks: QueueDeviceHooks = {}): Promise<QueueDevice> {
    return new QueueDevice(id, queue, hooks, await enumerate(queue));
  }

  async open(): Promise<UsbTransport> {
    if (this.#queue.gone.aborted) throw goneError(this.#queue.gone);
    if (this.#open) throw new UsbError("busy", `${this.id} is open already`);
    this.#hooks.open?.();
    this.#open = true;
    const released = () => {
      this.#open = false;
      this.#hooks.release?.();
    };
    return new UrbTransport(this, new QueuePort(this.#queue, this.#hooks, released));
  }
}

/** One open of a QueueDevice. */
class QueuePort implements UrbPort {
  readonly #queue: UrbQueue;
  readonly #hooks: QueueDeviceHooks;
  readonly #released: () => void;

  constructor(queue: UrbQueue, hooks: QueueDeviceHooks, released: () => void) {
    this.#queue = queue;
    this.#hooks = hooks;
    this.#released = released;
  }

  get gone(): AbortSignal {
    return this.#queue.gone;
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    return this.#queue.submit(urb, done);
  }

  async claim(interfaceNumber: number): Promise<string | undefined> {
    return this.#hooks.claim?.(interfaceNumber);
  }

  async setAlternate(interfaceNumber: number, setting: number): Promise<void> {
    await setInterface(this.#queue, interfaceNumber, setting);
  }

  async clearHalt(endpoint: number): Promise<void> {
    await clearHalt(this.#queue, endpoint);
  }

  async release(): Promise<void> {
    this.#released();
  }
}
