// The steps that put a driver in the kernel's place. Each is idempotent both ways: it can be done again, and undone again,
// after a run that ended anywhere in it.

import type { DriverDescription } from "@devlift/daemon";
import { CommandError, type FileImage, type System, textFile } from "./system.ts";

export type Step =
  | { readonly kind: "file"; readonly path: string; readonly content: string }
  /** Unloads a module. */
  | { readonly kind: "module"; readonly name: string }
  /** Enables a service, and starts it. */
  | { readonly kind: "service"; readonly name: string };

/** What was there before a step, as the journal keeps it. */
export type Before =
  | { readonly kind: "file"; readonly image: FileImage | null }
  | { readonly kind: "module"; readonly loaded: boolean }
  | { readonly kind: "service"; readonly enabled: boolean; readonly active: boolean };

/** A step that may have been done. */
export interface Entry {
  readonly step: Step;
  readonly before: Before;
}

export function stepsOf({ name, replaces, command }: DriverDescription): readonly Step[] {
  const lines = replaces.map((module) => `blacklist ${module}\n`);
  const content = `# ${command} takes their place; 'devlift restore ${name}' removes this file.\n${lines.join("")}`;
  return [
    // Before it is unloaded: hardware that comes in between would load it again.
    ...(replaces.length === 0
      ? []
      : [{ kind: "file", path: `/etc/modprobe.d/devlift-${name}.conf`, content } as const]),
    ...replaces.map((module) => ({ kind: "module", name: module }) as const),
    { kind: "service", name: `${command}.service` },
  ];
}

/** In words, for who watches. */
export function describe(step: Step): string {
  switch (step.kind) {
    case "file":
      return `write ${step.path}`;
    case "module":
      return `unload the kernel's ${step.name}`;
    case "service":
      return `enable and start ${step.name}`;
  }
}

export function lookBefore(system: System, step: Step): Before {
  switch (step.kind) {
    case "file":
      return { kind: step.kind, image: system.readFile(step.path) ?? null };
    case "module":
      return { kind: step.kind, loaded: isLoaded(system, step.name) };
    case "service":
      return {
        kind: step.kind,
        enabled: says(system, "is-enabled", step.name),
        active: says(system, "is-active", step.name),
      };
  }
}

export function apply(system: System, step: Step): void {
  switch (step.kind) {
    case "file":
      system.writeFile(step.path, textFile(step.content));
      break;
    case "module":
      if (isLoaded(system, step.name)) system.run("modprobe", ["-r", step.name]);
      break;
    case "service":
      system.run("systemctl", ["enable", "--now", step.name]);
      break;
  }
}

export function undo(system: System, { step, before }: Entry): void {
  if (step.kind === "file" && before.kind === "file") system.writeFile(step.path, before.image ?? undefined);
  if (step.kind === "module" && before.kind === "module" && before.loaded) system.run("modprobe", [step.name]);
  if (step.kind === "service" && before.kind === "service") {
    if (!before.active) system.run("systemctl", ["stop", step.name]);
    if (!before.enabled) system.run("systemctl", ["disable", step.name]);
  }
}

function isLoaded(system: System, module: string): boolean {
  const name = module.replaceAll("-", "_");
  return system
    .run("lsmod", [])
    .split("\n")
    .some((line) => line.split(/\s/, 1)[0] === name);
}

/** systemctl(1): its status is 0 when it is so. */
function says(system: System, question: "is-enabled" | "is-active", service: string): boolean {
  try {
    system.run("systemctl", ["--quiet", question, service]);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}
