// The other end of the cable sends anything: neither end may crash, hang on what has come, or keep it all.

import { setImmediate } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { HotSyncClient } from "../src/hotsync/client.ts";
import { type ByteStream, memoryStreams } from "../src/hotsync-protocol/byte-stream.ts";
import { decodeDlpResponse, dlpArgs, encodeDlpRequest } from "../src/hotsync-protocol/dlp.ts";
import { ProtocolError } from "../src/hotsync-protocol/errors.ts";
import { answerGreeting, greetDesktop } from "../src/hotsync-protocol/handshake.ts";
import { NetLink } from "../src/hotsync-protocol/net-link.ts";
import { encodePadp, PADP_TYPE } from "../src/hotsync-protocol/padp.ts";
import { encodeSlp, SLP_TYPE } from "../src/hotsync-protocol/slp.ts";
import { fromImage, ImageError, toImage } from "../src/palm/database.ts";
import { Handheld } from "../src/palm/handheld.ts";
import { Random } from "../src/palm/random.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

/** Noise, with good framing around it as often as not, so that it gets through to the layers above. */
function hostileChunk(random: Random): Uint8Array {
  const data = random.bytes(random.below(60));
  if (random.oneIn(3)) return data;
  if (random.oneIn(3)) {
    const head = [1 + random.below(2), random.below(256), 0, 0, 0, random.oneIn(2) ? data.length : random.below(256)];
    return new Uint8Array(Buffer.concat([Uint8Array.from(head), data]));
  }
  const flags = random.below(256);
  const type = random.pick([PADP_TYPE.DATA, PADP_TYPE.ACK, PADP_TYPE.TICKLE, random.below(256)]);
  const padp = encodePadp({ type, flags, size: random.oneIn(2) ? data.length : random.below(0x10000), data });
  const xid = random.pick([0xff, 1, 2, random.below(256)]);
  return encodeSlp({ dest: 3, src: 3, type: random.oneIn(8) ? random.below(256) : SLP_TYPE.PADP, xid, data: padp });
}

/** Sends chunks and hangs up; what comes back is thrown away. */
async function attack(stream: ByteStream, random: Random): Promise<void> {
  const drained = (async () => {
    while (await stream.read());
  })();
  for (let chunks = random.below(30); chunks > 0; chunks--) {
    await stream.write(hostileChunk(random));
    await setImmediate();
  }
  await stream.close();
  await drained;
}

const outcome = async (run: Promise<unknown>): Promise<unknown> => run.catch((error: unknown) => error);
const seeds = Array.from({ length: 150 }, (_, i) => i + 1);

describe("noise", () => {
  it.each(["slp", "net"] as const)("at a handheld over %s ends in a ProtocolError", async (family) => {
    for (const seed of seeds) {
      const [handheldEnd, enemy] = memoryStreams();
      const sync = outcome(new Handheld({ databases: [] }).sync(handheldEnd, { family }));
      await attack(enemy, new Random(seed));
      expect(await sync).toBeInstanceOf(ProtocolError);
    }
  });

  it("at a desktop ends in a ProtocolError", async () => {
    for (const seed of seeds) {
      const [desktopEnd, enemy] = memoryStreams();
      const connecting = outcome(HotSyncClient.connect(desktopEnd).then((client) => client.readUserInfo()));
      await attack(enemy, new Random(seed));
      expect(await connecting).toBeInstanceOf(ProtocolError);
      await desktopEnd.close();
    }
  });

  it("without end is not kept for ever", async () => {
    const [desktopEnd, enemy] = memoryStreams();
    const connecting = outcome(HotSyncClient.connect(desktopEnd));
    for (let i = 0; i < 100; i++) await enemy.write(new Uint8Array(1000));
    expect(await connecting).toMatchObject({ name: "ProtocolError", kind: "malformed" });
  });
});

describe("commands that no desktop sends", () => {
  it("are all answered by the handheld, and the sync goes on", async () => {
    const [handheldEnd, desktopEnd] = memoryStreams();
    const handheld = new Handheld();
    const sync = handheld.sync(handheldEnd, { family: "net" });
    const link = new NetLink(desktopEnd, "desktop");
    await answerGreeting(link);
    const random = new Random(77);
    for (let i = 0; i < 5000; i++) {
      // Not EndOfSync, which would be the end of this.
      const func = random.pick([0x17, 0x18, 0x16, 0x10 + random.below(0x1f), 0x30 + random.below(0x50)]);
      const args = Array.from({ length: random.below(3) }, () => random.bytes(random.below(24)));
      const request = encodeDlpRequest({ func, args: dlpArgs(...args) });
      const cut = random.oneIn(8) ? request.subarray(0, 1 + random.below(request.length)) : request;
      await link.send(cut);
      expect(decodeDlpResponse(await link.receive(10_000)).func).toBe(func);
    }
    await link.send(encodeDlpRequest({ func: 0x2f, args: dlpArgs(Uint8Array.of(0, 0)) }));
    expect(await sync).toMatchObject({ endStatus: 0 });
    for (const { name } of handheld.state.ram) expect(handheld.image(name)).toBeInstanceOf(Uint8Array);
  });
});

describe("answers that no handheld sends", () => {
  it("end in an error of ours, whatever was asked", async () => {
    const uses: readonly [(c: HotSyncClient) => Promise<unknown>, ...((c: HotSyncClient) => Promise<unknown>)[]] = [
      (client) => client.readUserInfo(),
      (client) => client.readSysInfo(),
      (client) => client.readStorageInfo(),
      (client) => client.readTime(),
      (client) => client.listDatabases(),
      (client) => client.backup("MemoDB"),
    ];
    for (const seed of seeds) {
      const random = new Random(seed);
      const [handheldEnd, desktopEnd] = memoryStreams();
      const link = new NetLink(handheldEnd, "handheld");
      const [client] = await Promise.all([HotSyncClient.connect(desktopEnd), greetDesktop(link)]);
      const using = outcome(random.pick(uses)(client));
      for (let answers = 0; answers < 3; answers++) {
        const request = await Promise.race([link.receive(), using.then(() => undefined)]);
        if (!(request instanceof Uint8Array)) break;
        const head = [(request[0] ?? 0) | 0x80, random.below(3), 0, random.oneIn(4) ? 5 : 0, 0x20, random.below(64)];
        await link.send(new Uint8Array(Buffer.concat([Uint8Array.from(head), random.bytes(random.below(80))])));
      }
      await link.close();
      const result = await using;
      if (result instanceof Error) expect(["ProtocolError", "DlpError"]).toContain(result.name);
      await client.close();
    }
  });
});

describe("images that are none", () => {
  it("are refused when their offsets go backwards", () => {
    const image = Buffer.from(new Handheld().image("AddressDB") ?? []);
    const [first, second] = [78, 86];
    const offset = image.readUInt32BE(first);
    image.writeUInt32BE(image.readUInt32BE(second), first);
    image.writeUInt32BE(offset, second);
    expect(() => fromImage(image)).toThrow(/is not between/);
  });

  it("are refused, or read without reading past them", () => {
    const good = new Handheld().image("ToDoDB") ?? new Uint8Array();
    const random = new Random(5);
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const bad = random.oneIn(4) ? random.bytes(random.below(200)) : good.slice(0, 100 + random.below(good.length));
      for (let changes = random.below(4); changes > 0; changes--) bad[random.below(120)] = random.below(256);
      try {
        const database = fromImage(bad);
        const held = [...database.records, ...database.resources].reduce((sum, { data }) => sum + data.length, 0);
        expect(held).toBeLessThanOrEqual(bad.length);
        expect(fromImage(toImage(database)).records).toEqual(database.records);
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
