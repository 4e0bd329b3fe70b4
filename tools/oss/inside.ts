// What runs in the virtual machine: all devices at once, and over them the matrix, and with "bench" what they cost. Arguments:
// that, a pattern for the matrix's lines, the folder of osspd, the file for the results, our daemon, the player.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevices } from "./devices.ts";
import { fillMatrix } from "./matrix.ts";
import { type Figure, measure } from "./measure.ts";
import { noise, prepareFiles } from "./players.ts";

const [what, pattern = "", osspd = "", results = "", ours = "", player = ""] = process.argv.slice(2);

const devices = await startDevices({ osspd, ours });
const progress = (text: string) => process.stderr.write(`${text}\n`);
const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim();
const figures = what === "bench" ? await measureAll() : [];
writeFileSync(results, JSON.stringify({ kernel, lines: await matrix(), figures }));
await devices.stop();
process.exit(0);

async function matrix() {
  const folder = mkdtempSync(join(tmpdir(), "devlift-oss-matrix-"));
  prepareFiles(folder, noise());
  try {
    return await fillMatrix({ ...devices, folder, only: new RegExp(pattern), progress });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of the devices that are on the sound server. */
async function measureAll(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, dsp, pid } of devices.columns) {
    if (pid === undefined) continue;
    progress(`measuring ${name}`);
    const figure = { column: name, ...(await measure({ player, environment: devices.environment }, dsp, pid)) };
    progress(JSON.stringify(figure));
    figures.push(figure);
  }
  return figures;
}
