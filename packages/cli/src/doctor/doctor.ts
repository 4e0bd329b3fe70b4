// Every check, in the order in which a person would look.

import type { DriverDescription } from "@devlift/daemon";
import type { Machine } from "../machine.ts";
import { openersOn } from "../processes.ts";
import { stateOf } from "../state.ts";
import { checkChannels } from "./channels.ts";
import { checkDeviceFiles } from "./device-file.ts";
import type { Finding, Patient } from "./finding.ts";
import { checkHardware } from "./hardware.ts";
import { checkKernelModules } from "./kernel-module.ts";
import { checkSoundServer } from "./sound-server.ts";

const CHECKS: readonly ((patient: Patient) => readonly Finding[])[] = [
  checkKernelModules,
  checkDeviceFiles,
  checkHardware,
  checkSoundServer,
];

/** What this machine has and lacks: of its own, then driver by driver. */
export function examine(machine: Machine, drivers: readonly DriverDescription[]): readonly Finding[] {
  const openers = openersOn(machine);
  const patients = drivers.map((driver) => ({ machine, driver, openers, state: stateOf(machine, driver, openers) }));
  return [...checkChannels(machine), ...patients.flatMap((patient) => CHECKS.flatMap((check) => check(patient)))];
}
