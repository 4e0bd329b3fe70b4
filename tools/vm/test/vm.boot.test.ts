// The virtual machine from outside, on the kernels that it offers: what a command says and how it ends comes through.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { progressOf } from "../../shared/progress.ts";
import { exitStatus } from "../cli.ts";
import { runInVm, type VmOptions } from "../vm.ts";

let outDir: string;
beforeAll(async () => {
  outDir = await mkdtemp(join(tmpdir(), "devlift-vm-test-"));
});
afterAll(async () => {
  await rm(outDir, { recursive: true, force: true });
});

class Collector extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void) {
    this.text += chunk.toString();
    done();
  }
}

async function boot(options: Pick<VmOptions, "command" | "kernel" | "root" | "timeLimit" | "signal" | "stdout">) {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const result = await runInVm({ stdout, stderr, outDir, progress: progressOf("vm"), ...options });
  return { ...result, stdout: stdout.text, stderr: stderr.text };
}

test("a command's output, exit status and files come through, and modules load", async () => {
  const script = `pwd; echo "to stderr" >&2; modprobe cuse; test -c /dev/cuse && id -u && uname -r
    date +%s >$DEVLIFT_VM_OUT/clock; cat /sys/class/net/lo/flags; echo more >/dev/stdout; exit 7`;
  const result = await boot({ command: [script] });
  const [cwd, uid, release, loopback, ...rest] = result.stdout.trim().split("\n");
  expect(result).toMatchObject({ outcome: "exited", status: 7, stderr: "to stderr\n", consoleTail: undefined });
  expect([cwd, uid, loopback, rest]).toEqual([process.cwd(), "0", "0x9", ["more"]]);
  expect(release).toMatch(/^6\.12\..*amd64$/);
  const clock = Number(await readFile(join(outDir, "clock"), "utf8"));
  expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(120);
});

test("a whole Debian 13 has systemd as PID 1, the checkout, and a Node of its own", async () => {
  const script = `readlink /proc/1/exe; systemctl is-system-running --wait; pwd; readlink -f "$(command -v node)"
    modprobe cuse; udevadm settle; test -c /dev/cuse; sleep 10000 & exit 7`;
  const result = await boot({ command: [script], root: "debian-13" });
  expect(result).toMatchObject({ outcome: "exited", status: 7, stderr: "", consoleTail: undefined });
  const told = ["/usr/lib/systemd/systemd", "running", process.cwd(), "/usr/bin/node"];
  expect(result.stdout.trim().split("\n")).toEqual(told);
});

test("a large output comes through whole, and what the command leaves running is ended", async () => {
  const result = await boot({ command: ["sh", "-c", "sleep 10000 & seq 1 300000; kill -9 $$"] });
  expect(result).toMatchObject({ outcome: "exited", status: 137, stderr: "" });
  expect(result.stdout).toBe(Array.from({ length: 300_000 }, (_, index) => `${index + 1}\n`).join(""));
});

test("words are handed over as they are", async () => {
  const result = await boot({ command: ["printf", "<%s>", "a b", "it's", "$HOME", ""] });
  expect(result).toMatchObject({ status: 0, stdout: "<a b><it's><$HOME><>" });
});

test("the time limit ends the machine, and its console says what the processes waited for", async () => {
  const result = await boot({ command: ["sleep", "10000"], timeLimit: 1 });
  expect(result).toMatchObject({ outcome: "timeout", status: 124 });
  expect(result.consoleTail).toMatch(/process \d+: sleep 10000 \r?\n {2}in the kernel: .*nanosleep/);
});

test("a kernel that complains spoils the best of endings, and what it said is shown", async () => {
  const said = ["<1>BUG: planted by a test", "<1>what follows"].map((line) => `echo '${line}' >/dev/kmsg`);
  const result = await boot({ command: [[...said, "exit 0"].join("; ")] });
  expect(result).toMatchObject({ outcome: "exited", status: 0 });
  expect(result.consoleTail).toMatch(/^.*BUG: planted by a test\n.*what follows/);
  expect(exitStatus(result)).toBe(123);
});

test("a kernel that panics is the machine's failure, and its console says why", async () => {
  const result = await boot({ command: ["echo c >/proc/sysrq-trigger"] });
  expect(result).toMatchObject({ outcome: "died", status: 125 });
  expect(result.consoleTail).toContain("Kernel panic - not syncing: sysrq triggered crash");
});

test("an abort ends the machine, and the next one can boot; on kernel 6.1 here", async () => {
  const aborter = new AbortController();
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => {
      aborter.abort();
      done();
    },
  });
  const command = ["uname -r; modprobe cuse && test -c /dev/cuse && echo ready; sleep 10000"];
  expect(await boot({ command, stdout, signal: aborter.signal })).toMatchObject({ outcome: "aborted", status: 130 });
  const result = await boot({ command: ["uname -r; modprobe cuse && test -c /dev/cuse"], kernel: "6.1" });
  expect(result.status).toBe(0);
  expect(result.stdout).toMatch(/^6\.1\./);
});
