// Programs that nothing can be put in front of but a device file: a static one, and one that runs as somebody else than
// who started it. Two users have a sound server each.
// Kernels: 6.12

import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InternalError } from "@devlift/core";
import { buildCalls, CallsProgram } from "@devlift/testing/calls";
import { PulseServer } from "@devlift/testing/pulse";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Client } from "./client.ts";
import { type Served, serveDevices } from "./daemon.ts";
import { heardWithGaps, noise } from "./noise.ts";

const O_WRONLY = 1;
const CALLER = 1000;
const OWNER = 1001;
const PATH = process.env["PATH"] ?? "";

const folder = mkdtempSync(join(tmpdir(), "devlift-oss-identity-"));
const servers = new Map<number, PulseServer>();
let served: Served;
/** Of OWNER's, with the setuid bit. */
const setuid = join(folder, "setuid");
/** Nobody's in particular. */
const plain = join(folder, "plain");

beforeAll(async () => {
  execFileSync("modprobe", ["cuse"]);
  chmodSync(folder, 0o755);
  for (const uid of [CALLER, OWNER]) {
    const server = await PulseServer.start();
    servers.set(uid, server);
    // Where a user's server is that nothing else is said of; for nobody else to use.
    for (const place of [server.folder, dirname(server.socket)]) chmodSync(place, 0o755);
    chownSync(server.socket, uid, uid);
    chmodSync(server.socket, 0o600);
    mkdirSync(`/run/user/${uid}/pulse`, { recursive: true });
    symlinkSync(server.socket, `/run/user/${uid}/pulse/native`);
  }
  served = await serveDevices({});
  copyFileSync(buildCalls("static"), plain);
  copyFileSync(buildCalls("static"), setuid);
  chownSync(setuid, OWNER, OWNER);
  chmodSync(setuid, 0o4755);
});
afterAll(async () => {
  const status = await served.stop();
  for (const [uid, server] of servers) {
    await server.stop();
    rmSync(`/run/user/${uid}`, { recursive: true });
  }
  rmSync(folder, { recursive: true, force: true });
  expect(status).toBe(0);
});

function serverOf(uid: number): PulseServer {
  const server = servers.get(uid);
  if (server === undefined) throw new InternalError(`no server of ${uid}`);
  return server;
}

test.each([
  ["a static program", CALLER, plain, CALLER],
  ["another user's program, run by that user", OWNER, setuid, OWNER],
  ["another user's setuid program", CALLER, setuid, CALLER],
])("%s plays on the server of who runs it", async (_name, uid, path, heardBy) => {
  const recorder = await serverOf(heardBy).record();
  onTestFinished(async () => {
    await recorder.stop();
  });
  const samples = noise(20_000, uid);
  const client = await Client.of(new CallsProgram("static", { PATH }, { path, uid }), "/dev/dsp", O_WRONLY);
  await client.configure();
  await client.write(samples);
  await client.close();
  await heardWithGaps(recorder, samples);
  await client.stop();
});

test("a setuid program is not led by its environment to the server of whom it runs as", async () => {
  const env = { PATH, PULSE_SERVER: `unix:${serverOf(OWNER).socket}` };
  const program = new CallsProgram("static", env, { path: setuid, uid: CALLER });
  await expect(Client.of(program, "/dev/dsp", O_WRONLY)).rejects.toEqual(expect.objectContaining({ code: "ENODEV" }));
});
