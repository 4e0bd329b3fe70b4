import { expect, test } from "vitest";
import { readTap } from "../tap.ts";

const point = (name: string, passed = true, diagnosis: string[] = []) => ({ name, passed, diagnosis });

test("points with what is said about them; a skip is no pass", () => {
  const text =
    "TAP version 13\n1..3\nok 1 opens\n# errno 5\nnot ok 2 - reads\nok 3 - maps # SKIP no mmap\n# Totals: 1\n";
  expect(readTap(text, 1)).toEqual({
    points: [point("opens"), point("reads", false, ["errno 5"]), point("maps", false, ["SKIP no mmap"])],
    complaints: [],
  });
});

test.each([
  ["ok 1 a\n", 0, "1 points, and the plan says nothing"],
  ["1..2\nok 1 a\n", 0, "1 points, and the plan says 2"],
  ["", 0, "0 points, and the plan says nothing"],
  ["1..1\nok 2 a\n", 0, "point 1 has number 2"],
  ["1..1\nok 1 a\n", 1, "it ended with 1"],
  ["1..1\nok 1 a\n", "SIGSEGV", "it ended with SIGSEGV"],
  ["1..1\nok 1 a\nBail out! no device\n", 0, "Bail out! no device"],
])("%j with %s is wrong as a whole", (text, ending, complaint) => {
  expect(readTap(text, ending).complaints).toEqual([complaint]);
});
