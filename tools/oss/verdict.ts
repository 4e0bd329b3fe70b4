// What a cell of the matrix says. Pure.

/** From the best to the worst. */
export const GRADES = ["exact", "whole", "part", "other", "fails"] as const;

export interface Verdict {
  readonly grade: (typeof GRADES)[number];
  readonly text: string;
}

export interface Line {
  readonly kind: "plays" | "records";
  readonly program: string;
  /** By column. */
  readonly cells: Readonly<Record<string, Verdict>>;
}

const FRAME = 4;
/** So much of what is recorded has to be what was played, at least: bytes, a fifth of a second. */
const ENOUGH = 38_400;

export function failure(text: string): Verdict {
  return { grade: "fails", text: `fails: ${text}` };
}

/** @param heard, expected frames of 16-bit stereo without silence */
export function judgeSamples(heard: Buffer, expected: Buffer): Verdict {
  if (heard.equals(expected)) return { grade: "exact", text: "exact" };
  if (heard.length === 0) return { grade: "fails", text: "fails: silence" };
  const frames = (bytes: number) => `${(bytes / FRAME / 48).toFixed(0)} ms`;
  if (expected.includes(heard)) {
    const [lost, where] = [expected.length - heard.length, expected.indexOf(heard) === 0 ? "end" : "start"];
    return { grade: "part", text: `the ${where} is missing: ${frames(lost)}` };
  }
  const share = heard.length / expected.length;
  return { grade: "other", text: `not the same: ${(100 * share).toFixed(0)} % as long` };
}

/** @param heard frames without silence */
export function judgeLength(heard: Buffer, seconds: number): Verdict {
  const share = heard.length / FRAME / 48_000 / seconds;
  if (share === 0) return { grade: "fails", text: "fails: silence" };
  if (Math.abs(share - 1) < 0.03) return { grade: "whole", text: "whole" };
  return { grade: share < 1 ? "part" : "other", text: `${(100 * share).toFixed(0)} % of it` };
}

/** Two mixed: one is heard on the left alone, the other on the right. @param heard as it was recorded */
export function judgeSides(heard: Buffer, samples: Buffer): Verdict {
  const missing = ([0, 2] as const).filter((side) => !oneSide(heard, side).equals(oneSide(samples, side)));
  if (missing.length === 0) return { grade: "exact", text: "exact" };
  if (missing.length === 1) return { grade: "part", text: "one of the two" };
  return { grade: "other", text: "neither whole" };
}

function oneSide(samples: Buffer, side: 0 | 2): Buffer {
  const parts: Buffer[] = [];
  for (let at = side; at + 2 <= samples.length; at += FRAME)
    if (samples.readInt16LE(at) !== 0) parts.push(samples.subarray(at, at + 2));
  return Buffer.concat(parts);
}

/** @param recorded frames without silence @param played what was played, again and again */
export function judgeRecording(recorded: Buffer, played: Buffer): Verdict {
  if (recorded.length === 0) return { grade: "fails", text: "fails: silence" };
  const piece = recorded.subarray(-ENOUGH);
  if (piece.length === ENOUGH && Buffer.concat([played, played]).includes(piece))
    return { grade: "exact", text: "exact" };
  return { grade: "other", text: "not the same" };
}

/** @param recorded of noise, in a format that nobody asked for: no two stretches alike */
export function judgeBytes(recorded: Buffer, bytes: number): Verdict {
  if (recorded.every((byte) => byte === recorded[0])) return { grade: "fails", text: "fails: silence" };
  if (recorded.length === bytes) return { grade: "whole", text: "whole" };
  return { grade: "part", text: `${recorded.length} of ${bytes} bytes` };
}

/** The cells of ours that are worse than those of another. */
export function worse(lines: readonly Line[], ours: readonly string[]): string[] {
  return lines.flatMap(({ kind, program, cells }) => {
    const rank = (column: string) => GRADES.indexOf(cells[column]?.grade ?? "exact");
    const others = Object.keys(cells).filter((column) => !ours.includes(column));
    const best = Math.min(...others.map(rank));
    return ours
      .filter((column) => column in cells && rank(column) > best)
      .map((column) => `${program} ${kind} on ${column}`);
  });
}
