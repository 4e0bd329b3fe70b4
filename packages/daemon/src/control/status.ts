// `status`: the daemons say how they are, once or again and again. It is a word of `devlift`, and of each daemon's own
// command, because who has installed one driver from npm has no `devlift`.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, styleText } from "node:util";
import { absolutePath, parsed, UsageError } from "@devlift/core";
import { askAll, type Whom } from "./ask.ts";
import { metricsText } from "./metrics.ts";
import { reportText } from "./text.ts";

/** What `status` was asked for. */
export interface StatusChoice extends Whom {
  readonly watch: boolean;
  readonly json: boolean;
  readonly metrics: boolean;
}

/** For parseArgs(): words of the commands that ask a daemon. */
export const STATUS_OPTIONS = {
  watch: { type: "boolean", short: "w", default: false },
  json: { type: "boolean", default: false },
  metrics: { type: "boolean", default: false },
  control: { type: "string" },
} as const;

const EVERY_MS = 1000;
const CLEAR = "\x1b[H\x1b[J";

/** @param args what follows the word "status" @returns undefined: --help was asked for @throws UsageError */
export function parseStatus(args: readonly string[], command: string): StatusChoice | undefined {
  const { values } = parsed(() =>
    parseArgs({
      args: [...args],
      options: { ...STATUS_OPTIONS, help: { type: "boolean", short: "h", default: false } },
    }),
  );
  return values.help ? undefined : { ...checkedStatus(values), command };
}

/** @throws UsageError for what cannot be asked for at once */
export function checkedStatus(values: Omit<StatusChoice, "command" | "control"> & { readonly control?: string }) {
  const { watch, json, metrics } = values;
  if (metrics && (watch || json)) throw new UsageError("--metrics is a text of its own, for once");
  return { watch, json, metrics, control: parseControl(values) };
}

/** @throws UsageError when the path is not whole */
export function parseControl({ control }: { readonly control?: string }): string | undefined {
  return control === undefined ? undefined : absolutePath("--control", control);
}

/**
 * Prints it: a text, with `json` a line for each daemon, with `metrics` Prometheus' text of all of them. With `watch` again
 * each second, until the reader has enough.
 * @throws ControlError when no daemon can be asked
 */
export async function showStatus(choice: StatusChoice): Promise<void> {
  const { watch, json, metrics } = choice;
  const isTerminal = process.stdout.isTTY === true;
  const title = (text: string) => (isTerminal && process.stdout.hasColors() ? styleText("bold", text) : text);
  do {
    const reports = await askAll(choice);
    const text = metrics
      ? metricsText(reports)
      : reports
          .map((report) => (json ? `${JSON.stringify(report)}\n` : reportText(report, { title, programOf })))
          .join(json ? "" : "\n");
    if (!(await print(`${watch && !json && isTerminal ? CLEAR : ""}${text}`))) return;
  } while (watch && (await sleep(EVERY_MS, true)));
}

/** @returns false when who reads it has gone */
export async function print(text: string): Promise<boolean> {
  return await new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)));
}

/** For a daemon that may not see its clients: who asks may. */
function programOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
