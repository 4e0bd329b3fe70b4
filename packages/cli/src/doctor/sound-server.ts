// The sound server of who asks: a driver of sound reaches each user's own.

import { type Finding, of, type Patient } from "./finding.ts";

export function checkSoundServer(patient: Patient): readonly Finding[] {
  const { machine, driver } = patient;
  const { uid, name } = machine.asker;
  if (driver.soundServer === undefined) return [];
  const sockets = [`/run/user/${uid}/pulse/native`, "/run/pulse/native"];
  if (sockets.some((socket) => machine.status(socket) !== undefined)) return [];
  return [
    of(patient, "sound-server-missing", {
      severity: "problem",
      text: `${name} has no sound server: there is no ${sockets.join(" and no ")}`,
      mend: "systemctl --user start pipewire-pulse, or pulseaudio --start",
    }),
  ];
}
