// Tells a module that was started as a program from one that a test imports. Node has import.meta.main from 24.2 on.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Whether this module is the program that was started. Call it as isMain(import.meta). */
export function isMain(module: ImportMeta): boolean {
  const program = process.argv[1];
  return program !== undefined && realpathSync(program) === fileURLToPath(module.url);
}
