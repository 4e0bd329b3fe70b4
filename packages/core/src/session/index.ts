export type { Clock } from "./clock.ts";
export * from "./driver.ts";
export type { Parts } from "./session.ts";
