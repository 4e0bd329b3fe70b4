// What is done as another user, which only root can become.

import { type ChildProcess, spawn } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectAs, readFileAs } from "../../src/index.ts";
import { HELPER, startHelper } from "../../src/native.ts";

const OTHER = { uid: 54_321, gid: 54_322 };
const US = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
const never = new AbortController().signal;
setMaxListeners(0, never);
const says = (code: string) => expect.objectContaining({ code });

let folder: string;
const servers: Server[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "devlift-as-user-"));
  chmodSync(folder, 0o755);
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

function file(name: string, { mode = 0o600, uid = US.uid, gid = US.gid, bytes = "x" as string | Uint8Array } = {}) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

async function echo(name: string): Promise<string> {
  const path = join(folder, name);
  const server = createServer((socket) => socket.pipe(socket)).listen(path);
  servers.push(server);
  await once(server, "listening");
  return path;
}

function isOurZombie(pid: string): boolean {
  try {
    const [, state, parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" && Number(parent) === process.pid;
  } catch {
    return false;
  }
}

describe.runIf(US.uid === 0)("as root", () => {
  test("a file comes whole, up to 64 KiB; what is none is an error", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    expect(await readFileAs(US, file("large", { bytes }), never)).toEqual(Buffer.from(bytes.subarray(0, 65_536)));
    expect(await readFileAs(US, file("empty", { bytes: "" }), never)).toEqual(Buffer.alloc(0));
    await expect(readFileAs(US, join(folder, "none"), never)).rejects.toEqual(says("ENOENT"));
    await expect(readFileAs(US, "/dev/zero", never)).rejects.toEqual(says("EINVAL"));
  });

  test("a connection works in both directions; where nobody listens it is refused", async () => {
    const socket = await connectAs(US, await echo("socket"), never);
    socket.write("hello");
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    socket.destroy();
    await expect(connectAs(US, file("file"), never)).rejects.toEqual(says("ECONNREFUSED"));
    await expect(connectAs(US, `/${"x".repeat(108)}`, never)).rejects.toEqual(says("ENAMETOOLONG"));
  });

  test("nothing is left of a helper, and ids that mean 'as it is' are refused", async () => {
    const path = file("file");
    await readFileAs(US, path, never);
    const before = readdirSync("/proc/self/fd").length;
    await Promise.all(Array.from({ length: 20 }, () => readFileAs(US, path, never)));
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    const zombies = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOurZombie(name));
    expect(zombies).toEqual([]);
    expect(() => startHelper({ uid: 2 ** 32 - 1, gid: 0 }, HELPER.READ, path)).toThrow(RangeError);
    expect(() => startHelper({ uid: 0, gid: 2 ** 32 - 1 }, HELPER.READ, path)).toThrow(RangeError);
  });

  test("who waits for a server that never accepts is freed by its signal, and holds up nobody else", async () => {
    const path = join(folder, "full");
    const script = "require('net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log())";
    const child = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await once(child.stdout, "data");
    child.kill("SIGSTOP");
    // Two are taken without being accepted (unix_recvq_full()), and the next has to wait.
    const taken = [await connectAs(US, path, never), await connectAs(US, path, never)];
    const signal = new AbortController();
    const waiting = connectAs(US, path, signal.signal);
    const behind = readFileAs(US, file("mine"), never);
    // Another user's turn is another one, also where it is done as the same.
    expect(String(await readFileAs({ ...US, onBehalfOf: 54_321 }, file("other's"), never))).toBe("x");
    signal.abort(new RangeError("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(String(await behind)).toBe("x");
    for (const socket of taken) socket.destroy();
  });

  test("the kernel asks whether the user may, and not whether root may", async () => {
    await expect(readFileAs(OTHER, file("ours"), never)).rejects.toEqual(says("EACCES"));
    await expect(readFileAs(OTHER, file("group", { mode: 0o640 }), never)).rejects.toEqual(says("EACCES"));
    expect(String(await readFileAs(OTHER, file("theirs", { ...OTHER, mode: 0o400 }), never))).toBe("x");
    expect(String(await readFileAs(OTHER, file("group's", { gid: OTHER.gid, mode: 0o040 }), never))).toBe("x");
    const path = await echo("socket");
    chmodSync(path, 0o700);
    await expect(connectAs(OTHER, path, never)).rejects.toEqual(says("EACCES"));
    chownSync(path, OTHER.uid, 0);
    (await connectAs(OTHER, path, never)).destroy();
  });

  test("no group of the daemon's is left", async () => {
    const path = file("shared", { gid: 54_323, mode: 0o640 });
    const groups = process.getgroups?.() ?? [];
    process.setgroups?.([...groups, 54_323]);
    try {
      await expect(readFileAs(OTHER, path, never)).rejects.toEqual(says("EACCES"));
    } finally {
      process.setgroups?.(groups);
    }
  });

  test("the other end sees the user", async () => {
    const path = join(folder, "peer");
    // SO_PEERCRED is 17; its answer pid, uid, gid.
    const script = [
      "socket S, AF_UNIX, SOCK_STREAM, 0; bind S, pack_sockaddr_un $ARGV[0]; listen S, 1; $| = 1; print qq(\\n);",
      "accept P, S; my (undef, @ids) = unpack 'iII', getsockopt P, SOL_SOCKET, 17; print qq(@ids\\n);",
    ].join("");
    const child = spawn("perl", ["-MSocket", "-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await once(child.stdout, "data");
    chmodSync(path, 0o777);
    const seen = once(child.stdout, "data");
    const socket = await connectAs(OTHER, path, never);
    expect(String((await seen)[0])).toBe("54321 54322\n");
    socket.destroy();
  });
});
