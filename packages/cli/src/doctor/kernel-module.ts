// The module that the driver takes the place of: both cannot have the hardware, or the device file.

import { isAvailable, isBlacklisted } from "../modules.ts";
import { type Finding, of, type Patient } from "./finding.ts";

export function checkKernelModules(patient: Patient): readonly Finding[] {
  return patient.driver.replaces.flatMap((module) => checkModule(patient, module));
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
