// A device that only one user may open, whatever the file's mode says: not even root, when the daemon runs as
// somebody else. It tells its reader who it is.
// Shows: who calls, refusing with an errno, and the caller's process.
//
//   node --import tsx examples/src/uid-filter.ts --channel fuse --path /tmp/uid-filter --mode 666 &
//   cat /tmp/uid-filter; setpriv --reuid 65534 cat /tmp/uid-filter

import { userInfo } from "node:os";
import { DeviceError, defineDevice, processOf, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

/** @param owner the uid that may open it */
export function uidFilter(owner: number) {
  return defineDevice({
    name: "my-pid",
    open({ caller }) {
      // EPERM, where a file's mode would give EACCES. The sentence is for the daemon's log.
      if (caller.uid !== owner) throw new DeviceError("EPERM", `uid ${caller.uid} is not ${owner}`);
      const { pid, name } = processOf(caller) ?? { pid: caller.pid, name: "a stranger" };
      return { unread: new TextEncoder().encode(`You are ${name}, your PID is ${pid}. Have a nice day.\n`) };
    },
    read({ state, length }) {
      const given = state.unread.subarray(0, length);
      state.unread = state.unread.subarray(given.length);
      return given;
    },
  });
}

if (isMain(import.meta)) await runDaemon(uidFilter(userInfo().uid));
