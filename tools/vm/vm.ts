// runInVm: one command on a stock Debian kernel with this machine's files as root. It makes what is missing
// (packages, kernel, initramfs), takes the lock, chooses the accelerator, and fills the share that the guest reads.

import { createHash } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, hostname, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { buildFusd, type FusdBuild } from "../kernel/build.ts";
import { haveSources } from "../kernel/sources.ts";
import { ToolError } from "../shared/errors.ts";
import { acquireLock } from "../shared/lock.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { cacheFolder } from "./cache.ts";
import { commandScript, guestEnvironment, quote } from "./command.ts";
import { debian13 } from "./debian.ts";
import { makeDisk } from "./disk.ts";
import { initramfs } from "./initramfs.ts";
import { DEFAULT_KERNEL, type KernelImage, type KernelLine, kernelImage } from "./kernel.ts";
import { type MachineOptions, type MachineResult, runMachine } from "./machine.ts";
import { VM_PREREQUISITES } from "./prerequisites.ts";
import { udevd } from "./udev.ts";

export const ACCELERATORS = ["auto", "kvm", "tcg"] as const;
export type Accelerator = (typeof ACCELERATORS)[number];

/** What the guest's root is: this machine's files, or a whole Debian 13 with systemd. */
export const ROOTS = ["host", "debian-13"] as const;
export type Root = (typeof ROOTS)[number];

export const DEFAULT_TIME_LIMIT = 600;
export const DEFAULT_MEMORY = 3072;

/** The folder of the checkout: what the guest's command starts in. */
export const CHECKOUT = resolve(import.meta.dirname, "../..");

/** A kernel that works is up in a fraction of these, in seconds; they are to notice one that never will be. */
const BOOT_LIMIT = { kvm: 15, tcg: 600 } as const;

export interface VmOptions {
  /** Several words are an argument vector; a single word is run by the shell. */
  readonly command: readonly string[];
  readonly kernel?: KernelLine;
  readonly root?: Root;
  readonly accel?: Accelerator;
  readonly memoryMib?: number;
  /** Seconds that the command may take, counted from its start. */
  readonly timeLimit?: number;
  /** Where the command starts; the checkout by default. */
  readonly cwd?: string;
  /** More variables for the command's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The host folder that the guest writes to as $DEVLIFT_VM_OUT; a new temporary one by default. */
  readonly outDir?: string;
  /**
   * A file that keeps what is written to the root, from one machine to the next: so a reboot can be had. It is made when
   * there is none. The machine goes down in order at its end. A whole Debian only.
   */
  readonly disk?: string;
  /** Commands for further boots with the disk, each when the one before has ended with 0: a reboot, or several. */
  readonly afterReboot?: readonly VmOptions["command"][];
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface VmResult {
  /** `exited`: the command ran to its end. `timeout`, `aborted`: it was cut off. `notBooted`, `died`: the VM's fault. */
  readonly outcome: "exited" | "timeout" | "aborted" | "notBooted" | "died";
  /** The command's exit status (128 + n when signal n killed it), 124 timeout, 130 aborted, 125 the VM's fault. */
  readonly status: number;
  readonly outDir: string;
  readonly accel: "kvm" | "tcg";
  /** Seconds from QEMU's start to the command's. */
  readonly bootSeconds: number | undefined;
  /** Of the kernel's console: its first complaint and what follows, or the end, where it ended badly without one. */
  readonly consoleTail: string | undefined;
}

const STATUS_OF = { timeout: 124, aborted: 130, notBooted: 125, died: 125 } as const;

/** What the kernel prints when it finds fault with itself (lib/bug.c, kernel/panic.c, kernel/hung_task.c). */
const COMPLAINTS = ["\\bBUG: ", "\\bOops\\b", "WARNING: CPU: ", "Kernel panic", "general protection fault"];
/** And the debug kernel: lib/ubsan.c, kernel/locking/lockdep.c, mm/kmemleak.c. */
const DEBUG_COMPLAINTS = ["UBSAN: ", "WARNING: (possible|suspicious|inconsistent|bad|held) ", "^unreferenced object"];
const KERNEL_COMPLAINT = new RegExp([...COMPLAINTS, "INFO: task .* blocked", ...DEBUG_COMPLAINTS].join("|"));

/** Lines of the console that are shown at most. */
const SHOWN_LINES = 100;

/**
 * Runs a command in a virtual machine.
 * @throws ToolError when this machine cannot run one at all
 */
export async function runInVm(options: VmOptions): Promise<VmResult> {
  await installPrerequisites(VM_PREREQUISITES, options.progress);
  await mkdir(cacheFolder(), { recursive: true });
  // What takes minutes the first time is done before others have to wait for us.
  const made = await prepare(options);
  const lock = await acquireLock(join(cacheFolder(), "lock"), {
    holder: `process ${process.pid}: ${options.command.join(" ")}`,
    onWait: (holder) => options.progress(`waiting for the other virtual machine to end (${holder})`),
    ...(options.signal && { signal: options.signal }),
  });
  const share = await mkdtemp(join(tmpdir(), "devlift-vm-"));
  try {
    let result = await boot(options, share, made);
    for (const command of options.afterReboot ?? []) {
      if (result.outcome !== "exited" || result.status !== 0) break;
      result = await boot({ ...options, command, outDir: result.outDir }, share, made);
    }
    return result;
  } finally {
    await rm(share, { recursive: true, force: true });
    await lock.release();
  }
}

/** What a machine is made of. */
interface Made {
  readonly image: KernelImage;
  /** The folder that becomes the root. */
  readonly root: string;
  readonly udev: string;
  readonly fusd: FusdBuild | undefined;
}

async function prepare(options: VmOptions): Promise<Made> {
  const image = await kernelImage(options.kernel ?? DEFAULT_KERNEL, options.progress);
  if (options.disk !== undefined && options.root !== "debian-13")
    throw new ToolError("a disk is for a machine with a whole Debian as its root");
  if (options.disk === undefined && options.afterReboot !== undefined)
    throw new ToolError("without a disk a machine that boots again knows nothing of what was before");
  if (options.disk !== undefined) await makeDisk(options.disk, options.progress);
  const root = options.root === "debian-13" ? await debian13(options.progress) : "/";
  return { image, root, udev: await udevd(options.progress), fusd: await fusdFor(options) };
}

async function boot(options: VmOptions, share: string, { image, root, udev, fusd }: Made): Promise<VmResult> {
  const trailer = `devlift-vm-end-${crypto.randomUUID()}`;
  const outDir = options.outDir ?? (await mkdtemp(join(tmpdir(), "devlift-vm-out-")));
  const cwd = options.cwd ?? CHECKOUT;
  for (const stage of ["stage2.sh", "stage3.sh"])
    await cp(join(import.meta.dirname, "guest", stage), join(share, stage));
  await writeFile(
    join(share, "settings.sh"),
    settingsScript({ modules: image.modules, trailer, fusd: fusd?.module ?? "", disk: options.disk ?? "" }),
  );
  const folders = [CHECKOUT, cwd, ...(fusd ? [fusd.folder] : [])];
  await writeFile(join(share, "kept"), root === "/" ? keptFolders([...folders, process.execPath]) : carried(folders));
  const env = { ...options.env, DEVLIFT_UDEVD: udev, ...(fusd && { DEVLIFT_FUSD: fusd.folder }) };
  await writeFile(join(share, "command.sh"), commandScript(options.command, cwd, guestEnvironment(process.env, env)));

  const consoleLog = join(share, "console.log");
  const machineOptions = {
    image,
    root,
    trailer,
    consoleLog,
    disk: options.disk,
    initramfs: await initramfs(image, options.disk !== undefined),
    memoryMib: options.memoryMib ?? DEFAULT_MEMORY,
    share,
    outDir,
    timeLimitSeconds: options.timeLimit ?? DEFAULT_TIME_LIMIT,
    stdout: options.stdout ?? process.stdout,
    stderr: options.stderr ?? process.stderr,
    signal: options.signal,
  };
  const { accel, result } = await runAccelerated(machineOptions, options.accel ?? "auto", options.progress);
  const { ending, bootSeconds } = result;
  const log = await readFile(consoleLog, "utf8").catch(() => "");
  return {
    outcome: ending.kind,
    status: ending.kind === "exited" ? ending.status : STATUS_OF[ending.kind],
    outDir,
    accel,
    bootSeconds,
    consoleTail: worthShowing(log, ending.kind),
  };
}

/** What of the console tells how a machine ended; undefined when there is nothing to tell. */
export function worthShowing(log: string, outcome: VmResult["outcome"]): string | undefined {
  const lines = log.split(/\r?\n/);
  const complaint = lines.findIndex((line) => KERNEL_COMPLAINT.test(line));
  // A machine that hangs or dies says why in the end; one that goes on buries what it said first.
  if (outcome === "exited" && complaint >= 0)
    return lines
      .slice(complaint, complaint + SHOWN_LINES)
      .join("\n")
      .trim();
  if (complaint < 0 && (outcome === "exited" || outcome === "aborted")) return undefined;
  return lines.slice(-SHOWN_LINES).join("\n").trim();
}

/** kernel/fusd for the kernel; a module that does not build is said aloud, and is missing to who wants it only. */
async function fusdFor({ kernel = DEFAULT_KERNEL, progress }: VmOptions): Promise<FusdBuild | undefined> {
  if (!haveSources()) return undefined;
  try {
    return await buildFusd(kernel, { progress });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    progress(`there is no module fusd in this machine, as it cannot be built: ${error.message}`);
    return undefined;
  }
}

/** Assignments of shell variables. */
function settingsScript(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join("");
}

/** Runs the machine with KVM when that is wanted and works here, else under software emulation. */
async function runAccelerated(
  options: Omit<MachineOptions, "accel" | "bootLimitSeconds">,
  accel: Accelerator,
  progress: Progress,
): Promise<{ accel: "kvm" | "tcg"; result: MachineResult }> {
  const attempt = async (which: "kvm" | "tcg") => ({
    accel: which,
    result: await runMachine({ ...options, accel: which, bootLimitSeconds: BOOT_LIMIT[which] }),
  });
  if (accel !== "auto") return attempt(accel);
  const failed = join(cacheFolder(), `kvm-fails-${machineKey()}`);
  if (await canUseKvm(failed)) {
    const kvm = await attempt("kvm");
    if (kvm.result.ending.kind !== "notBooted") return kvm;
    progress(`KVM does not work here, so software emulation from now on (remove ${failed} to have it tried again)`);
    await writeFile(failed, "A boot with KVM did not reach its command.\n");
    await rm(options.consoleLog, { force: true });
  }
  const first = await attempt("tcg");
  if (first.result.ending.kind !== "notBooted") return first;
  // Nothing of the command has run. It has been seen once in some thousand boots, and not why: so its console is shown.
  const log = await readFile(options.consoleLog, "utf8").catch(() => "");
  progress(`the machine did not boot, and is started once more; of its console:\n${worthShowing(log, "notBooted")}`);
  await rm(options.consoleLog, { force: true });
  return attempt("tcg");
}

/** KVM may be tried: its device opens, and no boot with it has failed on this machine. */
async function canUseKvm(failed: string): Promise<boolean> {
  if (existsSync(failed)) return false;
  return access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Tells machines that share a home folder apart, and one machine before and after a change of its kernel. */
function machineKey(): string {
  const facts = [hostname(), release(), cpus()[0]?.model ?? ""];
  return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 16);
}

/** Folders of the host's that a system of its own gets, at the same places; a line each. */
function carried(paths: readonly string[]): string {
  return [...new Set(paths)].map((path) => `${placeable(path)}\n`).join("");
}

/** @throws ToolError for a path below a folder that each guest makes anew */
function placeable(path: string): string {
  const [, top = ""] = path.split("/");
  if (["run", "dev", "proc", "sys"].includes(top))
    throw new ToolError(`${path}: the guest has a /${top} of its own, so nothing below it can be carried there`);
  return path;
}

/** Folders below /tmp that the guest needs, where it has a fresh /tmp otherwise; a line each. */
function keptFolders(paths: readonly string[]): string {
  const kept = new Set<string>();
  for (const path of paths) {
    const [, top = "", next = ""] = placeable(path).split("/");
    if (top === "tmp") kept.add(`/tmp/${next}\n`);
  }
  return [...kept].join("");
}
