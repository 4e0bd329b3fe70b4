// What a cell says, and when ours is worse.

import { expect, test } from "vitest";
import { noise, sounding } from "../players.ts";
import { failure, judgeBytes, judgeLength, judgeRecording, judgeSamples, judgeSides, worse } from "../verdict.ts";

const samples = noise(24_000);
const silence = Buffer.alloc(4000);

test("what was heard is the same, less, or something else", () => {
  expect(judgeSamples(sounding(Buffer.concat([silence, samples, silence])), samples).text).toBe("exact");
  expect(judgeSamples(samples.subarray(0, -19_200), samples).text).toBe("the end is missing: 100 ms");
  expect(judgeSamples(samples.subarray(19_200), samples).text).toBe("the start is missing: 100 ms");
  expect(judgeSamples(Buffer.concat([samples, samples]), samples).text).toBe("not the same: 200 % as long");
  expect(judgeSamples(sounding(silence), samples).text).toBe("fails: silence");
  expect(judgeLength(samples, 0.5).grade).toBe("whole");
  expect(judgeLength(samples, 1).text).toBe("50 % of it");
});

test("two that are mixed are told apart by their sides", () => {
  const left = Buffer.from(samples);
  for (let at = 2; at < left.length; at += 4) left.writeInt16LE(0, at);
  expect(judgeSides(Buffer.concat([silence, samples]), samples).grade).toBe("exact");
  expect(judgeSides(left, samples).text).toBe("one of the two");
});

test("a recording is right when its end is a piece of what was played", () => {
  expect(judgeRecording(Buffer.concat([samples.subarray(40_000), samples.subarray(0, 20_000)]), samples).grade).toBe(
    "exact",
  );
  const gap = Buffer.concat([samples.subarray(0, 40_000), samples.subarray(44_000)]);
  expect(judgeRecording(gap.subarray(0, 60_000), samples).grade).toBe("other");
});

test("ours is worse when any other is better", () => {
  const [exact, fails] = [{ grade: "exact", text: "exact" }, failure("1")] as const;
  const line = (kernel: typeof exact | typeof fails, ours: typeof exact | typeof fails) =>
    ({ kind: "plays", program: "sox", cells: { kernel, osspd: fails, ours } }) as const;
  expect(worse([line(exact, exact), line(fails, fails), line(fails, exact)], ["ours"])).toEqual([]);
  expect(worse([line(exact, fails)], ["ours"])).toEqual(["sox plays on ours"]);
});

test("bytes of any format are right when they are as many, and not all the same", () => {
  expect(judgeBytes(samples.subarray(0, 8192), 8192).text).toBe("whole");
  expect(judgeBytes(samples.subarray(0, 4096), 8192).text).toBe("4096 of 8192 bytes");
  expect(judgeBytes(Buffer.alloc(8192, 0x80), 8192).text).toBe("fails: silence");
});
