import { DeviceError } from "@devlift/core";
import { expect, test } from "vitest";
import { createLog, type LogFormat } from "../src/logging.ts";

function lines(format: LogFormat, journal: boolean): string[] {
  const written: string[] = [];
  const log = createLog({ level: "info", format, journal, write: (line) => written.push(line) });
  log.debug({}, "nobody reads this");
  log.info({ usb: "1-4", refusedSince: 29 }, "port open");
  log.warn({ why: "a b" }, "odd\n<0>name\x1b[2J");
  return written;
}

test("text has time, level, message and fields, each record on one line", () => {
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warn) /);
  const text = lines("text", false);
  expect(text).toEqual([time, time]);
  expect(text[0]).toMatch(/ info {2}port open usb=1-4 refusedSince=29\n$/);
  expect(text[1]).toMatch(/ warn {2}odd <0>name \[2J why="a b"\n$/);
});

test("the journal gets priorities and keeps the time itself", () => {
  expect(lines("text", true)).toEqual(["<6>port open usb=1-4 refusedSince=29\n", '<4>odd <0>name [2J why="a b"\n']);
});

test("json has the fields as they are", () => {
  const [first] = lines("json", true);
  expect(JSON.parse(first ?? "")).toEqual({
    ...{ level: "info", time: expect.any(String), usb: "1-4", refusedSince: 29, msg: "port open" },
  });
});

test("an error that answers a client is its errno, any other says where it was thrown", () => {
  const written: string[] = [];
  const log = createLog({ level: "info", format: "text", journal: true, write: (line) => written.push(line) });
  log.info({ err: new DeviceError("ENODEV", "no handheld") }, "open refused");
  log.error({ err: new TypeError("a bug") }, "oh");
  expect(written).toEqual([
    "<6>open refused err=ENODEV\n",
    expect.stringMatching(/^<3>oh err="TypeError: a bug\\n.*logging\.test\.ts.*"\n$/),
  ]);
});
