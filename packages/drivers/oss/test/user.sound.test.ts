// A daemon of root's, and a program of another user's: what it reaches is what that user may.

import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { PulseServer } from "@devlift/testing/pulse";
import { expect, test } from "vitest";
import { serveFiles } from "./daemon.ts";

test.runIf(process.geteuid?.() === 0)(
  "a socket that is open to all, in a folder that is not, and then is",
  async () => {
    const server = await PulseServer.start();
    const served = await serveFiles(server.environment);
    for (const folder of [served.folder, server.folder]) chmodSync(folder, 0o755);
    const account = { uid: 54_321, gid: 54_322, env: server.environment };
    const play = () =>
      promisify(execFile)("sh", ["-c", 'head -c 4000 /dev/zero > "$0"', join(served.folder, "dsp")], account);
    chmodSync(server.socket, 0o777);
    chmodSync(dirname(server.socket), 0o700);
    const said = served.daemon.log.length;
    await expect(play()).rejects.toMatchObject({ stderr: expect.stringContaining("No such device") });
    expect(served.daemon.log.slice(said)).toEqual([]);
    chmodSync(dirname(server.socket), 0o755);
    await play();
    expect(await served.stop()).toBe(0);
    await server.stop();
  },
);
