// The command line of runDaemon().

import { expect, test } from "vitest";
import { accountId } from "../../src/device/accounts.ts";
import { type DaemonCommand, parseDaemonCommand } from "../../src/device/run-options.ts";

function parse(line: string, devices = ["pipe"]): DaemonCommand {
  return parseDaemonCommand({ args: line === "" ? [] : line.split(" "), channels: ["cuse", "fuse"], devices });
}

test("no option, and every option", () => {
  const watching = { trace: undefined, record: undefined };
  const none = { channel: "auto", path: undefined, permissions: {}, logLevel: "info", watching };
  expect(parse("")).toEqual({ run: none });
  const all = "--channel fuse --path /tmp/x --mode 0640 --owner root --group 20 --log-level debug --trace --record r";
  expect(parse(all)).toEqual({
    run: {
      channel: "fuse",
      path: "/tmp/x",
      permissions: { mode: 0o640, uid: 0, gid: 20 },
      logLevel: "debug",
      watching: { trace: "stderr", record: "r" },
    },
  });
  expect(parse("--trace=t")).toEqual({ run: { ...none, watching: { ...watching, trace: { file: "t" } } } });
  expect(parse("--replay r --paced")).toEqual({ replay: "r", paced: true, logLevel: "info" });
  expect([parse("--version"), parse("-h --mode no")]).toEqual([{ print: "version" }, { print: "help" }]);
});

test.each<[string, string]>([
  ["--channel fuze", "--channel fuze: one of auto, cuse, fuse"],
  ["--loud", "Unknown option '--loud'"],
  ["something", "Unexpected argument 'something'"],
  ["--mode rw", "--mode rw: permissions are octal, 000 to 0777"],
  ["--mode 4755", "--mode 4755: permissions are octal, 000 to 0777"],
  ["--owner nobody-here", 'there is no user "nobody-here" in /etc/passwd; give its number if it is kept elsewhere'],
  ["--group nobody-here", 'there is no group "nobody-here" in /etc/group; give its number if it is kept elsewhere'],
  ["--path pipe", "--path pipe: give the whole path, beginning with /"],
  ["--log-level loud", "--log-level loud: one of debug, info, warn, error"],
  ["--record=", "--record= wants a file"],
  ["--trace=", "--trace= wants a file"],
  ["--paced", "--paced is for --replay"],
  ["--record a --replay b", "--replay serves nothing that --record could record"],
])("a wrong command line is answered with what is wrong: %s", (line, message) => {
  expect(() => parse(line)).toThrow(expect.objectContaining({ name: "UsageError", message }));
});

test("--path is for one device", () => {
  const message = "--path is for one device, and there are 2: a, b";
  expect(() => parse("--path /dev/x", ["a", "b"])).toThrow(expect.objectContaining({ name: "UsageError", message }));
});

test("accounts are found by name or taken as a number", () => {
  const group = "root:x:0:\ndialout:x:20:ann,bob\nbroken\nempty:x::\n";
  expect([accountId("dialout", "/etc/group", group), accountId("4000", "/etc/group", group)]).toEqual([20, 4000]);
  for (const name of ["dial", "broken", "empty", "", "4294967295"])
    expect(() => accountId(name, "/etc/group", group)).toThrow(expect.objectContaining({ name: "UsageError" }));
});
