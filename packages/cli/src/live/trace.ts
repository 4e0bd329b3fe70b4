// `devlift trace`: each call of a program on a running daemon's device files, as it comes.

import { styleText } from "node:util";
import { clean, print, type TraceEvent, type Whom, watchTrace } from "@devlift/daemon";

/** Prints until who reads it has gone, or the daemon has ended. @throws ControlError when no daemon can be asked */
export async function trace(whom: Whom, json: boolean): Promise<void> {
  const colour = process.stdout.isTTY === true && process.stdout.hasColors();
  const end = new AbortController();
  const say = async (event: TraceEvent) => {
    if (!(await print(json ? `${JSON.stringify(event)}\n` : `${textOf(event, colour)}\n`))) end.abort();
  };
  await watchTrace(whom, say, end.signal);
}

function textOf({ line, dropped }: TraceEvent, colour: boolean): string {
  if (line === undefined) {
    const text = `... ${dropped ?? 0} lines left out: they came faster than they were read`;
    return colour ? styleText("yellow", text) : text;
  }
  const text = clean(line);
  return colour ? text.replace(/ = -1 E[A-Z0-9]+/, (error) => styleText("red", error)) : text;
}
