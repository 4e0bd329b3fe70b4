// The socket by which a daemon tells how it is. A question is a line of JSON, {"ask": "status"}; so is each answer,
// {"answer": ...} or {"error": "a sentence"}. Questions of one connection are answered in order, one after the other.
// Only its user and root can connect, by the socket's mode: Node tells nothing of a peer (SO_PEERCRED). They, too, get a
// bounded number of connections, and none of them more memory than a question and its answer.
// Lifetimes: a ControlServer as long as its daemon; a connection until either end has enough, or is silent for a minute.

import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Logger } from "@devlift/core";
import { ControlError } from "../errors.ts";
import { linesOf } from "./lines.ts";
import { checkSocket, controlFolders, makeFolder, messageOf, socketName, socketsIn } from "./place.ts";
import type { Report, Status } from "./report.ts";

export interface ControlOptions {
  /** The daemon's command, e.g. "devlift-oss". */
  readonly name: string;
  /** Of the socket; undefined: the usual place, where a daemon that cannot have it goes on without. */
  readonly path: string | undefined;
  readonly version: string;
  /** What the daemon has to say of itself now. */
  readonly status: () => Status;
  readonly log: Logger;
}

const MOST_CONNECTIONS = 16;
/** Bytes of a question. */
const MOST_QUESTION = 4096;
const SILENCE_MS = 60_000;
const OWNER_ONLY = 0o600;

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #log: Logger;
  /** What can be asked, and what makes the answer. */
  readonly #answers: Readonly<Record<string, () => unknown>>;
  readonly #connections = new Set<Socket>();

  private constructor(path: string, options: ControlOptions) {
    this.path = path;
    const { name: daemon, version, status, log } = options;
    this.#log = log;
    const since = new Date().toISOString();
    const report = (): Report => ({ daemon, version, pid: process.pid, since, status: status() });
    this.#answers = { status: report };
    // A client may say that it asks no more before it has read the answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
  }

  /**
   * @returns undefined when the usual place cannot be had, which is logged
   * @throws ControlError when a path that was asked for cannot be had
   */
  static async start(options: ControlOptions): Promise<ControlServer | undefined> {
    const { name, path, log } = options;
    if (path !== undefined) return ControlServer.#at(path, options);
    const [folder = ""] = controlFolders();
    try {
      makeFolder(folder);
      for (const { path: left, pid } of socketsIn(folder, name)) if (!runs(pid)) rmSync(left, { force: true });
      return await ControlServer.#at(join(folder, socketName(name, process.pid)), options);
    } catch (error) {
      log.warn({}, `nobody can ask for the status: ${messageOf(error)}`);
      return undefined;
    }
  }

  static async #at(path: string, options: ControlOptions): Promise<ControlServer> {
    const server = new ControlServer(path, options);
    try {
      await server.#listen();
    } catch (error) {
      if (!isInUse(error)) throw new ControlError(`no socket can be made at ${path}: ${messageOf(error)}`);
      // What is no socket, or somebody else's, is left alone.
      checkSocket(path);
      if (await answers(path)) throw new ControlError(`another daemon listens at ${path}`);
      rmSync(path);
      await server.#listen();
    }
    return server;
  }

  async #listen(): Promise<void> {
    // listen() binds before it returns, and nobody shall get in between that and a chmod(2).
    const umask = process.umask(0o777 & ~OWNER_ONLY);
    try {
      this.#server.listen(this.path);
    } finally {
      process.umask(umask);
    }
    await once(this.#server, "listening");
    chmodSync(this.path, OWNER_ONLY);
  }

  /** Ends its connections and removes the socket. */
  close(): void {
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    // Nobody hears of an error that comes before the conversation has begun, or after its end.
    socket.on("error", () => undefined);
    if (this.#connections.size >= MOST_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    try {
      await this.#converse(socket);
    } catch (error) {
      this.#log.debug({}, `a control connection ended: ${messageOf(error)}`);
    } finally {
      socket.destroy();
      this.#connections.delete(socket);
    }
  }

  async #converse(socket: Socket): Promise<void> {
    const closed = new AbortController();
    socket.once("close", () => closed.abort());
    // Its end is not the end of what is to be said.
    for await (const line of linesOf(socket.iterator({ destroyOnReturn: false }), MOST_QUESTION)) {
      const isTaken = socket.write(`${JSON.stringify(this.#answer(line))}\n`);
      if (!isTaken) await once(socket, "drain", { signal: closed.signal });
    }
    await new Promise<void>((resolve) => socket.end(resolve));
  }

  #answer(line: string): { readonly answer: unknown } | { readonly error: string } {
    const question = asked(line);
    const answers = this.#answers;
    if (question === undefined) return { error: 'a question is {"ask": "status"}' };
    const make = Object.hasOwn(answers, question) ? answers[question] : undefined;
    if (make === undefined) return { error: `what can be asked: ${Object.keys(answers).join(", ")}` };
    try {
      return { answer: make() };
    } catch (error) {
      this.#log.error({ err: error }, `the answer to "${question}" failed`);
      return { error: messageOf(error) };
    }
  }
}

function asked(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("ask" in value)) return undefined;
    return typeof value.ask === "string" ? value.ask : undefined;
  } catch {
    return undefined;
  }
}

/** Whether somebody listens there. */
async function answers(path: string): Promise<boolean> {
  const socket = createConnection(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
