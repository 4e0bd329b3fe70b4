// Plugs a virtual handheld into this machine, and prints who has got it: "visor", or "devlift" when our device file is
// there for users.

import { existsSync, statSync } from "node:fs";
import { MODELS, PalmUsbDevice, waitFor } from "@devlift/testing";
import { Cradle, driverOf, PILOT } from "../../../drivers/pilot/test/vm-bench.ts";

const LIMIT_MS = 60_000;
/** group(5) of every Debian. */
const DIALOUT = 20;

const cradle = await Cradle.open([]);
const place = await cradle.plug(new PalmUsbDevice(MODELS.tungsten, { family: "net" }));
const who = await waitFor("somebody to take it", LIMIT_MS, () => {
  if (driverOf(place) === "visor") return "visor";
  return existsSync(PILOT) && statSync(PILOT).gid === DIALOUT ? "devlift" : undefined;
});
process.stdout.write(`${who}\n`);
await cradle.unplug();
await cradle.close();
