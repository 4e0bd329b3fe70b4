// Sound servers without hardware, for tests of what talks to one.

export { PulseServerError } from "./process.ts";
export { Recorder } from "./recorder.ts";
export { PulseServer, type PulseServerOptions, SINK } from "./server.ts";
