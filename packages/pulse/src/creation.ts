// How a stream is asked for, and what the server says of a new one and of one that it moved, of either kind.
// Values without a lifetime. Source: PulseAudio src/pulsecore/protocol-native.c, command_create_playback_stream() and
// command_create_record_stream().

import type { LatencyMode } from "./buffer.ts";
import { PulseError } from "./errors.ts";
import { type ChannelMap, checkSampleSpec, defaultChannelMap, type SampleSpec } from "./sample.ts";
import { PA_INVALID_INDEX, PA_VOLUME_NORM } from "./wire/abi.ts";
import type { Properties, TagReader, TagWriter, Volumes } from "./wire/tagstruct.ts";

/** A sink or source that a stream plays on or records from. */
export interface StreamDevice {
  readonly index: number;
  readonly name: string;
}

/** What both kinds of stream are made of. */
export interface StreamOptions extends LatencyMode {
  readonly spec: SampleSpec;
  /** Default: see defaultChannelMap(). */
  readonly channelMap?: ChannelMap;
  /** The name of the sink or source; default the server's default one. */
  readonly device?: string;
  /** Made stopped, for uncork() to start; default false. */
  readonly corked?: boolean;
  /** What is shown of it, such as "media.name". */
  readonly properties: Properties;
  /** Default: as the server remembers it for this program, else 100 %. */
  readonly volume?: Volumes;
  /** Default: as the server remembers it. */
  readonly muted?: boolean;
  /** The stream stays on its device; default false. */
  readonly noMove?: boolean;
}

/** What the server says of a stream that it moved. */
export interface Moved<Sizes> {
  readonly device: StreamDevice;
  readonly suspended: boolean;
  readonly buffer: Sizes;
}

/** What the server says of a new stream, of either kind. */
export interface Created<Sizes> extends Moved<Sizes> {
  readonly channel: number;
  readonly spec: SampleSpec;
  readonly channelMap: ChannelMap;
  readonly corked: boolean;
}

function readDevice(reader: TagReader): StreamDevice {
  return { index: reader.u32(), name: reader.string() ?? "" };
}

/** The flags that both kinds of stream take at the same place: remap, remix, format, rate, channels, move, variable rate. */
export function writeFlags(writer: TagWriter, { noMove = false }: StreamOptions): void {
  for (const flag of [false, false, false, false, false, noMove, false]) writer.bool(flag);
}

/** What a stream's creation starts with. @throws PulseError("invalid") for what no stream can be */
export function writeFormat(writer: TagWriter, { spec, channelMap, device }: StreamOptions): void {
  checkSampleSpec(spec);
  const map = channelMap ?? defaultChannelMap(spec.channels);
  if (map.length !== spec.channels)
    throw new PulseError("invalid", `a map of ${map.length} channels for ${spec.channels}`);
  writer
    .sampleSpec(spec)
    .channelMap(map)
    .u32(PA_INVALID_INDEX)
    .string(device ?? null);
}

/** The volumes of a stream that is made; the server only looks at them when it is told that they are meant. */
export function initialVolumes({ spec, volume }: StreamOptions): Volumes {
  return volume ?? Array.from({ length: spec.channels }, () => PA_VOLUME_NORM);
}

/** The second part of what the server says of a new stream. */
export function readPlace(reader: TagReader): Omit<Created<unknown>, "channel" | "corked" | "buffer"> {
  const spec = reader.sampleSpec();
  if (spec === undefined) throw new PulseError("protocol", "the sound server made a stream without a sample format");
  const channelMap = reader.channelMap();
  const device = readDevice(reader);
  const suspended = reader.bool();
  reader.usec();
  reader.formatInfo();
  return { spec, channelMap, device, suspended };
}

/** Reads what the server says of a stream that it moved. */
export function readMoved<Sizes>(readBuffer: (reader: TagReader) => Sizes): (reader: TagReader) => Moved<Sizes> {
  return (reader) => {
    const device = readDevice(reader);
    const suspended = reader.bool();
    return { device, suspended, buffer: readBuffer(reader) };
  };
}
