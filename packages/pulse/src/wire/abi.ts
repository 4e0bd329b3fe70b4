// The numbers of PulseAudio's native protocol, by the names that they have there.
// Sources: PulseAudio src/pulsecore/native-common.h, pstream.c, tagstruct.h, src/pulse/{def,sample,channelmap,volume}.h.

/**
 * The version that we speak; the server then uses it, too. 23 (PulseAudio 1.0, 2011) has everything that is needed here;
 * later ones add shared memory, card ports and messages to objects. So each message has one form.
 */
export const PROTOCOL_VERSION = 23;
/** The upper half of a version holds flags, of which we set none: no shared memory (PA_PROTOCOL_FLAG_SHM, _MEMFD). */
export const PA_PROTOCOL_VERSION_MASK = 0xffff;

export const PA_INVALID_INDEX = 0xffff_ffff;
export const PA_NATIVE_COOKIE_LENGTH = 256;
export const PA_NATIVE_DEFAULT_PORT = 4713;
export const PA_CHANNELS_MAX = 32;
export const PA_RATE_MAX = 48000 * 16;
export const PA_VOLUME_NORM = 0x1_0000;
export const PA_VOLUME_MAX = 0x7fff_ffff;

export const PA_PSTREAM_DESCRIPTOR_SIZE = 20;
export const FRAME_SIZE_MAX_ALLOW = 16 * 1024 * 1024;
/** The most that a stream's queue in the server holds (protocol-native.c; PipeWire's MAXLENGTH is the same). */
export const MAX_MEMBLOCKQ_LENGTH = 4 * 1024 * 1024;
/** The most that one value of a property list holds (tagstruct.c). */
export const MAX_TAG_SIZE = 64 * 1024;

export const PA_COMMAND = {
  ERROR: 0,
  REPLY: 2,
  CREATE_PLAYBACK_STREAM: 3,
  DELETE_PLAYBACK_STREAM: 4,
  CREATE_RECORD_STREAM: 5,
  DELETE_RECORD_STREAM: 6,
  AUTH: 8,
  SET_CLIENT_NAME: 9,
  DRAIN_PLAYBACK_STREAM: 12,
  GET_PLAYBACK_LATENCY: 14,
  GET_SERVER_INFO: 20,
  GET_SINK_INFO: 21,
  GET_SINK_INFO_LIST: 22,
  GET_SOURCE_INFO: 23,
  GET_SOURCE_INFO_LIST: 24,
  GET_SINK_INPUT_INFO: 29,
  GET_SINK_INPUT_INFO_LIST: 30,
  GET_SOURCE_OUTPUT_INFO: 31,
  GET_SOURCE_OUTPUT_INFO_LIST: 32,
  SUBSCRIBE: 35,
  SET_SINK_VOLUME: 36,
  SET_SINK_INPUT_VOLUME: 37,
  SET_SOURCE_VOLUME: 38,
  SET_SINK_MUTE: 39,
  SET_SOURCE_MUTE: 40,
  CORK_PLAYBACK_STREAM: 41,
  FLUSH_PLAYBACK_STREAM: 42,
  TRIGGER_PLAYBACK_STREAM: 43,
  GET_RECORD_LATENCY: 57,
  CORK_RECORD_STREAM: 58,
  FLUSH_RECORD_STREAM: 59,
  PREBUF_PLAYBACK_STREAM: 60,
  REQUEST: 61,
  OVERFLOW: 62,
  UNDERFLOW: 63,
  PLAYBACK_STREAM_KILLED: 64,
  RECORD_STREAM_KILLED: 65,
  SUBSCRIBE_EVENT: 66,
  SET_SINK_INPUT_MUTE: 69,
  SET_PLAYBACK_STREAM_BUFFER_ATTR: 72,
  SET_RECORD_STREAM_BUFFER_ATTR: 73,
  PLAYBACK_STREAM_SUSPENDED: 76,
  RECORD_STREAM_SUSPENDED: 77,
  PLAYBACK_STREAM_MOVED: 78,
  RECORD_STREAM_MOVED: 79,
  UPDATE_RECORD_STREAM_PROPLIST: 80,
  UPDATE_PLAYBACK_STREAM_PROPLIST: 81,
  STARTED: 86,
  PLAYBACK_BUFFER_ATTR_CHANGED: 94,
  RECORD_BUFFER_ATTR_CHANGED: 95,
  SET_SOURCE_OUTPUT_VOLUME: 98,
  SET_SOURCE_OUTPUT_MUTE: 99,
} as const;

const commandNames = new Map<number, string>(Object.entries(PA_COMMAND).map(([name, number]) => [number, name]));

/** `CORK_PLAYBACK_STREAM`, for messages. */
export function commandName(command: number): string {
  return commandNames.get(command) ?? `command ${command}`;
}

/** PA_UPDATE_REPLACE of pa_update_mode_t. */
export const PA_UPDATE_REPLACE = 2;

/** PA_SUBSCRIPTION_EVENT_*: the facility in the low four bits, the kind in the two above. */
export const PA_SUBSCRIPTION_EVENT_FACILITY_MASK = 0x0f;
export const PA_SUBSCRIPTION_EVENT_TYPE_MASK = 0x30;
