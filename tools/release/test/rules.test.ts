// What udev is told of a driver's hardware.

import { expect, test } from "vitest";
import { rulesOf } from "../installed-files.ts";

test("hardware is told by its ids, and by the interfaces that it has", () => {
  const rules = rulesOf({
    name: "usblp",
    summary: "printers",
    nodes: ["/dev/usb/lp0"],
    replaces: ["usblp"],
    command: "devlift-usblp",
    group: "lp",
    usb: { ids: ["04b8:0202"], interfaces: ["070102"], vendors: [], appears: "", troubles: [] },
  });
  const then = 'GROUP="devlift", MODE="0660", TAG+="systemd", ENV{SYSTEMD_WANTS}+="devlift-usblp.service"';
  expect(rules.split("\n").filter((line) => line.includes("usb_device"))).toEqual([
    `ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="04b8", ATTR{idProduct}=="0202", ${then}`,
    `ENV{DEVTYPE}=="usb_device", ENV{ID_USB_INTERFACES}=="*:070102:*", ${then}`,
  ]);
  expect(rules).toContain('SUBSYSTEM=="cuse", KERNEL=="usb/lp0", GROUP="lp", MODE="0660"');
});
