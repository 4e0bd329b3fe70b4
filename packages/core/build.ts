// Builds native/*.c into build/Release/devlift.node with the machine's C compiler and node-api-headers alone: no
// node-gyp, no Python, nothing downloaded. Node-API 8 is what Node 20 and all later ones load without a rebuild.
// CC names another compiler, CFLAGS adds options to it.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const headers = dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json"));
const output = join(root, "build", "Release", "devlift.node");
const compiler = process.env["CC"] || "cc";
const options = (process.env["CFLAGS"] ?? "").split(/\s+/).filter((option) => option !== "");

const noCompiler = `No C compiler: "${compiler}" cannot be started. Install one and build again:
  Debian, Ubuntu   apt-get install gcc libc6-dev
  Fedora, RHEL     dnf install gcc glibc-devel
  Arch             pacman -S gcc
  Alpine           apk add gcc musl-dev linux-headers
or name another one in CC.`;

/** Compiles and links; the exit status. */
function build(): number {
  const sources = readdirSync(join(root, "native"))
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(root, "native", name));
  // Renamed into place at the end: a daemon may have the old file mapped, and another build may be under way.
  const unfinished = `${output}.${process.pid}`;
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-shared", "-fPIC"];
  const defines = ["-DNAPI_VERSION=8", `-I${join(headers, "include")}`];

  mkdirSync(dirname(output), { recursive: true });
  const { error, status } = spawnSync(compiler, [...flags, ...defines, ...options, "-o", unfinished, ...sources], {
    stdio: "inherit",
  });
  if (status === 0) {
    renameSync(unfinished, output);
    return 0;
  }
  rmSync(unfinished, { force: true });
  console.error(error === undefined ? `${compiler} could not build the native addon` : noCompiler);
  return 1;
}

process.exitCode = build();
