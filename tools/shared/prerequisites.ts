// The Debian packages that a tool needs on this machine: looked for by the files that they bring, and installed
// with apt-get when we may.

import { access } from "node:fs/promises";
import { ToolError } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { run } from "./run.ts";

/** A package, and a file by which one sees that it is there: a program on PATH, or an absolute path. */
export interface Prerequisite {
  readonly package: string;
  readonly file: string;
}

/** PATH as root has it: on Debian a user's PATH lacks the sbin folders where depmod and modprobe are. */
export function systemPath(path: string | undefined): string {
  const wanted = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return [...new Set([...(path ?? "").split(":").filter(Boolean), ...wanted])].join(":");
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The absolute path of a program on PATH or in a sbin folder, or undefined. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of systemPath(process.env["PATH"]).split(":")) {
    if (await exists(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  return undefined;
}

/** The packages of `wanted` that are not installed. */
export async function missingPackages(wanted: readonly Prerequisite[]): Promise<string[]> {
  const missing: string[] = [];
  for (const { package: name, file } of wanted) {
    const found = file.startsWith("/") ? await exists(file) : (await findProgram(file)) !== undefined;
    if (!found) missing.push(name);
  }
  return [...new Set(missing)];
}

/**
 * Installs what is missing of `wanted`; says so by one line of progress, and nothing when all is there.
 * @throws ToolError with the apt-get command to type, when we are neither root nor allowed to sudo without a password
 */
export async function installPrerequisites(wanted: readonly Prerequisite[], progress: Progress): Promise<void> {
  const missing = await missingPackages(wanted);
  if (missing.length === 0) return;
  const names = missing.join(" ");
  if ((await findProgram("apt-get")) === undefined)
    throw new ToolError(`this needs programs that are not here, in Debian's packages ${names}: install them`);
  const isRoot = process.getuid?.() === 0;
  const mayBecomeRoot = isRoot || (await maySudo());
  if (!mayBecomeRoot)
    throw new ToolError(
      `this needs Debian packages that are not here; install them with\n  sudo apt-get install --no-install-recommends ${names}`,
    );
  progress(`installing the Debian packages ${names}`);
  const apt = (...args: string[]) => {
    const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", ...args];
    const [program = "env", ...rest] = isRoot ? command : ["sudo", "-n", ...command];
    return run(program, rest);
  };
  const install = () => apt("install", "--no-install-recommends", ...missing);
  // A machine's package lists may be stale, or not there yet.
  await install().catch(async () => {
    await apt("update");
    await install();
  });
}

async function maySudo(): Promise<boolean> {
  return run("sudo", ["-n", "true"]).then(
    () => true,
    () => false,
  );
}
