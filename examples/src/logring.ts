// The last messages that were written, for any number of readers: each first gets what is there, then follows, one
// message a read. By the rules of /dev/kmsg: a reader so slow that messages were overwritten is told by EPIPE, once, and
// goes on at the oldest that is left; a read too small for its message is EINVAL. With O_NONBLOCK: what is there.
// Shows: a place of one's own for each reader in what all share, error conditions in poll, a write that is a message.
//
//   node --import tsx examples/src/logring.ts --channel fuse --path /tmp/logring &
//   echo one > /tmp/logring; echo two > /tmp/logring; cat /tmp/logring

import { DeviceError, defineDevice, POLL, runDaemon, wouldBlock } from "@devlift/core";
import { isMain } from "./is-main.ts";

const LONGEST = 1024;

/** @param capacity in messages */
export function logring(capacity: number) {
  const ring: Uint8Array[] = [];
  let oldest = 0; // the number of ring[0]; messages are numbered from the daemon's start

  const device = defineDevice({
    name: "logring",
    open: () => ({ next: oldest }),
    read({ state, length }) {
      const missed = oldest - state.next;
      if (missed > 0) {
        state.next = oldest;
        throw new DeviceError("EPIPE", `${missed} messages were overwritten before they were read`);
      }
      const message = ring[state.next - oldest];
      if (message === undefined) return wouldBlock;
      if (message.length > length) throw new DeviceError("EINVAL", `the next message has ${message.length} bytes`);
      state.next++;
      return message;
    },
    writes: "once",
    write({ data }) {
      if (data.length > LONGEST) throw new DeviceError("EINVAL", `a message has at most ${LONGEST} bytes`);
      if (ring.push(data.slice()) > capacity) {
        ring.shift();
        oldest++;
      }
      device.readable();
      return data.length;
    },
    poll({ state }) {
      if (state.next < oldest) return POLL.OUT | POLL.IN | POLL.PRI | POLL.ERR;
      return POLL.OUT | (state.next - oldest < ring.length ? POLL.IN : 0);
    },
  });
  return device;
}

if (isMain(import.meta)) await runDaemon(logring(1000));
