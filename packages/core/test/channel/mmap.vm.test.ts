// Memory that a program maps on the fusd channel outlives the daemon; the next one finds it with what is in it.
// Kernels: 6.12, 6.1

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";

const PATH = "/dev/mmap-lasting";
/** Puts each line that it gets into its memory, at once, and says what is there. */
const PROGRAM = `
import mmap, os, sys
device = os.open("${PATH}", os.O_RDWR)
memory = mmap.mmap(device, 8192)
for line in sys.stdin:
    word = line.strip().encode()
    if word.startswith(b"/"):
        os.write(device, word[1:])
    else:
        memory[:len(word)] = word
    print(memory[:].rstrip(b"\\0").decode(), flush=True)`;

interface Lines {
  readonly child: ChildProcessWithoutNullStreams;
  next(): Promise<string>;
}

function start(command: string, ...args: readonly string[]): Lines {
  const child = spawn(command, args, { stdio: "pipe" });
  child.stderr.pipe(process.stderr);
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { child, next: async () => String((await lines.next()).value) };
}

const daemon = (size: number) =>
  start(process.execPath, "--import", "tsx", fileURLToPath(new URL("mmap-daemon.ts", import.meta.url)), String(size));

async function ended({ child }: Lines, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

beforeAll(() => {
  execFileSync("modprobe", ["fusd"]);
});

test("memory of a device", async () => {
  const first = daemon(5000);
  expect(await first.next()).toBe("8192 ");
  const program = start("python3", "-c", PROGRAM);
  const ask = (line: string) => {
    program.child.stdin.write(`${line}\n`);
    return program.next();
  };
  expect(await ask("/daemon")).toBe("daemon");
  await ended(first, "SIGKILL");
  // There is no daemon, and the memory is there to be read and written.
  expect(await ask("")).toBe("daemon");
  expect(await ask("orphan")).toBe("orphan");

  const second = daemon(5000);
  expect(await second.next()).toBe("8192 orphan");
  expect(await ask("/second")).toBe("second");
  await ended(second, "SIGKILL");
  expect(await daemon(8193).next()).toBe("an earlier daemon left less memory than the 12288 bytes that are asked for");

  const last = daemon(8192);
  expect(await last.next()).toBe("8192 second");
  await ended(last, "SIGTERM");
  expect(existsSync(PATH)).toBe(false);
  expect(await ask("nobody")).toBe("nobody");
});
