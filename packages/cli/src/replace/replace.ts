// Puts a driver in the kernel's place, and the kernel's back.

import type { DriverDescription } from "@devlift/daemon";
import { forgetJournal, journalPath, readJournal, writeJournal } from "./journal.ts";
import {
  apply,
  describe,
  type Entry,
  holdOff,
  isPackaged,
  lookBefore,
  type Step,
  serviceOf,
  stepsOf,
  undo,
} from "./steps.ts";
import { CommandError, type System } from "./system.ts";
import { unitOf } from "./unit.ts";

/** What was asked for could not be done; the message says what, and what is true now. */
export class ChangeError extends Error {
  override readonly name = "ChangeError";
}

export interface Changing {
  readonly system: System;
  readonly driver: DriverDescription;
  /** A line for who watches. */
  say(line: string): void;
  /** Resolves when the device file is there and answers, or with false when it does not in time. */
  answers(): Promise<boolean>;
}

/** What replace() would do, a line a step. */
export function plan(system: System, driver: DriverDescription): readonly string[] {
  return [...stepsOf(system, driver).map(describe), `wait until ${driver.nodes[0]} answers`];
}

/**
 * Done again, it does what is missing. When a step fails, everything is put back as it was before the first one.
 * @throws ChangeError that says which step failed, and whether all was put back
 */
export async function replace(changing: Changing): Promise<void> {
  const { system, driver, say } = changing;
  if (!unitOf(system, serviceOf(driver)).found)
    throw new ChangeError(`${serviceOf(driver)} is not installed on this machine: nothing was changed`);
  const steps = stepsOf(system, driver);
  // All of it before the first change: unloading one module may unload another.
  const known = readJournal(system, driver.name) ?? [];
  const unknown = steps.filter((step) => !known.some((entry) => isSame(entry.step, step)));
  const entries = [...known, ...unknown.map((step) => ({ step, before: lookBefore(system, step) }))];
  writeJournal(system, driver.name, entries);
  try {
    for (const step of steps) {
      say(describe(step));
      apply(system, step);
    }
    say(`wait until ${driver.nodes[0]} answers`);
    if (!(await changing.answers())) throw new CommandError(`${driver.nodes[0]} does not answer`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    say(`failed: ${error.message}`);
    const left = putBack(changing, entries);
    throw new ChangeError(
      left === 0 ? `${error.message}; all was put back` : `${error.message}; ${unfinished(driver, left)}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Puts back what was there before, and holds a package off that would take the kernel's place again.
 * @throws ChangeError when the driver was not put in the kernel's place, or something could not be put back
 */
export function restore(changing: Omit<Changing, "answers">): void {
  const { system, driver, say } = changing;
  const entries = readJournal(system, driver.name);
  const packaged = isPackaged(system, driver);
  if (entries === undefined && !packaged)
    throw new ChangeError(`${driver.name} was not put in the kernel's place: there is no ${journalPath(driver.name)}`);
  const left = entries === undefined ? 0 : putBack(changing, entries);
  if (left > 0) throw new ChangeError(unfinished(driver, left));
  if (!packaged) return;
  try {
    holdOff(system, driver, say);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new ChangeError(`${error.message}; mend that, and run 'devlift restore ${driver.name}' again`, {
      cause: error,
    });
  }
}

/** The last step first. What cannot be put back hinders nothing else, and the journal stays. @returns how many could not */
function putBack({ system, driver, say }: Omit<Changing, "answers">, entries: readonly Entry[]): number {
  let left = 0;
  for (const entry of entries.toReversed()) {
    say(`undo: ${describe(entry.step)}`);
    try {
      undo(system, entry);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      say(`failed: ${error.message}`);
      left++;
    }
  }
  if (left === 0) forgetJournal(system, driver.name);
  return left;
}

function unfinished({ name }: DriverDescription, left: number): string {
  return `${left} of the steps could not be undone: mend what they say, and run 'devlift restore ${name}' again`;
}

/** A later version may write other content: what was there before it is the journal's. */
function isSame(one: Step, other: Step): boolean {
  if (one.kind === "file") return other.kind === "file" && one.path === other.path;
  return one.kind === other.kind && one.name === other.name;
}
