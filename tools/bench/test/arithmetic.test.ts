import { expect, test } from "vitest";
import { inUnit, median, missed, nameOf, pairedRatio, rounded } from "../arithmetic.ts";
import { row as anyRow } from "./row.ts";

const row = anyRow();

test("the median is the middle value, of an even number the mean of the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 100])).toBe(3.5);
  expect(median([])).toBeNaN();
});

test("ratios are paired by round, so that a slow round of all is no ratio", () => {
  // The machine was ten times as slow in the second round, and in half of the third: medians of each would say 1.
  expect(pairedRatio([2, 20, 2], [4, 40, 40])).toBe(0.5);
  expect(pairedRatio([1, 2, 3], [2, 4])).toBe(0.5);
});

test("nanoseconds a call become microseconds, milliseconds, or MB/s of what a call carries", () => {
  expect(inUnit(3000, "us", 1)).toBe(3);
  expect(inUnit(3_000_000, "ms", 1)).toBe(3);
  expect(inUnit(10_000, "MB/s", 131072)).toBeCloseTo(13107.2);
  expect(rounded(13107.2)).toBe(13110);
});

test("a target is missed above it, not at it, and where nothing is promised nothing is missed", () => {
  expect(missed([row, { ...row, ratio: 0.98 }, { ...row, ratio: 5, target: null }])).toEqual([]);
  const late = { ...row, ratio: 0.981 };
  expect(missed([row, late])).toEqual([late]);
});

test("a ratio that is no number is missed", () => {
  expect(missed([{ ...row, ratio: Number.NaN }])).toHaveLength(1);
});

test("a row's name tells it from all others", () => {
  expect(nameOf(row)).toBe("fuse dense read 1 same CPU against libfuse");
  expect(nameOf({ ...row, placement: "", peerName: "limit" })).toBe("fuse dense read 1 against limit");
});
