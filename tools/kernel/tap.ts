// Reads TAP as the kernel's selftests print it (Documentation/dev-tools/ktap.rst without its nesting): points, a plan,
// and lines of diagnosis, which belong to the point after them.

export interface TapPoint {
  readonly name: string;
  /** A skip is not a pass: what is skipped was not tested. */
  readonly passed: boolean;
  /** What was said about it, a line each. */
  readonly diagnosis: readonly string[];
}

export interface TapRun {
  readonly points: readonly TapPoint[];
  /** What is wrong with the run as a whole; empty when nothing is. */
  readonly complaints: readonly string[];
}

/**
 * @param text what the program printed
 * @param ending how it ended: its exit status, or the signal's name
 */
export function readTap(text: string, ending: number | string): TapRun {
  const points: TapPoint[] = [];
  const complaints: string[] = [];
  let planned: number | undefined;
  let diagnosis: string[] = [];
  for (const line of text.split("\n")) {
    const [, verdict, number, rest = ""] = /^(ok|not ok) (\d+)(?: -)? ?(.*)$/.exec(line) ?? [];
    const plan = /^1\.\.(\d+)/.exec(line);
    if (verdict !== undefined) {
      if (Number(number) !== points.length + 1) complaints.push(`point ${points.length + 1} has number ${number}`);
      const [name = "", directive] = rest.split(/ # (?=SKIP|TODO|XFAIL)/);
      if (directive !== undefined) diagnosis.push(directive);
      points.push({ name: name.trim(), passed: verdict === "ok" && directive === undefined, diagnosis });
      diagnosis = [];
    } else if (plan !== null) {
      planned = Number(plan[1]);
    } else if (line.startsWith("Bail out!")) {
      complaints.push(line);
    } else if (line.startsWith("#")) {
      diagnosis.push(line.slice(1).trim());
    }
  }
  if (planned !== points.length) complaints.push(`${points.length} points, and the plan says ${planned ?? "nothing"}`);
  const allPassed = points.every((point) => point.passed);
  // What is said after the last point is a sum of what was said before, or why there is no further one.
  if (planned !== points.length) complaints.push(...diagnosis);
  if (typeof ending === "string" || (ending !== 0 && allPassed)) complaints.push(`it ended with ${ending}`);
  return { points, complaints };
}
