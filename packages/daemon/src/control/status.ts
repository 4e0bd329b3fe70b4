// `NAME status`: the daemons of a command say how they are, once or again and again.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { absolutePath, parsed } from "@devlift/core";
import { askAll } from "./ask.ts";
import { reportText } from "./report.ts";

/** What `status` was asked for. */
export interface StatusChoice {
  readonly watch: boolean;
  readonly json: boolean;
  /** A daemon's socket; undefined: of all daemons that can be found. */
  readonly control: string | undefined;
}

/** The option of a daemon that can be asked, for parseArgs(). */
export const CONTROL_OPTIONS = { control: { type: "string" } } as const;

const EVERY_MS = 1000;
const CLEAR = "\x1b[H\x1b[J";

/** @param args what follows the word "status" @returns undefined: --help was asked for @throws UsageError */
export function parseStatus(args: readonly string[]): StatusChoice | undefined {
  const { values } = parsed(() =>
    parseArgs({
      args: [...args],
      options: {
        watch: { type: "boolean", short: "w", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        ...CONTROL_OPTIONS,
      },
    }),
  );
  const { watch, json, help } = values;
  return help ? undefined : { watch, json, control: parseControl(values) };
}

/** @throws UsageError when the path is not whole */
export function parseControl({ control }: { readonly control?: string }): string | undefined {
  return control === undefined ? undefined : absolutePath("--control", control);
}

/**
 * Prints it: a text, or with `json` a line for each daemon. With `watch` again each second, until the reader has enough.
 * @throws ControlError when no daemon can be asked
 */
export async function showStatus(name: string, { watch, json, control }: StatusChoice): Promise<void> {
  for (;;) {
    const reports = await askAll(name, "status", control);
    const text = reports.map((report) => (json ? `${JSON.stringify(report)}\n` : reportText(report))).join("\n");
    const { stdout } = process;
    const written = new Promise((resolve) =>
      stdout.write(`${watch && !json && stdout.isTTY ? CLEAR : ""}${text}`, resolve),
    );
    await written;
    if (!watch || stdout.destroyed || stdout.errored) return;
    await sleep(EVERY_MS);
  }
}
