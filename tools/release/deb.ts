// The Debian packages: one a command, with its service where it has one, and the kernel module as DKMS builds it.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DriverDescription } from "@devlift/daemon";
import { blacklistOf, modprobeName } from "@devlift/daemon/modprobe";
import { installPrerequisites } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { CHECKOUT } from "../vm/vm.ts";
import { gzip, sourceDate, Tree, writeDeb } from "./deb-file.ts";
import { parseHelp } from "./help.ts";
import { copyrightOf, rulesOf } from "./installed-files.ts";
import { dkmsScripts, serviceScripts } from "./maintainer-scripts.ts";
import { type Command, commands, drivers } from "./packages.ts";
import { completion, manual } from "./pages.ts";
import { DEB_PREREQUISITES } from "./prerequisites.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** @returns the paths of the packages, in `out` */
export async function deb(out: string, progress: Progress): Promise<string[]> {
  await installPrerequisites(DEB_PREREQUISITES, progress);
  const work = mkdtempSync(join(tmpdir(), "devlift-deb-"));
  try {
    const made: string[] = [];
    for (const command of commands()) {
      progress(`packing ${command.command}`);
      made.push(await commandDeb(command, new Tree(join(work, command.command)), out));
    }
    progress("packing devlift-fusd-dkms");
    made.push(await dkmsDeb(new Tree(join(work, "fusd")), out));
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function commandDeb(
  { command, folder, version, description }: Command,
  tree: Tree,
  out: string,
): Promise<string> {
  const lib = `/usr/lib/${command}`;
  cpSync(join(folder, "dist"), tree.at(lib), { recursive: true });
  // What a Debian package may call a program: Debian's own, whatever else is on PATH.
  const main = join(lib, `${command}.mjs`);
  const program = readFileSync(tree.at(main), "utf8").replace(/^#!.*/, "#!/usr/bin/node");
  tree.write(main, program);
  symlinkSync(`../lib/${command}/${command}.mjs`, tree.at(`/usr/bin/${command}`));
  const licenses = readFileSync(tree.at(`${lib}/LICENSES.txt`), "utf8");
  rmSync(tree.at(`${lib}/LICENSES.txt`));
  const addons = readdirSync(tree.at(`${lib}/prebuilds`), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".node"))
    .map((name) => tree.at(`${lib}/prebuilds/${name}`));
  await run("strip", ["--strip-unneeded", ...addons]);

  const help = parseHelp(await run(process.execPath, [join(folder, "dist", `${command}.mjs`), "--help"]));
  const date = (await sourceDate()).toISOString().slice(0, 10);
  tree.write(`/usr/share/man/man8/${command}.8.gz`, gzip(manual(command, version, date, help)));
  tree.write(`/usr/share/bash-completion/completions/${command}`, completion(command, help));
  const driver = readDescription(tree, lib);
  if (driver !== undefined) addService(tree, folder, driver);
  const libraries = await sharedLibraries(addons);
  return writeDeb(
    tree,
    {
      name: command,
      version,
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      section: "utils",
      fields: {
        Depends: ["nodejs (>= 20.19)", "passwd", libraries].join(", "),
        ...(driver === undefined
          ? {
              Suggests: drivers()
                .map((one) => one.command)
                .join(", "),
            }
          : { Suggests: driver.soundServer ? "devlift, alsa-utils" : "devlift" }),
      },
      // Debian wants a summary not to begin with the name that stands before it.
      summary: description.replace(new RegExp(`^${command}, `), ""),
      description: [
        `${help.summary}.`,
        "Part of Devlift: device files served by daemons instead of drivers of the kernel.",
      ],
      copyright: copyrightOf(licenses),
      // Who only looks, changes nothing that would have to be undone.
      scripts: driver === undefined ? {} : serviceScripts(driver),
    },
    out,
  );
}

function readDescription(tree: Tree, lib: string): DriverDescription | undefined {
  const file = tree.at(`${lib}/driver.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function addService(tree: Tree, folder: string, driver: DriverDescription): void {
  const { name, command } = driver;
  tree.write(`/usr/share/devlift/${name}/driver.json`, `${JSON.stringify(driver, undefined, 2)}\n`);
  rmSync(tree.at(`/usr/lib/${command}/driver.json`));
  const unit = `${command}.service`;
  cpSync(join(folder, "systemd", unit), tree.at(`/usr/lib/systemd/system/${unit}`));
  tree.write(`/usr/lib/udev/rules.d/60-${command}.rules`, rulesOf(driver));
  if (driver.replaces.length > 0) tree.write(`/usr/lib/modprobe.d/${modprobeName(driver)}`, blacklistOf(driver));
}

/** What dpkg-shlibdeps, which wants to be beside a debian/control, says that the addons need. */
async function sharedLibraries(files: readonly string[]): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), "devlift-shlibs-"));
  try {
    new Tree(join(work, "debian")).write("/control", "Source: devlift\n\nPackage: devlift\nArchitecture: any\n");
    const words = files.map((file) => `-e${file}`);
    const said = await run("dpkg-shlibdeps", ["-O", "--warnings=0", ...words], { cwd: work });
    return said.trim().replace(/^shlibs:Depends=/, "");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function dkmsDeb(tree: Tree, out: string): Promise<string> {
  const source = join(CHECKOUT, "kernel", "fusd");
  const conf = readFileSync(join(source, "dkms.conf"), "utf8");
  const version = /^PACKAGE_VERSION="(.+)"$/m.exec(conf)?.[1] ?? "0";
  cpSync(source, tree.at(`/usr/src/fusd-${version}`), {
    recursive: true,
    // What was built there by hand, and what a machine that only builds has no use for.
    filter: (path) =>
      !/\/selftests$|\.(o|ko|mod|mod\.c|cmd)$|\/(Module\.symvers|modules\.order)$|\/\.[^/]+$/.test(path),
  });
  return writeDeb(
    tree,
    {
      name: "devlift-fusd-dkms",
      version,
      architecture: "all",
      section: "kernel",
      fields: { Depends: "dkms (>= 3)", Recommends: "linux-headers-amd64 | linux-headers-generic" },
      summary: "kernel module for character devices served by programs (DKMS)",
      description: [
        "/dev/fusd: a daemon becomes the driver of a device file, with mmap, ioctls in one step, SIGIO, offsets, and open files that live through the end of the daemon.",
        "DKMS builds the module for each kernel whose headers are installed.",
      ],
      copyright: `${readFileSync(join(CHECKOUT, "LICENSE"), "utf8")}\nBut for the kernel module, /usr/src/fusd-${version}, which is under the GNU General Public License, version 2 only:\nsee /usr/share/common-licenses/GPL-2. Copyright as the rest.\n`,
      scripts: dkmsScripts("fusd", version),
    },
    out,
  );
}
