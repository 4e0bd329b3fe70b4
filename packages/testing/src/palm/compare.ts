// What "bit for bit" means for a backup, an install and another backup. Compared: name, type, creator, version,
// attributes, the three dates, app info, sort info, and of every record its place, id, attributes, category and bytes,
// of every resource its place, type, id and bytes. Not compared, because no HotSync can carry them: the modification
// number and the seed for new record ids, where blocks lie in the file, bytes behind the name's NUL; and the flag
// "open", which says what the handheld did at that moment.

import { equalBytes } from "../hotsync-protocol/bytes.ts";
import { DB_ATTR } from "../hotsync-protocol/dlp-databases.ts";
import type { PalmDatabase } from "./database.ts";

const HEADER_FIELDS = ["name", "type", "creator", "version", "created", "modified", "backedUp"] as const;

/** One line a difference; none means equal. */
export function compareDatabases(a: PalmDatabase, b: PalmDatabase): string[] {
  const differences: string[] = [];
  const compare = (what: string, left: string | number, right: string | number): void => {
    if (left !== right) differences.push(`${what}: ${left} and ${right}`);
  };
  const compareBytes = (what: string, left: Uint8Array | undefined, right: Uint8Array | undefined): void => {
    if (left === undefined || right === undefined)
      compare(`${what}, length`, left?.length ?? "none", right?.length ?? "none");
    else if (!equalBytes(left, right)) differences.push(`${what}: ${hex(left)} and ${hex(right)}`);
  };
  for (const field of HEADER_FIELDS) compare(field, a[field], b[field]);
  compare("attributes", a.attributes & ~DB_ATTR.OPEN, b.attributes & ~DB_ATTR.OPEN);
  compareBytes("app info", a.appInfo, b.appInfo);
  compareBytes("sort info", a.sortInfo, b.sortInfo);
  compare("records", a.records.length, b.records.length);
  compare("resources", a.resources.length, b.resources.length);
  a.records.forEach((left, i) => {
    const right = b.records[i];
    if (!right) return;
    for (const field of ["id", "attributes", "category"] as const)
      compare(`record ${i}, ${field}`, left[field], right[field]);
    compareBytes(`record ${i}`, left.data, right.data);
  });
  a.resources.forEach((left, i) => {
    const right = b.resources[i];
    if (!right) return;
    for (const field of ["type", "id"] as const) compare(`resource ${i}, ${field}`, left[field], right[field]);
    compareBytes(`resource ${i}`, left.data, right.data);
  });
  return differences;
}

function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 32)).toString("hex");
  return `${bytes.length} bytes ${shown}${bytes.length > 32 ? "..." : ""}`;
}
