// The module that the driver takes the place of: both cannot have the hardware, or the device file.

import { isAvailable, isBlacklisted } from "../modules.ts";
import { type Finding, of, type Patient } from "./finding.ts";

export function checkKernelModules(patient: Patient): readonly Finding[] {
  const held = checkHeldOff(patient);
  // Who gave it back to the kernel wants the kernel's module.
  return held.length > 0 ? held : patient.driver.replaces.flatMap((module) => checkModule(patient, module));
}

function checkHeldOff(patient: Patient): readonly Finding[] {
  const { name, command } = patient.driver;
  if (patient.machine.link(`/etc/systemd/system/${command}.service`) !== "/dev/null") return [];
  return [
    of(patient, "held-off", {
      severity: "note",
      text: `${command}.service is masked, as 'devlift restore ${name}' leaves it: the kernel's driver has its place`,
      mend: `sudo devlift replace ${name}`,
    }),
  ];
}

function checkModule(patient: Patient, module: string): readonly Finding[] {
  const { machine, state } = patient;
  if (state.loaded.includes(module)) {
    const text = `the kernel's ${module} is loaded`;
    return [
      state.driving === "devlift"
        ? of(patient, "module-beside-daemon", {
            severity: "problem",
            text: `${text} beside our daemon: whoever is first has the hardware`,
            mend: `sudo modprobe -r ${module}`,
          })
        : of(patient, "module-loaded", { severity: "note", text, mend: `sudo modprobe -r ${module}` }),
    ];
  }
  if (!isAvailable(machine, module) || isBlacklisted(machine, module)) return [];
  return [
    of(patient, "module-not-blacklisted", {
      severity: "note",
      text: `the kernel's ${module} is not loaded, and will be when something asks for it`,
      mend: `echo 'blacklist ${module}' | sudo tee /etc/modprobe.d/devlift-${patient.driver.name}.conf`,
    }),
  ];
}
