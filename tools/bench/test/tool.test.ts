import { expect, test, vi } from "vitest";
import { check, parseCommandLine } from "../cli.ts";
import { between, merged } from "../docs.ts";
import { figuresOf, JUDGE } from "../figures.ts";
import { callsOfTurn } from "../measure.ts";
import { plot } from "../plot.ts";
import { markdownTable, textTable } from "../table.ts";
import { row } from "./row.ts";

function said(act: () => number): { status: number; text: string } {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    return { status: act(), text: write.mock.calls.map(([text]) => String(text)).join("") };
  } finally {
    write.mockRestore();
  }
}

test("--check is green when every promise is kept", () => {
  expect(said(() => check([row({}), row({ peerName: "pipe", target: null, ratio: 2 })]))).toEqual({
    status: 0,
    text: "bench: 1 of 1 targets reached\n",
  });
});

test("--check is red when one is not, and names it with its figures", () => {
  const { status, text } = said(() => check([row({}), row({ op: "write", ratio: 1.07 })]));
  expect(status).toBe(1);
  expect(text).toContain("MISSED: fuse dense write 1 same CPU against libfuse: 1.07, at most 0.98");
  expect(text).not.toContain("dense read");
  expect(text).toContain("1 of 2 targets reached");
});

test("the command line: the virtual machine is for CUSE and fusd, and what is not known is refused", () => {
  expect(parseCommandLine([])).toMatchObject({ channel: "fuse", vm: false, check: false });
  expect(parseCommandLine(["--vm", "--check"])).toMatchObject({ channel: "cuse", vm: true, check: true });
  expect(parseCommandLine(["--channel", "fusd"])).toMatchObject({ channel: "fusd", vm: true });
  expect(parseCommandLine(["--channel", "fusd", "--emulated"])).toMatchObject({ channel: "fusd", vm: false });
  expect(() => parseCommandLine(["--channel", "fust"])).toThrow(/neither fuse nor cuse/);
  expect(() => parseCommandLine(["--vm", "--channel", "fuse"])).toThrow(/--vm is for/);
  expect(() => parseCommandLine(["--fast"])).toThrow(/Usage: npm run bench/);
  expect(() => parseCommandLine(["--only", "("])).toThrow(/regular expression/i);
});

test("every promised figure is measured against the judge, and none twice", () => {
  for (const channel of ["fuse", "cuse", "fusd"] as const) {
    const figures = figuresOf(channel);
    for (const figure of figures) if (figure.target !== null) expect(figure.peers).toContain(figure.judge ?? JUDGE);
    const names = figures.map(({ figure, op, size, placement }) => `${figure} ${op} ${size} ${placement}`);
    expect(new Set(names).size).toBe(names.length);
  }
  expect(figuresOf("cuse").flatMap(({ peers }) => peers)).not.toContain("fuse-native");
});

test("a turn holds the calls that fit its time, and no fewer than are needed for a median", () => {
  const sample = { p50: 0, p99: 0, each: 4000 };
  expect(callsOfTurn(sample, { op: "read", size: 1 }, 40)).toBe(10_000);
  expect(callsOfTurn({ ...sample, each: 1 }, { op: "read", size: 1 }, 40)).toBe(20_000);
  expect(callsOfTurn({ ...sample, each: 1e9 }, { op: "read", size: 1 }, 40)).toBe(24);
  // 64 clients share one turn; a wake-up is a call of all of them, and the rest before it takes time too.
  expect(callsOfTurn(sample, { op: "read", size: 1, clients: 64 }, 40)).toBe(156);
  expect(callsOfTurn({ ...sample, each: 10_000 }, { op: "wake", clients: 64, gap: 2000 }, 100)).toBe(38);
  // Rests count, and the warm-up, which has none, does not.
  expect(callsOfTurn({ p50: 100_000, p99: 0, each: 4000 }, { op: "read", gap: 300 }, 100)).toBe(250);
});

test("a newer row takes the place of the older one of its name, others stay", () => {
  const [read, write] = [row({}), row({ op: "write" })];
  const newer = row({ op: "write", ratio: 0.5 });
  expect(merged([read, write], [newer])).toEqual([read, newer]);
  expect(merged([read], [newer])).toEqual([read, newer]);
});

test("only what is between the marks of the page is written anew", () => {
  const page = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n";
  expect(between(page, "new")).toBe("before\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nafter\n");
  expect(() => between("no marks", "new")).toThrow(/performance.md/);
});

test("tables and plot show each row, and which promise is not kept", () => {
  const rows = [row({}), row({ op: "write", ratio: 1.5 }), row({ peerName: "pipe", target: null })];
  expect(textTable(rows).split("\n")).toHaveLength(4);
  expect(textTable(rows).match(/MISSED/g)).toHaveLength(1);
  expect(markdownTable(rows).split("\n")).toHaveLength(5);
  const picture = plot(rows);
  expect(picture.match(/fill="#c0392b"/g)).toHaveLength(1);
  expect(picture.match(/fill="#2e86c1"/g)).toHaveLength(1);
  expect(picture).toContain("fuse, dense, write, 1, same CPU");
});
