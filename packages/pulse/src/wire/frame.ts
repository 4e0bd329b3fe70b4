// The frames that a connection carries: a descriptor of five words, then a command's fields or a block of samples.
// Source: PulseAudio src/pulsecore/pstream.c. Pure.

import { PulseError } from "../errors.ts";
import { FRAME_SIZE_MAX_ALLOW, PA_INVALID_INDEX, PA_PSTREAM_DESCRIPTOR_SIZE } from "./abi.ts";

/** What a descriptor announces; `channel` is undefined for a command. */
export interface Frame {
  readonly length: number;
  readonly channel: number | undefined;
}

/** A frame as it goes out, in one piece. `payload` is copied. */
export function encodeFrame(channel: number | undefined, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PA_PSTREAM_DESCRIPTOR_SIZE + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(channel ?? PA_INVALID_INDEX, 4);
  // The offset, and the flags with how it is meant: 0 bytes on from where the last block ended (PA_SEEK_RELATIVE).
  frame.fill(0, 8, PA_PSTREAM_DESCRIPTOR_SIZE);
  frame.set(payload, PA_PSTREAM_DESCRIPTOR_SIZE);
  return frame;
}

/** @throws PulseError("protocol") for a length that no server sends, and for shared memory, which we said we have not */
export function decodeDescriptor(descriptor: Buffer): Frame {
  const length = descriptor.readUInt32BE(0);
  const channel = descriptor.readUInt32BE(4);
  const flags = descriptor.readUInt32BE(16);
  if (length === 0 || length > FRAME_SIZE_MAX_ALLOW)
    throw new PulseError("protocol", `the sound server announces a frame of ${length} bytes`);
  if (channel === PA_INVALID_INDEX ? flags !== 0 : flags > 0xff)
    throw new PulseError("protocol", `the sound server sends a frame with the flags 0x${flags.toString(16)}`);
  return { length, channel: channel === PA_INVALID_INDEX ? undefined : channel };
}
