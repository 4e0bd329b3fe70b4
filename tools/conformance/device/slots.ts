// The nodes of what only fusd carries: memory that programs map, and read and write at offsets. It is cut into slots, and
// each case takes one of its own. A file counts its flushes and syncs.

import { type AnyDevice, DeviceError, defineDevice } from "@devlift/core";
import { slotCommands } from "./protocol.ts";
import { errnoOf } from "./room.ts";

/** Bytes; client/protocol.h has the same. */
const SLOT = 4 * 4096;
/** More than cases that run at the same time. */
const SLOTS = 256;
const SIZE = SLOT * SLOTS;
const [SEEK_SET, SEEK_END] = [0, 2];

interface SlotFile {
  flushes: number;
  syncs: number;
  dataSyncs: number;
  /** What the next flush, or sync, fails with; 0: nothing. */
  errno: number;
}

/** @param readOnly for programs that map it; the daemon writes to it for them */
export function defineSlots(name: string, readOnly: boolean): AnyDevice {
  let memory = new Uint8Array();
  let taken = 0;

  function failOnce(state: SlotFile): void {
    const { errno } = state;
    state.errno = 0;
    if (errno !== 0) throw new DeviceError(errnoOf(errno), "as the client asked");
  }

  return defineDevice<SlotFile, typeof slotCommands>({
    name,
    mmap: {
      size: SIZE,
      readOnly,
      mapped(mapped) {
        memory = mapped;
      },
    },
    seekable: true,
    open: () => ({ flushes: 0, syncs: 0, dataSyncs: 0, errno: 0 }),
    read: ({ offset, length }) => memory.slice(offset, offset + length),
    write({ offset, data }) {
      if (offset >= SIZE) throw new DeviceError("ENOSPC");
      const fits = data.subarray(0, SIZE - offset);
      memory.set(fits, offset);
      return fits.length;
    },
    seek({ offset, whence }) {
      if (whence !== SEEK_SET && whence !== SEEK_END) throw new DeviceError("EINVAL");
      const position = whence === SEEK_END ? SIZE + offset : offset;
      if (position < 0) throw new DeviceError("EINVAL");
      return position;
    },
    flush({ state }) {
      state.flushes++;
      failOnce(state);
    },
    fsync({ state, dataOnly }) {
      if (dataOnly) state.dataSyncs++;
      else state.syncs++;
      failOnce(state);
    },
    commands: slotCommands,
    ioctl: {
      SLOT() {
        const slot = taken++ % SLOTS;
        memory.fill(0, slot * SLOT, (slot + 1) * SLOT);
        return slot;
      },
      SLOT_FAILS({ state, arg }) {
        state.errno = arg;
      },
      SLOT_SEEN({ state, arg }) {
        Object.assign(arg, state, { size: memory.length });
      },
    },
  });
}
