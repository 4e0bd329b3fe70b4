// What is told to modprobe for a driver (modprobe.d(5)).

import type { DriverDescription } from "./description.ts";

/** The file's name: one in /etc/modprobe.d takes the place of a package's in /usr/lib/modprobe.d. */
export function modprobeName({ command }: Pick<DriverDescription, "command">): string {
  return `${command}.conf`;
}

/** None of the kernel's modules is loaded because hardware comes; `modprobe NAME` by hand still works. */
export function blacklistOf({ name, command, replaces }: DriverDescription): string {
  const lines = replaces.map((module) => `blacklist ${module}\n`);
  return `# ${command} takes their place; 'devlift restore ${name}' gives it back.\n${lines.join("")}`;
}
