// One QEMU process, from its start to its end: the ports by which the guest's second stage speaks to us, the time
// limits, and the console's log file. What runs in it is in the share folder, which the caller has filled.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { ToolError } from "../shared/errors.ts";
import type { KernelImage } from "./kernel.ts";
import { TrailerFilter } from "./trailer.ts";

/** The seconds that the guest has to report on its processes when the time limit has struck. */
const REPORT_LIMIT = 10;

/** And to go down in order, when it has a disk. */
const SHUTDOWN_LIMIT = 120;

export interface MachineOptions {
  readonly image: KernelImage;
  readonly initramfs: string;
  readonly accel: "kvm" | "tcg";
  readonly memoryMib: number;
  /** The host folder that the guest sees at /run/devlift-vm: the second stage and what it is to do. */
  readonly share: string;
  /** The host folder that is the guest's root: "/", or a system of its own, which gets the host's files beside it. */
  readonly root: string;
  /** The host folder that the guest may write to. */
  readonly outDir: string;
  /** The image of the disk that has what the guest changes; else it is in the guest's memory. */
  readonly disk: string | undefined;
  /** The file that gets the kernel's console and what QEMU itself prints. */
  readonly consoleLog: string;
  /** What ends the streams of output, as settings.sh in the share says. */
  readonly trailer: string;
  readonly bootLimitSeconds: number;
  readonly timeLimitSeconds: number;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal | undefined;
}

/** How a machine ended. `notBooted` and `died`: without a word of the guest, before or after the command's start. */
export type Ending =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "timeout" | "aborted" | "notBooted" | "died" };

/** The end of a machine; `bootSeconds` is the time until the command started, undefined when it did not. */
export interface MachineResult {
  readonly ending: Ending;
  readonly bootSeconds: number | undefined;
}

/** Boots a machine and resolves when its process is gone. */
export async function runMachine(options: MachineOptions): Promise<MachineResult> {
  if (options.signal?.aborted) return { ending: { kind: "aborted" }, bootSeconds: undefined };
  const started = performance.now();
  const log = openSync(options.consoleLog, "a");
  // setpriv: should we be killed, the kernel ends QEMU too. Node's pipes are socket pairs, as QEMU's chardevs want.
  const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...qemuArguments(options)], {
    stdio: ["ignore", log, log, "pipe", "pipe", "pipe"],
  });
  closeSync(log);
  const closed = once(qemu, "close");
  const [stdoutPort, stderrPort, controlPort] = [3, 4, 5].map((fd) => {
    const port = qemu.stdio[fd];
    if (!(port instanceof Socket)) throw new ToolError(`QEMU's descriptor ${fd} is not a socket`);
    return port;
  });
  if (!stdoutPort || !stderrPort || !controlPort) throw new ToolError("QEMU has three ports");

  let bootSeconds: number | undefined;
  const ending = await new Promise<Ending>((resolve) => {
    let status: number | undefined;
    const limit = (seconds: number, kind: "timeout" | "notBooted") =>
      setTimeout(() => finish({ kind }), seconds * 1000);
    const startTimeLimit = () =>
      setTimeout(() => {
        // What the processes wait for goes to the console's log before the machine goes.
        controlPort.write("report\n");
        timer = limit(REPORT_LIMIT, "timeout");
      }, options.timeLimitSeconds * 1000);
    let timer = limit(options.bootLimitSeconds, "notBooted");
    const abort = () => finish({ kind: "aborted" });
    options.signal?.addEventListener("abort", abort, { once: true });
    const finish = (how: Ending) => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
      resolve(how);
    };
    const filters = [
      filterPort({ port: stdoutPort, sink: options.stdout, trailer: options.trailer, onComplete: () => check() }),
      filterPort({ port: stderrPort, sink: options.stderr, trailer: options.trailer, onComplete: () => check() }),
    ];
    const check = () => {
      if (status !== undefined && filters.every((filter) => filter.complete)) finish({ kind: "exited", status });
    };
    onLines(controlPort, (line) => {
      const exit = /^exit (\d+)$/.exec(line);
      if (line === "up") {
        bootSeconds = (performance.now() - started) / 1000;
        clearTimeout(timer);
        timer = startTimeLimit();
      } else if (line === "reported") {
        finish({ kind: "timeout" });
      } else if (exit) {
        status = Number(exit[1]);
        check();
      } else {
        appendFileSync(options.consoleLog, `${line}\n`);
      }
    });
    closed.then(
      () => finish({ kind: bootSeconds === undefined ? "notBooted" : "died" }),
      () => finish({ kind: "notBooted" }),
    );
  });
  // What the guest wrote is in the image when it has gone down in order.
  if (options.disk !== undefined && ending.kind === "exited") {
    const timer = setTimeout(() => qemu.kill("SIGKILL"), SHUTDOWN_LIMIT * 1000);
    await closed.catch(() => undefined);
    clearTimeout(timer);
  }
  qemu.kill("SIGKILL");
  // A sink that takes nothing more must not keep us.
  for (const port of [stdoutPort, stderrPort, controlPort]) port.destroy();
  await closed.catch(() => undefined);
  return { ending, bootSeconds };
}

interface PortOptions {
  readonly port: Socket;
  readonly sink: Writable;
  readonly trailer: string;
  readonly onComplete: () => void;
}

/** Passes a port's bytes to its sink, at the sink's pace, up to the trailer. */
function filterPort({ port, sink, trailer, onComplete }: PortOptions): TrailerFilter {
  const filter = new TrailerFilter(trailer);
  const pass = (bytes: Buffer) => {
    if (bytes.length === 0 || sink.write(bytes)) return;
    port.pause();
    sink.once("drain", () => port.resume());
  };
  port.on("data", (chunk: Buffer) => {
    pass(filter.push(chunk));
    if (filter.complete) onComplete();
  });
  port.on("close", () => pass(filter.rest()));
  // A reset when QEMU is killed: its end is told by the process.
  port.on("error", () => undefined);
  return filter;
}

function onLines(port: Socket, onLine: (line: string) => void): void {
  let pending = "";
  port.setEncoding("utf8");
  port.on("data", (chunk: string) => {
    const lines = (pending + chunk).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
  port.on("error", () => undefined);
}

/** QEMU's command line; a comma in a value of its option lists is written twice. */
function qemuArguments(options: MachineOptions): string[] {
  const accel =
    options.accel === "kvm" ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", "tcg,thread=multi", "-cpu", "max"];
  const share = (tag: string, path: string, readonly: boolean) => [
    "-virtfs",
    `local,path=${path.replaceAll(",", ",,")},mount_tag=${tag},security_model=none,multidevs=remap,readonly=${readonly ? "on" : "off"}`,
  ];
  const ports = [3, 4, 5].flatMap((fd, index) => [
    ...["-chardev", `socket,id=port${index},fd=${fd}`],
    ...["-device", `virtserialport,chardev=port${index},nr=${index + 1}`],
  ]);
  // With -no-reboot, a kernel that stumbles, or has a task stuck for two minutes, ends the machine at once.
  const ends = "oops=panic hung_task_panic=1 panic=-1";
  // Debian's kernels have x32 system calls, and take them when they are told to; the conformance suite makes them.
  const own = options.root === "/" ? "" : " devlift.host systemd.show_status=no";
  const onDisk = options.disk === undefined ? "" : " devlift.disk";
  const kernelArguments = `console=ttyS0 loglevel=5 ${ends} mitigations=off syscall.x32=y${own}${onDisk}`;
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot"],
    ...accel,
    ...["-smp", "2", "-m", String(options.memoryMib)],
    ...["-kernel", options.image.vmlinuz, "-initrd", options.initramfs, "-append", kernelArguments],
    ...["-chardev", `file,id=console,path=${options.consoleLog.replaceAll(",", ",,")},append=on`],
    ...["-serial", "chardev:console"],
    ...["-device", "virtio-serial"],
    ...ports,
    // What the guest has told it to write, this machine's kernel has: that QEMU ends is no loss of power.
    ...(options.disk === undefined
      ? []
      : ["-drive", `file=${options.disk.replaceAll(",", ",,")},format=raw,if=virtio,cache=unsafe`]),
    ...share("system", options.root, true),
    ...(own === "" ? [] : share("host", "/", true)),
    ...share("share", options.share, true),
    ...share("out", options.outDir, false),
  ];
}
