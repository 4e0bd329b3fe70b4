// Hardware that is known by its interfaces, and device files that come with it: printers.

import { expect, test } from "vitest";
import { examine } from "../src/doctor/doctor.ts";
import { stateOf } from "../src/state.ts";
import { machineWith, plugged, processOf } from "./fake-machine.ts";

const USBLP = {
  name: "usblp",
  summary: "printers",
  nodes: ["/dev/usb/lp0", "/dev/usb/lp1"],
  comesWithHardware: true,
  replaces: ["usblp"],
  command: "devlift-usblp",
  group: "lp",
  usb: { ids: ["04b8:0202"], interfaces: ["070102"], vendors: [], appears: "switch it on", troubles: [] },
} as const;

function interfaceOf(place: string, number: number, kind: readonly [string, string, string]): Record<string, string> {
  const folder = `/sys/bus/usb/devices/${place}:1.${number}`;
  const [type, subClass, protocol] = kind;
  return {
    [`${folder}/bInterfaceClass`]: `${type}\n`,
    [`${folder}/bInterfaceSubClass`]: `${subClass}\n`,
    [`${folder}/bInterfaceProtocol`]: `${protocol}\n`,
  };
}

const DAEMON = processOf(70, ["/usr/bin/devlift-usblp"]);
const nodeMissing = (entries: Parameters<typeof machineWith>[0]) =>
  examine(machineWith(entries), [USBLP]).some(({ code }) => code === "node-missing");

test("a printer is one of its interfaces, whoever made it; the other devices are not", () => {
  const machine = machineWith({
    ...plugged("1-1", "1234:0001"),
    ...interfaceOf("1-1", 0, ["ff", "ff", "ff"]),
    ...interfaceOf("1-1", 1, ["07", "01", "02"]),
    ...plugged("1-2", "1234:0002"),
    ...interfaceOf("1-2", 0, ["07", "01", "04"]),
    ...plugged("1-3", "04b8:0202"),
  });
  expect(stateOf(machine, USBLP, () => []).hardware?.map(({ place }) => place)).toEqual(["1-1", "1-3"]);
});

test("no device file is missing while no printer is there", () => {
  expect(nodeMissing(DAEMON)).toBe(false);
  expect(nodeMissing({ ...DAEMON, ...plugged("1-3", "04b8:0202") })).toBe(true);
});
