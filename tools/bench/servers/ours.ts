// Serves one of the benchmark's devices: ours fuse|cuse|fusd PATH memory|page [SPIN]. Prints "ready" when the node is there.

import { basename } from "node:path";
import { serve } from "@devlift/core";
import { benchDevice } from "./device.ts";

const [, , channel = "", path = "", kind = "", spin = "0"] = process.argv;
const served = await serve(benchDevice(kind, basename(path)), { channel, path, spin: Number(spin) });
process.once("SIGTERM", () => void served.close());
process.stdout.write("ready\n");
await served.ended;
