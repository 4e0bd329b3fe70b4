// Asking a daemon: one connection a question. What it says is bounded, in length and in time.

import { get, type IncomingMessage } from "node:http";
import { ControlError } from "../errors.ts";
import { reportFrom } from "./heard.ts";
import { linesOf } from "./lines.ts";
import { checkSocket, controlFolders, type FoundSocket, findSockets, messageOf } from "./place.ts";
import type { Report } from "./report.ts";

/** Bytes: thousands of open files. */
const MOST_ANSWER = 4 << 20;
const MOST_LINE = 64 << 10;
const PATIENCE_MS = 5000;

/** Which daemons are asked. */
export interface Whom {
  /** The daemon's command, "devlift-oss". Default: all */
  readonly command?: string | undefined;
  /** Of one socket alone. */
  readonly control?: string | undefined;
}

/**
 * Asks the daemon at a socket how it is.
 * @throws ControlError when there is none, it does not answer within `patienceMs`, or refuses
 */
export async function askDaemon(path: string, patienceMs: number = PATIENCE_MS): Promise<Report> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patienceMs);
  try {
    const answer = await ask(path, "/status", late.signal);
    return reportFrom(JSON.parse(await textOf(answer, MOST_ANSWER)));
  } catch (error) {
    if (late.signal.aborted) throw new ControlError(`the daemon at ${path} does not answer`);
    if (error instanceof SyntaxError)
      throw new ControlError(`what the daemon at ${path} says is no JSON`, { cause: error });
    throw asControlError(path, error);
  } finally {
    clearTimeout(timer);
    late.abort();
  }
}

/**
 * Asks all daemons that this user may, those of a command or one.
 * @throws ControlError when none answers, which says where was looked, and what else went wrong
 */
export async function askAll(whom: Whom): Promise<Report[]> {
  const found = socketsOf(whom);
  const answers = await Promise.allSettled(found.map(({ path }) => askDaemon(path)));
  const given = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  if (given.length > 0) return given;
  const why = answers.flatMap((answer) => (answer.status === "rejected" ? [messageOf(answer.reason)] : []));
  throw noneOf(whom, why);
}

/** A line of a daemon's trace: a request of a program, or how many are missing because nobody read them in time. */
export interface TraceEvent {
  readonly daemon: string;
  /** ISO 8601. */
  readonly at: string;
  readonly line?: string;
  readonly dropped?: number;
}

/**
 * Gives every request that programs make of a command's daemons from now on, until `signal` aborts or the last of them ends.
 * @throws ControlError when none can be asked
 */
export async function watchTrace(whom: Whom, say: (event: TraceEvent) => Promise<void>, signal: AbortSignal) {
  const found = socketsOf(whom);
  const ends = await Promise.allSettled(found.map((socket) => watchOne(socket, say, signal)));
  if (signal.aborted || ends.some(({ status }) => status === "fulfilled")) return;
  throw noneOf(
    whom,
    ends.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : [])),
  );
}

async function watchOne({ path, command }: Located, say: (event: TraceEvent) => Promise<void>, signal: AbortSignal) {
  const answer = await ask(path, "/trace", signal).catch((error: unknown) => {
    throw asControlError(path, error);
  });
  try {
    for await (const line of linesOf(answer, MOST_LINE)) await say(eventFrom(line, command));
  } catch (error) {
    // The daemon has ended, or who asked has enough.
    if (!answer.destroyed || error instanceof SyntaxError || error instanceof ControlError)
      throw asControlError(path, error);
  }
}

function eventFrom(line: string, daemon: string): TraceEvent {
  const said: unknown = JSON.parse(line);
  const event: Record<string, unknown> = typeof said === "object" && said !== null ? { ...said } : {};
  return {
    daemon,
    at: String(event["at"]),
    ...(typeof event["line"] === "string" ? { line: event["line"] } : {}),
    ...(typeof event["dropped"] === "number" ? { dropped: event["dropped"] } : {}),
  };
}

type Located = Pick<FoundSocket, "path" | "command">;

function socketsOf({ command, control }: Whom): readonly Located[] {
  return control === undefined ? findSockets(command) : [{ path: control, command: command ?? "" }];
}

/** @param why what those say that were found */
function noneOf({ command = "daemon" }: Whom, why: readonly string[]): ControlError {
  if (why.length > 0) return new ControlError(why.join("; "));
  return new ControlError(`no ${command} runs that can be asked (looked in ${controlFolders().join(" and ")})`);
}

/** @returns an answer of which nothing has been read */
async function ask(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  checkSocket(socketPath);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ socketPath, path, signal, agent: false, maxHeaderSize: 4096 }, resolve).on("error", reject);
  });
  if (answer.statusCode === 200) return answer;
  throw new ControlError(`the daemon at ${socketPath} says: ${(await textOf(answer, MOST_LINE)).trim()}`);
}

async function textOf(answer: AsyncIterable<Uint8Array>, most: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer) {
    length += part.length;
    if (length > most) throw new ControlError(`an answer of more than ${most} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function asControlError(path: string, error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EACCES")
    return new ControlError(`the daemon at ${path} answers its own user and root: try it with sudo`);
  return new ControlError(`the daemon at ${path} cannot be asked: ${messageOf(error)}`, { cause: error });
}
