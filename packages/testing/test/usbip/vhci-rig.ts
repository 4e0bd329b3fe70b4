// A Rig on the real bus: a loopback device that another process serves and puts on it through vhci_hcd.

import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { LibusbHost, UsbUsageError } from "@devlift/usb";
import { startUdevd } from "../../src/usbip/udevd.ts";
import type { Rig } from "./transport-body.ts";

export interface VhciRig extends Rig {
  /** The device's name in /sys/bus/usb/devices. */
  readonly busid: string;
}

/** Starting a process takes seconds in a virtual machine, so each pair of ids has one, until this process ends. */
const rigs = new Map<string, Promise<VhciRig>>();

export function vhciRig(ids: { readonly vendorId: number; readonly productId: number }): Promise<VhciRig> {
  const key = JSON.stringify(ids);
  const rig = rigs.get(key) ?? start(ids);
  rigs.set(key, rig);
  return rig;
}

async function start(ids: { readonly vendorId: number; readonly productId: number }): Promise<VhciRig> {
  execFileSync("modprobe", ["vhci_hcd"]);
  await startUdevd();
  const child = forkScript("./vhci-child.ts", ids);
  child.unref();
  child.channel?.unref();
  return new ChildRig(child);
}

/** Runs a script beside this file in a process of its own, with the ids as its arguments. */
export function forkScript(name: string, ids: { readonly vendorId: number; readonly productId: number }): ChildProcess {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const tsx = createRequire(import.meta.url).resolve("tsx");
  return fork(path, [ids.vendorId.toString(16), ids.productId.toString(16)], { execArgv: ["--import", tsx] });
}

class ChildRig implements VhciRig {
  readonly host = new LibusbHost();
  busid = "";
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  async plug(): Promise<void> {
    this.busid = await this.#ask("plug");
  }

  async unplug(): Promise<void> {
    await this.#ask("unplug");
    this.busid = "";
  }

  async close(): Promise<void> {
    if (this.busid !== "") await this.unplug();
  }

  async #ask(what: "plug" | "unplug"): Promise<string> {
    const answered = once(this.#child, "message");
    this.#child.send(what);
    const [answer]: { value?: string; error?: string }[] = await answered;
    if (answer?.value === undefined) throw new UsbUsageError(`${what}: ${answer?.error}`);
    return answer.value;
  }
}
