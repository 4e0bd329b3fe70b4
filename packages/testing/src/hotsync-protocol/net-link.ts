// NET on a ByteStream. Lives from the first byte of a sync until close.

import type { ByteStream } from "./byte-stream.ts";
import { ProtocolError } from "./errors.ts";
import { Changes, type MessageLink, nextXid, type Role } from "./link.ts";
import { encodeNet, NET_MAX_DATA, NET_TYPE, NetDecoder, type NetPacket } from "./net.ts";

/** The handheld's first message carries it; the desktop's count begins behind it with 1 (seen in recorded syncs). */
const FIRST_XID = 0xff;

export class NetLink implements MessageLink {
  readonly #stream: ByteStream;
  readonly #role: Role;
  readonly #decoder = new NetDecoder();
  readonly #inbox: NetPacket[] = [];
  readonly #changes = new Changes();
  #xid = FIRST_XID;
  #failure: ProtocolError | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(stream: ByteStream, role: Role) {
    this.#stream = stream;
    this.#role = role;
    void this.#pump();
  }

  async send(message: Uint8Array): Promise<void> {
    this.#check();
    if (message.length > NET_MAX_DATA) {
      throw new ProtocolError("refused", `NET: a message of ${message.length} bytes is too long`);
    }
    if (this.#role === "desktop") this.#xid = nextXid(this.#xid);
    await this.#write({ type: NET_TYPE.DATA, xid: this.#xid, data: message });
    this.#check();
  }

  async receive(timeoutMs = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const packet = this.#inbox.shift();
      if (packet) {
        if (this.#role === "handheld") this.#xid = packet.xid;
        return packet.data;
      }
      this.#check();
      const left = until - Date.now();
      if ((left <= 0 || !(await this.#changes.wait(left))) && this.#inbox.length === 0) {
        throw new ProtocolError("timeout", `NET: nothing received in ${timeoutMs} ms`);
      }
    }
  }

  tickle(): Promise<void> {
    return this.#write({ type: NET_TYPE.TICKLE, xid: 0xff, data: new Uint8Array() });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#fail(new ProtocolError("closed", "NET: the link was closed"));
    await this.#stream.close();
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.#stream.read();
        if (!chunk) break;
        const packets = this.#decoder.push(chunk);
        // pilot-link pokes a silent port with an empty data packet; no message is empty, so it means nothing.
        this.#inbox.push(...packets.filter(({ type, data }) => type === NET_TYPE.DATA && data.length > 0));
        this.#changes.announce();
      }
      this.#fail(new ProtocolError("closed", "NET: the other end is gone"));
    } catch (cause) {
      if (cause instanceof ProtocolError) this.#fail(cause);
      else this.#fail(new ProtocolError("closed", "NET: reading failed", { cause }));
    }
  }

  #write(packet: NetPacket): Promise<void> {
    for (const part of encodeNet(packet)) {
      if (part.length === 0) continue;
      this.#writing = this.#writing
        .then(() => this.#stream.write(part))
        .catch((cause: unknown) => this.#fail(new ProtocolError("closed", "NET: writing failed", { cause })));
    }
    return this.#writing;
  }

  #fail(failure: ProtocolError): void {
    this.#failure ??= failure;
    this.#changes.announce();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}
