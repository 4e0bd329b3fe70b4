// The trace lines of one side of a replay, what was recorded or what is answered now. As long as the replayed session.

import type { Clock } from "../session/clock.ts";
import type { AnyDriver } from "../session/driver.ts";
import { type TraceLine, Tracer } from "./tracer.ts";

/** The trace lines of one side, until they are taken. */
export class SideLines {
  readonly tracer: Tracer;
  readonly #lines = new Map<number, string>();

  constructor(device: string, driver: AnyDriver, clock: Clock) {
    const write = ({ key, kind, text }: TraceLine) => {
      if (kind !== "interrupt") this.#lines.set(key, text);
    };
    this.tracer = new Tracer({ device, commands: driver.commands ?? {}, clock, write });
  }

  take(key: number): string {
    const line = this.#lines.get(key) ?? "nothing";
    this.#lines.delete(key);
    return line;
  }
}
