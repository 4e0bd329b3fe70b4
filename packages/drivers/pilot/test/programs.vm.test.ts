// Programs that others wrote, on the port: they know a tty and nothing of us.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon } from "./daemon.ts";
import { ScriptedHandheld } from "./oracle/scripted-handheld.ts";
import { bundleProgram, runProgram } from "./program.ts";
import { Cradle, PILOT } from "./vm-bench.ts";

const handheld = new ScriptedHandheld();
let cradle: Cradle;
let daemon: Daemon;
let serialport: string;

beforeAll(async () => {
  serialport = await bundleProgram("serialport");
  cradle = await Cradle.open();
  await cradle.plug(handheld);
  daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb", "--wait"]);
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  await cradle.close();
});

/** Runs a program to its end. @returns what it printed; fails when its status is not 0 */
async function run(program: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  expect(status, `${program}: ${err}`).toBe(0);
  return out;
}

test("stty sets and shows the port", async () => {
  // A port keeps its settings while it is open: hold it, as a shell script does with exec 3<>/dev/pilot.
  const script = `exec 3<>${PILOT}; stty -F ${PILOT} 115200 cs7 parenb -cstopb icanon; stty -F ${PILOT} -a`;
  const shown = await run("sh", "-c", script);
  expect(shown).toContain("speed 115200 baud");
  expect(shown.split(/\s+/)).toEqual(expect.arrayContaining(["parenb", "cs7", "icanon", "-echo"]));
  expect(await run("sh", "-c", `exec 3<>${PILOT}; stty -F ${PILOT} raw -echo 9600; stty -F ${PILOT} speed`)).toBe(
    "9600\n",
  );
});

test("socat carries bytes both ways", async () => {
  const from = handheld.sent.length;
  const child = spawn("socat", ["-", `${PILOT},rawer,b57600`], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write("to the handheld");
  expect((await handheld.told(15, from)).toString()).toBe("to the handheld");
  const answer = once(child.stdout, "data");
  handheld.push(Buffer.from("to the host"));
  expect(String((await answer)[0])).toBe("to the host");
  child.stdin.end();
  expect((await once(child, "close"))[0]).toBe(0);
});

test("picocom talks, and ends by its own key", async () => {
  const from = handheld.sent.length;
  // script(1) is the terminal that picocom wants to sit at.
  const child = spawn("script", ["-qec", `picocom --baud 38400 --noreset ${PILOT}`, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  const sees = async (part: string) => {
    while (!shown.includes(part)) shown += String((await once(child.stdout, "data"))[0]);
  };
  await sees("Terminal ready");
  child.stdin.write("typed");
  expect((await handheld.told(5, from)).toString()).toBe("typed");
  handheld.push(Buffer.from("<shown>"));
  await sees("<shown>");
  child.stdin.write("\x01\x18");
  const [[status]] = await Promise.all([once(child, "close"), sees("Thanks for using picocom")]);
  expect(status).toBe(0);
});

test("npm serialport opens, sets, drains, flushes, reads and writes", async () => {
  const from = handheld.sent.length;
  const running = runProgram(serialport, PILOT);
  expect((await handheld.told(10, from)).toString()).toBe("serialport");
  handheld.push(Buffer.from("heard"));
  const { status, out, err } = await running;
  expect(status, err).toBe(0);
  expect(out.split("\n")).toEqual([
    "drained",
    "answer heard",
    "updated and flushed",
    expect.stringMatching(/^set: .*Inappropriate ioctl for device/),
    "closed",
    "",
  ]);
});
