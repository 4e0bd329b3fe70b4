// Command numbers and tables. That numbers are C's is compiler.test.ts's to show.

import { expect, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import {
  bytes,
  command,
  commandTable,
  describeIoctl,
  io,
  ior,
  iorOfAnySize,
  iow,
  iowr,
  long,
  struct,
  u32,
  u64,
} from "../../src/layout/index.ts";

test.each([
  [io("P", 0), "_IO('P', 0)"],
  [ior("P", 23, u32), "_IOR('P', 23, 4)"],
  [iow("T", 0x2b, bytes(44)), "_IOW('T', 43, 44)"],
  [iowr(0xff, 255, bytes(16383)), "_IOWR(0xff, 255, 16383)"],
  [command(0x5401), "_IO('T', 1)"],
  [command(0x0707), "_IO(0x07, 7)"],
  [command(0x0004_2701), "_IOC(0, 0x27, 1, 4)"],
])("%o as C writes it", (one, expected) => {
  expect(describeIoctl(one.number("lp64"))).toBe(expected);
});

const Time = struct({ sec: long, usec: long });

test("a table finds a command by the number of the caller's data model", () => {
  const commands = { GET_TIME: ior("p", 1, Time), RESET: io("p", 2) };
  const table = commandTable(commands);
  expect(table.lookup(0x8010_7001, "lp64")).toEqual({ name: "GET_TIME", command: commands.GET_TIME });
  expect(table.lookup(0x8008_7001, "ilp32")).toEqual({ name: "GET_TIME", command: commands.GET_TIME });
  expect(table.lookup(0x8010_7001, "ilp32")).toBeUndefined();
  expect(table.lookup(0x8010_7001 | 0, "lp64")?.name).toBe("GET_TIME");
  expect(table.lookup(0x7002, "x32")?.name).toBe("RESET");
});

test("two commands of one number are refused, also when only one data model has them so", () => {
  expect(() => commandTable({ A: io("p", 1), B: command(0x7001) })).toThrow(
    new UsageError("A and B are both _IO('p', 1) for lp64"),
  );
  expect(() => commandTable({ A: ior("p", 1, Time), B: ior("p", 1, u64) })).toThrow(
    new UsageError("A and B are both _IOR('p', 1, 8) for ilp32"),
  );
});

test("a command for every size is found by each of its numbers, and no other", () => {
  const table = commandTable({ ID: iorOfAnySize("P", 1), PAIR: ior("P", 1, u64) });
  const found = (number: number) => table.lookup(number, "lp64")?.name;
  const ofSize = (size: number) => (0x8000_5001 | (size << 16)) >>> 0;
  expect([0, 1, 1024, 16383].map((size) => found(ofSize(size)))).toEqual([undefined, "ID", "ID", "ID"]);
  expect(found(ofSize(8))).toBe("PAIR");
  expect([0x5001, 0x4400_5001, 0xc400_5001, 0x8400_5002].map(found)).toEqual(Array(4).fill(undefined));
  const of1024 = table.lookup(ofSize(1024), "ilp32");
  expect(of1024).toMatchObject({ command: { direction: "out", schema: { layout: { count: 1024 } } } });
  expect(table.lookup(ofSize(1024), "ilp32")).toBe(of1024);
});
