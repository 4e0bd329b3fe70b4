// The public API of @devlift/pulse: a client of PulseAudio's native protocol, which PipeWire speaks, too.

export type { LatencyMode, PlaybackBuffer, RecordBuffer } from "./buffer.ts";
export { type ConnectOptions, connect, type DeviceName, type PulseClient } from "./client.ts";
export type { StreamDevice } from "./creation.ts";
export { PulseError, type PulseErrorCode } from "./errors.ts";
export type { DeviceInfo, Facility, ServerEvent, ServerInfo, StreamInfo } from "./introspect.ts";
export type { PlaybackListener, PlaybackOptions, PlaybackStream } from "./playback.ts";
export type { Reach } from "./reach.ts";
export type { RecordListener, RecordOptions, RecordStream } from "./record.ts";
export type { ClientListener } from "./router.ts";
export * from "./sample.ts";
export type { PlaybackLatency, RecordLatency } from "./timing.ts";
export { PA_VOLUME_NORM as VOLUME_NORM } from "./wire/abi.ts";
export type { Properties, Volumes } from "./wire/tagstruct.ts";
