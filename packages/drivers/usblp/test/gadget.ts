// The kernel's own printer: its gadget function f_printer on its virtual controller dummy_hcd. What is printed comes out
// of /dev/g_printer0, opened by a program of its own.
// Lifetime: from make() to the end of the virtual machine; on the bus from plug() to unplug().

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CONFIGFS = "/sys/kernel/config";
export const GADGET_END = "/dev/g_printer0";
/** _IOWR('g', 0x22, unsigned char) of include/uapi/linux/usb/g_printer.h; the status is the argument itself. */
export const GADGET_SET_PRINTER_STATUS = 0xc001_6722;

export class Gadget {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Needs root. */
  static make(): Gadget {
    execFileSync("modprobe", ["-a", "dummy_hcd", "libcomposite", "usb_f_printer"]);
    if (!existsSync(`${CONFIGFS}/usb_gadget`)) execFileSync("mount", ["-t", "configfs", "none", CONFIGFS]);
    const folder = join(CONFIGFS, "usb_gadget", "printer");
    const put = (path: string, text: string) => writeFileSync(join(folder, path), text);
    for (const path of ["", "strings/0x409", "functions/printer.0", "configs/c.1"]) mkdirSync(join(folder, path));
    put("idVendor", "0x0525");
    put("idProduct", "0xa4a8");
    put("strings/0x409/manufacturer", "Devlift");
    put("functions/printer.0/pnp_string", "MFG:Devlift;MDL:Gadget;CLS:PRINTER;SN:1;");
    symlinkSync(join(folder, "functions/printer.0"), join(folder, "configs/c.1/printer.0"));
    return new Gadget(folder);
  }

  plug(): void {
    writeFileSync(join(this.#folder, "UDC"), "dummy_udc.0");
  }

  unplug(): void {
    writeFileSync(join(this.#folder, "UDC"), "\n");
  }
}
