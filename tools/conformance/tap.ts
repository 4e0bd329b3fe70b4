// Results as TAP 14 (https://testanything.org/tap-version-14-specification.html), a point a line as they come.

import type { Result } from "./suite.ts";

export function tapHeader(): string {
  return "TAP version 14\n";
}

export function tapPoint(number: number, { bits, name, outcome, text }: Result): string {
  const point = `${outcome === "failed" ? "not ok" : "ok"} ${number} - ${bits}/${name}`;
  if (outcome === "unsupported") return `${point} # SKIP ${text}\n`;
  if (outcome === "passed") return `${point}\n`;
  const lines = text.trimEnd().split("\n");
  return [point, "  ---", "  message: |", ...lines.map((line) => `    ${line}`), "  ...", ""].join("\n");
}

/** The plan may stand at the end. */
export function tapPlan(results: readonly Result[]): string {
  const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  const counts = `${count("passed")} passed, ${count("unsupported")} unsupported, ${count("failed")} failed`;
  return `1..${results.length}\n# ${counts}\n`;
}
