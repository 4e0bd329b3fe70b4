// Generated from linux/soundcard.h by `npm run ioctlgen -- soundcard`; what C does not say is in
// soundcard.annotations.ts. Never edit this file: change the annotations and generate it again.
//
// The Open Sound System, version 3, as Linux has it: /dev/dsp, /dev/mixer, /dev/sequencer and their kin. Of two
// commands with one number (SOUND_MIXER_INFO and the like differ in size) a driver takes the ones that it
// serves.

import {
  address,
  array,
  bytes,
  cstring,
  enumeration,
  flags,
  type Infer,
  i8,
  i16,
  int,
  io,
  ior,
  iow,
  iowr,
  struct,
  u8,
  u16,
  uint,
} from "@devlift/core";

/** Sample formats, a bit each. */
export const AFMT = {
  AFMT_MU_LAW: 0x1,
  AFMT_A_LAW: 0x2,
  AFMT_IMA_ADPCM: 0x4,
  AFMT_U8: 0x8,
  AFMT_S16_LE: 0x10,
  AFMT_S16_BE: 0x20,
  AFMT_S8: 0x40,
  AFMT_U16_LE: 0x80,
  AFMT_U16_BE: 0x100,
  AFMT_MPEG: 0x200,
  AFMT_AC3: 0x400,
} as const;

/** As a format for SNDCTL_DSP_SETFMT: change nothing. */
export const AFMT_QUERY = {
  AFMT_QUERY: 0,
} as const;

/** Bits of SNDCTL_DSP_GETCAPS, and the mask of a revision. */
export const DSP_CAP = {
  DSP_CAP_REVISION: 0xff,
  DSP_CAP_DUPLEX: 0x100,
  DSP_CAP_REALTIME: 0x200,
  DSP_CAP_BATCH: 0x400,
  DSP_CAP_COPROC: 0x800,
  DSP_CAP_TRIGGER: 0x1000,
  DSP_CAP_MMAP: 0x2000,
  DSP_CAP_MULTI: 0x4000,
  DSP_CAP_BIND: 0x8000,
} as const;

/** Directions that are triggered. */
export const PCM_ENABLE = {
  PCM_ENABLE_INPUT: 0x1,
  PCM_ENABLE_OUTPUT: 0x2,
} as const;

/** Speakers. */
export const DSP_BIND = {
  DSP_BIND_FRONT: 0x1,
  DSP_BIND_SURR: 0x2,
  DSP_BIND_CENTER_LFE: 0x4,
  DSP_BIND_HANDSET: 0x8,
  DSP_BIND_MIC: 0x10,
  DSP_BIND_MODEM1: 0x20,
  DSP_BIND_MODEM2: 0x40,
  DSP_BIND_I2S: 0x80,
  DSP_BIND_SPDIF: 0x100,
} as const;

/** Channel status. */
export const SPDIF = {
  SPDIF_PRO: 0x1,
  SPDIF_N_AUD: 0x2,
  SPDIF_COPY: 0x4,
  SPDIF_PRE: 0x8,
  SPDIF_CC: 0x7f0,
  SPDIF_L: 0x800,
  SPDIF_DRS: 0x4000,
  SPDIF_V: 0x8000,
} as const;

/** How underruns are met. */
export const APF = {
  APF_NORMAL: 0,
  APF_NETWORK: 1,
  APF_CPUINTENS: 2,
} as const;

/** Of copr_buffer. */
export const CPF = {
  CPF_NONE: 0x0,
  CPF_FIRST: 0x1,
  CPF_LAST: 0x2,
} as const;

/** Sources of the sequencer's timer. */
export const TMR = {
  TMR_INTERNAL: 0x1,
  TMR_EXTERNAL: 0x2,
  TMR_MODE_MIDI: 0x10,
  TMR_MODE_FSK: 0x20,
  TMR_MODE_CLS: 0x40,
  TMR_MODE_SMPTE: 0x80,
} as const;

/** Kinds of synthesizers. */
export const SYNTH_TYPE = {
  SYNTH_TYPE_FM: 0,
  SYNTH_TYPE_SAMPLE: 1,
  SYNTH_TYPE_MIDI: 2,
} as const;

/** What a synthesizer can do. */
export const SYNTH_CAP = {
  SYNTH_CAP_PERCMODE: 0x1,
  SYNTH_CAP_OPL3: 0x2,
  SYNTH_CAP_INPUT: 0x4,
} as const;

/** Channels of a mixer. */
export const SOUND_MIXER = {
  SOUND_MIXER_VOLUME: 0,
  SOUND_MIXER_BASS: 1,
  SOUND_MIXER_TREBLE: 2,
  SOUND_MIXER_SYNTH: 3,
  SOUND_MIXER_PCM: 4,
  SOUND_MIXER_SPEAKER: 5,
  SOUND_MIXER_LINE: 6,
  SOUND_MIXER_MIC: 7,
  SOUND_MIXER_CD: 8,
  SOUND_MIXER_IMIX: 9,
  SOUND_MIXER_ALTPCM: 10,
  SOUND_MIXER_RECLEV: 11,
  SOUND_MIXER_IGAIN: 12,
  SOUND_MIXER_OGAIN: 13,
  SOUND_MIXER_LINE1: 14,
  SOUND_MIXER_LINE2: 15,
  SOUND_MIXER_LINE3: 16,
  SOUND_MIXER_DIGITAL1: 17,
  SOUND_MIXER_DIGITAL2: 18,
  SOUND_MIXER_DIGITAL3: 19,
  SOUND_MIXER_PHONEIN: 20,
  SOUND_MIXER_PHONEOUT: 21,
  SOUND_MIXER_VIDEO: 22,
  SOUND_MIXER_RADIO: 23,
  SOUND_MIXER_MONITOR: 24,
} as const;

/** Channels of a mixer, a bit each. */
export const SOUND_MASK = {
  SOUND_MASK_VOLUME: 0x1,
  SOUND_MASK_BASS: 0x2,
  SOUND_MASK_TREBLE: 0x4,
  SOUND_MASK_SYNTH: 0x8,
  SOUND_MASK_PCM: 0x10,
  SOUND_MASK_SPEAKER: 0x20,
  SOUND_MASK_LINE: 0x40,
  SOUND_MASK_MIC: 0x80,
  SOUND_MASK_CD: 0x100,
  SOUND_MASK_IMIX: 0x200,
  SOUND_MASK_ALTPCM: 0x400,
  SOUND_MASK_RECLEV: 0x800,
  SOUND_MASK_IGAIN: 0x1000,
  SOUND_MASK_OGAIN: 0x2000,
  SOUND_MASK_LINE1: 0x4000,
  SOUND_MASK_LINE2: 0x8000,
  SOUND_MASK_LINE3: 0x10000,
  SOUND_MASK_DIGITAL1: 0x20000,
  SOUND_MASK_DIGITAL2: 0x40000,
  SOUND_MASK_DIGITAL3: 0x80000,
  SOUND_MASK_PHONEIN: 0x100000,
  SOUND_MASK_PHONEOUT: 0x200000,
  SOUND_MASK_VIDEO: 0x400000,
  SOUND_MASK_RADIO: 0x800000,
  SOUND_MASK_MONITOR: 0x1000000,
} as const;

/** Capabilities of a mixer. */
export const SOUND_CAP = {
  SOUND_CAP_EXCL_INPUT: 0x1,
} as const;

/** Room for output, or input that is there. struct audio_buf_info of linux/soundcard.h. */
export const audio_buf_info = struct({
  /** Whole ones. */
  fragments: int,
  fragstotal: int,
  /** Bytes. */
  fragsize: int,
  /** All that a write takes, or a read gives, at once. */
  bytes: int,
});
export type audio_buf_info = Infer<typeof audio_buf_info>;

/** How far a stream is. struct count_info of linux/soundcard.h. */
export const count_info = struct({
  /** Since the device was opened. */
  bytes: int,
  /** Fragments since the last call. */
  blocks: int,
  /** In the buffer. */
  ptr: int,
});
export type count_info = Infer<typeof count_info>;

/** struct buffmem_desc of linux/soundcard.h. */
export const buffmem_desc = struct({
  buffer: address,
  size: int,
});
export type buffmem_desc = Infer<typeof buffmem_desc>;

/** struct copr_buffer of linux/soundcard.h. */
export const copr_buffer = struct({
  command: int,
  flags: flags(int, CPF),
  len: int,
  offs: int,
  data: bytes(4000),
});
export type copr_buffer = Infer<typeof copr_buffer>;

/** struct synth_info of linux/soundcard.h. */
export const synth_info = struct({
  name: cstring(30),
  /** The caller says which. */
  device: int,
  synth_type: enumeration(int, SYNTH_TYPE),
  synth_subtype: int,
  perc_mode: int,
  nr_voices: int,
  nr_drums: int,
  instr_bank_size: int,
  capabilities: flags(uint, SYNTH_CAP),
  dummies: array(int, 19),
});
export type synth_info = Infer<typeof synth_info>;

/** struct synth_control of linux/soundcard.h. */
export const synth_control = struct({
  devno: int,
  data: bytes(4000),
});
export type synth_control = Infer<typeof synth_control>;

/** struct mixer_info of linux/soundcard.h. */
export const mixer_info = struct({
  id: cstring(16),
  name: cstring(32),
  /** Grows with each change of a level. */
  modify_counter: int,
  fillers: array(int, 10),
});
export type mixer_info = Infer<typeof mixer_info>;

/** An event that passes the queue. struct seq_event_rec of linux/soundcard.h. */
export const seq_event_rec = struct({
  arr: bytes(8),
});
export type seq_event_rec = Infer<typeof seq_event_rec>;

/** What a level sounds like. struct mixer_vol_table of linux/soundcard.h. */
export const mixer_vol_table = struct({
  num: int,
  name: cstring(32),
  levels: array(int, 32),
});
export type mixer_vol_table = Infer<typeof mixer_vol_table>;

/** A command for an MPU-401. mpu_command_rec of linux/soundcard.h. */
export const mpu_command_rec = struct({
  cmd: u8,
  nr_args: i8,
  nr_returns: i8,
  data: bytes(30),
});
export type mpu_command_rec = Infer<typeof mpu_command_rec>;

/** struct sbi_instrument of linux/soundcard.h. */
export const sbi_instrument = struct({
  key: u16,
  device: i16,
  channel: int,
  operators: bytes(32),
});
export type sbi_instrument = Infer<typeof sbi_instrument>;

/** struct midi_info of linux/soundcard.h. */
export const midi_info = struct({
  name: cstring(30),
  device: int,
  capabilities: uint,
  dev_type: int,
  dummies: array(int, 18),
});
export type midi_info = Infer<typeof midi_info>;

/** struct remove_sample of linux/soundcard.h. */
export const remove_sample = struct({
  devno: int,
  bankno: int,
  instrno: int,
});
export type remove_sample = Infer<typeof remove_sample>;

/** struct copr_debug_buf of linux/soundcard.h. */
export const copr_debug_buf = struct({
  command: int,
  parm1: int,
  parm2: int,
  flags: int,
  len: int,
});
export type copr_debug_buf = Infer<typeof copr_debug_buf>;

/** struct copr_msg of linux/soundcard.h. */
export const copr_msg = struct({
  len: int,
  data: bytes(4000),
});
export type copr_msg = Infer<typeof copr_msg>;

/** struct _old_mixer_info of linux/soundcard.h. */
export const _old_mixer_info = struct({
  id: cstring(16),
  name: cstring(32),
});
export type _old_mixer_info = Infer<typeof _old_mixer_info>;

/** Integers behind an argument's pointer. */
const Int = struct({ value: int });

export const SNDCTL_SEQ_RESET = io("Q", 0, "none");
export const SNDCTL_SEQ_SYNC = io("Q", 1, "none");
export const SNDCTL_SYNTH_INFO = iowr("Q", 2, synth_info);
export const SNDCTL_SEQ_CTRLRATE = iowr("Q", 3, Int);
export const SNDCTL_SEQ_GETOUTCOUNT = ior("Q", 4, Int);
export const SNDCTL_SEQ_GETINCOUNT = ior("Q", 5, Int);
export const SNDCTL_SEQ_PERCMODE = iow("Q", 6, Int);
export const SNDCTL_FM_LOAD_INSTR = iow("Q", 7, sbi_instrument);
export const SNDCTL_SEQ_TESTMIDI = iow("Q", 8, Int);
export const SNDCTL_SEQ_RESETSAMPLES = iow("Q", 9, Int);
export const SNDCTL_SEQ_NRSYNTHS = ior("Q", 10, Int);
export const SNDCTL_SEQ_NRMIDIS = ior("Q", 11, Int);
export const SNDCTL_MIDI_INFO = iowr("Q", 12, midi_info);
export const SNDCTL_SEQ_THRESHOLD = iow("Q", 13, Int);
export const SNDCTL_SYNTH_MEMAVL = iowr("Q", 14, Int);
export const SNDCTL_FM_4OP_ENABLE = iow("Q", 15, Int);
export const SNDCTL_SEQ_PANIC = io("Q", 17, "none");
export const SNDCTL_SEQ_OUTOFBAND = iow("Q", 18, seq_event_rec);
export const SNDCTL_SEQ_GETTIME = ior("Q", 19, Int);
export const SNDCTL_SYNTH_ID = iowr("Q", 20, synth_info);
export const SNDCTL_SYNTH_CONTROL = iowr("Q", 21, synth_control);
export const SNDCTL_SYNTH_REMOVESAMPLE = iowr("Q", 22, remove_sample);
export const SNDCTL_TMR_TIMEBASE = iowr("T", 1, Int);
export const SNDCTL_TMR_START = io("T", 2, "none");
export const SNDCTL_TMR_STOP = io("T", 3, "none");
export const SNDCTL_TMR_CONTINUE = io("T", 4, "none");
export const SNDCTL_TMR_TEMPO = iowr("T", 5, Int);
export const SNDCTL_TMR_SOURCE = iowr("T", 6, struct({ value: flags(int, TMR) }));
export const SNDCTL_TMR_METRONOME = iow("T", 7, Int);
export const SNDCTL_TMR_SELECT = iow("T", 8, Int);
export const SNDCTL_MIDI_PRETIME = iowr("m", 0, Int);
export const SNDCTL_MIDI_MPUMODE = iowr("m", 1, Int);
export const SNDCTL_MIDI_MPUCMD = iowr("m", 2, mpu_command_rec);
export const SNDCTL_DSP_RESET = io("P", 0, "none");
export const SNDCTL_DSP_SYNC = io("P", 1, "none");
/** Samples a second; gives back what was set. */
export const SNDCTL_DSP_SPEED = iowr("P", 2, Int);
export const SNDCTL_DSP_STEREO = iowr("P", 3, Int);
export const SNDCTL_DSP_GETBLKSIZE = iowr("P", 4, Int);
export const SNDCTL_DSP_CHANNELS = iowr("P", 6, Int);
export const SOUND_PCM_WRITE_FILTER = iowr("P", 7, Int);
export const SNDCTL_DSP_POST = io("P", 8, "none");
export const SNDCTL_DSP_SUBDIVIDE = iowr("P", 9, Int);
/** The number of fragments in the high half, the logarithm of their size in the low one. */
export const SNDCTL_DSP_SETFRAGMENT = iowr("P", 10, Int);
export const SNDCTL_DSP_GETFMTS = ior("P", 11, struct({ value: flags(int, AFMT) }));
/** One format, or AFMT_QUERY; gives back what is set. */
export const SNDCTL_DSP_SETFMT = iowr("P", 5, struct({ value: flags(int, AFMT) }));
export const SNDCTL_DSP_GETOSPACE = ior("P", 12, audio_buf_info);
export const SNDCTL_DSP_GETISPACE = ior("P", 13, audio_buf_info);
export const SNDCTL_DSP_NONBLOCK = io("P", 14, "none");
export const SNDCTL_DSP_GETCAPS = ior("P", 15, struct({ value: flags(int, DSP_CAP) }));
export const SNDCTL_DSP_GETTRIGGER = ior("P", 16, struct({ value: flags(int, PCM_ENABLE) }));
export const SNDCTL_DSP_SETTRIGGER = iow("P", 16, struct({ value: flags(int, PCM_ENABLE) }));
export const SNDCTL_DSP_GETIPTR = ior("P", 17, count_info);
export const SNDCTL_DSP_GETOPTR = ior("P", 18, count_info);
export const SNDCTL_DSP_MAPINBUF = ior("P", 19, buffmem_desc);
export const SNDCTL_DSP_MAPOUTBUF = ior("P", 20, buffmem_desc);
export const SNDCTL_DSP_SETSYNCRO = io("P", 21, "none");
export const SNDCTL_DSP_SETDUPLEX = io("P", 22, "none");
/** Bytes that are not played yet. */
export const SNDCTL_DSP_GETODELAY = ior("P", 23, Int);
export const SNDCTL_DSP_GETCHANNELMASK = iowr("P", 64, struct({ value: flags(int, DSP_BIND) }));
export const SNDCTL_DSP_BIND_CHANNEL = iowr("P", 65, struct({ value: flags(int, DSP_BIND) }));
export const SNDCTL_DSP_SETSPDIF = iow("P", 66, struct({ value: flags(int, SPDIF) }));
export const SNDCTL_DSP_GETSPDIF = ior("P", 67, struct({ value: flags(int, SPDIF) }));
export const SNDCTL_DSP_PROFILE = iow("P", 23, struct({ value: enumeration(int, APF) }));
export const SOUND_PCM_READ_RATE = ior("P", 2, Int);
export const SOUND_PCM_READ_CHANNELS = ior("P", 6, Int);
export const SOUND_PCM_READ_BITS = ior("P", 5, Int);
export const SOUND_PCM_READ_FILTER = ior("P", 7, Int);
export const SNDCTL_COPR_RESET = io("C", 0, "none");
export const SNDCTL_COPR_LOAD = iowr("C", 1, copr_buffer);
export const SNDCTL_COPR_RDATA = iowr("C", 2, copr_debug_buf);
export const SNDCTL_COPR_RCODE = iowr("C", 3, copr_debug_buf);
export const SNDCTL_COPR_WDATA = iow("C", 4, copr_debug_buf);
export const SNDCTL_COPR_WCODE = iow("C", 5, copr_debug_buf);
export const SNDCTL_COPR_RUN = iowr("C", 6, copr_debug_buf);
export const SNDCTL_COPR_HALT = iowr("C", 7, copr_debug_buf);
export const SNDCTL_COPR_SENDMSG = iowr("C", 8, copr_msg);
export const SNDCTL_COPR_RCVMSG = ior("C", 9, copr_msg);
export const SOUND_MIXER_READ_VOLUME = ior("M", 0, Int);
export const SOUND_MIXER_READ_BASS = ior("M", 1, Int);
export const SOUND_MIXER_READ_TREBLE = ior("M", 2, Int);
export const SOUND_MIXER_READ_SYNTH = ior("M", 3, Int);
export const SOUND_MIXER_READ_PCM = ior("M", 4, Int);
export const SOUND_MIXER_READ_SPEAKER = ior("M", 5, Int);
export const SOUND_MIXER_READ_LINE = ior("M", 6, Int);
export const SOUND_MIXER_READ_MIC = ior("M", 7, Int);
export const SOUND_MIXER_READ_CD = ior("M", 8, Int);
export const SOUND_MIXER_READ_IMIX = ior("M", 9, Int);
export const SOUND_MIXER_READ_ALTPCM = ior("M", 10, Int);
export const SOUND_MIXER_READ_RECLEV = ior("M", 11, Int);
export const SOUND_MIXER_READ_IGAIN = ior("M", 12, Int);
export const SOUND_MIXER_READ_OGAIN = ior("M", 13, Int);
export const SOUND_MIXER_READ_LINE1 = ior("M", 14, Int);
export const SOUND_MIXER_READ_LINE2 = ior("M", 15, Int);
export const SOUND_MIXER_READ_LINE3 = ior("M", 16, Int);
export const SOUND_MIXER_READ_RECSRC = ior("M", 255, struct({ value: flags(int, SOUND_MASK) }));
export const SOUND_MIXER_READ_DEVMASK = ior("M", 254, struct({ value: flags(int, SOUND_MASK) }));
export const SOUND_MIXER_READ_RECMASK = ior("M", 253, struct({ value: flags(int, SOUND_MASK) }));
export const SOUND_MIXER_READ_STEREODEVS = ior("M", 251, struct({ value: flags(int, SOUND_MASK) }));
export const SOUND_MIXER_READ_CAPS = ior("M", 252, struct({ value: flags(int, SOUND_CAP) }));
export const SOUND_MIXER_WRITE_VOLUME = iowr("M", 0, Int);
export const SOUND_MIXER_WRITE_BASS = iowr("M", 1, Int);
export const SOUND_MIXER_WRITE_TREBLE = iowr("M", 2, Int);
export const SOUND_MIXER_WRITE_SYNTH = iowr("M", 3, Int);
export const SOUND_MIXER_WRITE_PCM = iowr("M", 4, Int);
export const SOUND_MIXER_WRITE_SPEAKER = iowr("M", 5, Int);
export const SOUND_MIXER_WRITE_LINE = iowr("M", 6, Int);
export const SOUND_MIXER_WRITE_MIC = iowr("M", 7, Int);
export const SOUND_MIXER_WRITE_CD = iowr("M", 8, Int);
export const SOUND_MIXER_WRITE_IMIX = iowr("M", 9, Int);
export const SOUND_MIXER_WRITE_ALTPCM = iowr("M", 10, Int);
export const SOUND_MIXER_WRITE_RECLEV = iowr("M", 11, Int);
export const SOUND_MIXER_WRITE_IGAIN = iowr("M", 12, Int);
export const SOUND_MIXER_WRITE_OGAIN = iowr("M", 13, Int);
export const SOUND_MIXER_WRITE_LINE1 = iowr("M", 14, Int);
export const SOUND_MIXER_WRITE_LINE2 = iowr("M", 15, Int);
export const SOUND_MIXER_WRITE_LINE3 = iowr("M", 16, Int);
export const SOUND_MIXER_WRITE_RECSRC = iowr("M", 255, struct({ value: flags(int, SOUND_MASK) }));
export const SOUND_MIXER_INFO = ior("M", 101, mixer_info);
export const SOUND_OLD_MIXER_INFO = ior("M", 101, _old_mixer_info);
export const SOUND_MIXER_ACCESS = iowr("M", 102, bytes(128));
export const SOUND_MIXER_AGC = iowr("M", 103, Int);
export const SOUND_MIXER_3DSE = iowr("M", 104, Int);
export const SOUND_MIXER_PRIVATE1 = iowr("M", 111, Int);
export const SOUND_MIXER_PRIVATE2 = iowr("M", 112, Int);
export const SOUND_MIXER_PRIVATE3 = iowr("M", 113, Int);
export const SOUND_MIXER_PRIVATE4 = iowr("M", 114, Int);
export const SOUND_MIXER_PRIVATE5 = iowr("M", 115, Int);
export const SOUND_MIXER_GETLEVELS = iowr("M", 116, mixer_vol_table);
export const SOUND_MIXER_SETLEVELS = iowr("M", 117, mixer_vol_table);
/** SOUND_VERSION of the header, 0x030802 for 3.8.2. */
export const OSS_GETVERSION = ior("M", 118, Int);

export const SNDCTL_DSP_SAMPLESIZE = SNDCTL_DSP_SETFMT;
export const SOUND_PCM_WRITE_CHANNELS = SNDCTL_DSP_CHANNELS;
export const SOUND_PCM_WRITE_BITS = SNDCTL_DSP_SETFMT;
export const SOUND_PCM_WRITE_RATE = SNDCTL_DSP_SPEED;
export const SOUND_PCM_POST = SNDCTL_DSP_POST;
export const SOUND_PCM_RESET = SNDCTL_DSP_RESET;
export const SOUND_PCM_SYNC = SNDCTL_DSP_SYNC;
export const SOUND_PCM_SUBDIVIDE = SNDCTL_DSP_SUBDIVIDE;
export const SOUND_PCM_SETFRAGMENT = SNDCTL_DSP_SETFRAGMENT;
export const SOUND_PCM_GETFMTS = SNDCTL_DSP_GETFMTS;
export const SOUND_PCM_SETFMT = SNDCTL_DSP_SETFMT;
export const SOUND_PCM_GETOSPACE = SNDCTL_DSP_GETOSPACE;
export const SOUND_PCM_GETISPACE = SNDCTL_DSP_GETISPACE;
export const SOUND_PCM_NONBLOCK = SNDCTL_DSP_NONBLOCK;
export const SOUND_PCM_GETCAPS = SNDCTL_DSP_GETCAPS;
export const SOUND_PCM_GETTRIGGER = SNDCTL_DSP_GETTRIGGER;
export const SOUND_PCM_SETTRIGGER = SNDCTL_DSP_SETTRIGGER;
export const SOUND_PCM_SETSYNCRO = SNDCTL_DSP_SETSYNCRO;
export const SOUND_PCM_GETIPTR = SNDCTL_DSP_GETIPTR;
export const SOUND_PCM_GETOPTR = SNDCTL_DSP_GETOPTR;
export const SOUND_PCM_MAPINBUF = SNDCTL_DSP_MAPINBUF;
export const SOUND_PCM_MAPOUTBUF = SNDCTL_DSP_MAPOUTBUF;
