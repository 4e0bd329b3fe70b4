// Generated from ./oss4.h by `npm run ioctlgen -- oss4`; what C does not say is in oss4.annotations.ts. Never
// edit this file: change the annotations and generate it again.
//
// The Open Sound System, version 4, beyond version 3.

import {
  array,
  bytes,
  cstring,
  flags,
  type Infer,
  i16,
  i64,
  int,
  io,
  ior,
  iow,
  iowr,
  struct,
  uint,
} from "@devlift/core";

/** Sample formats, a bit each, beyond those of version 3. */
export const AFMT_V4 = {
  AFMT_S32_LE: 4096,
  AFMT_S32_BE: 8192,
  AFMT_FLOAT: 16384,
  AFMT_S24_LE: 32768,
  AFMT_S24_BE: 65536,
  AFMT_S24_PACKED: 262144,
} as const;

/** Kinds of controls of a mixer. */
export const MIXT = {
  MIXT_DEVROOT: 0,
  MIXT_STEREOSLIDER: 5,
} as const;

/** What is true of a control, a bit each. */
export const MIXF = {
  MIXF_READABLE: 1,
  MIXF_WRITEABLE: 2,
  MIXF_POLL: 4,
  MIXF_MAINVOL: 1024,
  MIXF_PCMVOL: 2048,
  MIXF_RECVOL: 4096,
} as const;

/** Capabilities of a device, beyond DSP_CAP's. */
export const PCM_CAP = {
  PCM_CAP_INPUT: 0x10000,
  PCM_CAP_OUTPUT: 0x20000,
  PCM_CAP_VIRTUAL: 0x40000,
  PCM_CAP_FREERATE: 0x10000000,
  PCM_CAP_DEFAULT: 0x40000000,
} as const;

/** What there is in all. struct oss_sysinfo of oss4.h. */
export const oss_sysinfo = struct({
  product: cstring(32),
  version: cstring(32),
  versionnum: int,
  options: cstring(128),
  numaudios: int,
  openedaudio: array(int, 8),
  numsynths: int,
  nummidis: int,
  numtimers: int,
  nummixers: int,
  openedmidi: array(int, 8),
  numcards: int,
  numaudioengines: int,
  license: cstring(16),
  revision_info: cstring(256),
  filler: array(int, 172),
});
export type oss_sysinfo = Infer<typeof oss_sysinfo>;

/** One audio device. struct oss_audioinfo of oss4.h. */
export const oss_audioinfo = struct({
  /** The caller says which; -1 is the one that it has open. */
  dev: int,
  name: cstring(64),
  busy: int,
  pid: int,
  caps: flags(int, PCM_CAP),
  iformats: int,
  oformats: int,
  magic: int,
  cmd: cstring(64),
  card_number: int,
  port_number: int,
  mixer_dev: int,
  legacy_device: int,
  enabled: int,
  flags: int,
  min_rate: int,
  max_rate: int,
  min_channels: int,
  max_channels: int,
  binding: int,
  rate_source: int,
  handle: cstring(32),
  nrates: uint,
  rates: array(uint, 20),
  song_name: cstring(64),
  label: cstring(16),
  latency: int,
  /** The path of its file. */
  devnode: cstring(32),
  next_play_engine: int,
  next_rec_engine: int,
  filler: array(int, 184),
});
export type oss_audioinfo = Infer<typeof oss_audioinfo>;

/** One mixer. struct oss_mixerinfo of oss4.h. */
export const oss_mixerinfo = struct({
  /** The caller says which. */
  dev: int,
  id: cstring(16),
  name: cstring(32),
  modify_counter: int,
  card_number: int,
  port_number: int,
  handle: cstring(32),
  magic: int,
  enabled: int,
  caps: int,
  flags: int,
  nrext: int,
  priority: int,
  devnode: cstring(32),
  legacy_device: int,
  filler: array(int, 245),
});
export type oss_mixerinfo = Infer<typeof oss_mixerinfo>;

/** One control of a mixer. struct oss_mixext of oss4.h. */
export const oss_mixext = struct({
  dev: int,
  /** The caller says which. */
  ctrl: int,
  type: int,
  maxvalue: int,
  minvalue: int,
  flags: int,
  id: cstring(16),
  parent: int,
  dummy: int,
  /** To be given with a value. */
  timestamp: int,
  data: cstring(64),
  enum_present: bytes(32),
  control_no: int,
  desc: uint,
  extname: cstring(32),
  update_counter: int,
  rgbcolor: int,
  filler: array(int, 6),
});
export type oss_mixext = Infer<typeof oss_mixext>;

/** What a control is at, or shall be. struct oss_mixer_value of oss4.h. */
export const oss_mixer_value = struct({
  dev: int,
  ctrl: int,
  value: int,
  flags: int,
  timestamp: int,
  filler: array(int, 8),
});
export type oss_mixer_value = Infer<typeof oss_mixer_value>;

/** The words for the values of a control. struct oss_mixer_enuminfo of oss4.h. */
export const oss_mixer_enuminfo = struct({
  dev: int,
  ctrl: int,
  nvalues: int,
  version: int,
  strindex: array(i16, 255),
  strings: cstring(3000),
});
export type oss_mixer_enuminfo = Infer<typeof oss_mixer_enuminfo>;

/** One card. struct oss_card_info of oss4.h. */
export const oss_card_info = struct({
  /** The caller says which. */
  card: int,
  shortname: cstring(16),
  longname: cstring(128),
  flags: int,
  hw_info: cstring(400),
  intr_count: int,
  ack_count: int,
  filler: array(int, 154),
});
export type oss_card_info = Infer<typeof oss_card_info>;

/** What has gone wrong since the last call. struct oss_audio_errinfo of oss4.h. */
export const oss_audio_errinfo = struct({
  play_underruns: int,
  rec_overruns: int,
  play_ptradjust: uint,
  rec_ptradjust: uint,
  play_errorcount: int,
  rec_errorcount: int,
  play_lasterror: int,
  rec_lasterror: int,
  play_errorparm: int,
  rec_errorparm: int,
  filler: array(int, 16),
});
export type oss_audio_errinfo = Infer<typeof oss_audio_errinfo>;

/** How far a stream is. struct oss_count of oss4.h. */
export const oss_count = struct({
  /** Frames since the device was opened. */
  samples: i64,
  /** Frames that are on their way. */
  fifo_samples: int,
  filler: array(int, 32),
});
export type oss_count = Infer<typeof oss_count>;

/** Integers behind an argument's pointer. */
const Int = struct({ value: int });

export const SNDCTL_DSP_GETPLAYVOL = ior("P", 24, Int);
export const SNDCTL_DSP_SETPLAYVOL = iowr("P", 24, Int);
export const SNDCTL_DSP_GETERROR = ior("P", 25, oss_audio_errinfo);
export const SNDCTL_DSP_COOKEDMODE = iow("P", 30, Int);
export const SNDCTL_DSP_SILENCE = io("P", 31, "none");
export const SNDCTL_DSP_SKIP = io("P", 32, "none");
export const SNDCTL_DSP_HALT_INPUT = io("P", 33, "none");
export const SNDCTL_DSP_HALT_OUTPUT = io("P", 34, "none");
export const SNDCTL_DSP_LOW_WATER = iow("P", 34, Int);
export const SNDCTL_DSP_CURRENT_IPTR = ior("P", 35, oss_count);
export const SNDCTL_DSP_CURRENT_OPTR = ior("P", 36, oss_count);
export const SNDCTL_DSP_GET_RECSRC = ior("P", 38, Int);
export const SNDCTL_DSP_SET_RECSRC = iowr("P", 38, Int);
export const SNDCTL_DSP_GET_PLAYTGT = ior("P", 40, Int);
export const SNDCTL_DSP_SET_PLAYTGT = iowr("P", 40, Int);
export const SNDCTL_DSP_GETRECVOL = ior("P", 41, Int);
export const SNDCTL_DSP_SETRECVOL = iowr("P", 41, Int);
export const SNDCTL_DSP_POLICY = iow("P", 45, Int);
export const SNDCTL_SYSINFO = ior("X", 1, oss_sysinfo);
export const SNDCTL_MIX_NRMIX = ior("X", 2, Int);
export const SNDCTL_MIX_NREXT = iowr("X", 3, Int);
export const SNDCTL_MIX_EXTINFO = iowr("X", 4, oss_mixext);
export const SNDCTL_MIX_READ = iowr("X", 5, oss_mixer_value);
export const SNDCTL_MIX_WRITE = iowr("X", 6, oss_mixer_value);
export const SNDCTL_MIX_ENUMINFO = iowr("X", 8, oss_mixer_enuminfo);
export const SNDCTL_AUDIOINFO = iowr("X", 7, oss_audioinfo);
export const SNDCTL_MIXERINFO = iowr("X", 10, oss_mixerinfo);
export const SNDCTL_CARDINFO = iowr("X", 11, oss_card_info);
export const SNDCTL_ENGINEINFO = iowr("X", 12, oss_audioinfo);
export const SNDCTL_AUDIOINFO_EX = iowr("X", 13, oss_audioinfo);
export const SNDCTL_SETSONG = iow("Y", 2, cstring(64));
export const SNDCTL_GETSONG = ior("Y", 2, cstring(64));
export const SNDCTL_SETNAME = iow("Y", 3, cstring(64));
export const SNDCTL_SETLABEL = iow("Y", 4, cstring(16));
export const SNDCTL_GETLABEL = ior("Y", 4, cstring(16));
