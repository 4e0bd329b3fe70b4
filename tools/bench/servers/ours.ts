// Serves one of the benchmark's devices: ours fuse|cuse PATH memory|page. Prints "ready" when the node is there.

import { basename } from "node:path";
import { serve } from "@devlift/core";
import { benchDevice } from "./device.ts";

const [, , channel = "", path = "", kind = ""] = process.argv;
const served = await serve(benchDevice(kind, basename(path)), { channel, path });
process.once("SIGTERM", () => void served.close());
process.stdout.write("ready\n");
await served.ended;
