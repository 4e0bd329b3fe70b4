// One devlift changes the machine at a time.

import { once } from "node:events";
import { createServer } from "node:net";
import { errorCode } from "@devlift/core";
import { ChangeError } from "./replace.ts";

/**
 * Held until this process ends, which it does not keep alive.
 * @param name in the kernel's table of abstract names (unix(7)), which forgets it with the process, however that ends
 * @throws ChangeError when another process holds it
 */
export async function lock(name = "devlift"): Promise<void> {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen(`\0${name}`);
  try {
    await once(server, "listening");
  } catch (error) {
    if (errorCode(error) !== "EADDRINUSE") throw error;
    throw new ChangeError("another devlift is changing this machine now: try again when it has ended", {
      cause: error,
    });
  }
}
