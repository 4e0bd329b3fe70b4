// The matrix: each program on each device, inside the virtual machine. One device at a time is /dev/dsp; what is heard is
// recorded where that device's sound comes out.
// Lifetimes: the devices and the sound server for the whole run; a recorder for one cell.

import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { become, type Column } from "./devices.ts";
import { PLAYERS, RECORDERS, sounding } from "./players.ts";
import {
  failure,
  judgeBytes,
  judgeLength,
  judgeRecording,
  judgeSamples,
  judgeSides,
  type Line,
  type Verdict,
} from "./verdict.ts";

/** Seconds that a program may take; what is stuck is a failure. */
const LIMIT = 60;

export interface MatrixOptions {
  readonly columns: readonly Column[];
  /** With the files of prepareFiles(). */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly only: RegExp;
  readonly progress: (text: string) => void;
}

export async function fillMatrix({ columns, folder, environment, only, progress }: MatrixOptions): Promise<Line[]> {
  const lines: Line[] = [];
  const env = { ...environment, ALSA_CONFIG_PATH: `/usr/share/alsa/alsa.conf:${join(folder, "asound.conf")}` };
  const samples = readFileSync(join(folder, "s.raw"));
  const fill = async (kind: Line["kind"], program: string, one: (column: Column) => Promise<Verdict>) => {
    if (!only.test(`${kind} ${program}`)) return;
    const cells: Record<string, Verdict> = {};
    for (const column of columns) {
      become(column);
      const started = performance.now();
      cells[column.name] = await one(column).catch((error: unknown) => failure(String(error)));
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      progress(`${program} ${kind} on ${column.name}: ${cells[column.name]?.text} (${seconds} s)`);
    }
    lines.push({ kind, program, cells });
  };
  for (const { name, command, heard } of PLAYERS) {
    await fill("plays", name, async ({ sound }) => {
      const recorder = await sound.record();
      const ended = await run(command, folder, env);
      const recorded = await recorder.untilSilent();
      if (ended !== "") return failure(ended);
      if (typeof heard === "number") return judgeLength(sounding(recorded), heard);
      if (heard === "both") return judgeSides(recorded, samples);
      return judgeSamples(sounding(recorded), sounding(readFileSync(join(folder, heard))));
    });
  }
  for (const { name, command, bytes } of RECORDERS) {
    await fill("records", name, async ({ sound }) => {
      rmSync(join(folder, "a.raw"), { force: true });
      const player = sound.play(join(folder, "s.raw"));
      const ended = await run(command, folder, env);
      await player.stop();
      if (ended !== "") return failure(ended);
      const recorded = readFileSync(join(folder, "a.raw"));
      return bytes === undefined ? judgeRecording(sounding(recorded), samples) : judgeBytes(recorded, bytes);
    });
  }
  return lines;
}

/** @returns why it failed, or nothing */
async function run(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn("timeout", ["-k", "1", `${LIMIT}`, "sh", "-c", command], {
    cwd,
    env,
    stdio: "ignore",
  });
  const status = await new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? -1)));
  if (status === 0) return "";
  return status === 124 || status === 137 ? "does not end" : `status ${status}`;
}
