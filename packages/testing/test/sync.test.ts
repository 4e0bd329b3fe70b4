// Whole HotSyncs in memory: the desktop and the handheld, with both families, on good and bad lines.

import { describe, expect, it, vi } from "vitest";
import { HotSyncClient } from "../src/hotsync/client.ts";
import { type Line, memoryStreams } from "../src/hotsync-protocol/byte-stream.ts";
import { ByteWriter } from "../src/hotsync-protocol/bytes.ts";
import { DLP_ERROR, DLP_FUNC, dlpArgs } from "../src/hotsync-protocol/dlp.ts";
import {
  DB_ATTR,
  DB_MISC,
  decodeDbList,
  decodeRecordPart,
  RECORD_ATTR,
} from "../src/hotsync-protocol/dlp-databases.ts";
import { palmTime } from "../src/hotsync-protocol/dlp-structs.ts";
import type { Family } from "../src/hotsync-protocol/handshake.ts";
import { builtinDatabases } from "../src/palm/builtin.ts";
import { compareDatabases } from "../src/palm/compare.ts";
import { emptyDatabase, fromImage, type PalmDatabase, toImage } from "../src/palm/database.ts";
import { Handheld, type HandheldOptions, type SyncResult } from "../src/palm/handheld.ts";
import { OS_PROFILES } from "../src/palm/profiles.ts";
import { Random } from "../src/palm/random.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

interface Setup extends HandheldOptions {
  readonly family?: Family;
  readonly line?: Line;
}

interface Running {
  readonly client: HotSyncClient;
  readonly handheld: Handheld;
  readonly result: Promise<SyncResult>;
}

const QUICK = { ackTimeoutMs: 20, tries: 50 };

async function start({ family = "net", line, ...options }: Setup = {}): Promise<Running> {
  const handheld = new Handheld(options);
  const [handheldEnd, desktopEnd] = memoryStreams(line);
  const result = handheld.sync(handheldEnd, { family, loopbacks: 10, timing: QUICK });
  const client = await HotSyncClient.connect(desktopEnd, { timing: QUICK, timeoutMs: 30_000 });
  return { client, handheld, result };
}

async function finish({ client, result }: Running): Promise<void> {
  await client.endOfSync();
  expect(await result).toEqual({ endStatus: 0, resetWanted: false });
}

const FAMILIES = ["slp", "net"] as const;

describe.each(FAMILIES)("over %s", (family) => {
  it("tells what it is", async () => {
    const sync = await start({ family, profile: OS_PROFILES.palmOs3, userName: "Jeff" });
    expect(sync.client.family).toBe(family);
    expect(await sync.client.readUserInfo()).toMatchObject({ name: "Jeff", userId: 0x1234 });
    expect(await sync.client.readSysInfo()).toEqual(OS_PROFILES.palmOs3.sysInfo);
    const { ramSize, freeRam } = await sync.client.readStorageInfo();
    expect(ramSize).toBe(8 << 20);
    expect(freeRam).toBeLessThan(ramSize);
    await finish(sync);
  });

  it("changes user, clock and log", async () => {
    const sync = await start({ family });
    const now = palmTime(new Date("2001-02-03T04:05:06Z"));
    await sync.client.setTime(now);
    expect((await sync.client.readTime()) - now).toBeLessThan(60);
    await sync.client.writeUserInfo({ name: "Donna", userId: 7, lastSyncPc: 0xcafe, lastSync: now });
    await sync.client.addLogEntry("all is well");
    await finish(sync);
    expect(sync.handheld.state.user).toMatchObject({ name: "Donna", userId: 7, lastSyncPc: 0xcafe, lastSync: now });
    expect(sync.handheld.state.log).toBe("all is well");
  });

  it("backs up, deletes, installs and backs up again, bit for bit", async () => {
    const sync = await start({ family });
    const { client, handheld } = sync;
    const before = await client.listDatabases();
    expect(before.map(({ name }) => name)).toEqual(builtinDatabases().map(({ name }) => name));
    for (const { name, miscFlags } of before) {
      expect(miscFlags).toBe(DB_MISC.RAM_BASED);
      const original = handheld.state.ram.find((database) => database.name === name);
      const first = await client.backup(name);
      expect(original && compareDatabases(original, fromImage(first))).toEqual([]);
      await client.deleteDatabase(name);
      await expect(client.backup(name)).rejects.toMatchObject({ code: DLP_ERROR.NotFound });
      await client.install(first);
      expect(compareDatabases(fromImage(await client.backup(name)), fromImage(first))).toEqual([]);
    }
    await finish(sync);
  });

  it("ends with a clear error when the other end goes away", async () => {
    const sync = await start({ family });
    await sync.client.close();
    await expect(sync.result).rejects.toMatchObject({ name: "ProtocolError", kind: "closed" });
    await expect(sync.client.readUserInfo()).rejects.toMatchObject({ kind: "closed" });
  });
});

describe("a serial line", () => {
  it("that loses and changes packets costs nothing but time", async () => {
    const random = new Random(3);
    const line: Line = (chunk) => {
      if (random.oneIn(6)) return [];
      const copy = chunk.slice();
      if (random.oneIn(6)) copy[random.below(copy.length)] = random.below(256);
      return [copy.subarray(0, 5), copy.subarray(5)];
    };
    const sync = await start({ family: "slp", line });
    const name = "MemoDB";
    const image = await sync.client.backup(name);
    await sync.client.install(image);
    expect(compareDatabases(fromImage(await sync.client.backup(name)), fromImage(image))).toEqual([]);
    // The answer to the last word may be among what is lost, so the end of this sync is not looked at.
    await sync.client.close();
    await sync.result.catch(() => undefined);
  });

  it("changes to the speed that both can", async () => {
    const handheld = new Handheld();
    const [handheldEnd, desktopEnd] = memoryStreams();
    const speeds: [string, number][] = [];
    const note = (who: string) => (baud: number) => Promise.resolve(void speeds.push([who, baud]));
    const result = handheld.sync({ ...handheldEnd, setBaudRate: note("handheld") }, { family: "slp", maxBaud: 57600 });
    const client = await HotSyncClient.connect({ ...desktopEnd, setBaudRate: note("desktop") }, { maxBaud: 38400 });
    await client.readUserInfo();
    expect(speeds.sort()).toEqual([
      ["desktop", 38400],
      ["handheld", 38400],
    ]);
    await client.endOfSync();
    await result;
  });
});

describe("databases", () => {
  it("keep odd names, types, attributes, deleted records and empty ones", async () => {
    const odd = emptyDatabase({
      name: "Größe 100% = / \\ €".replace("€", "\x80").slice(0, 31),
      type: "a\0\xff ",
      creator: "\0\0\0\0",
      attributes: DB_ATTR.NEWER | DB_ATTR.RESET | 0x0f40,
      version: 0xffff,
      created: 1,
      modified: 0xffffffff,
      backedUp: palmTime(new Date("1999-12-31T23:59:59Z")),
      records: [
        { id: 0xffffff, attributes: RECORD_ATTR.DELETED | RECORD_ATTR.ARCHIVED, category: 0, data: new Uint8Array() },
        { id: 1, attributes: RECORD_ATTR.SECRET | RECORD_ATTR.DIRTY, category: 15, data: new Random(1).bytes(65000) },
      ],
    });
    const sync = await start({ databases: [] });
    await sync.client.install(toImage(odd));
    expect(compareDatabases(fromImage(await sync.client.backup(odd.name)), odd)).toEqual([]);
    await finish(sync);
  });

  it("of 64 KiB records come in parts, and a list is longer than one answer", async () => {
    const many = Array.from({ length: 45 }, (_, i) => emptyDatabase({ name: `db ${i}` }));
    const big = emptyDatabase({
      name: "big",
      attributes: DB_ATTR.RESOURCE,
      resources: [{ type: "data", id: 1, data: new Random(2).bytes(0xffff) }],
    });
    const sync = await start({ databases: [...many, big] });
    const list = await sync.client.listDatabases();
    expect(list.map(({ name, index }) => [name, index])).toEqual([...many, big].map(({ name }, i) => [name, i]));
    expect(compareDatabases(fromImage(await sync.client.backup("big")), big)).toEqual([]);
    const [answer] = await sync.client.execute(DLP_FUNC.ReadDBList, dlpArgs(Uint8Array.of(0xa0, 0, 0, 40)));
    expect(answer && decodeDbList(answer.data)).toMatchObject({ lastIndex: 45, more: false });
    const [first] = await sync.client.execute(DLP_FUNC.ReadDBList, dlpArgs(Uint8Array.of(0xa0, 0, 0, 0)));
    expect(first && decodeDbList(first.data)).toMatchObject({ lastIndex: 19, more: true });
    expect((await sync.client.listDatabases("rom")).map(({ name }) => name)).toEqual(["System"]);
    await finish(sync);
  });

  it("lose their dates on a handheld without SetDBInfo, and nothing else", async () => {
    const sync = await start({ profile: OS_PROFILES.palmOs2 });
    const image = await sync.client.backup("ToDoDB");
    await sync.client.install(image);
    const differences = compareDatabases(fromImage(image), fromImage(await sync.client.backup("ToDoDB")));
    expect(differences.map((line) => line.split(":")[0])).toEqual(["created", "modified"]);
    await finish(sync);
  });
});

/** The answer's error, or its first argument. */
async function ask(client: HotSyncClient, func: number, writer: ByteWriter): Promise<number | Uint8Array | undefined> {
  try {
    const [first] = await client.execute(func, dlpArgs(writer.finish()));
    return first?.data;
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "number") return error.code;
    throw error;
  }
}

describe("records and resources", () => {
  const w = (): ByteWriter => new ByteWriter();

  it("of the same id are replaced, new ones get an id, and what is gone is cleaned up", async () => {
    const sync = await start();
    const { client, handheld } = sync;
    const memos = handheld.state.ram.find(({ name }) => name === "MemoDB");
    const hello = handheld.state.ram.find(({ name }) => name === "Devlift Hello");
    await ask(client, DLP_FUNC.OpenDB, w().u8(0).u8(0xc0).cstring("MemoDB"));
    await ask(client, DLP_FUNC.OpenDB, w().u8(0).u8(0xc0).cstring("Devlift Hello"));
    const write = (id: number, attributes: number, text: string): Promise<unknown> =>
      ask(client, DLP_FUNC.WriteRecord, w().u8(1).u8(0x80).u32(id).u8(attributes).u8(3).cstring(text));
    expect(await write(0x6001, 0, "changed")).toEqual(w().u32(0x6001).finish());
    expect(await write(0, RECORD_ATTR.DELETED, "new")).toEqual(w().u32(0x6004).finish());
    expect(memos?.records.map(({ id }) => id)).toEqual([0x6001, 0x6002, 0x6003, 0x6004]);
    expect(memos?.records[0]).toMatchObject({ category: 3, data: w().cstring("changed").finish() });
    await ask(client, DLP_FUNC.CleanUpDatabase, w().u8(1));
    await ask(client, DLP_FUNC.ResetSyncFlags, w().u8(1));
    await ask(client, DLP_FUNC.MoveCategory, w().u8(1).u8(3).u8(4).u8(0));
    expect(memos?.records.map(({ id, attributes, category }) => [id, attributes, category])).toEqual([
      [0x6001, 0, 4],
      [0x6002, RECORD_ATTR.SECRET, 2],
      [0x6003, 0, 1],
    ]);
    await ask(client, DLP_FUNC.WriteResource, w().u8(2).u8(0).text("tver").u16(1).u16(4).cstring("2.0"));
    expect(hello?.resources.map(({ type, id }) => `${type} ${id}`)).toEqual([
      "code 0",
      "code 1",
      "tAIN 1000",
      "tver 1",
    ]);
    expect(hello?.resources[3]?.data).toEqual(w().cstring("2.0").finish());
    await ask(client, DLP_FUNC.DeleteRecord, w().u8(1).u8(0x40).u32(4));
    await ask(client, DLP_FUNC.DeleteResource, w().u8(2).u8(0x80).zeros(6));
    expect([memos?.records.length, hello?.resources.length]).toEqual([2, 0]);
    await finish(sync);
  });

  it("that were changed are read one after the other, each once", async () => {
    const sync = await start();
    await ask(sync.client, DLP_FUNC.OpenDB, w().u8(0).u8(0x90).cstring("MemoDB"));
    for (let times = 0; times < 2; times++) {
      const answer = await ask(sync.client, DLP_FUNC.ReadNextModifiedRec, w().u8(1));
      expect(answer instanceof Uint8Array && decodeRecordPart(answer)).toMatchObject({ id: 0x6002, index: 1 });
      expect(await ask(sync.client, DLP_FUNC.ReadNextModifiedRec, w().u8(1))).toBe(DLP_ERROR.NotFound);
      await ask(sync.client, DLP_FUNC.ResetRecordIndex, w().u8(1));
    }
    await finish(sync);
  });
});

describe("the handheld refuses", () => {
  const w = (): ByteWriter => new ByteWriter();
  it.each([
    ["an unknown command", 0x7a, w(), DLP_ERROR.IllegalReq],
    ["a handle that is not open", DLP_FUNC.ReadOpenDBInfo, w().u8(9), DLP_ERROR.NoneOpen],
    ["a short argument", DLP_FUNC.OpenDB, w().u8(0), DLP_ERROR.ArgSize],
    ["a database that is not there", DLP_FUNC.OpenDB, w().u8(0).u8(0x80).cstring("nope"), DLP_ERROR.NotFound],
    ["a second of one name", DLP_FUNC.CreateDB, w().text("memoDATA").zeros(6).cstring("MemoDB"), DLP_ERROR.Exists],
    ["a name of 32 characters", DLP_FUNC.CreateDB, w().zeros(14).cstring("n".repeat(32)), DLP_ERROR.Param],
    ["to write to ROM", DLP_FUNC.OpenDB, w().u8(0).u8(0xc0).cstring("System"), DLP_ERROR.ReadOnly],
    ["to delete from ROM", DLP_FUNC.DeleteDB, w().u8(0).u8(0).cstring("System"), DLP_ERROR.ReadOnly],
    ["a second card", DLP_FUNC.ReadStorageInfo, w().u8(1).u8(0), DLP_ERROR.NotFound],
  ])("%s", async (_, func, argument, code) => {
    const sync = await start();
    expect(await ask(sync.client, func, argument)).toBe(code);
    await finish(sync);
  });

  it("to write through a handle that is open for reading, and more than fits", async () => {
    const full: PalmDatabase = emptyDatabase({ name: "full" });
    const sync = await start({ databases: [full] });
    const { client, handheld } = sync;
    const write = (length: number): ByteWriter => w().u8(1).u8(0x80).u32(0).u8(0).u8(0).zeros(length);
    expect(await ask(client, DLP_FUNC.OpenDB, w().u8(0).u8(0x80).cstring("full"))).toEqual(Uint8Array.of(1));
    expect(await ask(client, DLP_FUNC.WriteRecord, write(1))).toBe(DLP_ERROR.ReadOnly);
    await client.execute(DLP_FUNC.CloseDB, dlpArgs(Uint8Array.of(0xff)));
    await ask(client, DLP_FUNC.OpenDB, w().u8(0).u8(0xc0).cstring("full"));
    full.appInfo = new Uint8Array(handheld.state.profile.storage.ramSize - 1000);
    expect(await ask(client, DLP_FUNC.WriteRecord, write(2000))).toBe(DLP_ERROR.Space);
    expect(await ask(client, DLP_FUNC.WriteRecord, write(10))).toEqual(Uint8Array.of(0, 0, 0, 1));
    await finish(sync);
  });

  it("to delete what is open, ids of 25 bits and the sixteenth category", async () => {
    const sync = await start();
    const { client } = sync;
    await ask(client, DLP_FUNC.OpenDB, w().u8(0).u8(0xc0).cstring("MemoDB"));
    expect(await ask(client, DLP_FUNC.DeleteDB, w().u8(0).u8(0).cstring("MemoDB"))).toBe(DLP_ERROR.Open);
    for (const wrong of [w().u8(1).u8(0x80).u32(0x1000000).u16(0), w().u8(1).u8(0x80).u32(0).u8(0).u8(16)]) {
      expect(await ask(client, DLP_FUNC.WriteRecord, wrong)).toBe(DLP_ERROR.Param);
    }
    await finish(sync);
  });

  it("the next conduit when its person cancels", async () => {
    const sync = await start();
    sync.handheld.state.cancelled = true;
    await expect(sync.client.backup("MemoDB")).rejects.toThrow("OpenConduit: the handheld says UserCan");
    await finish(sync);
  });
});
