// Bundles the daemon into dist/, with the native addons of this platform. `build.ts FOLDER` makes another folder.

import { bundleDriver } from "@devlift/daemon/bundle";
import { description } from "./src/description.ts";

await bundleDriver(import.meta.dirname, description);
