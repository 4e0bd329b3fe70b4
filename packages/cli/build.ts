// Bundles the command into dist/. `build.ts FOLDER` makes another folder than dist/.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@devlift/daemon/bundle";

const root = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "dist"));
await bundle({ name: "devlift", entry: join(root, "src", "bin.ts"), folder });
