// The desktop's side of a HotSync. A HotSyncClient is one sync: made by `connect` when the handheld has woken up,
// used for one command after the other, ended by `endOfSync` or `close`. Written to the protocol; the sources are
// named in hotsync-protocol/.
//
// backup and install are bit for bit in the sense of palm/compare.ts. Dates survive an install where the handheld
// has SetDBInfo (DLP 1.2); on older ones they are those of the install.

import type { ByteStream } from "../hotsync-protocol/byte-stream.ts";
import { ByteReader, ByteWriter, latin1Bytes } from "../hotsync-protocol/bytes.ts";
import {
  DLP_ERROR,
  DLP_FUNC,
  type DlpArg,
  decodeDlpResponse,
  dlpArgs,
  dlpErrorName,
  dlpFuncName,
  encodeDlpRequest,
} from "../hotsync-protocol/dlp.ts";
import { DB_LIST, type DbInfo, decodeDbList } from "../hotsync-protocol/dlp-databases.ts";
import {
  decodeStorageInfo,
  decodeSysInfo,
  decodeUserInfo,
  encodeUserInfoChange,
  type PalmTime,
  readTime,
  type StorageInfo,
  type SysInfo,
  type UserInfo,
  type UserInfoChange,
  writeTime,
} from "../hotsync-protocol/dlp-structs.ts";
import { DlpError, ProtocolError } from "../hotsync-protocol/errors.ts";
import { connectDesktop, type DesktopOptions, type Family } from "../hotsync-protocol/handshake.ts";
import type { MessageLink } from "../hotsync-protocol/link.ts";
import { fromImage, toImage } from "../palm/database.ts";
import { installDatabase, readDatabase } from "./transfer.ts";

export interface ClientOptions extends DesktopOptions {
  /** How long one answer may take. Default 30 s. */
  readonly answerTimeoutMs?: number;
}

const DEFAULT_ANSWER_MS = 30_000;
/** What we say that we speak in ReadSysInfo: DLP 1.4, as pilot-link does. */
const OUR_DLP_VERSION = 0x0001_0004;
const DLP_1_2 = 0x0001_0002;

/** Every method rejects with ProtocolError when the link is lost, and with DlpError when the handheld refuses. */
export class HotSyncClient {
  readonly family: Family;
  readonly #link: MessageLink;
  readonly #answerTimeoutMs: number;
  #sysInfo: SysInfo | undefined;

  private constructor(family: Family, link: MessageLink, answerTimeoutMs: number) {
    this.family = family;
    this.#link = link;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /** Waits for the handheld's first bytes, whichever family they are of, and shakes hands. */
  static async connect(stream: ByteStream, options: ClientOptions = {}): Promise<HotSyncClient> {
    const { family, link } = await connectDesktop(stream, options);
    return new HotSyncClient(family, link, options.answerTimeoutMs ?? DEFAULT_ANSWER_MS);
  }

  /** One command. Resolves with the answer's arguments; DlpError names the command and the code. */
  async execute(func: number, args: readonly DlpArg[] = []): Promise<readonly DlpArg[]> {
    await this.#link.send(encodeDlpRequest({ func, args }));
    const response = decodeDlpResponse(await this.#link.receive(this.#answerTimeoutMs));
    if (response.func !== func) {
      throw new ProtocolError("malformed", `${dlpFuncName(func)} was answered by ${dlpFuncName(response.func)}`);
    }
    if (response.error !== DLP_ERROR.None) {
      throw new DlpError(response.error, `${dlpFuncName(func)}: the handheld says ${dlpErrorName(response.error)}`);
    }
    return response.args;
  }

  /** One command with one argument and an answer of at least one, of which this is the first. */
  async ask(func: number, argument?: Uint8Array): Promise<Uint8Array> {
    const [first] = await this.execute(func, argument ? dlpArgs(argument) : []);
    if (!first) throw new ProtocolError("malformed", `${dlpFuncName(func)}: an answer without an argument`);
    return first.data;
  }

  async readUserInfo(): Promise<UserInfo> {
    return decodeUserInfo(await this.ask(DLP_FUNC.ReadUserInfo));
  }

  async writeUserInfo(change: UserInfoChange): Promise<void> {
    await this.execute(DLP_FUNC.WriteUserInfo, dlpArgs(encodeUserInfoChange(change)));
  }

  async readSysInfo(): Promise<SysInfo> {
    const request = dlpArgs(new ByteWriter().u32(OUR_DLP_VERSION).finish());
    const [first, second] = await this.execute(DLP_FUNC.ReadSysInfo, request);
    if (!first) throw new ProtocolError("malformed", "ReadSysInfo: an answer without an argument");
    this.#sysInfo = decodeSysInfo(first.data, second?.data);
    return this.#sysInfo;
  }

  async readStorageInfo(): Promise<StorageInfo> {
    return decodeStorageInfo(await this.ask(DLP_FUNC.ReadStorageInfo, Uint8Array.of(0, 0)));
  }

  async readTime(): Promise<PalmTime> {
    return readTime(new ByteReader(await this.ask(DLP_FUNC.GetSysDateTime), "GetSysDateTime"));
  }

  async setTime(time: PalmTime): Promise<void> {
    await this.execute(DLP_FUNC.SetSysDateTime, dlpArgs(writeTime(new ByteWriter(), time).finish()));
  }

  /** Databases in RAM, or those in ROM. */
  async listDatabases(where: "ram" | "rom" = "ram"): Promise<DbInfo[]> {
    const flags = (where === "ram" ? DB_LIST.RAM : DB_LIST.ROM) | ((await this.#hasDlp12()) ? DB_LIST.MULTIPLE : 0);
    const found: DbInfo[] = [];
    for (let start = 0; start <= 0xffff; ) {
      try {
        const request = new ByteWriter().u8(flags).u8(0).u16(start).finish();
        const { entries, lastIndex } = decodeDbList(await this.ask(DLP_FUNC.ReadDBList, request));
        found.push(...entries);
        // A handheld that does not get on would keep us here for ever.
        if (entries.length === 0 || lastIndex < start) break;
        start = lastIndex + 1;
      } catch (error) {
        if (error instanceof DlpError && error.code === DLP_ERROR.NotFound) break;
        throw error;
      }
    }
    return found;
  }

  /** A PDB or PRC image of the database. DlpError NotFound if there is none of that name. */
  async backup(name: string): Promise<Uint8Array> {
    await this.openConduit();
    const all = [...(await this.listDatabases("ram")), ...(await this.listDatabases("rom"))];
    const info = all.find((candidate) => candidate.name === name);
    if (!info) throw new DlpError(DLP_ERROR.NotFound, `there is no database ${JSON.stringify(name)} on the handheld`);
    return this.backupListed(info);
  }

  /** The same, of an entry of the list. */
  async backupListed(info: DbInfo): Promise<Uint8Array> {
    return toImage(await readDatabase(this, info));
  }

  /** In place of a database of the same name. Throws ImageError if `image` is no PDB or PRC. */
  async install(image: Uint8Array): Promise<void> {
    const database = fromImage(image);
    await this.openConduit();
    await installDatabase(this, database, { keepDates: await this.#hasDlp12() });
  }

  /** False if there was none. */
  async deleteDatabase(name: string): Promise<boolean> {
    try {
      await this.execute(DLP_FUNC.DeleteDB, dlpArgs(new ByteWriter().u8(0).u8(0).cstring(name).finish()));
      return true;
    } catch (error) {
      if (error instanceof DlpError && error.code === DLP_ERROR.NotFound) return false;
      throw error;
    }
  }

  /** DlpError UserCan when the person at the handheld cancelled the sync. */
  async openConduit(): Promise<void> {
    await this.execute(DLP_FUNC.OpenConduit);
  }

  /** A line for the log that the handheld shows after the sync. */
  async addLogEntry(text: string): Promise<void> {
    await this.execute(DLP_FUNC.AddSyncLogEntry, dlpArgs(latin1Bytes(`${text}\0`)));
  }

  /** Ends the sync and closes the port. `status` 0 is normal. */
  async endOfSync(status = 0): Promise<void> {
    await this.execute(DLP_FUNC.EndOfSync, dlpArgs(new ByteWriter().u16(status).finish()));
    await this.close();
  }

  /** Leaves without a word, as when the program fails. */
  async close(): Promise<void> {
    await this.#link.close();
  }

  async #hasDlp12(): Promise<boolean> {
    const { dlp } = this.#sysInfo ?? (await this.readSysInfo());
    return dlp !== undefined && dlp.version >= DLP_1_2;
  }
}
