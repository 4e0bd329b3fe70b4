// Session after session until the messages are used up, one seed each, CUSE and FUSE in turn. The first failure ends it.

import { HeapWatch } from "./heap.ts";
import type { Failure } from "./ledger.ts";
import { CHANNELS, type ChannelName, type MakeTarget, Rig } from "./rig.ts";
import { liveThrough, PAUSE } from "./session-run.ts";
import type { Step } from "./steps.ts";

export interface CampaignOptions {
  readonly make: MakeTarget;
  readonly seed: number;
  /** Messages in all; undefined: as many as the time allows. */
  readonly messages?: number;
  /** No session is begun, and none goes beyond its next pause, after this. */
  readonly seconds?: number;
  /** Called in each pause. */
  readonly progress?: (totals: Totals) => void;
}

export interface Totals {
  messages: number;
  requests: number;
  answers: number;
  wakeUps: number;
  sessions: number;
}

export interface Outcome extends Totals {
  readonly failed: FailedSession | undefined;
  readonly seconds: number;
  /** Bytes in use at the end more than after the warm-up. */
  readonly growth: number | undefined;
}

export interface FailedSession {
  readonly failure: Failure;
  readonly channel: ChannelName;
  /** Of this session. */
  readonly seed: number;
  /** What led to the failure, in full. */
  readonly steps: readonly Step[];
}

/** Messages of one session: some pauses long, so that growth within a session is seen. */
const SESSION = 8 * PAUSE;

export async function campaign(options: CampaignOptions): Promise<Outcome> {
  const { make, seed, messages = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY } = options;
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const heap = new HeapWatch();
  const totals: Totals = { messages: 0, requests: 0, answers: 0, wakeUps: 0, sessions: 0 };
  let failed: FailedSession | undefined;
  while (failed === undefined && totals.messages < messages && elapsed() < seconds) {
    const channel = CHANNELS[totals.sessions % CHANNELS.length] ?? "cuse";
    const life = {
      make,
      channel,
      seed: (seed + totals.sessions) | 0,
      messages: Math.min(SESSION, messages - totals.messages),
    };
    const rig = new Rig(make, channel);
    const stopWatching = watchRejections(rig);
    await liveThrough(rig, life.seed, life.messages, () => {
      options.progress?.(sum(totals, rig));
      const grown = heap.sample();
      if (grown !== undefined) rig.ledger.fail("memory grows", grown);
      return elapsed() < seconds;
    });
    stopWatching();
    Object.assign(totals, sum(totals, rig), { sessions: totals.sessions + 1 });
    const { failure } = rig;
    if (failure !== undefined) failed = { failure, channel, seed: life.seed, steps: await stepsOf(life, failure) };
  }
  return { ...totals, failed, seconds: elapsed(), growth: heap.growth };
}

function sum(totals: Totals, { messages, ledger }: Rig): Totals {
  return {
    messages: totals.messages + messages,
    requests: totals.requests + ledger.requests,
    answers: totals.answers + ledger.answers,
    wakeUps: totals.wakeUps + ledger.wakeUps,
    sessions: totals.sessions,
  };
}

/** Lives the session again and writes down what is done. Growth takes too many messages to be written down. */
async function stepsOf(
  { make, channel, seed, messages }: { make: MakeTarget; channel: ChannelName; seed: number; messages: number },
  failure: Failure,
): Promise<readonly Step[]> {
  if (failure.kind === "memory grows") return [];
  const rig = new Rig(make, channel);
  rig.record = [];
  const stopWatching = watchRejections(rig);
  await liveThrough(rig, seed, messages, () => true);
  stopWatching();
  return rig.record;
}

/** Performs steps on a fresh session until one fails. @returns how it failed */
export async function replay(
  make: MakeTarget,
  channel: ChannelName,
  steps: readonly Step[],
): Promise<Failure | undefined> {
  const rig = new Rig(make, channel);
  const stopWatching = watchRejections(rig);
  for (const step of steps) {
    await rig.perform(step);
    if (rig.failure !== undefined) break;
  }
  if (rig.failure === undefined && !rig.ledger.closed) await rig.quiesce();
  stopWatching();
  return rig.failure;
}

/** A rejection that nobody handles would end a daemon. */
function watchRejections(rig: Rig): () => void {
  const note = (reason: unknown) => rig.crashed(reason);
  process.on("unhandledRejection", note);
  return () => process.off("unhandledRejection", note);
}
