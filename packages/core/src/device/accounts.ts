// Names of users and groups to numbers, from /etc/passwd and /etc/group (passwd(5), group(5)).
// Stateless. Node has no getpwnam(3); accounts of a directory service are given as numbers.

import { readFileSync } from "node:fs";
import { UsageError } from "../errors.ts";

/** (uid_t)-1 means "leave it as it is" to chown(2), so it is no account. */
const MAX_ID = 0xffff_fffe;

/**
 * @param file the name of the account is its first field, the number its third
 * @throws UsageError when there is no such account
 */
export function accountId(account: string, file: "/etc/passwd" | "/etc/group", text = read(file)): number {
  const what = file === "/etc/group" ? "group" : "user";
  if (/^\d+$/.test(account)) {
    const id = Number(account);
    if (id > MAX_ID) throw new UsageError(`${account} is no ${what}: the highest is ${MAX_ID}`);
    return id;
  }
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === account && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  throw new UsageError(`there is no ${what} "${account}" in ${file}; give its number if it is kept elsewhere`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`${file} cannot be read, so give numbers instead of names`, { cause });
  }
}
