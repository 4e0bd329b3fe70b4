// The script that runs the command in the guest: its folder, its environment, its argument vector.

import { systemPath } from "../shared/prerequisites.ts";

/** Variables that go from here into the guest as they are. */
const PASSED_ON = /^(PATH|HOME|TERM|LANG|CI|DEVLIFT_.*)$/;

/** The guest's folder for what is to come out of it; the environment variable DEVLIFT_VM_OUT names it. */
export const GUEST_OUT = "/run/devlift-vm-out";

/** One word for the shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command's environment: what is passed on of `host`, and `extra`. PATH gets the folders that root has. */
export function guestEnvironment(
  host: NodeJS.ProcessEnv,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const environment: Record<string, string> = { USER: "root", LOGNAME: "root", SHELL: "/bin/sh" };
  for (const [name, value] of Object.entries(host)) {
    if (value !== undefined && PASSED_ON.test(name)) environment[name] = value;
  }
  return { ...environment, PATH: systemPath(host["PATH"]), ...extra, DEVLIFT_VM_OUT: GUEST_OUT };
}

/** A shell script that becomes `command`: a single word is given to the shell, several are an argument vector. */
export function commandScript(
  command: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const words = command.length === 1 ? ["sh", "-c", ...command] : command;
  const vector = ["env", "-i", ...variables, ...words].map(quote).join(" ");
  return `cd ${quote(cwd)} || exit 125\nexec ${vector}\n`;
}
