// @devlift/pilot for other programs: the driver without its daemon.

export { PilotDriver, type PilotDriverOptions } from "./driver.ts";
export { type Family, MODELS, type Model } from "./models.ts";
