/** Time for the engine, so that tests own it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs `fn` once after `ms` milliseconds. @returns a function that calls it off */
  after(ms: number, fn: () => void): () => void;
}
