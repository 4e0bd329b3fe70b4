// One line a step, on standard error, so that a command's own output stays clean.

/** Prints one line of progress, `who: text`. */
export type Progress = (text: string) => void;

/** A Progress whose lines begin with the name of the tool. */
export function progressOf(who: string): Progress {
  return (text) => {
    process.stderr.write(`${who}: ${text}\n`);
  };
}
