// The desktop against a handheld that answers what a test says, and the links against peers that are out of step.

import { describe, expect, it, vi } from "vitest";
import { HotSyncClient } from "../src/hotsync/client.ts";
import { type ByteStream, memoryStreams } from "../src/hotsync-protocol/byte-stream.ts";
import { ByteWriter } from "../src/hotsync-protocol/bytes.ts";
import { CMP_TYPE, decodeCmp, encodeCmp } from "../src/hotsync-protocol/cmp.ts";
import {
  DLP_ERROR,
  DLP_FUNC,
  type DlpResponse,
  decodeDlpRequest,
  dlpArgs,
  encodeDlpResponse,
} from "../src/hotsync-protocol/dlp.ts";
import { encodeDbList, encodeRecordPart } from "../src/hotsync-protocol/dlp-databases.ts";
import { encodeSysInfo } from "../src/hotsync-protocol/dlp-structs.ts";
import { ProtocolError } from "../src/hotsync-protocol/errors.ts";
import { answerGreeting, answerWakeUp, greetDesktop, wakeUpDesktop } from "../src/hotsync-protocol/handshake.ts";
import { NET_HANDSHAKE } from "../src/hotsync-protocol/net.ts";
import { NetLink } from "../src/hotsync-protocol/net-link.ts";
import { PadpEngine } from "../src/hotsync-protocol/padp-engine.ts";
import { PadpLink } from "../src/hotsync-protocol/padp-link.ts";
import { Handheld } from "../src/palm/handheld.ts";
import { OS_PROFILES } from "../src/palm/profiles.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

type Answers = Readonly<Record<number, Partial<DlpResponse>>>;

const NO_ANSWER: Partial<DlpResponse> = { error: DLP_ERROR.NotFound };

/** A connected client, and every command that it sent. What has no answer gets NotFound. */
async function against(answers: Answers): Promise<{ client: HotSyncClient; asked: number[] }> {
  const [handheldEnd, desktopEnd] = memoryStreams();
  const link = new NetLink(handheldEnd, "handheld");
  const asked: number[] = [];
  const serve = async (): Promise<void> => {
    for (;;) {
      const { func } = decodeDlpRequest(await link.receive());
      asked.push(func);
      await link.send(encodeDlpResponse({ func, error: 0, args: [], ...(answers[func] ?? NO_ANSWER) }));
    }
  };
  const [client] = await Promise.all([HotSyncClient.connect(desktopEnd), greetDesktop(link)]);
  serve().catch(() => undefined);
  return { client, asked };
}

const SYS_INFO = { args: dlpArgs(...encodeSysInfo(OS_PROFILES.palmOs4.sysInfo)) };
const ENTRY = {
  ...{ miscFlags: 0, attributes: 0, type: "DATA", creator: "test", version: 0, modificationNumber: 0 },
  ...{ created: 0, modified: 0, backedUp: 0, index: 0, name: "x" },
};
const LIST = { args: dlpArgs(encodeDbList({ lastIndex: 0, more: true, entries: [ENTRY] })) };

describe("a handheld that answers wrongly", () => {
  it("with another command's answer", async () => {
    const { client } = await against({ [DLP_FUNC.ReadUserInfo]: { func: DLP_FUNC.OpenDB } });
    await expect(client.readUserInfo()).rejects.toThrow("ReadUserInfo was answered by OpenDB");
  });

  it("with an answer that lacks its argument", async () => {
    const { client } = await against({ [DLP_FUNC.ReadStorageInfo]: {} });
    await expect(client.readStorageInfo()).rejects.toMatchObject({ kind: "malformed" });
  });

  it("with the same list for ever", async () => {
    const { client, asked } = await against({ [DLP_FUNC.ReadSysInfo]: SYS_INFO, [DLP_FUNC.ReadDBList]: LIST });
    expect((await client.listDatabases()).map(({ name }) => name)).toEqual(["x", "x"]);
    expect(asked.filter((func) => func === DLP_FUNC.ReadDBList)).toHaveLength(2);
  });

  it("with a record that never gets whole", async () => {
    const part = encodeRecordPart({ id: 1, index: 0, size: 10, attributes: 0, category: 0, data: new Uint8Array() });
    const { client, asked } = await against({
      [DLP_FUNC.OpenDB]: { args: dlpArgs(Uint8Array.of(1)) },
      [DLP_FUNC.ReadOpenDBInfo]: { args: dlpArgs(Uint8Array.of(0, 1)) },
      [DLP_FUNC.ReadRecord]: { args: dlpArgs(part) },
    });
    await expect(client.backupListed(ENTRY)).rejects.toThrow("0 of 10 bytes, and no more came");
    expect(asked.filter((func) => func === DLP_FUNC.ReadRecord)).toHaveLength(2);
  });

  it("with silence, for as long as it may", async () => {
    const [handheldEnd, desktopEnd] = memoryStreams();
    const link = new NetLink(handheldEnd, "handheld");
    const options = { answerTimeoutMs: 30 };
    const [client] = await Promise.all([HotSyncClient.connect(desktopEnd, options), greetDesktop(link)]);
    await expect(client.readUserInfo()).rejects.toMatchObject({ kind: "timeout" });
    await expect(HotSyncClient.connect(memoryStreams()[0], { timeoutMs: 30 })).rejects.toThrow(
      /no HotSync within 30 ms/,
    );
  });
});

describe("an install that fails", () => {
  it("leaves no half database behind", async () => {
    const { client, asked } = await against({
      [DLP_FUNC.OpenConduit]: {},
      [DLP_FUNC.ReadSysInfo]: SYS_INFO,
      [DLP_FUNC.DeleteDB]: {},
      [DLP_FUNC.CreateDB]: { args: dlpArgs(Uint8Array.of(1)) },
      [DLP_FUNC.WriteAppBlock]: {},
      [DLP_FUNC.WriteRecord]: { error: DLP_ERROR.Space },
      [DLP_FUNC.CloseDB]: {},
    });
    const image = new Handheld().image("ToDoDB") ?? new Uint8Array();
    await expect(client.install(image)).rejects.toThrow("WriteRecord: the handheld says Space");
    const { DeleteDB, CreateDB, WriteAppBlock, WriteRecord, CloseDB } = DLP_FUNC;
    expect(asked.slice(-6)).toEqual([DeleteDB, CreateDB, WriteAppBlock, WriteRecord, CloseDB, DeleteDB]);
  });
});

describe("the hand-shakes", () => {
  it("of NET refuse a message of another length or kind", async () => {
    for (const wrong of [
      NET_HANDSHAKE.SETUP,
      NET_HANDSHAKE.HELLO_REPLY.subarray(1),
      NET_HANDSHAKE.HELLO_REPLY.subarray(0, 49),
    ]) {
      const [handheldEnd, desktopEnd] = memoryStreams();
      const desktop = new NetLink(desktopEnd, "desktop");
      const greeting = greetDesktop(new NetLink(handheldEnd, "handheld"));
      await desktop.receive();
      await desktop.send(wrong);
      await expect(greeting).rejects.toMatchObject({ kind: "malformed" });
    }
  });

  it("of NET take no notice of the empty packet that pilot-link pokes a silent port with", async () => {
    const [handheldEnd, desktopEnd] = memoryStreams();
    await desktopEnd.write(Uint8Array.of(1, 0, 0, 0, 0, 0));
    const [handheld, desktop] = [new NetLink(handheldEnd, "handheld"), new NetLink(desktopEnd, "desktop")];
    await Promise.all([greetDesktop(handheld), answerGreeting(desktop)]);
    await desktop.tickle();
    await desktop.send(Uint8Array.of(7));
    expect(await handheld.receive()).toEqual(Uint8Array.of(7));
  });

  it("of CMP end in an abort when the versions do not fit, and both ends say so", async () => {
    const [handheldEnd, desktopEnd] = memoryStreams();
    const [handheld, desktop] = [new PadpLink(handheldEnd, "handheld"), new PadpLink(desktopEnd, "desktop")];
    const answering = answerWakeUp(desktop, 115200);
    await handheld.send(encodeCmp({ type: CMP_TYPE.WAKEUP, flags: 0, version: 0x0200, baud: 9600 }));
    await expect(answering).rejects.toMatchObject({ kind: "refused" });
    expect(decodeCmp(await handheld.receive())).toMatchObject({ type: CMP_TYPE.ABORT });

    const [anotherEnd, abortingEnd] = memoryStreams();
    const aborting = new PadpLink(abortingEnd, "desktop");
    const waking = wakeUpDesktop(new PadpLink(anotherEnd, "handheld"), 9600);
    await aborting.receive();
    await aborting.send(encodeCmp({ type: CMP_TYPE.ABORT, flags: 0x80, version: 0x0101, baud: 0 }));
    await expect(waking).rejects.toBeInstanceOf(ProtocolError);
  });
});

/** A peer of which each step is the test's: sends one message and waits until all of it is acknowledged. */
async function sendWith(engine: PadpEngine, stream: ByteStream, data: Uint8Array, xid: number): Promise<void> {
  engine.send(data, xid, 0);
  for (;;) {
    for (const packet of engine.outbox.splice(0)) await stream.write(packet);
    if (!engine.sending) return;
    engine.feed((await stream.read()) ?? new Uint8Array(), 0);
  }
}

describe("PADP out of step", () => {
  it("an answer to an earlier request is not taken for the answer to this one", async () => {
    const [desktopEnd, handheldEnd] = memoryStreams();
    const link = new PadpLink(desktopEnd, "desktop");
    link.connected({ longHeaders: false });
    const handheld = new PadpEngine();
    const sending = link.send(new ByteWriter().u16(0x2e00).finish());
    handheld.feed((await handheldEnd.read()) ?? new Uint8Array(), 0);
    for (const packet of handheld.outbox.splice(0)) await handheldEnd.write(packet);
    await sending;
    expect(handheld.inbox).toMatchObject([{ xid: 1 }]);
    await sendWith(handheld, handheldEnd, Uint8Array.of(9), 0xfe);
    await sendWith(handheld, handheldEnd, Uint8Array.of(1), 1);
    expect(await link.receive()).toEqual(Uint8Array.of(1));
  });
});
