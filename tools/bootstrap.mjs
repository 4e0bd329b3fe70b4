// The first thing that runs on a fresh checkout: `node tools/bootstrap.mjs VERB [ARGUMENT]...`. It installs
// the dependencies and builds what is missing, then becomes, as far as one can see, tools/VERB/main.ts. The one file
// in plain JavaScript, of Node's built-ins only, because nothing else is there yet when it runs.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
/** Holds the number of the process that installs and builds. */
const LOCK = join(ROOT, ".cache", "setup.lock");

/** Each verb's setup between the dependencies and its main file. `prepare`: its tools/VERB/prepare.ts is run first. */
const VERBS = {
  start: { prepare: false, build: true },
  test: { prepare: true, build: true },
  vm: { prepare: false, build: false },
  conformance: { prepare: false, build: true },
  bench: { prepare: false, build: true },
  fuzz: { prepare: false, build: true },
  oss: { prepare: false, build: true },
  ioctlgen: { prepare: false, build: false },
  "new-driver": { prepare: false, build: false },
  kernel: { prepare: false, build: false },
  release: { prepare: false, build: true },
  // Nothing comes after the setup.
  build: { prepare: false, build: true, tool: false },
};

/** A step that takes no longer than this, in milliseconds, is not worth a line. */
const WORTH_A_LINE = 1500;

const environment = {
  ...process.env,
  // Turbo looks for pnpm, and the packages' scripts for their tools.
  PATH: [join(MODULES, ".bin"), process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: "1",
};

function fail(message) {
  process.stderr.write(`devlift: ${message}\n`);
  // The last line of `npm test` is a count, whatever happens.
  if (process.argv[2] === "test") process.stdout.write("0 passed, 1 failed\n");
  process.exit(1);
}

function progress(text) {
  process.stderr.write(`devlift: ${text}\n`);
}

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old: Node 20.19 or newer is needed (https://nodejs.org/en/download).`);
}

/** Runs a program to its end, its output kept. */
function runQuietly(program, args) {
  return new Promise((resolve) => {
    // `npm --silent` around us would silence the errors of npm and pnpm below us too.
    const env = { ...environment, npm_config_loglevel: "error" };
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (status) => resolve({ ok: status === 0, output: Buffer.concat(output).toString() }));
  });
}

/** Changes with every file that says what is to be installed, and with the Node that it is installed for. */
function dependenciesStamp() {
  const hash = createHash("sha256").update(process.versions.modules);
  const folders = ["examples", "tools"];
  for (const parent of ["packages", "packages/drivers"]) {
    const entries = existsSync(join(ROOT, parent)) ? readdirSync(join(ROOT, parent)) : [];
    folders.push(...entries.map((entry) => `${parent}/${entry}`));
  }
  const manifests = folders.map((folder) => `${folder}/package.json`).sort();
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...manifests]) {
    if (existsSync(join(ROOT, file))) hash.update(file).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest("hex");
}

async function installDependencies() {
  const stampFile = join(MODULES, ".devlift-installed");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === dependenciesStamp()) return;
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  progress(`installing the npm dependencies with ${packageManager}`);
  // The package by -p, also because an npx around us passes its own -p on to the one here through the environment.
  // Another user's or another Node's node_modules is replaced without asking: nobody could answer. A package that is new
  // here is put into the lockfile; where nobody could commit that, it is an error.
  const lockfile = process.env.CI ? ["--frozen-lockfile"] : ["--no-frozen-lockfile", "--prefer-frozen-lockfile"];
  const pnpm = ["install", ...lockfile, "--config.confirm-modules-purge=false"];
  const npx = ["-y", "-p", packageManager, "pnpm", ...pnpm];
  const { ok, output } = await runQuietly("npx", npx);
  if (!ok) fail(`the dependencies cannot be installed:\n${output}`);
  writeFileSync(stampFile, dependenciesStamp());
}

function isOnPath(program) {
  return environment.PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}

async function build() {
  const line = setTimeout(() => progress("building"), WORTH_A_LINE);
  const { ok, output } = await runQuietly("turbo", ["run", "build", "--output-logs=errors-only"]);
  clearTimeout(line);
  if (ok) return;
  const compiler = isOnPath("cc") || isOnPath("gcc");
  if (!compiler)
    fail("the native addon needs a C compiler, and none is here; on Debian: apt-get install gcc libc6-dev");
  fail(`the build failed:\n${output}`);
}

/** Runs one of the tools in TypeScript in the place of this process. Resolves to its exit status. */
function runTool(file, args) {
  return new Promise((resolve) => {
    const loader = import.meta.resolve("tsx");
    const child = spawn(process.execPath, ["--import", loader, join(ROOT, file), ...args], {
      cwd: ROOT,
      env: environment,
      stdio: "inherit",
    });
    // Ctrl-C reaches the tool by itself as well, as it is in our process group; a signal to us alone does not.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("error", (error) => fail(String(error)));
    child.on("close", (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error.code === "EPERM";
  }
}

/** Installs and builds alone: two on one checkout would pull the files from under each other. */
async function alone(setUp) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = Number(readFileIfThere(LOCK));
    if (holder > 0 && !isAlive(holder)) rmSync(LOCK, { force: true });
    else if (!told) progress(`waiting for process ${holder}, which sets this checkout up`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  process.on("exit", () => rmSync(LOCK, { force: true }));
  await setUp();
  rmSync(LOCK, { force: true });
}

function readFileIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

requireNode();
const [verb, ...args] = process.argv.slice(2);
const setup = Object.hasOwn(VERBS, verb ?? "") ? VERBS[verb] : undefined;
if (setup === undefined) fail(`usage: node tools/bootstrap.mjs ${Object.keys(VERBS).join("|")} [ARGUMENT]...`);
await alone(async () => {
  await installDependencies();
  if (setup.prepare) {
    const status = await runTool(`tools/${verb}/prepare.ts`, args);
    if (status !== 0) fail(`what \`npm ${verb}\` needs is not there`);
  }
  if (setup.build) await build();
});
if (setup.tool ?? true) process.exitCode = await runTool(`tools/${verb}/main.ts`, args);
