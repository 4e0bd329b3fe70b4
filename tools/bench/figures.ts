// What is measured, and what is promised of it: ours against libfuse 3 in C with one thread, and on fusd against the same
// on CUSE, and against the floor (issues: "Speed").

import type { Unit } from "./arithmetic.ts";
import type { Kind } from "./servers/device.ts";

export type ChannelName = "fuse" | "cuse" | "fusd";

/** The other servers. "pipe" is two processes and two pipes: the floor. */
export const PEERS = [
  "libfuse",
  "libfuse, threads",
  "raw protocol in C",
  "fuse-native",
  "pipe",
  "ours on CUSE",
  "ours on CUSE, spinning",
] as const;
export type PeerName = (typeof PEERS)[number];
/** Ours as it comes, and with adaptive spinning. */
export type OursName = "ours" | "ours, spinning";

/** The peer that the targets are about where a figure names no other. */
export const JUDGE: PeerName = "libfuse";

export const SAME_CPU = "same CPU";
export const TWO_CPUS = "two CPUs";
export type Placement = typeof SAME_CPU | typeof TWO_CPUS;

/** What the client is told; see clients/client.c. */
export interface Calls {
  readonly op: "read" | "write" | "flat" | "nested" | "ready" | "poll" | "wake";
  readonly size?: number;
  /** Microseconds of rest before each call. */
  readonly gap?: number;
  readonly clients?: number;
}

export interface Figure {
  readonly figure: string;
  readonly op: string;
  readonly size: number;
  readonly placement: Placement;
  readonly kind: Kind;
  readonly calls: Calls;
  readonly ours: OursName;
  readonly peers: readonly PeerName[];
  /** Which of a client's numbers counts: of each call, or the time of all divided by the calls. */
  readonly metric: "p50" | "each";
  readonly unit: Unit;
  /** What ours divided by the judge's may be at most. */
  readonly target: number | null;
  readonly judge?: PeerName;
}

const SPARSE_GAP_US = 300;
/** Long enough for all to be waiting in the kernel again. */
const POLL_GAP_US = 200;
const WAKE_GAP_US = 2000;

const SIZES = [1, 4096, 131072] as const;
const MIB = 1 << 20;
const CLIENTS = [1, 4, 16, 64] as const;
const BLOCKED = 64;

const C_PEERS: readonly PeerName[] = ["libfuse", "libfuse, threads", "raw protocol in C"];
const ALL_PEERS: readonly PeerName[] = [...C_PEERS, "fuse-native", "pipe"];

function transfer(op: "read" | "write", size: number): Pick<Figure, "op" | "size" | "kind" | "ours" | "metric"> {
  return { op, size, kind: "memory", ours: "ours", metric: "p50" };
}

function transfers(channel: ChannelName): Figure[] {
  const figures: Figure[] = [];
  for (const op of ["read", "write"] as const) {
    for (const size of SIZES) {
      const common = transfer(op, size);
      const calls: Calls = { op, size };
      const sparse: Calls = { op, size, gap: SPARSE_GAP_US };
      const large = size === 131072;
      const unit = large ? "MB/s" : "us";
      const small = channel === "fuse" ? 0.98 : 1.1;
      const dense = large ? (channel === "fuse" ? 1 : null) : small;
      figures.push({
        ...common,
        figure: "dense",
        placement: SAME_CPU,
        calls,
        peers: ALL_PEERS,
        unit,
        target: dense,
      });
      if (large) continue;
      const sparseTarget = channel === "fuse" ? 1.25 : null;
      figures.push(
        {
          ...common,
          figure: "sparse",
          placement: SAME_CPU,
          calls: sparse,
          peers: ALL_PEERS,
          unit,
          target: sparseTarget,
        },
        { ...common, figure: "dense", placement: TWO_CPUS, calls, peers: ALL_PEERS, unit, target: null },
        {
          ...common,
          figure: "dense, spinning",
          placement: TWO_CPUS,
          calls,
          ours: "ours, spinning",
          peers: ["libfuse"],
          unit,
          target: channel === "fuse" ? 0.4 : null,
        },
      );
    }
  }
  return figures;
}

function ioctls(channel: ChannelName): Figure[] {
  const common = { ...transfer("read", 64), figure: "ioctl", placement: SAME_CPU, peers: C_PEERS, unit: "us" } as const;
  const flat: Figure = { ...common, op: "flat", calls: { op: "flat" }, target: null };
  // /dev/fuse copies by _IOC numbers alone; only CUSE has ioctls with pointers in them.
  const nested: Figure = { ...common, op: "I2C_RDWR", size: 2, calls: { op: "nested" }, target: 1 };
  return channel === "cuse" ? [flat, nested] : [flat];
}

const PLACEMENTS: readonly Placement[] = [SAME_CPU, TWO_CPUS];

function several(): Figure[] {
  const shared = { kind: "memory", ours: "ours", metric: "each", unit: "us", target: null } as const;
  return PLACEMENTS.flatMap((placement) =>
    CLIENTS.map(
      (clients): Figure => ({
        ...shared,
        figure: "clients",
        op: "read 1 B",
        size: clients,
        placement,
        calls: { op: "read", size: 1, clients },
        peers: C_PEERS,
      }),
    ),
  );
}

function waking(channel: ChannelName): Figure[] {
  const shared = { kind: "page", ours: "ours", peers: C_PEERS, unit: "us" } as const;
  return PLACEMENTS.flatMap((placement): Figure[] => [
    {
      ...shared,
      figure: "poll wake-up",
      op: "poll",
      size: 1,
      placement,
      calls: { op: "poll", gap: POLL_GAP_US },
      metric: "p50",
      target: null,
    },
    {
      ...shared,
      figure: "blocked readers woken",
      op: "read 1 B",
      size: BLOCKED,
      placement,
      calls: { op: "wake", clients: BLOCKED, gap: WAKE_GAP_US },
      metric: "p50",
      target: placement === SAME_CPU && channel === "fuse" ? 1 : null,
    },
  ]);
}

/** fusd beside CUSE, with the same driver, and beside the floor. */
function besideCuse(): Figure[] {
  const common = { placement: SAME_CPU, judge: "ours on CUSE", peers: ["ours on CUSE"], unit: "us" } as const;
  const figures: Figure[] = [];
  for (const op of ["read", "write"] as const) {
    const small = { ...transfer(op, 1), calls: { op, size: 1 } } as const;
    const toAndFro = { ...small, figure: "round trip", peers: ["pipe"], judge: "pipe", unit: "us" } as const;
    figures.push(
      { ...common, ...small, figure: "dense", target: 0.75 },
      { ...common, ...transfer(op, MIB), figure: "dense", calls: { op, size: MIB }, unit: "MB/s", target: 0.6 },
      {
        ...small,
        figure: "dense, spinning",
        placement: TWO_CPUS,
        ours: "ours, spinning",
        peers: ["ours on CUSE, spinning"],
        judge: "ours on CUSE, spinning",
        unit: "us",
        target: 0.75,
      },
      { ...toAndFro, placement: SAME_CPU, target: null },
      { ...toAndFro, placement: TWO_CPUS, ours: "ours, spinning", target: 1.25 },
    );
  }
  const ioctl = { ...transfer("read", 2), figure: "ioctl", op: "I2C_RDWR", calls: { op: "nested" } } as const;
  const ready = {
    ...transfer("read", 1),
    figure: "poll, ready",
    op: "poll",
    kind: "page",
    calls: { op: "ready" },
  } as const;
  return [...figures, { ...common, ...ioctl, target: 0.4 }, { ...common, ...ready, target: 0.2 }];
}

/** All figures of a channel that a client takes, in the order of the table. */
export function figuresOf(channel: ChannelName): readonly Figure[] {
  if (channel === "fusd") return besideCuse();
  return [...transfers(channel), ...ioctls(channel), ...several(), ...waking(channel)].map((figure) => ({
    ...figure,
    peers: figure.peers.filter((peer) => channel === "fuse" || peer !== "fuse-native"),
  }));
}

/** What a daemon that serves one device may take: MB of resident memory, ms from exec to a node that can be opened. */
export const LIMITS = { memory: 45, start: 150 } as const;

/** Writers of one byte at once, and what a daemon that spins may call the kernel for each of their requests. */
export const STREAM = { writers: 32, limit: 0.1 } as const;
