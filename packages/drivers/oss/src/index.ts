// @devlift/oss: the Open Sound System's device files over a sound server.

export type * from "./backend/backend.ts";
export { BackendError } from "./backend/backend.ts";
export { type DspOptions, defineDsp } from "./dsp.ts";
export { Mixers } from "./mixer.ts";
export { defineMixer, type MixerOptions } from "./mixer-device.ts";
