// Bundles the daemon into dist/. `build.ts FOLDER` makes another folder than dist/.

import { bundleDriver } from "@devlift/daemon/bundle";
import { description } from "./src/description.ts";

await bundleDriver(import.meta.dirname, description);
