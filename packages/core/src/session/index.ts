export * from "./driver.ts";
export type { Clock } from "./engine.ts";
export type { Parts } from "./fuse-session.ts";
