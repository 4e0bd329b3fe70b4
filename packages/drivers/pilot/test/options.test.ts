import { expect, test } from "vitest";
import { HELP, parseCommandLine } from "../src/options.ts";

test("without options: the best channel, this machine's USB, ENODEV when nothing is there", () => {
  expect(parseCommandLine([])).toEqual({
    run: {
      device: undefined,
      channel: "auto",
      source: { kind: "usb", address: { kind: "libusb" }, wait: false },
      permissions: {},
      logLevel: "info",
      logFormat: "text",
      watching: { trace: undefined, record: undefined },
    },
  });
});

test("every option", () => {
  const usb =
    "--device /dev/palm --channel cuse --usb usbip://desk:3241/1-1.4 --wait --mode 600 --owner root --group 20";
  expect(
    parseCommandLine([
      ...usb.split(" "),
      "--log-level=debug",
      "--log-format=json",
      "--trace",
      "--record=/tmp/pilot.rec",
    ]),
  ).toEqual({
    run: {
      device: "/dev/palm",
      channel: "cuse",
      source: { kind: "usb", address: { kind: "usbip", host: "desk", port: 3241, busid: "1-1.4" }, wait: true },
      permissions: { mode: 0o600, uid: 0, gid: 20 },
      logLevel: "debug",
      logFormat: "json",
      watching: { trace: "stderr", record: "/tmp/pilot.rec" },
    },
  });
  expect(parseCommandLine(["--serial", "/dev/ttyS0", "--channel", "pty"])).toMatchObject({
    run: { source: { kind: "serial", path: "/dev/ttyS0" }, channel: "pty" },
  });
  expect([parseCommandLine(["--version"]), parseCommandLine(["--help", "--mode", "no"])]).toEqual([
    { print: "version" },
    { print: "help" },
  ]);
});

test("the help names every option that there is", () => {
  const named = [...HELP.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, option]) => option);
  const all =
    "device channel usb serial wait mode owner group trace record control idle-exit log-level log-format version help";
  expect(named).toEqual(all.split(" "));
  for (const option of named) expect(() => parseCommandLine([`--${option}=`])).not.toThrow(/Unknown option/);
});

test.each([
  ["--devise /dev/pilot", "Unknown option '--devise'"],
  ["/dev/pilot", "Unexpected argument '/dev/pilot'"],
  ["--device", "argument missing"],
  ["--device pilot", "--device pilot: give the whole path"],
  ["--serial ttyS0", "--serial ttyS0: give the whole path"],
  ["--channel fuse", "--channel fuse: one of auto, fusd, cuse, pty"],
  ["--usb desk/1-1", '--usb: "desk/1-1" is no USB address'],
  ["--usb usbip://desk", "BUSID is missing"],
  ["--usb libusb --serial /dev/ttyS0", "exclude each other"],
  ["--serial /dev/ttyS0 --wait", "--wait is for USB"],
  ["--mode rw", "--mode rw: permissions are octal"],
  ["--mode 4755", "--mode 4755: permissions are octal"],
  ["--owner nobody-here", 'there is no user "nobody-here" in /etc/passwd'],
  ["--group nobody-here", 'there is no group "nobody-here" in /etc/group'],
  ["--log-level loud", "--log-level loud: one of debug, info, warn, error"],
  ["--log-format xml", "--log-format xml: one of text, json"],
])("a wrong command line is answered with what is wrong: %s", (line, sentence) => {
  expect(() => parseCommandLine(line.split(" "))).toThrow(
    expect.objectContaining({ name: "UsageError", message: expect.stringContaining(sentence) }),
  );
});
