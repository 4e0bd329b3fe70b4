// The benchmark's arithmetic: rounds to rows, and rows to what is missed. Pure.

/** What one run of a client says, in nanoseconds. */
export interface Sample {
  readonly p50: number;
  readonly p99: number;
  /** The whole time divided by the calls. */
  readonly each: number;
}

/** One line of the table: ours against one peer. */
export interface Row {
  readonly figure: string;
  readonly channel: string;
  readonly op: string;
  /** Bytes of a call, or the clients where there are several. */
  readonly size: number;
  readonly placement: string;
  readonly unit: Unit;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Our cost divided by the peer's, so that less is better also where `unit` is a speed. */
  readonly ratio: number;
  /** What the ratio may be at most; null where nothing is promised. */
  readonly target: number | null;
  readonly oursP99: number | null;
  readonly peerP99: number | null;
}

export type Unit = "us" | "ms" | "MB/s" | "MB" | "calls";

/** The middle value, of an even number the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The median of the ratios of each round: what changes from round to round on a busy machine falls out. */
export function pairedRatio(ours: readonly number[], peer: readonly number[]): number {
  return median(ours.flatMap((value, round) => (round < peer.length ? [value / (peer[round] ?? Number.NaN)] : [])));
}

/** Nanoseconds a call as a number of `unit`. */
export function inUnit(nanoseconds: number, unit: Unit, bytes: number): number {
  if (unit === "MB/s") return (bytes * 1000) / nanoseconds;
  return nanoseconds / (unit === "ms" ? 1e6 : 1e3);
}

/** Four digits that count. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

export function missed(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ ratio, target }) => target !== null && !(ratio <= target));
}

/** A row's name, for people and for --only. */
export function nameOf({ figure, channel, op, size, placement, peerName }: Omit<Row, "ratio">): string {
  return [channel, figure, op, size, placement, `against ${peerName}`].filter((word) => word !== "").join(" ");
}
