// The socket by which a daemon tells how it is: HTTP, because every tool that can be told of a unix socket speaks it.
//
//   GET /status     a Report, as JSON
//   GET /metrics    the same numbers as Prometheus' text
//   GET /trace      each request of programs from now on, a line of JSON each, for as long as the connection lasts
//
// There is no question that changes anything. Only the daemon's user and root are answered: by the socket's mode, and by
// what the kernel says of who has connected (SO_PEERCRED), also where somebody has changed that mode. They, too, get a
// bounded number of connections, none of them more memory than its question and its answer; of a trace whose reader is too
// slow lines are left out.
// Lifetimes: a ControlServer as long as its daemon; a connection for one question.

import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { type Logger, native, servedNow, tracing } from "@devlift/core";
import { ControlError } from "../errors.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { checkSocket, makeFolder, messageOf, ownFolder, socketName, socketsIn } from "./place.ts";
import { type About, type Head, reportNow } from "./report.ts";

export interface ControlOptions {
  /** The daemon's command, e.g. "devlift-oss". */
  readonly name: string;
  /** Of the socket; undefined: the usual place, where a daemon that cannot have it goes on without. */
  readonly path: string | undefined;
  readonly version: string;
  readonly log: Logger;
}

const ROOT = 0;
const OWNER_ONLY = 0o600;
const MOST_CONNECTIONS = 16;
/** A tracer a watcher: each takes its time of every request. */
const MOST_WATCHERS = 4;
/** Bytes that a watcher may be behind. */
const MOST_BEHIND = 256 << 10;
const LIMITS = {
  // Bytes of a question.
  maxHeaderSize: 4096,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 5000,
};
const SILENCE_MS = 60_000;

export class ControlServer {
  readonly path: string;
  /** What the driver says of itself; it may come later. */
  about: About = {};
  readonly #head: Head;
  readonly #log: Logger;
  readonly #server: Server;
  #watchers = 0;
  readonly #answers: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>> = {
    "/status": (response) => answerWith(response, "application/json", `${JSON.stringify(this.#report())}\n`),
    "/metrics": (response) => answerWith(response, METRICS_TYPE, metricsText([this.#report()])),
    "/trace": (response, request) => this.#trace(response, request),
  };

  private constructor(path: string, { name, version, log }: ControlOptions) {
    this.path = path;
    this.#head = { daemon: name, version };
    this.#log = log;
    this.#server = createServer(LIMITS, (request, response) => this.#answer(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.setTimeout(SILENCE_MS);
    this.#server.prependListener("connection", (socket: Socket) => this.#admit(socket));
  }

  /**
   * @returns undefined when the usual place cannot be had, which is logged
   * @throws ControlError when a path that was asked for cannot be had
   */
  static async start(options: ControlOptions): Promise<ControlServer | undefined> {
    const { name, path, log } = options;
    if (path !== undefined) return ControlServer.#at(path, options);
    const folder = ownFolder();
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
    this.#server.closeAllConnections();
  }

  /** Sends away who is neither root nor this daemon's user, before anything is read. */
  #admit(socket: Socket): void {
    const uid = uidOf(socket);
    if (uid === ROOT || uid === process.geteuid?.()) return;
    this.#log.warn({ uid }, "a user who may not has connected to the control socket, and was sent away");
    socket.destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // One question a connection: what else a client sends is nobody's to read.
    response.setHeader("Connection", "close");
    const { method, url = "" } = request;
    const answer = Object.hasOwn(this.#answers, url) ? this.#answers[url] : undefined;
    try {
      if (method !== "GET") refuse(response, 405, "nothing can be changed here, only asked: GET");
      else if (answer === undefined)
        refuse(response, 404, `what can be asked: ${Object.keys(this.#answers).join(", ")}`);
      else answer(response, request);
    } catch (error) {
      this.#log.error({ err: error }, `the answer to ${url} failed`);
      refuse(response, 500, messageOf(error));
    }
  }

  #report() {
    return reportNow(this.#head, this.about);
  }

  #trace(response: ServerResponse, { socket }: IncomingMessage): void {
    const served = servedNow();
    if (served.length > 0 && served.every(({ requests }) => requests === undefined)) {
      refuse(response, 409, "there is nothing to be seen of a pty, whose requests the kernel answers");
      return;
    }
    if (this.#watchers >= MOST_WATCHERS) {
      refuse(response, 503, `${MOST_WATCHERS} watch already`);
      return;
    }
    this.#watchers++;
    this.#log.info({ watchers: this.#watchers }, "somebody watches the calls of programs");
    // Programs may be silent for long.
    socket.setTimeout(0);
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    response.flushHeaders();
    let dropped = 0;
    const say = (line: object) => response.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
    const sayDropped = () => {
      if (dropped > 0) say({ dropped });
      dropped = 0;
    };
    const end = tracing.watch((line) => {
      if (response.writableLength > MOST_BEHIND) dropped++;
      else {
        sayDropped();
        say({ line });
      }
    });
    response.on("drain", sayDropped);
    response.once("close", () => {
      end();
      this.#watchers--;
    });
  }
}

function answerWith(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${sentence}\n`);
}

/** @returns undefined for who cannot be told */
function uidOf(socket: Socket): number | undefined {
  // Node has no public way to the descriptor; net.Socket has had it there since there is one.
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null || !("fd" in handle) || typeof handle.fd !== "number") return;
  try {
    return native.peer(handle.fd).uid;
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
