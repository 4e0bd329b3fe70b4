// Bundles the daemon into dist/, with the native addons of this platform. `build.ts FOLDER` makes another folder.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@devlift/daemon/bundle";
import { description } from "./src/description.ts";

const root = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "dist"));
await bundle({ name: "devlift-pilot", entry: join(root, "src", "bin.ts"), folder, description });
