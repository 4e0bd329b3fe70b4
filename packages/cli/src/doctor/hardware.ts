// The hardware: whether it is there, whether we know it, and who has it.

import { type PluggedIn, pluggedIn } from "../usb.ts";
import { type Finding, of, type Patient } from "./finding.ts";

export function checkHardware(patient: Patient): readonly Finding[] {
  const { usb } = patient.driver;
  const { hardware } = patient.state;
  if (usb === undefined || hardware === undefined) return [];
  const unknown = pluggedIn(patient.machine).filter(
    ({ id }) => !usb.ids.includes(id) && usb.vendors.some((vendor) => id.startsWith(`${vendor}:`)),
  );
  return [
    ...checkLibrary(patient),
    ...(hardware.length + unknown.length === 0
      ? [of(patient, "hardware-absent", { severity: "note", text: usb.appears })]
      : []),
    ...unknown.map(({ id, place }) =>
      of(patient, "hardware-unknown", {
        severity: "problem",
        text: `${id} on USB ${place} is of a maker whose hardware this driver serves, but not in its table: please report it`,
      }),
    ),
    ...hardware.flatMap((device) => [...checkHolder(patient, device), ...checkTroubles(patient, device)]),
  ];
}

function checkLibrary(patient: Patient): readonly Finding[] {
  const { machine } = patient;
  const folders = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
  const below = folders.flatMap((folder) => machine.names(folder).map((name) => `${folder}/${name}`));
  if ([...folders, ...below].some((folder) => machine.status(`${folder}/libudev.so.1`) !== undefined)) return [];
  return [
    of(patient, "libudev-missing", {
      severity: "problem",
      text: "there is no libudev.so.1, which tells what is plugged in",
      mend: "sudo apt install libudev1",
    }),
  ];
}

function checkHolder(patient: Patient, device: PluggedIn): readonly Finding[] {
  const { driver, state, openers } = patient;
  const what = `${device.id} on USB ${device.place}`;
  const modules = device.drivers.filter((name) => driver.replaces.includes(name));
  const ours = new Set(state.daemons.map(({ pid }) => pid));
  return [
    ...modules.map((name) =>
      of(patient, "hardware-bound", {
        severity: "problem",
        text: `${what} is in the hands of the kernel's ${name}`,
        mend: `sudo modprobe -r ${name}, and plug it in again`,
      }),
    ),
    ...openers(device.node)
      .filter(({ pid }) => !ours.has(pid))
      .map(({ pid, name }) =>
        of(patient, "hardware-taken", {
          severity: "problem",
          text: `${what} is in the hands of ${name} (process ${pid})`,
          mend: `kill ${pid}`,
        }),
      ),
  ];
}

function checkTroubles(patient: Patient, { id, drivers }: PluggedIn): readonly Finding[] {
  const { replaces, usb } = patient.driver;
  const module = drivers.find((name) => replaces.includes(name));
  if (module === undefined) return [];
  return (usb?.troubles ?? [])
    .filter(({ ids }) => ids.includes(id))
    .map(({ says }) => of(patient, "hardware-trouble", { severity: "problem", text: `${id} with ${module}: ${says}` }));
}
