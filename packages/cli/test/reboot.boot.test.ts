// Replaced, rebooted, restored, rebooted: a whole Debian 13 on a disk, with systemd and udev, and the Debian packages.

import { lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deb } from "../../../tools/release/deb.ts";
import { debian13 } from "../../../tools/vm/debian.ts";
import { CHECKOUT, runInVm } from "../../../tools/vm/vm.ts";

/** In the checkout, which the machine sees. */
const PACKAGES = join(CHECKOUT, "dist", "deb");

/**
 * All that this machine has written below /: a line a name, one a content. What is not there is the base's, which is the
 * same for every boot.
 */
const LOOK = `
  look() {
    mkdir -p /run/disk
    mount -t ext4 /dev/vda /run/disk
    cd /run/disk/upper
    find . ! -type f -printf '%p %y %m %U:%G %l\\n' >"$1"
    find . -type f -printf '%p %y %m %U:%G %s\\n' >>"$1"
    find . -type f -exec md5sum {} + | sed 's/\\(\\S*\\)  \\(.*\\)/\\2 \\1/' >>"$1"
    cd /
    umount /run/disk
  }`;

/** What a machine writes by being up, whoever drives what: logs, what the next boot's random numbers begin with, empty folders. */
const OF_BEING_UP: readonly RegExp[] = [
  /^\.\/var\/log\//,
  /^\.\/var\/lib\/systemd\/random-seed /,
  /^\.\/var\/tmp\/systemd-private-\S+ d /,
];

const scratch = mkdtempSync(join(tmpdir(), "devlift-reboot-"));

beforeAll(async () => {
  await deb(PACKAGES, () => undefined);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs the scripts, each after another boot. @returns what they print */
async function boots(scripts: readonly string[]): Promise<string> {
  const said: string[] = [];
  const collect = new Writable({
    write(chunk, _encoding, done) {
      said.push(String(chunk));
      done();
    },
  });
  const [command = [], ...afterReboot] = scripts.map((script) => [`set -e\n${LOOK}\n${script}`]);
  const { outcome, status, consoleTail } = await runInVm({
    command,
    afterReboot,
    root: "debian-13",
    disk: join(scratch, "disk"),
    outDir: scratch,
    timeLimit: 300,
    stdout: collect,
    stderr: collect,
    progress: () => undefined,
  });
  const ending = { outcome, status, consoleTail };
  expect({ ...ending, said }).toEqual({ outcome: "exited", status: 0, consoleTail: undefined, said });
  return said.join("");
}

/** What differs from the base: a folder in which something was, and is no more, is the base's again. */
async function seen(name: string): Promise<string[]> {
  const base = await debian13(() => undefined);
  const isBases = (line: string) => {
    const [, path = "", mode, uid, gid] = /^(\S+) d (\d+) (\d+):(\d+) $/.exec(line) ?? [];
    const stats = path === "" ? undefined : lstatSync(join(base, path), { throwIfNoEntry: false });
    return (
      stats?.isDirectory() &&
      `${(stats.mode & 0o7777).toString(8)} ${stats.uid} ${stats.gid}` === `${mode} ${uid} ${gid}`
    );
  };
  const lines = readFileSync(join(scratch, name), "utf8").split("\n");
  return lines.filter((line) => !isBases(line) && !OF_BEING_UP.some((pattern) => pattern.test(line))).sort();
}

const WHO = "tsx packages/cli/test/programs/who-gets-it.ts";

test("replaced, it is ours after a reboot; restored, the kernel's after another, and no file differs", async () => {
  const said = await boots([
    `dpkg -i ${PACKAGES}/devlift_*.deb ${PACKAGES}/devlift-pilot_*.deb >/dev/console 2>&1
    devlift restore pilot >/dev/console
    look $DEVLIFT_VM_OUT/before
    devlift replace pilot >/dev/console`,
    `systemctl is-active devlift-pilot
    ${WHO}
    devlift restore pilot >/dev/console`,
    // And since the machine ends then: a kernel that is locked down, which it stays.
    `${WHO}
    look $DEVLIFT_VM_OUT/after
    index=/lib/modules/$(uname -r)/modules.dep
    cp $index /run/modules.dep
    echo extra/fusd.ko: >>/run/modules.dep
    mount -o bind /run/modules.dep $index
    devlift doctor --json | grep -o 'fusd-[a-z-]*'
    echo integrity >/sys/kernel/security/lockdown
    devlift doctor --json | grep -o 'fusd-[a-z-]*'`,
  ]);
  expect(said.trim().split("\n")).toEqual(["active", "devlift", "visor", "fusd-not-loaded", "fusd-needs-signature"]);
  const before = await seen("before");
  expect(await seen("after")).toEqual(before);
  // It has seen what was done: the unit that is masked, the override.
  expect(before).toContain("./etc/systemd/system/devlift-pilot.service l 777 0:0 /dev/null");
  expect(before).toContainEqual(expect.stringMatching(/^\.\/etc\/modprobe\.d\/devlift-pilot\.conf f 644 0:0 /));
});
