// A system that a test writes down, and whose power can fail before any of its changes.

import { CommandError, type FileImage, type System } from "../src/replace/system.ts";

/** Nobody catches it: the process is gone. */
export class PowerLoss extends Error {}

export class FakeSystem implements System {
  readonly files = new Map<string, FileImage>();
  /** Loaded; what each needs is unloaded with it when nothing else does. */
  readonly modules = new Set<string>();
  readonly masked = new Set<string>();
  readonly enabled = new Set<string>();
  readonly active = new Set<string>();
  readonly installed = new Set<string>();
  /** A command that fails, as its line begins. */
  failing: string | undefined;
  /** Changes until the power fails. */
  changesLeft = Number.POSITIVE_INFINITY;

  readFile(path: string): FileImage | undefined {
    return this.files.get(path);
  }

  writeFile(path: string, image: FileImage | undefined): void {
    this.#change();
    if (image === undefined) this.files.delete(path);
    else this.files.set(path, image);
  }

  removeFolder(): void {
    this.#change();
  }

  isLoaded(module: string): boolean {
    return this.modules.has(module.replaceAll("-", "_"));
  }

  run(command: string, args: readonly string[]): string {
    const line = [command, ...args].join(" ");
    if (this.failing !== undefined && line.startsWith(this.failing)) throw new CommandError(`${line} failed: no`);
    const name = args.at(-1) ?? "";
    if (command === "modprobe" && args[0] === "-r") {
      this.#change();
      this.modules.delete(name.replaceAll("-", "_"));
      // modprobe(8): what it was loaded for goes, too.
      if (name === "snd-pcm-oss") this.modules.delete("snd_mixer_oss");
      return "";
    }
    if (command === "modprobe") {
      this.#change();
      this.modules.add(name.replaceAll("-", "_"));
      return "";
    }
    if (command === "udevadm") {
      this.#change();
      return "";
    }
    return this.#systemctl(args, name);
  }

  #systemctl(args: readonly string[], service: string): string {
    if (args[0] === "show") return this.#show(service);
    this.#change();
    if (args[0] === "enable") this.enabled.add(service);
    if (args[0] === "enable" && args.includes("--now")) {
      if (this.masked.has(service)) throw new CommandError(`${service} is masked`);
      this.active.add(service);
    }
    if (args[0] === "stop") this.active.delete(service);
    if (args[0] === "disable") this.enabled.delete(service);
    if (args[0] === "disable" && args.includes("--now")) this.active.delete(service);
    if (args[0] === "mask") this.masked.add(service);
    if (args[0] === "unmask") this.masked.delete(service);
    return "";
  }

  #show(service: string): string {
    const masked = this.masked.has(service);
    return [
      `LoadState=${masked ? "masked" : this.installed.has(service) ? "loaded" : "not-found"}`,
      `ActiveState=${this.active.has(service) ? "active" : "inactive"}`,
      `UnitFileState=${masked ? "masked" : this.enabled.has(service) ? "enabled" : "disabled"}`,
      "",
    ].join("\n");
  }

  #change(): void {
    if (this.changesLeft-- <= 0) throw new PowerLoss();
  }

  /** All of it, to be compared. */
  snapshot() {
    const sorted = (set: Set<string>) => [...set].sort();
    return {
      files: Object.fromEntries([...this.files].sort()),
      modules: sorted(this.modules),
      masked: sorted(this.masked),
      enabled: sorted(this.enabled),
      active: sorted(this.active),
    };
  }
}
