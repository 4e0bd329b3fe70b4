// A row of the benchmark's table, for tests.

import type { Row } from "../arithmetic.ts";

/** @param fields what differs from a dense read of 1 B on /dev/fuse that reaches its target */
export function row(fields: Partial<Row> = {}): Row {
  return {
    figure: "dense",
    channel: "fuse",
    op: "read",
    size: 1,
    placement: "same CPU",
    unit: "us",
    ours: 2.9,
    peer: 3,
    peerName: "libfuse",
    ratio: 0.97,
    target: 0.98,
    oursP99: 4,
    peerP99: 4,
    ...fields,
  };
}
