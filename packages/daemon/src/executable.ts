// The beginning of a single executable: addons that are in it, and the daemon's main function.
// An addon has to be a file to be loaded. It is one in a folder of this process alone, and only while it is loaded.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRawAsset } from "node:sea";
import { runInThisContext } from "node:vm";
import { native, UsageError } from "@devlift/core";

/**
 * @param name of an asset, e.g. "usb.node"
 * @returns what the addon exports
 * @throws UsageError where no file can be made and loaded
 */
export function addon(name: string): unknown {
  const loaded = { exports: {} };
  let folder: string | undefined;
  try {
    // Nobody else may look into it, mkdtemp(3).
    folder = mkdtempSync(join(tmpdir(), "devlift-"));
    const file = join(folder, name);
    writeFileSync(file, Buffer.from(new Uint8Array(bytesOf(name))));
    chmodSync(file, 0o500);
    process.dlopen(loaded, file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(
      `${name} cannot be loaded from ${tmpdir()}: ${why}. TMPDIR names another folder, on a file system without noexec`,
      { cause },
    );
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
  return loaded.exports;
}

function bytesOf(name: string): ArrayBuffer {
  const bytes = getRawAsset(name);
  if (typeof bytes === "string") throw new UsageError(`${name} is text`);
  return bytes;
}

/** Runs the daemon, or what core starts a second Node for. */
export function start(main: (args: readonly string[]) => Promise<void>): void {
  native.provide(() => addon("devlift.node"));
  const [, , first, script] = process.argv;
  if (first === "-e" && script !== undefined) {
    // As `node -e SCRIPT ARGUMENT...`: this executable is all of Node that there is.
    process.argv.splice(1, 3);
    runInThisContext(`(require) => {${script}\n}`)(createRequire(process.execPath));
    return;
  }
  void main(process.argv.slice(2));
}
