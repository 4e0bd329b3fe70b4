// What `npm run deb` makes: looked at by lintian, installed and purged by dpkg in a root of its own, an overlay of this
// machine's with nothing of systemd and udev running.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { CHECKOUT } from "../../vm/vm.ts";
import { deb } from "../deb.ts";
import { call } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "devlift-deb-"));
let files: readonly string[];

beforeAll(async () => {
  files = await deb(join(root, "debs"), () => undefined);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fileOf = (name: string): string => files.find((path) => basename(path).startsWith(`${name}_`)) ?? name;

/** Files of a package, without folders. */
async function contents(name: string): Promise<string[]> {
  const paths = await run("dpkg-deb", ["-c", fileOf(name)]);
  return paths
    .split("\n")
    .filter((line) => /^[-l]/.test(line))
    .map((line) => line.replace(/^(\S+\s+){5}\.|(?<= ->) /g, "").replace(" ->", " -> "))
    .sort();
}

test("lintian finds no error", () => {
  const { status, stdout, stderr } = call("lintian", ["--fail-on=error", ...files], {
    PATH: process.env["PATH"],
    HOME: root,
  });
  expect([stdout.split("\n").filter((line) => line.startsWith("E:")), status, stderr]).toEqual([
    [],
    0,
    expect.not.stringContaining("cannot"),
  ]);
});

test("a driver's package has all that belongs to a service", async () => {
  const arch = `linux-${process.arch}`;
  expect(await contents("devlift-pilot")).toEqual(
    [
      "/usr/bin/devlift-pilot -> ../lib/devlift-pilot/devlift-pilot.mjs",
      "/usr/lib/devlift-pilot/devlift-pilot.mjs",
      ...["devlift", "serialport-bindings-cpp", "usb"].map((n) => `/usr/lib/devlift-pilot/prebuilds/${arch}/${n}.node`),
      "/usr/lib/modprobe.d/devlift-pilot.conf",
      "/usr/lib/systemd/system/devlift-pilot.service",
      "/usr/lib/udev/rules.d/60-devlift-pilot.rules",
      "/usr/share/bash-completion/completions/devlift-pilot",
      "/usr/share/devlift/pilot/driver.json",
      "/usr/share/doc/devlift-pilot/changelog.gz",
      "/usr/share/doc/devlift-pilot/copyright",
      "/usr/share/man/man8/devlift-pilot.8.gz",
    ].sort(),
  );
  expect(await run("dpkg-deb", ["-f", fileOf("devlift-pilot"), "Depends"])).toMatch(
    /^nodejs \(>= 20\.19\), .*libc6 .*libudev1/,
  );
});

test("the module's package has every source of the module, and nothing else", async () => {
  const sources = (await run("git", ["ls-files", "kernel/fusd"], { cwd: CHECKOUT })).trim().split("\n");
  const wanted = sources
    .filter((path) => !/\/selftests\/|\/\.git/.test(path))
    .map((path) => path.replace("kernel/fusd/", ""));
  const found = (await contents("devlift-fusd-dkms")).filter((path) => path.startsWith("/usr/src/"));
  expect(found).toEqual(wanted.map((path) => `/usr/src/fusd-0.1.0/${path}`).sort());
});

test("installed, upgraded and purged, the packages leave nothing", async () => {
  const script = join(root, "script");
  writeFileSync(
    script,
    `set -e
    exec 3>&1 >&2
    mount -t tmpfs devlift "$1/mnt" && cd "$1/mnt" && mkdir upper work root
    mount -t overlay devlift -o lowerdir=/,upperdir=upper,workdir=work root
    mount -t proc proc root/proc
    mkdir root/run/debs && cp "$1"/debs/*.deb root/run/debs
    [ -e root/usr/bin/node ] || ln -s "$2" root/usr/bin/node
    cat > root/run/inside <<'END'
      set -e
      export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
      cd /run/debs
      for again in 1 2; do dpkg --force-depends -i devlift_*.deb devlift-oss_*.deb devlift-pilot_*.deb; done
      echo "group $(getent group devlift | cut -d: -f1)" >&3
      for command in devlift devlift-oss devlift-pilot; do $command --version >&3; done
      devlift list | cut -d' ' -f1 >&3
      ls /etc/systemd/system/multi-user.target.wants | grep devlift >&3
      systemd-analyze verify --man=no /usr/lib/systemd/system/devlift-*.service >&3 2>&1
      dpkg --force-depends -P devlift devlift-pilot
      echo "group $(getent group devlift | cut -d: -f1)" >&3
      dpkg --force-depends -P devlift-oss
      echo "no group $(getent group devlift | cut -d: -f1)" >&3
END
    chroot root sh /run/inside
    cd upper
    find . ! -type d | grep -Ev '^./(run|tmp|dev|var/log|var/lib/dpkg|var/cache)/|^./etc/([a-z]+-|.pwd.lock)$|^./usr/bin/node$' |
      while read -r file; do cmp -s "$file" "/$file" || echo "left $file" >&3; done
    find . -type d | grep -Ev '^./(run|tmp|var/lib/dpkg|var/lib/systemd|var/cache)' |
      while read -r folder; do [ -d "/$folder" ] || echo "left $folder" >&3; done`,
  );
  await run("mkdir", [join(root, "mnt")]);
  const said = await run("unshare", ["--mount", "sh", script, root, process.execPath]);
  expect(said.trim().split("\n")).toEqual([
    "group devlift",
    ...["devlift 0.1.0", "devlift-oss 0.1.0", "devlift-pilot 0.1.0"],
    ...["DRIVER", "oss", "pilot"],
    "devlift-oss.service",
    "group devlift",
    "no group",
  ]);
  expect(existsSync("/usr/bin/devlift-pilot")).toBe(false);
});

test("bash completes options, and files where one is wanted", async () => {
  const folder = join(root, "extracted");
  await run("dpkg-deb", ["-x", fileOf("devlift-pilot"), folder]);
  const file = join(folder, "usr/share/bash-completion/completions/devlift-pilot");
  const complete = (word: string, before: string) =>
    run("bash", ["-c", `. ${file}; _devlift_pilot devlift-pilot "${word}" "${before}"; echo "\${COMPREPLY[@]}"`], {
      cwd: "/",
    });
  expect(await complete("--log-", "devlift-pilot")).toBe("--log-level --log-format\n");
  expect(await complete("/et", "--record")).toBe("/etc\n");
  expect(await complete("x", "--group")).toBe("\n");
});
