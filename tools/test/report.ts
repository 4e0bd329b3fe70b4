// Reads the report of vitest's reporter `json` (vitest, packages/vitest/src/node/reporters/json.ts) into a TierResult.

import { stripVTControlCharacters } from "node:util";
import { ToolError } from "../shared/errors.ts";
import type { TierResult } from "./summary.ts";

const MOST_OF_REASON = 500;

/** The member `key` of a value that should be an object; undefined when it is not there. */
function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new ToolError(`the test report has no ${what}`);
  return value;
}

/** Why a test failed, on one line: where only the last lines of a run are to be had, they say it. */
function reason(test: unknown): string {
  const [message] = list(member(test, "failureMessages"), "failureMessages");
  const [words] = stripVTControlCharacters(String(message)).split(/\n\s+at /);
  return (words ?? "").replace(/\s+/g, " ").slice(0, MOST_OF_REASON);
}

/**
 * @param text the report
 * @param status vitest's exit status, which also tells of errors outside of any test
 * @throws ToolError when it is no such report
 */
export function readReport(text: string, status: number): TierResult {
  const failures: string[] = [];
  const skipped: string[] = [];
  let passed = 0;
  for (const file of list(member(parse(text), "testResults"), "testResults")) {
    const path = String(member(file, "name"));
    const tests = list(member(file, "assertionResults"), "assertionResults");
    const before = failures.length;
    for (const test of tests) {
      const name = `${path}: ${String(member(test, "fullName"))}`;
      const outcome = member(test, "status");
      if (outcome === "passed") passed++;
      else if (outcome === "failed") failures.push(`${name}: ${reason(test)}`);
      else skipped.push(name);
    }
    // A file that does not load, or whose hook fails, has no failed test of its own.
    if (member(file, "status") === "failed" && failures.length === before)
      failures.push(`${path}: ${String(member(file, "message")).split("\n")[0]}`);
    else if (tests.length === 0) failures.push(`${path}: has no tests`);
  }
  if (status !== 0 && failures.length === 0) failures.push(`vitest ended with status ${status} though no test failed`);
  return { passed, failures, skipped };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ToolError("the test report is not JSON", { cause });
  }
}
