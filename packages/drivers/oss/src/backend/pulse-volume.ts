// Levels of two sides, as OSS has them, and volumes of any number of channels, as PulseAudio has them. Pure.

import { CHANNEL, type ChannelMap, defaultChannelMap, VOLUME_NORM, type Volumes } from "@devlift/pulse";
import type { Volume } from "./backend.ts";

const { frontLeft, rearLeft, sideLeft, frontLeftOfCenter } = CHANNEL;
const { frontRight, rearRight, sideRight, frontRightOfCenter } = CHANNEL;
const LEFT = new Set<number>([frontLeft, rearLeft, sideLeft, frontLeftOfCenter]);
const RIGHT = new Set<number>([frontRight, rearRight, sideRight, frontRightOfCenter]);

/** @param channels where each is heard, or how many there are. What is on neither side gets the louder level */
export function volumesFor({ left, right }: Volume, channels: ChannelMap | number): Volumes {
  const map = typeof channels === "number" ? defaultChannelMap(channels) : channels;
  return map.map((position) => {
    const level = LEFT.has(position) ? left : RIGHT.has(position) ? right : Math.max(left, right);
    return Math.round((level * VOLUME_NORM) / 100);
  });
}

/** The first channel of each side stands for it. */
export function volumeOf(volumes: Volumes, map: ChannelMap): Volume {
  const level = (side: ReadonlySet<number>) => {
    const index = Math.max(
      0,
      map.findIndex((position) => side.has(position)),
    );
    return Math.round(((volumes[index] ?? 0) * 100) / VOLUME_NORM);
  };
  return { left: level(LEFT), right: level(RIGHT) };
}
