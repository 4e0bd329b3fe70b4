// A bus in this process, for unit tests of drivers: virtual devices are plugged in and out by the test, and everything
// between driver and device is the real code except the wire.
// Lifetimes: a FakeUsbHost as long as the test; a plugged device from plug() to unplug().

import { UsbError, UsbUsageError } from "./errors.ts";
import { QueueDevice } from "./queue-device.ts";
import type { UsbHost, UsbHostListener, UsbWatch } from "./transport.ts";
import type { VirtualUsbDevice } from "./virtual-device.ts";
import { VirtualQueue } from "./virtual-queue.ts";

export interface FakePlugOptions {
  /** Every open() is refused with this. */
  readonly openError?: UsbError;
  /** Every claim() is refused with this. */
  readonly claimError?: UsbError;
  /** The name of a kernel driver that holds all interfaces until they are claimed. */
  readonly kernelDriver?: string;
}

interface Plugged {
  readonly queue: VirtualQueue;
  readonly device: QueueDevice | undefined;
  /** Interfaces taken from the kernel driver. */
  readonly taken: Set<number>;
}

export class FakeUsbHost implements UsbHost {
  readonly name = "fake";
  readonly #plugged = new Map<string, Plugged>();
  readonly #listeners = new Set<UsbHostListener>();

  async watch(listener: UsbHostListener): Promise<UsbWatch> {
    this.#listeners.add(listener);
    for (const { device } of this.#plugged.values()) if (device !== undefined) listener.attached(device);
    return {
      close: async () => {
        this.#listeners.delete(listener);
      },
    };
  }

  /**
   * Resolves when the device was reported to all watches: as attached, or, when its descriptors are bad, as trouble.
   * @throws UsbUsageError when something is plugged in as `id`
   */
  async plug(id: string, virtual: VirtualUsbDevice, options: FakePlugOptions = {}): Promise<void> {
    if (this.#plugged.has(id)) throw new UsbUsageError(`something is plugged in as ${id} already`);
    const queue = new VirtualQueue(virtual);
    const taken = new Set<number>();
    this.#plugged.set(id, { queue, device: undefined, taken });
    const hooks = {
      open: () => {
        if (options.openError !== undefined) throw options.openError;
      },
      claim: (interfaceNumber: number) => {
        if (options.claimError !== undefined) throw options.claimError;
        taken.add(interfaceNumber);
        return options.kernelDriver;
      },
      release: () => taken.clear(),
    };
    let device: QueueDevice;
    try {
      device = await QueueDevice.create(id, queue, hooks);
    } catch (error) {
      if (!(error instanceof UsbError)) throw error;
      return this.trouble(new UsbError(error.code, `${id}: ${error.message}`, { cause: error }));
    }
    if (queue.gone.aborted) return;
    this.#plugged.set(id, { queue, device, taken });
    for (const listener of [...this.#listeners]) listener.attached(device);
  }

  /** Nothing happens when nothing is plugged in as `id`. */
  unplug(id: string): void {
    const plugged = this.#plugged.get(id);
    if (plugged === undefined) return;
    this.#plugged.delete(id);
    plugged.queue.unplug();
    const { device } = plugged;
    if (device !== undefined) for (const listener of [...this.#listeners]) listener.detached(device);
  }

  /** Reports that the host is in trouble. */
  trouble(error: UsbError): void {
    for (const listener of [...this.#listeners]) listener.trouble(error);
  }

  /** The interfaces of `id` that are claimed now, and so away from its kernel driver. */
  claimed(id: string): readonly number[] {
    return [...(this.#plugged.get(id)?.taken ?? [])];
  }
}
