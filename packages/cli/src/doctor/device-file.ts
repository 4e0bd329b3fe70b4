// The device file: what is at its place, and whether who asks may use it.

import type { DeviceFile } from "../state.ts";
import { type Finding, of, type Patient } from "./finding.ts";

export function checkDeviceFiles(patient: Patient): readonly Finding[] {
  return patient.state.nodes.flatMap((node) => [...checkPlace(patient, node), ...checkPermission(patient, node)]);
}

function checkPlace(patient: Patient, { path, behind }: DeviceFile): readonly Finding[] {
  const { state, driver } = patient;
  switch (behind.kind) {
    case "nothing":
      if (state.driving !== "devlift" || path !== driver.nodes[0]) return [];
      if (driver.comesWithHardware && state.hardware?.length === 0) return [];
      return [
        of(patient, "node-missing", {
          severity: "problem",
          text: `${driver.command} runs, and there is no ${path}: it may serve another path (--device, --folder)`,
        }),
      ];
    case "file":
      return [
        of(patient, "node-is-file", {
          severity: "problem",
          text: `${path} is a plain file, which somebody has left there or written by mistake`,
          mend: `sudo rm ${path}`,
        }),
      ];
    case "link":
      if (!/^(\/dev\/)?tty(USB|S|ACM)/.test(behind.target)) return [];
      return [
        of(patient, "node-is-guess", {
          severity: "problem",
          text: `${path} is a link to ${behind.target}, whose number changes with each plug: programs hang on the wrong one`,
          mend: `sudo rm ${path}, and the udev rule that makes it`,
        }),
      ];
    case "daemon":
      if (state.daemons.length > 0) return [];
      return [
        of(patient, "node-of-another", {
          severity: "problem",
          text: `${path} is served over ${behind.channel} by another program than ${driver.command}`,
        }),
      ];
    default:
      return [];
  }
}

/** Class bits of a mode: who may read and write. */
const [OWNER, GROUP, OTHERS] = [0o600, 0o060, 0o006];

function checkPermission(patient: Patient, { path, status }: DeviceFile): readonly Finding[] {
  const { machine, driver } = patient;
  const { uid, groups, name } = machine.asker;
  if (status === undefined || status.kind === "link" || uid === 0) return [];
  const needed = status.uid === uid ? OWNER : groups.includes(status.gid) ? GROUP : OTHERS;
  if ((status.mode & needed) === needed) return [];
  const byGroup = (status.mode & GROUP) === GROUP && status.gid !== 0;
  return [
    of(patient, "node-no-permission", {
      severity: "problem",
      text: `${name} may not read and write ${path}; a program may wait for ever, or say that nothing is there`,
      mend: byGroup
        ? `sudo usermod -aG ${groupName(patient, status.gid)} ${name}, and log in again`
        : `start ${driver.command} with --group ${driver.group} --mode 0660`,
    }),
  ];
}

/** group(5). */
function groupName({ machine }: Patient, gid: number): string {
  const lines = machine.text("/etc/group")?.split("\n") ?? [];
  const found = lines.map((line) => line.split(":")).find(([, , id]) => id === String(gid));
  return found?.[0] ?? String(gid);
}
