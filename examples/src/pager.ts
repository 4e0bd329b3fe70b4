// A page for everybody: what one program writes, all who have the device open read. A reader waits for the next page;
// if several came since its last read it gets the latest, and a page longer than it asks for is cut, as a datagram is.
// Shows: blocking, O_NONBLOCK and poll for many readers, by wouldBlock and readable(). The template for most drivers.
//
//   node --import tsx examples/src/pager.ts --channel fuse --path /tmp/pager &
//   cat /tmp/pager & cat /tmp/pager &
//   echo dinner > /tmp/pager

import { defineDevice, POLL, runDaemon, wouldBlock } from "@devlift/core";
import { isMain } from "./is-main.ts";

let page = new Uint8Array();
let count = 0;

export const pager = defineDevice({
  name: "pager",
  open: () => ({ seen: count }),
  read({ state, length }) {
    if (state.seen === count) return wouldBlock; // a blocking reader is asked again after readable(), others get EAGAIN
    state.seen = count;
    return page.subarray(0, length);
  },
  write({ data }) {
    page = data.slice();
    count++;
    pager.readable(); // wakes readers, poll, select and epoll
    return data.length;
  },
  poll: ({ state }) => POLL.OUT | (state.seen === count ? 0 : POLL.IN),
});

if (isMain(import.meta)) await runDaemon(pager);
