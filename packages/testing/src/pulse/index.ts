// Sound servers without hardware, for tests of what talks to one.

export { PipeWireServer, QUANTUM } from "./pipewire.ts";
export { PulseServerError } from "./process.ts";
export { PulseServer, type PulseServerOptions } from "./pulseaudio.ts";
export { Recorder } from "./recorder.ts";
export { SINK, SoundServer, type SoundServerOptions } from "./server.ts";
