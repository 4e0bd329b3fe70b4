// /dev/dsp, /dev/adsp and /dev/audio: one open file has a playing side, a recording side, or both, as it was opened.
// Lifetimes: a Device as long as the daemon; a DspFile from open(2) to the last close(2), which waits until all is heard.

import { type AnyDevice, DeviceError, defineDevice, type Logger, POLL, wouldBlock } from "@devlift/core";
import type { BackendSource } from "./backend/backend.ts";
import { Capture } from "./capture.ts";
import type { DspFile } from "./dsp-file.ts";
import { DSP_COMMANDS, dspIoctls } from "./dsp-ioctls.ts";
import { DSP4_COMMANDS, dsp4Ioctls } from "./dsp4-ioctls.ts";
import type { Format } from "./format.ts";
import { DEFAULTS } from "./geometry.ts";
import type { Mixers } from "./mixer.ts";
import { MIXER_EXT_COMMANDS, mixerExtIoctls } from "./mixer-ext-ioctls.ts";
import { MIXER_COMMANDS, mixerIoctls } from "./mixer-ioctls.ts";
import { Opener } from "./opener.ts";
import { Playback } from "./playback.ts";
import { type Inventory, SYSTEM_COMMANDS, systemIoctls } from "./system-ioctls.ts";

export interface DspOptions {
  /** Under the folder of the device files. */
  readonly name: string;
  /** Of its file. */
  readonly path: string;
  readonly inventory: Inventory;
  /** What it is set to when it is opened. */
  readonly format: Format;
  readonly source: BackendSource;
  readonly mixers: Mixers;
  /** Where its open files are, for whoever tells of them. Default: nobody does */
  readonly openFiles?: Set<DspFile>;
  readonly log: Logger;
  readonly maxOpens?: number;
  readonly maxOpensPerUser?: number;
}

const ACCESS_MODE = 3;
const READ_ONLY = 0;
const WRITE_ONLY = 1;

export function defineDsp(options: DspOptions): AnyDevice {
  const { name, path, inventory, format, source, mixers, openFiles, log, maxOpens, maxOpensPerUser } = options;
  const device = defineDevice<DspFile, typeof COMMANDS>({
    name,
    ...(maxOpens === undefined ? {} : { maxOpens }),
    ...(maxOpensPerUser === undefined ? {} : { maxOpensPerUser }),
    async open({ file, flags, caller }) {
      const opener = await Opener.of(caller, source);
      const settings = { ...DEFAULTS, format };
      const access = flags & ACCESS_MODE;
      const { openPlay, openRecord } = opener;
      const playback =
        access === READ_ONLY
          ? undefined
          : new Playback(settings, { openStream: openPlay, changed: () => file.writable() });
      const capture =
        access === WRITE_ONLY
          ? undefined
          : new Capture(settings, { openStream: openRecord, changed: () => file.readable() });
      if (playback !== undefined) mixers.join(opener.program.pid, playback);
      log.debug({ device: name, program: opener.program.name, pid: opener.program.pid }, "open");
      const opened: DspFile = { device: path, opener, playback, capture, settings, song: "", label: "" };
      openFiles?.add(opened);
      return opened;
    },
    async release({ state, signal }) {
      const { playback, capture, opener } = state;
      capture?.close();
      try {
        await playback?.drain(signal);
      } catch (error) {
        log.debug({ device: name, pid: opener.program.pid }, `closed before all was heard: ${String(error)}`);
      }
      if (playback !== undefined) mixers.leave(opener.program.pid, playback);
      playback?.close();
      openFiles?.delete(state);
      opener.close();
    },
    read({ state, length, nonBlocking }) {
      const { capture } = state;
      if (capture === undefined) throw new DeviceError("ENXIO", "it was opened for playing only");
      return capture.read(length, !nonBlocking) ?? wouldBlock;
    },
    write({ state, data }) {
      const { playback } = state;
      if (playback === undefined) throw new DeviceError("ENXIO", "it was opened for recording only");
      return playback.write(data) || (data.length === 0 ? 0 : wouldBlock);
    },
    poll({ state: { playback, capture } }) {
      return (playback?.writable ? POLL.OUT : 0) | (capture?.readable ? POLL.IN : 0);
    },
    commands: COMMANDS,
    ioctl: {
      ...dspIoctls,
      ...dsp4Ioctls,
      ...systemIoctls(inventory, path),
      ...mixerIoctls(({ opener }: DspFile) => mixers.of(opener)),
      ...mixerExtIoctls(inventory.mixers.length, ({ opener }: DspFile) => mixers.of(opener)),
    },
  });
  return device;
}

const COMMANDS = { ...DSP_COMMANDS, ...DSP4_COMMANDS, ...SYSTEM_COMMANDS, ...MIXER_COMMANDS, ...MIXER_EXT_COMMANDS };
