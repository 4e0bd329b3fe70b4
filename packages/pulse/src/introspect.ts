// What a server tells of itself: sinks, sources, the streams of all programs. Snapshots; values without a lifetime.
// Source: PulseAudio src/pulsecore/protocol-native.c, *_fill_tagstruct(), in the form of PROTOCOL_VERSION.

import type { ChannelMap, SampleSpec } from "./sample.ts";
import { PA_INVALID_INDEX, PA_SUBSCRIPTION_EVENT_FACILITY_MASK, PA_SUBSCRIPTION_EVENT_TYPE_MASK } from "./wire/abi.ts";
import type { Properties, TagReader, Volumes } from "./wire/tagstruct.ts";

export interface ServerInfo {
  /** "pulseaudio"; of PipeWire "PulseAudio (on PipeWire 0.3.65)". */
  readonly name: string;
  readonly version: string;
  readonly user: string;
  readonly host: string;
  readonly spec: SampleSpec | undefined;
  readonly defaultSink: string | undefined;
  readonly defaultSource: string | undefined;
}

/** A sink or a source. */
export interface DeviceInfo {
  readonly index: number;
  readonly name: string;
  readonly description: string;
  readonly spec: SampleSpec | undefined;
  readonly channelMap: ChannelMap;
  /** A volume a channel; PA_VOLUME_NORM (65536) is 100 %. */
  readonly volume: Volumes;
  readonly muted: boolean;
  /** Of a sink: the source that hears it. Of a source: the sink that it is the monitor of. */
  readonly monitor: { readonly index: number; readonly name: string } | undefined;
  /** Of what is in the device now. */
  readonly latencyUsec: number;
  readonly driver: string;
  readonly properties: Properties;
  readonly state: "running" | "idle" | "suspended" | "unknown";
}

/** A program's stream: a sink input or a source output. */
export interface StreamInfo {
  readonly index: number;
  readonly name: string;
  /** The index of the program's connection. */
  readonly client: number | undefined;
  /** The index of the sink or source. */
  readonly device: number;
  readonly spec: SampleSpec | undefined;
  readonly channelMap: ChannelMap;
  readonly volume: Volumes;
  readonly muted: boolean;
  readonly corked: boolean;
  /** False of a stream whose samples are not PCM: its volume means nothing. */
  readonly hasVolume: boolean;
  readonly volumeWritable: boolean;
  /** Its own and its program's, such as "application.process.id". */
  readonly properties: Properties;
}

/** What subscribe() can tell of. */
export type Facility = "sink" | "source" | "sinkInput" | "sourceOutput" | "client" | "server" | "other";

/** Something on the server has come, changed or gone. */
export interface ServerEvent {
  readonly facility: Facility;
  readonly kind: "new" | "change" | "remove";
  readonly index: number;
}

export function readServerInfo(reader: TagReader): ServerInfo {
  const name = text(reader);
  const version = text(reader);
  const user = text(reader);
  const host = text(reader);
  const spec = reader.sampleSpec();
  const defaultSink = reader.string() ?? undefined;
  const defaultSource = reader.string() ?? undefined;
  // A number that is another after each start of the server, and its default channel map.
  reader.u32();
  reader.channelMap();
  return { name, version, user, host, spec, defaultSink, defaultSource };
}

const STATES = ["running", "idle", "suspended"] as const;

export function readDeviceInfo(reader: TagReader): DeviceInfo {
  const index = reader.u32();
  const name = text(reader);
  const description = text(reader);
  const spec = reader.sampleSpec();
  const channelMap = reader.channelMap();
  reader.u32(); // its module
  const volume = reader.cvolume();
  const muted = reader.bool();
  const monitorIndex = reader.u32();
  const monitorName = text(reader);
  const latencyUsec = reader.usec();
  const driver = text(reader);
  reader.u32(); // flags
  const properties = reader.proplist();
  reader.usec(); // the latency that streams ask for
  reader.volume(); // the volume at which the hardware does nothing
  const state = STATES[reader.u32()] ?? "unknown";
  reader.u32(); // the steps of its volume
  reader.u32(); // its card
  skipPorts(reader);
  for (let formats = reader.u8(); formats > 0; formats--) reader.formatInfo();
  const monitor = monitorIndex === PA_INVALID_INDEX ? undefined : { index: monitorIndex, name: monitorName };
  return { index, name, description, spec, channelMap, volume, muted, monitor, latencyUsec, driver, properties, state };
}

/** Each port has a name, a description and a priority; behind them stands the name of the active one. */
function skipPorts(reader: TagReader): void {
  for (let ports = reader.u32(); ports > 0; ports--) {
    reader.string();
    reader.string();
    reader.u32();
  }
  reader.string();
}

export function readSinkInputInfo(reader: TagReader): StreamInfo {
  const place = readStreamPlace(reader);
  const volume = reader.cvolume();
  skipRoute(reader);
  const muted = reader.bool();
  const properties = reader.proplist();
  const corked = reader.bool();
  const hasVolume = reader.bool();
  const volumeWritable = reader.bool();
  reader.formatInfo();
  return { ...place, volume, muted, properties, corked, hasVolume, volumeWritable };
}

export function readSourceOutputInfo(reader: TagReader): StreamInfo {
  const place = readStreamPlace(reader);
  skipRoute(reader);
  const properties = reader.proplist();
  const corked = reader.bool();
  const volume = reader.cvolume();
  const muted = reader.bool();
  const hasVolume = reader.bool();
  const volumeWritable = reader.bool();
  reader.formatInfo();
  return { ...place, volume, muted, properties, corked, hasVolume, volumeWritable };
}

function readStreamPlace(reader: TagReader) {
  const index = reader.u32();
  const name = text(reader);
  reader.u32(); // its module
  const client = reader.u32();
  const device = reader.u32();
  const spec = reader.sampleSpec();
  const channelMap = reader.channelMap();
  return { index, name, client: client === PA_INVALID_INDEX ? undefined : client, device, spec, channelMap };
}

/** The latencies of its queue and its device, how it is resampled, and its driver. */
function skipRoute(reader: TagReader): void {
  reader.usec();
  reader.usec();
  reader.string();
  reader.string();
}

/** A list's answer is as many of them as fit. */
export function readAll<T>(read: (reader: TagReader) => T): (reader: TagReader) => T[] {
  return (reader) => {
    const all: T[] = [];
    while (!reader.atEnd) all.push(read(reader));
    return all;
  };
}

/** PA_SUBSCRIPTION_EVENT_*, by number; what is not here is "other". */
const FACILITIES: readonly (Facility | undefined)[] = [
  "sink",
  "source",
  "sinkInput",
  "sourceOutput",
  undefined,
  "client",
  undefined,
  "server",
];
const KINDS: readonly ServerEvent["kind"][] = ["new", "change", "remove"];

export function readServerEvent(reader: TagReader): ServerEvent {
  const event = reader.u32();
  const index = reader.u32();
  reader.end();
  const facility = FACILITIES[event & PA_SUBSCRIPTION_EVENT_FACILITY_MASK] ?? "other";
  return { facility, kind: KINDS[(event & PA_SUBSCRIPTION_EVENT_TYPE_MASK) >> 4] ?? "change", index };
}

/** PA_SUBSCRIPTION_MASK_* of `facilities`. */
export function subscriptionMask(facilities: readonly Exclude<Facility, "other">[]): number {
  return facilities.reduce((mask, facility) => mask | (1 << FACILITIES.indexOf(facility)), 0);
}

const text = (reader: TagReader): string => reader.string() ?? "";
