// Where a FUSE file may go, what becomes of what was there, and what is left after a crash.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, lstatSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { fuse, native, serve } from "@devlift/core";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CallsProgram } from "../../src/calls/program.ts";
import { loopback } from "./loopback.ts";
import { buildDaemon, Lines, run, shell, startDaemon, testFolder, until } from "./rig.ts";

const O_RDWR = 2;
const folder = testFolder();
const log = new Lines();
let daemon: string;

beforeAll(async () => {
  expect(fuse.probe(), "these tests need /dev/fuse and root").toMatchObject({ usable: true });
  daemon = await buildDaemon(folder);
});

/** Served until the test ends. */
async function served(path: string, device = loopback("loop")) {
  const channel = await serve(device, { channel: fuse, path, log });
  onTestFinished(() => channel.close());
  return channel;
}

function isMounted(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
}

describe("what is there already", () => {
  test("nothing: file and folders are made, and removed at the end", async () => {
    const channel = await served(`${folder}/new/deep/er`);
    await channel.close();
    expect(() => lstatSync(`${folder}/new`)).toThrow(/ENOENT/);
    expect(lstatSync(folder).isDirectory()).toBe(true);
  });

  test("an empty file is used, and stays", async () => {
    const path = `${folder}/empty`;
    writeFileSync(path, "");
    const channel = await served(path);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
    await channel.close();
    expect(lstatSync(path).size).toBe(0);
  });

  test.each<[string, (path: string) => void, RegExp]>([
    ["a file with contents", (path) => writeFileSync(path, "precious"), /there already, a file with contents/],
    ["a folder", (path) => mkdirSync(path), /there already, a folder/],
    ["a symbolic link", (path) => symlinkSync("/dev/null", path), /there already, a symbolic link/],
  ])("%s is refused and left alone", async (name, make, message) => {
    const path = `${folder}/there ${name}`;
    make(path);
    const before = lstatSync(path);
    await expect(served(path)).rejects.toThrow(message);
    expect(lstatSync(path)).toEqual(before);
    expect(isMounted(path.replaceAll(" ", "\\040"))).toBe(false);
    rmSync(path, { recursive: true });
  });

  test("a device is refused and left alone", async () => {
    await expect(served("/dev/null")).rejects.toThrow(/there already, a device/);
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("folders that cannot be made are refused, and none is left", async () => {
    await expect(served("/proc/nowhere/deep/er")).rejects.toThrow("/proc/nowhere cannot be made (ENOENT)");
    symlinkSync("nowhere", `${folder}/dangling`);
    await expect(served(`${folder}/dangling/er`)).rejects.toThrow(`${folder}/dangling cannot be made (EEXIST)`);
    expect(() => lstatSync(`${folder}/nowhere`)).toThrow(/ENOENT/);
  });

  test("somebody else's mount is refused and left alone", async () => {
    const path = `${folder}/bound with spaces`;
    writeFileSync(path, "");
    await run("mount", "--bind", "/etc/hostname", path);
    onTestFinished(() => native.umount2(path, native.MOUNT.MNT_DETACH));
    await expect(served(path)).rejects.toThrow(/something else is mounted on .*bound with spaces/);
    expect((await run("cat", path)).stdout).toBe(readFileSync("/etc/hostname", "utf8"));
  });

  test("a file that is served is refused, by its own daemon too, and goes on", async () => {
    const path = `${folder}/busy`;
    await served(path);
    await expect(served(path)).rejects.toThrow(/is served already, by devlift:[0-9]+:.*: end that daemon first/);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
  });

  test("a mount of ours whose daemon is gone is replaced, however many lie there", async () => {
    const path = `${folder}/stale`;
    writeFileSync(path, "");
    for (let i = 0; i < 2; i++) {
      const fd = openSync("/dev/fuse", "r+");
      const data = `fd=${fd},rootmode=100000,user_id=0,group_id=0`;
      // The second one lies on the first, and mount(2) must not ask that for its attributes.
      native.mount(path, { source: `devlift:1:${i}:made`, type: "fuse.devlift", flags: 0, data });
      closeSync(fd);
    }
    const channel = await served(path);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
    expect(log.lines).toContainEqual(expect.stringContaining("a daemon that is gone (devlift:1:0:made): replaced"));
    await channel.close();
    expect(() => lstatSync(path)).toThrow(/ENOENT/);
  });

  test("a dead mount is known as one, though the kernel has its attributes and needs not ask", async () => {
    const path = `${folder}/remembered`;
    const child = await startDaemon(daemon, path);
    // The second one is answered by the kernel itself.
    expect(await shell('stat "$1" && stat "$1"', path)).toMatchObject({ status: 0 });
    await killWithWatcher(child);
    expect(isMounted(path)).toBe(true);
    await served(path);
    expect(log.lines).toContainEqual(expect.stringContaining(`${path} was the mount of a daemon that is gone`));
  });

  test("a daemon that does not answer is left alone, and who came later ends", async () => {
    const path = `${folder}/stopped`;
    const first = await startDaemon(daemon, path);
    first.kill("SIGSTOP");
    const { status, stderr } = await run(process.execPath, daemon, path);
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("which does not answer") });
    first.kill("SIGCONT");
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
    first.kill("SIGTERM");
    await until(() => !isMounted(path));
  });

  test("a path below a file of this very process, or to it by another way, is refused", async () => {
    mkdirSync(`${folder}/real`);
    symlinkSync(`${folder}/real`, `${folder}/link`);
    await served(`${folder}/real/file`);
    const auto = (path: string) => serve(loopback("loop"), { path, log });
    await expect(auto(`${folder}/link/file`)).rejects.toThrow(/is served already/);
    for (const path of [`${folder}/real/file/below`, `${folder}/real/file/far/below`]) {
      await expect(served(path)).rejects.toThrow(/ENOTDIR/);
      await expect(auto(path)).rejects.toThrow(/ENOTDIR/);
    }
  });
});

/** Kills a daemon so that nobody unmounts. */
async function killWithWatcher(child: ChildProcess): Promise<void> {
  const { stdout } = await shell('cat /proc/"$1"/task/*/children', String(child.pid));
  for (const pid of stdout.split(/\s+/).filter((word) => word !== "")) process.kill(Number(pid), "SIGKILL");
  child.kill("SIGKILL");
  await once(child, "close");
}

describe("one path, several daemons", () => {
  test("at the same time in one process: one gets it", async () => {
    const path = `${folder}/both`;
    const outcomes = await Promise.allSettled([served(path), served(path)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
  });

  test("at the same time in several processes: one gets it, and goes on", async () => {
    const path = `${folder}/raced`;
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => startDaemon(daemon, path)));
    const [winner, ...more] = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
    expect(more).toEqual([]);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
    winner?.kill("SIGTERM");
    await until(() => !isMounted(path));
  });

  test("one that was unmounted under its users does not unmount its successor", async () => {
    const path = `${folder}/succeeded`;
    const first = await served(path);
    const program = new CallsProgram();
    onTestFinished(() => program.stop());
    await program.open("a", path, O_RDWR);
    await run("umount", "-l", path);
    await served(path);
    await program.stop();
    expect(await first.ended).toMatchObject({ message: expect.stringContaining("the kernel ended the connection") });
    expect(isMounted(path)).toBe(true);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
  });
});

test("a mount is taken away from where it went with its folder, and never what was mounted upon it", async () => {
  const channel = await served(`${folder}/before/file`);
  await run("mv", `${folder}/before`, `${folder}/after`);
  await channel.close();
  expect(isMounted(`${folder}/after/file`)).toBe(false);

  const path = `${folder}/covered`;
  const covered = await served(path);
  await run("mount", "--bind", "/etc/hostname", path);
  await covered.close();
  expect(log.lines.at(-1)).toBe(`error ${path} stays mounted`);
  expect((await run("cat", path)).stdout).toBe(readFileSync("/etc/hostname", "utf8"));
  await shell('umount "$1"; umount -l "$1"', path);
});

test("auto takes it where neither fusd nor CUSE can be, and says why", async () => {
  const path = `${folder}/auto`;
  const channel = await serve(loopback("loop"), { path, log });
  onTestFinished(() => channel.close());
  expect(log.lines.at(-1)).toBe(
    `info serving ${path} over fuse: a regular file over /dev/fuse, mounted directly; ` +
      `not fusd: a device of /dev/fusd named loop is at /dev/loop; it cannot be at ${path}; ` +
      `not cuse: a device of /dev/cuse named loop is at /dev/loop; it cannot be at ${path}`,
  );
});

test("several devices in one process end one by one", async () => {
  const paths = ["one", "two"].map((name) => `${folder}/${name}`);
  const [one, two] = await Promise.all(paths.map((path) => served(path)));
  await shell('echo a > "$1"', `${folder}/one`);
  await shell('echo b > "$1"', `${folder}/two`);
  expect(await run("head", "-c", "2", `${folder}/one`)).toMatchObject({ stdout: "a\n" });
  await one?.close();
  expect(await run("head", "-c", "2", `${folder}/two`)).toMatchObject({ stdout: "b\n" });
  // The kernel's end of the other: as `umount` by an administrator, or an abort.
  await run("umount", "-l", `${folder}/two`);
  expect(await two?.ended).toMatchObject({ message: expect.stringContaining("the kernel ended the connection") });
  expect(() => lstatSync(`${folder}/two`)).toThrow(/ENOENT/);
});

describe("a daemon that is killed", () => {
  test("frees its callers, and its path; the next one serves there", async () => {
    const path = `${folder}/killed`;
    const first = await startDaemon(daemon, path);
    const program = new CallsProgram();
    onTestFinished(() => program.stop());
    await program.open("a", path, O_RDWR);
    const reading = program.read("a", 1);
    first.kill("SIGKILL");
    expect(await reading).toMatchObject({ result: -1 });
    await until(() => !isMounted(path));
    await until(async () => (await run("test", "-e", path)).status === 1);
    const second = await startDaemon(daemon, path);
    expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
    second.kill("SIGTERM");
    await until(() => second.exitCode !== null);
    expect(() => lstatSync(path)).toThrow(/ENOENT/);
  });

  test("and started again at once, is not unmounted by the one before", async () => {
    const path = `${folder}/again`;
    for (let round = 0; round < 5; round++) {
      const child = await startDaemon(daemon, path);
      expect(await shell('echo x > "$1" && head -c 2 "$1"', path)).toMatchObject({ stdout: "x\n" });
      child.kill("SIGKILL");
    }
    await until(() => !isMounted(path));
  });
});

describe("without privilege", () => {
  // As on a machine with udev, which makes /dev/fuse everybody's; here in a mount namespace of its own.
  const asNobody = `mkdir -m 777 "$1" && mknod -m 666 "$1.fuse" c 10 229 && mount --bind "$1.fuse" /dev/fuse || exit 9
    printf '%s' "$2" > "$1.conf" && chmod 644 "$1.conf" && mount --bind "$1.conf" /etc/fuse.conf || exit 9
    cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "$3" "$4" "$5" "$1/loop"`;
  /** Runs a script as nobody: $0 "$1" "$2" is the daemon on its path, $2. */
  const unprivileged = (name: string, conf: string, script: string) => {
    const words = [`${folder}/${name}`, conf, script, process.execPath, daemon];
    return run("unshare", "--mount", "sh", "-c", asNobody, "sh", ...words);
  };
  const client =
    'echo x > "$1"; head -c 2 "$1"; grep -c " $1 .*nosuid.*allow_other" /proc/self/mountinfo; stat -c "%u %a" "$1"';
  const serveClient = `"$0" "$1" "$2" sh -c '${client}' sh "$2"`;

  test("fusermount3 mounts for one user, and the log says so", async () => {
    const { status, stdout, stderr } = await unprivileged("alone", "", serveClient);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "serving\nx\n0\n65534 666\n" });
    expect(stderr).toContain("only programs of this user can open");
    expect(() => lstatSync(`${folder}/alone/loop`)).toThrow(/ENOENT/);
  });

  test("fusermount3 mounts for all users where /etc/fuse.conf allows it", async () => {
    const { stdout, stderr } = await unprivileged("shared", "user_allow_other\n", serveClient);
    expect({ stdout }).toEqual({ stdout: "serving\nx\n1\n65534 666\n" });
    expect(stderr).not.toContain("only programs of this user");
  });

  const crash = `"$0" "$1" "$2" > /dev/null & until grep -q " $2 .*devlift" /proc/self/mountinfo; do sleep 0.02; done
    watcher=$(cat /proc/$!/task/*/children)`;

  test("the watcher of a daemon that is killed unmounts through fusermount3", async () => {
    const script = `${crash}; kill -9 $!; while grep -q " $2 " /proc/self/mountinfo; do sleep 0.02; done
      while [ -e "$2" ]; do sleep 0.02; done; echo free`;
    expect((await unprivileged("crashed", "", script)).stdout).toBe("free\n");
  });

  test("a dead mount is replaced through fusermount3", async () => {
    const script = `${crash}; kill -9 $watcher $!; grep -c " $2 " /proc/self/mountinfo; ${serveClient}`;
    const { stdout, stderr } = await unprivileged("dead", "", script);
    expect(stdout).toBe("1\nserving\nx\n0\n65534 666\n");
    expect(stderr).toMatch(/was the mount of a daemon that is gone/);
    expect(() => lstatSync(`${folder}/dead/loop`)).toThrow(/ENOENT/);
  });

  test("a path where the user may make nothing is refused in words", async () => {
    const script = 'cd / && exec setpriv --reuid 65534 --clear-groups "$1" "$2" /dev/devlift-nobody 2>&1';
    const made = 'mknod -m 666 "$0.fuse" c 10 229 && mount --bind "$0.fuse" /dev/fuse &&';
    const words = [`${folder}/refused`, process.execPath, daemon];
    const { stdout } = await run("unshare", "--mount", "sh", "-c", `${made} ${script}`, ...words);
    expect(stdout).toContain("no permission to make /dev/devlift-nobody");
  });
});
