// What the command line does, each command on a connected client; what it prints is returned as data, and as lines
// for a person.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isResourceDatabase } from "../palm/database.ts";
import type { HotSyncClient } from "./client.ts";
import { readOverview, versionText } from "./overview.ts";

export interface Outcome {
  readonly json: unknown;
  readonly lines: readonly string[];
}

export type Command = (client: HotSyncClient, operands: readonly string[]) => Promise<Outcome>;

const list: Command = async (client) => {
  const databases = await client.listDatabases();
  const lines = databases.map(({ name, type, creator }) => `${type}  ${creator}  ${name}`);
  return { json: { databases }, lines };
};

const info: Command = async (client) => {
  const [user, system, storage] = [
    await client.readUserInfo(),
    await client.readSysInfo(),
    await client.readStorageInfo(),
  ];
  const rom = system.romVersion;
  const lines = [
    `user      ${user.name || "(none)"}, id ${user.userId}`,
    `Palm OS   ${versionText(rom)}, over ${client.family}`,
    `memory    ${storage.freeRam} of ${storage.ramSize} bytes free`,
  ];
  const { password: _, ...shown } = user;
  return { json: { family: client.family, user: shown, romVersion: rom, dlp: system.dlp ?? null, storage }, lines };
};

const overview: Command = async (client) => {
  const found = await readOverview(client);
  const { user, memory } = found;
  const lines = [
    `user      ${user.name || "(none)"}, id ${user.userId}`,
    `Palm OS   ${found.palmOs}, over ${found.family}`,
    `memory    ${memory.free} of ${memory.size} bytes free`,
    ...found.databases.map(({ type, creator, name, records }) => `${type}  ${creator}  ${name}  ${records ?? "?"}`),
  ];
  return { json: found, lines };
};

/** A name may have characters that no file name has: those go as `=XX`, as pilot-link does it. */
export function fileName(database: { readonly name: string; readonly attributes: number }): string {
  const safe = database.name.replaceAll(
    /[/=\r\n\0]/g,
    (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return `${safe}.${isResourceDatabase(database) ? "prc" : "pdb"}`;
}

const backup: Command = async (client, [directory = "."]) => {
  await mkdir(directory, { recursive: true });
  await client.openConduit();
  const files: { file: string; bytes: number }[] = [];
  for (const database of await client.listDatabases()) {
    const image = await client.backupListed(database);
    const file = join(directory, fileName(database));
    await writeFile(file, image);
    files.push({ file, bytes: image.length });
  }
  return { json: { files }, lines: files.map(({ file, bytes }) => `${file}  ${bytes} bytes`) };
};

const install: Command = async (client, files) => {
  for (const file of files) await client.install(await readFile(file));
  return { json: { installed: files }, lines: files.map((file) => `installed ${basename(file)}`) };
};

export const COMMANDS: Readonly<Record<string, { readonly run: Command; readonly min: number; readonly max: number }>> =
  {
    list: { run: list, min: 0, max: 0 },
    info: { run: info, min: 0, max: 0 },
    overview: { run: overview, min: 0, max: 0 },
    backup: { run: backup, min: 1, max: 1 },
    install: { run: install, min: 1, max: Number.POSITIVE_INFINITY },
  };
