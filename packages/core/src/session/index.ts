export type { Clock } from "./clock.ts";
export { type Counts, LATENCY_BOUNDS } from "./counters.ts";
export * from "./driver.ts";
export type { Parts } from "./session.ts";
