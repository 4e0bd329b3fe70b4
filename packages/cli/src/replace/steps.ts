// The steps that put a driver in the kernel's place, and the kernel's driver in ours. Each is idempotent both ways: it can
// be done again, and undone again, after a run that ended anywhere in it.

import type { DriverDescription } from "@devlift/daemon";
import { blacklistOf, modprobeName } from "@devlift/daemon/modprobe";
import { type FileImage, type System, textFile } from "./system.ts";
import { unitOf } from "./unit.ts";

export type Step =
  /** Null: no file is there. */
  | { readonly kind: "file"; readonly path: string; readonly content: string | null }
  /** Unloads a module. */
  | { readonly kind: "module"; readonly name: string }
  /** Enables a service, and starts it. */
  | { readonly kind: "service"; readonly name: string };

/** What was there before a step, as the journal keeps it. */
export type Before =
  | { readonly kind: "file"; readonly image: FileImage | null }
  | { readonly kind: "module"; readonly loaded: boolean }
  | { readonly kind: "service"; readonly masked: boolean; readonly enabled: boolean; readonly active: boolean };

/** A step that may have been done. */
export interface Entry {
  readonly step: Step;
  readonly before: Before;
}

export function serviceOf({ command }: DriverDescription): string {
  return `${command}.service`;
}

/** Where an administrator overrides what a package says to modprobe. */
function overrideOf(driver: DriverDescription): string {
  return `/etc/modprobe.d/${modprobeName(driver)}`;
}

export function stepsOf(system: System, driver: DriverDescription): readonly Step[] {
  const { replaces } = driver;
  // What the package says is enough, when nothing overrides it; then it also goes with the package.
  const isPackaged = system.readFile(`/usr/lib/modprobe.d/${modprobeName(driver)}`) !== undefined;
  const content = isPackaged ? null : blacklistOf(driver);
  return [
    // Before it is unloaded: hardware that comes in between would load it again.
    ...(replaces.length === 0 ? [] : [{ kind: "file", path: overrideOf(driver), content } as const]),
    ...replaces.map((module) => ({ kind: "module", name: module }) as const),
    { kind: "service", name: serviceOf(driver) },
  ];
}

/** In words, for who watches. */
export function describe(step: Step): string {
  switch (step.kind) {
    case "file":
      return step.content === null ? `remove ${step.path}` : `write ${step.path}`;
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
      return { kind: step.kind, loaded: system.isLoaded(step.name) };
    case "service": {
      const { masked, enabled, active } = unitOf(system, step.name);
      return { kind: step.kind, masked, enabled, active };
    }
  }
}

export function apply(system: System, step: Step): void {
  switch (step.kind) {
    case "file":
      system.writeFile(step.path, step.content === null ? undefined : textFile(step.content));
      break;
    case "module":
      if (system.isLoaded(step.name)) system.run("modprobe", ["-r", step.name]);
      break;
    case "service":
      if (unitOf(system, step.name).masked) system.run("systemctl", ["unmask", step.name]);
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
    if (before.masked) system.run("systemctl", ["mask", step.name]);
  }
}

/** Whether a package starts the service and keeps the modules out by itself. */
export function isPackaged(system: System, driver: DriverDescription): boolean {
  return system.readFile(`/usr/lib/systemd/system/${serviceOf(driver)}`) !== undefined;
}

/**
 * Holds a package off, so that the kernel's driver has the hardware from now on, after the next boot, too. Done again, it
 * does what is missing. A file that somebody else has put at the override's place stays.
 * @throws CommandError
 */
export function holdOff(system: System, driver: DriverDescription, say: (line: string) => void): void {
  const [service, override] = [serviceOf(driver), overrideOf(driver)];
  const unit = unitOf(system, service);
  if (!unit.masked) {
    say(`stop and mask ${service}`);
    system.run("systemctl", ["disable", "--now", service]);
    system.run("systemctl", ["mask", service]);
  }
  if (driver.replaces.length > 0 && system.readFile(override) === undefined) {
    say(`write ${override}`);
    system.writeFile(
      override,
      textFile(`# Nothing is kept out: 'devlift replace ${driver.name}' lets the package do that again.\n`),
    );
  }
  if (driver.usb === undefined) return;
  say("let the kernel's drivers have what is plugged in");
  system.run("udevadm", ["trigger", "--action=add", "--subsystem-match=usb"]);
  system.run("udevadm", ["settle"]);
}
