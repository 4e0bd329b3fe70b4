// What the command line does, on a client in memory and a directory on disk; and what opening a port says.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HotSyncClient } from "../src/hotsync/client.ts";
import { COMMANDS, fileName } from "../src/hotsync/commands.ts";
import { openSerialPort, PortError } from "../src/hotsync/serial-port.ts";
import { memoryStreams } from "../src/hotsync-protocol/byte-stream.ts";
import { DB_ATTR } from "../src/hotsync-protocol/dlp-databases.ts";
import { compareDatabases } from "../src/palm/compare.ts";
import { emptyDatabase, fromImage } from "../src/palm/database.ts";
import { Handheld } from "../src/palm/handheld.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hotsync-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function run(handheld: Handheld, command: string, operands: readonly string[] = []): Promise<readonly string[]> {
  const [handheldEnd, desktopEnd] = memoryStreams();
  const sync = handheld.sync(handheldEnd, { family: "net" });
  const client = await HotSyncClient.connect(desktopEnd);
  const outcome = await COMMANDS[command]?.run(client, operands);
  await client.endOfSync();
  await sync;
  return outcome?.lines ?? [];
}

describe("commands", () => {
  it("list and info say what is there", async () => {
    const handheld = new Handheld({ userName: "Ed", databases: [emptyDatabase({ name: "one", creator: "test" })] });
    expect(await run(handheld, "list")).toEqual(["DATA  test  one"]);
    expect((await run(handheld, "info")).join("\n")).toMatch(/user {6}Ed, id 4660\nPalm OS {3}4\.1, over net\n/);
  });

  it("backup writes a file a database, and install brings them to another handheld", async () => {
    const [from, to] = [new Handheld(), new Handheld({ databases: [] })];
    await run(from, "backup", [join(directory, "new")]);
    const files = (await readdir(join(directory, "new"))).sort();
    expect(files).toEqual(["AddressDB.pdb", "DatebookDB.pdb", "Devlift Hello.prc", "MemoDB.pdb", "ToDoDB.pdb"]);
    const paths = files.map((file) => join(directory, "new", file));
    expect(await run(to, "install", paths)).toHaveLength(files.length);
    for (const [i, path] of paths.entries()) {
      const installed = to.state.ram[i];
      expect(installed && compareDatabases(installed, fromImage(await readFile(path)))).toEqual([]);
    }
  });

  it("a name that no file can have is written so that it can be read back", () => {
    expect(fileName({ name: "a/b=c", attributes: DB_ATTR.RESOURCE })).toBe("a=2Fb=3Dc.prc");
    expect(fileName({ name: "../x", attributes: 0 })).toBe("..=2Fx.pdb");
  });
});

describe("opening a port", () => {
  it("says what to do when there is none, or none of this kind", async () => {
    const missing = openSerialPort(join(directory, "none"));
    await expect(missing).rejects.toThrow(/there is no such port/);
    await expect(openSerialPort(directory)).rejects.toBeInstanceOf(PortError);
  });
});
