// What programs say to /dev/NAME by ioctl(2), as its C header would have it:
//
//   struct status { __u32 held; __u32 room; };
//   #define GET_STATUS _IOR('N', 1, struct status)
//   #define CLEAR      _IO('N', 2)

import { io, ior, struct, u32 } from "@devlift/core";

/** Bytes: how many can be read, and how many written. */
export const Status = struct({ held: u32, room: u32 });

export const commands = { GET_STATUS: ior("N", 1, Status), CLEAR: io("N", 2, "none") };
