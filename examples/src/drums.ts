// A family of devices in one daemon: six drums, and a knob that sets how loud all of them are (1 to 4).
// Shows: devices made from a list, state that devices share, and refusing what makes no sense.
//
//   node --import tsx examples/src/drums.ts --channel fuse &
//   cat /dev/drums/bam; echo 4 > /dev/drums/volume; cat /dev/drums/b*

import { DeviceError, defineDevice, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

const SOUNDS = ["bam", "bum", "beat", "boom", "bang", "crash"];
const VOLUMES = [
  () => "(you hear nothing)",
  (sound: string) => sound,
  (sound: string) => sound.toUpperCase(),
  (sound: string) => `${sound.toUpperCase()}!!!!!`,
];

export function drums() {
  let play = (sound: string) => sound;

  const drum = (sound: string) =>
    defineDevice({
      name: `drums/${sound}`,
      open: () => ({ unread: new TextEncoder().encode(`${play(sound)}\n`) }),
      read({ state, length }) {
        const given = state.unread.subarray(0, length);
        state.unread = state.unread.subarray(given.length);
        return given;
      },
    });

  const volume = defineDevice({
    name: "drums/volume",
    write({ data }) {
      const wanted = VOLUMES[Number(new TextDecoder().decode(data)) - 1];
      if (wanted === undefined) throw new DeviceError("EINVAL", "a volume is a number from 1 to 4");
      play = wanted;
      return data.length;
    },
  });

  return [...SOUNDS.map(drum), volume];
}

if (isMain(import.meta)) await runDaemon(drums());
