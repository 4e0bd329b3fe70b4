// Which server is taken where there are two ways to make sound.

import { expect, test } from "vitest";
import { BackendError, type UserServer } from "../src/backend/backend.ts";
import { FirstServer } from "../src/backend/user-source.ts";
import { VirtualServer } from "./virtual-server.ts";

class Way implements UserServer {
  readonly name: string;
  readonly server = new VirtualServer();
  trouble: BackendError | undefined;
  closed = false;

  constructor(name: string) {
    this.name = name;
  }

  async backend() {
    if (this.trouble !== undefined) throw this.trouble;
    return this.server;
  }

  close(): void {
    this.closed = true;
  }
}

test("the first, and it stays the first when it has gone and comes back", async () => {
  const [pulse, alsa] = [new Way("pulse"), new Way("alsa")];
  const server = new FirstServer(pulse, alsa);
  expect(server.name).toBe("pulse, or alsa");
  expect(await server.backend()).toBe(pulse.server);
  pulse.trouble = new BackendError("it restarts");
  await expect(server.backend()).rejects.toThrow("it restarts");
  pulse.trouble = undefined;
  expect([await server.backend(), server.name]).toEqual([pulse.server, "pulse"]);
  server.close();
  expect([pulse.closed, alsa.closed]).toEqual([true, true]);
});

test("the second where the first is not there, from then on; where neither is, both reasons", async () => {
  const [pulse, alsa] = [new Way("pulse"), new Way("alsa")];
  const server = new FirstServer(pulse, alsa);
  pulse.trouble = new BackendError("no socket");
  alsa.trouble = new BackendError("no card");
  await expect(server.backend()).rejects.toThrow("no socket; no card");
  alsa.trouble = undefined;
  expect(await server.backend()).toBe(alsa.server);
  pulse.trouble = undefined;
  expect([await server.backend(), server.name]).toEqual([alsa.server, "alsa"]);
});

test("a first that hangs is there: it would want its card back", async () => {
  const [pulse, alsa] = [new Way("pulse"), new Way("alsa")];
  pulse.trouble = new BackendError("it does not answer", { hangs: true });
  await expect(new FirstServer(pulse, alsa).backend()).rejects.toThrow(/^it does not answer$/);
});
