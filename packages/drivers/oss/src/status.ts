// What the daemon says of itself: a row for each side of each open file.

import type { Row, Status } from "@devlift/daemon";
import type { DspFile } from "./dsp-file.ts";
import type { Inventory } from "./system-ioctls.ts";

/** Of the open files: latencies in milliseconds, volumes left and right, 0 to 100, as the program set it. */
export function statusOf({ server }: Inventory, files: Iterable<DspFile>): Status {
  return { server, streams: [...files].flatMap(rowsOf) };
}

function rowsOf({ device, opener, playback, capture, settings }: DspFile): Row[] {
  const { format, rate, channels } = settings;
  const { program, uid } = opener;
  const common = { device, program: program.name, pid: program.pid, uid };
  const sound = { format: format.name, rate, channels };
  const ms = (bytes: number) => Math.round((bytes * 10_000) / (format.bytes * channels * rate)) / 10;
  const rows: Row[] = [];
  if (playback !== undefined) {
    const { state, delay, underruns, volume } = playback;
    const heard = { latencyMs: ms(delay), underruns, volume: [volume.left, volume.right] };
    rows.push({ ...common, direction: "play", state, ...sound, ...heard });
  }
  if (capture !== undefined) {
    const { state, available, overruns, volume } = capture;
    const waiting = { latencyMs: ms(available), overruns, volume: [volume.left, volume.right] };
    rows.push({ ...common, direction: "record", state, ...sound, ...waiting });
  }
  return rows;
}
