// One step of a sequence, and sequences as text: a line a step, so that a person can read and shorten them.

import { UsageError } from "../../packages/core/src/errors.ts";

export type Step =
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  | { readonly kind: "advance"; readonly ms: number }
  /** What the driver says of all its files; `drain` lets promises settle; `quiesce` ends everything and looks. */
  | { readonly kind: "readable" | "writable" | "urgent" | "hangup" | "drain" | "quiesce" | "close" };

export function stepsToText(steps: readonly Step[]): string {
  return steps.map((step) => `${lineOf(step)}\n`).join("");
}

function lineOf(step: Step): string {
  if (step.kind === "message") return `message ${Buffer.from(step.bytes).toString("hex")}`;
  return step.kind === "advance" ? `advance ${step.ms}` : step.kind;
}

/** @throws UsageError for a line that is no step; empty ones and comments (#) are none */
export function stepsFromText(text: string): Step[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map(stepOf);
}

function stepOf(line: string): Step {
  const [kind = "", argument = ""] = line.split(/\s+/);
  switch (kind) {
    case "message":
      if (/^([0-9a-f]{2})*$/i.test(argument)) return { kind, bytes: Uint8Array.from(Buffer.from(argument, "hex")) };
      break;
    case "advance":
      if (/^\d+$/.test(argument)) return { kind, ms: Number(argument) };
      break;
    case "readable":
    case "writable":
    case "urgent":
    case "hangup":
    case "drain":
    case "quiesce":
    case "close":
      return { kind };
  }
  throw new UsageError(`not a step of a sequence: ${line.slice(0, 60)}`);
}
