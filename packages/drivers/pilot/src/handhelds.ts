// Which handhelds are plugged in now, first come first. Lives as long as the driver; an entry from plug to unplug.

import { DeviceError, type Logger } from "@devlift/core";
import type { UsbDevice, UsbError, UsbHostListener } from "@devlift/usb";
import { HANDHELD_VENDORS, type Model, modelOf, usbId } from "./models.ts";

export interface Handheld {
  readonly device: UsbDevice;
  readonly model: Model;
  /** For the log: "Palm m500 (0830:0001) at 1-4". */
  readonly label: string;
}

export class Handhelds implements UsbHostListener {
  readonly #log: Logger;
  readonly #present: Handheld[] = [];
  readonly #waiting = new Set<() => void>();
  /** Counts plugs and unplugs. */
  changes = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The one to use: of several the first that came. */
  get current(): Handheld | undefined {
    return this.#present[0];
  }

  get labels(): readonly string[] {
    return this.#present.map(({ label }) => label);
  }

  find(fits: (handheld: Handheld) => boolean): Handheld | undefined {
    return this.#present.find(fits);
  }

  attached(device: UsbDevice): void {
    const id = usbId(device.descriptor);
    const model = modelOf(device.descriptor, device.configuration);
    if (model === undefined) {
      if (HANDHELD_VENDORS.includes(device.descriptor.vendorId))
        this.#log.info({ usb: device.id }, `${id} at ${device.id} is no handheld that this driver knows: left alone`);
      return;
    }
    const handheld = { device, model, label: `${model.name} (${id}) at ${device.id}` };
    const used = this.current;
    this.#present.push(handheld);
    if (used === undefined) this.#log.info({ usb: device.id }, `handheld plugged in: ${handheld.label}`);
    else
      this.#log.info(
        { usb: device.id },
        `one more handheld plugged in: ${handheld.label}; not used as long as ${used.label} is there`,
      );
    this.#changed();
  }

  detached(device: UsbDevice): void {
    const index = this.#present.findIndex((handheld) => handheld.device === device);
    const [handheld] = index < 0 ? [] : this.#present.splice(index, 1);
    if (handheld === undefined) return;
    const next = index === 0 ? this.current : undefined;
    this.#log.info(
      { usb: device.id },
      `handheld unplugged: ${handheld.label}${next === undefined ? "" : `; from now on ${next.label} is used`}`,
    );
    this.#changed();
  }

  trouble(error: UsbError): void {
    this.#log.warn({ error: error.code }, error.message);
  }

  /**
   * Resolves when something was plugged in or out since `changes` had this value.
   * @throws DeviceError("EINTR") when `signal` aborts
   */
  async change(since: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (settle: () => void) => () => {
        this.#waiting.delete(changed);
        signal.removeEventListener("abort", aborted);
        settle();
      };
      const changed = done(resolve);
      const aborted = done(() => reject(new DeviceError("EINTR", "interrupted", { cause: signal.reason })));
      if (signal.aborted) return aborted();
      if (since !== this.changes) return changed();
      this.#waiting.add(changed);
      signal.addEventListener("abort", aborted);
    });
  }

  #changed(): void {
    this.changes++;
    for (const changed of [...this.#waiting]) changed();
  }
}
