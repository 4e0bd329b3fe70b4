// Which sound server is whose: the one that was named, or each user's own.
// Lifetime: as long as the daemon; a server's entry while a program has it.

import type { Caller } from "@devlift/core";
import { AlsaServer } from "./alsa.ts";
import { type Backend, BackendError, type BackendSource, type SoundServer, type UserServer } from "./backend.ts";
import { PulseServer } from "./pulse.ts";
import { type User, userOf } from "./user.ts";

export const BACKENDS = ["auto", "pulse", "alsa"] as const;

export interface UserSourceOptions {
  /** "auto": PulseAudio's protocol, and ALSA for whom no such server can be reached. */
  readonly backend: (typeof BACKENDS)[number];
  /** For everybody, as PULSE_SERVER would name it, or with "alsa" a PCM; default: each user's own. */
  readonly server?: string | undefined;
  /** A file; default: what the user's, or with `server` the daemon's, environment says. */
  readonly cookie?: string | undefined;
}

export class UserSource implements BackendSource {
  readonly name: string;
  readonly #options: UserSourceOptions;
  readonly #servers = new Map<string, SharedServer>();

  constructor(options: UserSourceOptions) {
    this.#options = options;
    const { backend, server } = options;
    this.name = server ?? (backend === "alsa" ? "ALSA" : "each user's own sound server");
  }

  async serverFor(caller: Caller): Promise<SoundServer> {
    const user = this.#options.server === undefined ? await userOf(caller) : ourselves();
    const key = JSON.stringify(user, ["uid", "gid", "environment", ...Object.keys(user.environment).sort()]);
    let server = this.#servers.get(key);
    if (server === undefined) {
      server = new SharedServer(this.#serverOf(user), () => this.#servers.delete(key));
      this.#servers.set(key, server);
    }
    return server.use();
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  #serverOf(user: User): UserServer {
    const { backend, server, cookie } = this.#options;
    if (backend === "alsa") return new AlsaServer(user, server);
    const pulse = new PulseServer({ server, cookie, user });
    // Who named a server wants that one.
    return backend === "pulse" || server !== undefined
      ? pulse
      : new FirstServer(pulse, new AlsaServer(user, undefined));
  }
}

/** A server of all of a user's programs. Lifetime: from the first opener to the last. */
class SharedServer implements SoundServer {
  readonly #server: UserServer;
  readonly #unused: () => void;
  #users = 0;

  constructor(server: UserServer, unused: () => void) {
    this.#server = server;
    this.#unused = unused;
  }

  get name(): string {
    return this.#server.name;
  }

  use(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    this.close();
    this.#unused();
  }

  close(): void {
    this.#server.close();
  }

  backend(): Promise<Backend> {
    return this.#server.backend();
  }
}

/**
 * Another server where the first cannot be reached when it is wanted first. Then it stays as it is: a server that is started
 * anew must not find its sound card taken.
 */
export class FirstServer implements UserServer {
  readonly #first: UserServer;
  readonly #second: UserServer;
  #chosen: UserServer | undefined;

  constructor(first: UserServer, second: UserServer) {
    this.#first = first;
    this.#second = second;
  }

  get name(): string {
    return this.#chosen?.name ?? `${this.#first.name}, or ${this.#second.name}`;
  }

  async backend(): Promise<Backend> {
    if (this.#chosen !== undefined) return await this.#chosen.backend();
    try {
      return await this.#taking(this.#first);
    } catch (error) {
      if (!(error instanceof BackendError) || error.hangs) throw error;
      return await this.#taking(this.#second).catch((other: unknown) => {
        if (!(other instanceof BackendError)) throw other;
        throw new BackendError(`${error.message}; ${other.message}`, { cause: error });
      });
    }
  }

  async #taking(server: UserServer): Promise<Backend> {
    const backend = await server.backend();
    this.#chosen ??= server;
    return backend;
  }

  close(): void {
    this.#first.close();
    this.#second.close();
  }
}

function ourselves(): User {
  const environment: Record<string, string> = {};
  for (const name of ["PULSE_COOKIE", "HOME", "XDG_CONFIG_HOME", "ALSA_CONFIG_PATH"]) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, environment };
}
