// Files that a driver's package brings and that follow from what the driver says of itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DriverDescription } from "@devlift/daemon";
import { CHECKOUT } from "../vm/vm.ts";
import { GROUP } from "./maintainer-scripts.ts";

/**
 * udev's rules: who may open /dev/cuse and the hardware (the daemon, by its group), who the device files (users, by the
 * group that the kernel's driver gave them), and that the service is started when hardware comes.
 */
export function rulesOf({ command, nodes, group, usb }: DriverDescription): string {
  const byId = (usb?.ids ?? []).map((id) => {
    const [vendor, product] = id.split(":");
    return `ATTR{idVendor}=="${vendor}", ATTR{idProduct}=="${product}"`;
  });
  // A list of all that a device has, ":070102:ff0000:" (the builtin usb_id, which 50-udev-default.rules asks before).
  const byInterface = (usb?.interfaces ?? []).map((one) => `ENV{ID_USB_INTERFACES}=="*:${one}:*"`);
  const hardware = [...byId, ...byInterface].map((which) => {
    return `ENV{DEVTYPE}=="usb_device", ${which}, GROUP="${GROUP}", MODE="0660", TAG+="systemd", ENV{SYSTEMD_WANTS}+="${command}.service"`;
  });
  return [
    `# ${command}: may open /dev/cuse, which is there from boot on, and is waited for by the service.`,
    `SUBSYSTEM=="misc", KERNEL=="cuse", GROUP="${GROUP}", MODE="0660", TAG+="systemd", OPTIONS+="static_node=cuse"`,
    "",
    "# The device files, as the kernel's driver had them.",
    ...nodes.map((node) => `SUBSYSTEM=="cuse", KERNEL=="${node.replace("/dev/", "")}", GROUP="${group}", MODE="0660"`),
    "",
    ...(hardware.length === 0
      ? []
      : [
          "# Its hardware, which it may take from a driver of the kernel.",
          'SUBSYSTEM!="usb", GOTO="devlift_end"',
          'ACTION=="remove", GOTO="devlift_end"',
          ...hardware,
          'LABEL="devlift_end"',
          "",
        ]),
  ].join("\n");
}

/** @param licenses of what is in the bundle of others */
export function copyrightOf(licenses: string): string {
  const lesser = "On Debian the GNU Lesser General Public License is in /usr/share/common-licenses/LGPL-2.1, too.";
  return [
    "Devlift, device files served by daemons.\n",
    readFileSync(join(CHECKOUT, "LICENSE"), "utf8"),
    licenses,
    ...(licenses.includes("GNU LESSER GENERAL PUBLIC LICENSE") ? [lesser, ""] : []),
  ].join("\n");
}
