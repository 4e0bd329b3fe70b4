// The kernel's modules: which are loaded, which could be, and which are kept out. Sources: proc(5), modprobe.d(5).

import type { Machine } from "./machine.ts";

/** "snd-pcm-oss" and "snd_pcm_oss" are one name. */
function same(module: string): string {
  return module.replaceAll("-", "_");
}

export function isLoaded(machine: Machine, module: string): boolean {
  const lines = machine.text("/proc/modules")?.split("\n") ?? [];
  return (
    lines.some((line) => line.split(" ", 1)[0] === same(module)) ||
    machine.status(`/sys/module/${same(module)}`) !== undefined
  );
}

/** Whether the running kernel has the module, or has it built in. */
export function isAvailable(machine: Machine, module: string): boolean {
  const release = machine.text("/proc/sys/kernel/osrelease")?.trim() ?? "";
  const files = ["modules.dep", "modules.builtin"].flatMap((name) => {
    const lines = machine.text(`/lib/modules/${release}/${name}`)?.split("\n") ?? [];
    return lines.map((line) => line.split(":", 1)[0] ?? "");
  });
  // Compressed or not: cuse.ko, cuse.ko.xz.
  return files.some((file) => same(/([^/]+)\.ko(\.\w+)?$/.exec(file)?.[1] ?? "") === same(module));
}

/** The first that has a file of a name counts, the others' of that name do not. */
const CONFIGURATION = [
  "/etc/modprobe.d",
  "/run/modprobe.d",
  "/usr/local/lib/modprobe.d",
  "/usr/lib/modprobe.d",
  "/lib/modprobe.d",
];

/** Whether hardware does not load it by itself: "blacklist visor", or "install visor /bin/false". */
export function isBlacklisted(machine: Machine, module: string): boolean {
  const files = new Map<string, string>();
  for (const folder of CONFIGURATION) {
    for (const name of machine.names(folder))
      if (name.endsWith(".conf") && !files.has(name)) files.set(name, `${folder}/${name}`);
  }
  return [...files.values()].some((path) =>
    (machine.text(path) ?? "").split("\n").some((line) => keepsOut(line, module)),
  );
}

function keepsOut(line: string, module: string): boolean {
  const [word, name, command] = line.trim().split(/\s+/);
  if (name === undefined || same(name) !== same(module)) return false;
  return word === "blacklist" || (word === "install" && /^(\/usr)?\/bin\/(false|true)$/.test(command ?? ""));
}
