// The link that stands where a pty's device file would be, and the claim on its path: an abstract socket, which the
// kernel takes back from a daemon however it dies. A PtyLink lives from claim() to remove().

import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { resolve } from "node:path";
import { UsageError } from "@devlift/core";

/** sizeof(sun_path) of struct sockaddr_un (unix(7)). */
const SUN_PATH = 108;

export class PtyLink {
  readonly path: string;
  readonly #claim: Server;
  #target: string | undefined;

  private constructor(path: string, claim: Server) {
    this.path = path;
    this.#claim = claim;
  }

  /**
   * Claims a path, and looks that nothing is lost when it becomes a link.
   * @throws UsageError when another daemon serves it, or it is something else than a dead daemon's link
   */
  static async claim(path: string): Promise<PtyLink> {
    const absolute = resolve(path);
    // Nobody has anything to say here: a connection that is kept would be a descriptor that anybody can take from us.
    const claim = createServer((connection) => connection.on("error", () => undefined).destroy());
    // The claim alone keeps no daemon alive.
    claim.unref();
    claim.listen(claimName(absolute));
    try {
      await once(claim, "listening");
    } catch (cause) {
      throw new UsageError(`${absolute} is served by another daemon`, { cause });
    }
    // An accept(2) that fails, for want of descriptors say, takes nothing from the claim.
    claim.on("error", () => undefined);
    const link = new PtyLink(absolute, claim);
    try {
      link.#check();
    } catch (error) {
      claim.close();
      throw error;
    }
    return link;
  }

  /**
   * Points to another pty, with no moment without a link.
   * @throws UsageError when there is no directory for it, or no permission
   */
  point(target: string): void {
    try {
      const found = this.#found();
      if (found === undefined) symlinkSync(target, this.path);
      else {
        if (this.#target !== undefined && found !== this.#target) throw new UsageError("somebody has replaced it");
        const next = `${this.path}.devlift-${process.pid}`;
        rmSync(next, { force: true });
        symlinkSync(target, next);
        renameSync(next, this.path);
      }
    } catch (cause) {
      throw new UsageError(`${this.path} cannot be made: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    this.#target = target;
  }

  /** Takes the link away, unless somebody has put something else there. Idempotent. */
  remove(): void {
    this.#claim.close();
    if (this.#target !== undefined && this.#found() === this.#target) unlinkSync(this.path);
    this.#target = undefined;
  }

  /** Where the path points; "" for something that is no link; undefined when nothing is there. */
  #found(): string | undefined {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    return found.isSymbolicLink() ? readlinkSync(this.path) : "";
  }

  /** The claim is ours, so a link into /dev/pts is that of a daemon that is dead. */
  #check(): void {
    const found = this.#found();
    if (found !== undefined && !/^\/dev\/pts\/\d+$/.test(found))
      throw new UsageError(`${this.path} exists and is no link to a pty: take it away, or name another path`);
  }
}

/**
 * The abstract name of the claim on a path. As long as sun_path: some versions of libuv pad shorter names with zeros to
 * that length, others bind them as they are (uv_pipe_bind2()), and all of them shall mean the same name.
 */
export function claimName(absolute: string): string {
  return `\0devlift/pty/${createHash("sha256").update(absolute).digest("hex")}`.padEnd(SUN_PATH, ".");
}
