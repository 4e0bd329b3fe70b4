// Which PulseAudio or PipeWire server is whose: the one that was named, or each user's own.
// Lifetime: as long as the daemon; a server's entry while a program has it.

import type { Caller } from "@devlift/core";
import type { BackendSource, SoundServer } from "./backend.ts";
import { PulseServer } from "./pulse.ts";
import { type User, userOf } from "./user.ts";

export interface PulseSourceOptions {
  /** For everybody, as PULSE_SERVER would name it; default: each user's own. */
  readonly server?: string | undefined;
  /** A file; default: what the user's, or with `server` the daemon's, environment says. */
  readonly cookie?: string | undefined;
}

export class PulseSource implements BackendSource {
  readonly name: string;
  readonly #options: PulseSourceOptions;
  readonly #servers = new Map<string, PulseServer>();

  constructor(options: PulseSourceOptions = {}) {
    this.#options = options;
    this.name = options.server ?? "each user's own sound server";
  }

  async serverFor(caller: Caller): Promise<SoundServer> {
    const user = this.#options.server === undefined ? await userOf(caller) : ourselves();
    const key = JSON.stringify(user, ["uid", "gid", "environment", ...Object.keys(user.environment).sort()]);
    let server = this.#servers.get(key);
    if (server === undefined) {
      const { server: named, cookie } = this.#options;
      server = new PulseServer({ server: named, cookie, user, unused: () => this.#servers.delete(key) });
      this.#servers.set(key, server);
    }
    return server.use();
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }
}

function ourselves(): User {
  const environment: Record<string, string> = {};
  for (const name of ["PULSE_COOKIE", "HOME", "XDG_CONFIG_HOME"]) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, environment };
}
