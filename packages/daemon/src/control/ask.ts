// Asking a daemon: one connection a question. What it says is bounded, in length and in time.

import { createConnection } from "node:net";
import { ControlError } from "../errors.ts";
import { linesOf } from "./lines.ts";
import { checkSocket, controlFolders, messageOf, socketsIn } from "./place.ts";

/** Bytes: thousands of open files. */
const MOST_ANSWER = 4 << 20;
const PATIENCE_MS = 5000;

/**
 * Asks the daemon at a socket.
 * @returns what it answers, whatever that is
 * @throws ControlError when there is none, it does not answer within `patienceMs`, or refuses
 */
export async function askDaemon(path: string, question: string, patienceMs: number = PATIENCE_MS): Promise<unknown> {
  checkSocket(path);
  const socket = createConnection(path);
  const late = setTimeout(() => socket.destroy(new ControlError(`the daemon at ${path} does not answer`)), patienceMs);
  try {
    socket.write(`${JSON.stringify({ ask: question })}\n`);
    for await (const line of linesOf(socket, MOST_ANSWER)) return answerIn(line, path);
  } catch (error) {
    if (error instanceof ControlError) throw error;
    throw new ControlError(`the daemon at ${path} cannot be asked: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
  throw new ControlError(`the daemon at ${path} gave no answer`);
}

function answerIn(line: string, path: string): unknown {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch (cause) {
    throw new ControlError(`what the daemon at ${path} says is no JSON`, { cause });
  }
  if (typeof said === "object" && said !== null) {
    if ("answer" in said) return said.answer;
    if ("error" in said) throw new ControlError(`the daemon at ${path} says: ${String(said.error)}`);
  }
  throw new ControlError(`what the daemon at ${path} says is no answer`);
}

/**
 * Asks all daemons of a command that this user can see.
 * @param path of one socket alone
 * @throws ControlError when none answers, which says where was looked, and what else went wrong
 */
export async function askAll(name: string, question: string, path?: string): Promise<unknown[]> {
  if (path !== undefined) return [await askDaemon(path, question)];
  const folders = controlFolders();
  const found = folders.flatMap((folder) => socketsIn(folder, name));
  const answers = await Promise.allSettled(found.map((socket) => askDaemon(socket.path, question)));
  const given = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  if (given.length > 0) return given;
  const why = answers.flatMap((answer) => (answer.status === "rejected" ? [messageOf(answer.reason)] : []));
  throw new ControlError([`no ${name} runs that can be asked (looked in ${folders.join(" and ")})`, ...why].join("; "));
}
