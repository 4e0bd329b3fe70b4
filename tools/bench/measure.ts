// Runs the figures: in each round every contestant has its turn, in another order each time, so that what the rest of
// the machine does meets all of them alike. The first round warms up, tells how many calls fit a turn, and is dropped.

import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";
import { inUnit, median, pairedRatio, type Row, rounded, type Sample } from "./arithmetic.ts";
import { BUILT } from "./built.ts";
import { type Contestant, type ContestantName, type Place, startContestant } from "./contestants.ts";
import { type Calls, type ChannelName, type Figure, JUDGE, TWO_CPUS } from "./figures.ts";

export interface Pace {
  readonly rounds: number;
  /** Milliseconds of one turn. */
  readonly turnMs: number;
  /** Calls before the first round. */
  readonly warm: number;
}

export const PACES = {
  /** For the virtual machine, where all is some ten times as slow, compilers of what is called often, too. */
  emulated: { rounds: 9, turnMs: 100, warm: 15_000 },
  thorough: { rounds: 21, turnMs: 40, warm: 3000 },
  quick: { rounds: 7, turnMs: 20, warm: 1500 },
} as const;

/** The client's CPU, and the server's when it is to be another one. */
export const CLIENT_CPU = 1;
export const OTHER_CPU = 0;
/** A turn of the slowest figure still has these calls, one of the fastest no more than those. */
const CALLS = { least: 24, most: 20_000 };

/** Starts servers when a figure first needs them. */
export class Field {
  readonly channel: ChannelName;
  readonly #place: Place;
  readonly #started = new Map<string, Promise<Contestant>>();
  readonly #cpu = new Map<Contestant, number>();

  constructor(place: Place) {
    this.channel = place.channel;
    this.#place = place;
  }

  async contestant(name: ContestantName, figure: Figure, cpu: number): Promise<Contestant> {
    const key = `${name} ${figure.kind}`;
    const starting = this.#started.get(key) ?? startContestant(name, figure.kind, this.#place);
    this.#started.set(key, starting);
    const contestant = await starting;
    if (this.#cpu.get(contestant) !== cpu) await contestant.pin(cpu);
    this.#cpu.set(contestant, cpu);
    return contestant;
  }
}

/** One who takes turns at a figure. */
interface Player {
  readonly name: ContestantName;
  /** @param count calls @param warm calls before them */
  readonly turn: (count: number, warm: number) => Promise<Sample>;
  count: number;
  readonly samples: Sample[];
}

async function client(op: string, path: string, options: readonly (string | number)[]): Promise<Sample> {
  const line = await run(join(BUILT, "client"), [op, path, ...options.map(String)]);
  const sample: Partial<Sample> = JSON.parse(line);
  const { p50, p99, each } = sample;
  if (typeof p50 !== "number" || typeof p99 !== "number" || typeof each !== "number")
    throw new ToolError(`the client said ${line}`);
  return { p50, p99, each };
}

async function playerOf(name: ContestantName, figure: Figure, field: Field): Promise<Player> {
  const serverCpu = figure.placement === TWO_CPUS ? OTHER_CPU : CLIENT_CPU;
  const { op, size = 1, gap = 0, clients = 1 } = figure.calls;
  const options = ["--size", size, "--gap", gap, "--clients", clients, "--cpu", CLIENT_CPU];
  const path = name === "pipe" ? "-" : (await field.contestant(name, figure, serverCpu)).path;
  if (name === "pipe") options.push("--server-cpu", serverCpu);
  const turn = (count: number, warm: number) =>
    client(name === "pipe" ? "pipe" : op, path, [...options, "--count", count, "--warm", warm]);
  return { name, turn, count: CALLS.least, samples: [] };
}

/** How many calls of each client fill a turn. */
export function callsOfTurn({ p50, each }: Sample, { gap = 0, clients = 1 }: Calls, turnMs: number): number {
  // The calls of the warm-up, which have no rests, are in `each`, too. Of a wake-up it is a client's share.
  const ns = (gap > 0 && clients === 1 ? p50 : each * clients) + gap * 1000;
  return Math.round(Math.min(CALLS.most, Math.max(CALLS.least, (turnMs * 1e6) / ns)));
}

/** @returns a row for each peer */
export async function measure(figure: Figure, field: Field, pace: Pace): Promise<Row[]> {
  const players: Player[] = [];
  for (const name of [figure.ours, ...figure.peers]) players.push(await playerOf(name, figure, field));
  const { calls } = figure;
  const waits = calls.op === "poll" || calls.op === "wake";
  const slow = calls.gap !== undefined || calls.clients !== undefined;
  for (const player of players) {
    const first = await player.turn(CALLS.least, Math.ceil(pace.warm / (waits ? 50 : 1) / (calls.clients ?? 1)));
    player.count = callsOfTurn(first, calls, slow ? pace.turnMs * 3 : pace.turnMs);
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < players.length; turn++) {
      const player = players[(round + turn) % players.length];
      player?.samples.push(await player.turn(player.count, Math.ceil(player.count / 20)));
    }
  }
  const [ours, ...peers] = players;
  return ours === undefined ? [] : peers.map((peer) => ({ ...rowOf(figure, ours, peer), channel: field.channel }));
}

function rowOf(figure: Figure, ours: Player, peer: Player): Omit<Row, "channel"> {
  const { metric, unit, calls } = figure;
  const show = (nanoseconds: number) => rounded(inUnit(nanoseconds, unit, calls.size ?? 1));
  const of = (player: Player, which: keyof Sample) => player.samples.map((sample) => sample[which]);
  const p99 = (player: Player) => (metric === "p50" ? show(median(of(player, "p99"))) : null);
  return {
    figure: figure.figure,
    op: figure.op,
    size: figure.size,
    placement: figure.placement,
    unit,
    ours: show(median(of(ours, metric))),
    peer: show(median(of(peer, metric))),
    peerName: peer.name,
    ratio: rounded(pairedRatio(of(ours, metric), of(peer, metric))),
    target: peer.name === (figure.judge ?? JUDGE) ? figure.target : null,
    oursP99: p99(ours),
    peerP99: p99(peer),
  };
}
