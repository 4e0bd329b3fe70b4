// What linux/soundcard.h does not say of /dev/dsp, /dev/mixer, /dev/sequencer and their kin: sound/core/oss/.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

const CHANNELS = [
  ...["VOLUME", "BASS", "TREBLE", "SYNTH", "PCM", "SPEAKER", "LINE", "MIC", "CD", "IMIX", "ALTPCM", "RECLEV", "IGAIN"],
  ...["OGAIN", "LINE1", "LINE2", "LINE3", "DIGITAL1", "DIGITAL2", "DIGITAL3", "PHONEIN", "PHONEOUT", "VIDEO", "RADIO"],
  "MONITOR",
];

/** The ioctls without an argument. */
const PLAIN = [
  ...["SNDCTL_SEQ_RESET", "SNDCTL_SEQ_SYNC", "SNDCTL_SEQ_PANIC", "SNDCTL_TMR_START", "SNDCTL_TMR_STOP"],
  ...["SNDCTL_TMR_CONTINUE", "SNDCTL_DSP_RESET", "SNDCTL_DSP_SYNC", "SNDCTL_DSP_POST", "SNDCTL_DSP_NONBLOCK"],
  ...["SNDCTL_DSP_SETSYNCRO", "SNDCTL_DSP_SETDUPLEX", "SNDCTL_COPR_RESET"],
];

export default {
  headers: ["linux/soundcard.h"],
  about:
    "The Open Sound System, version 3, as Linux has it: /dev/dsp, /dev/mixer, /dev/sequencer and their kin. Of two commands " +
    "with one number (SOUND_MIXER_INFO and the like differ in size) a driver takes the ones that it serves.",
  constants: {
    AFMT: { doc: "Sample formats, a bit each.", names: ["AFMT_*"], except: ["AFMT_QUERY", "AFMT_S16_NE"] },
    AFMT_QUERY: { doc: "As a format for SNDCTL_DSP_SETFMT: change nothing.", names: ["AFMT_QUERY"] },
    DSP_CAP: { doc: "Bits of SNDCTL_DSP_GETCAPS, and the mask of a revision.", names: ["DSP_CAP_*"] },
    PCM_ENABLE: { doc: "Directions that are triggered.", names: ["PCM_ENABLE_*"] },
    DSP_BIND: { doc: "Speakers.", names: ["DSP_BIND_*"], except: ["DSP_BIND_QUERY"] },
    SPDIF: { doc: "Channel status.", names: ["SPDIF_*"] },
    APF: { doc: "How underruns are met.", names: ["APF_*"] },
    CPF: { doc: "Of copr_buffer.", names: ["CPF_*"] },
    TMR: { doc: "Sources of the sequencer's timer.", names: ["TMR_INTERNAL", "TMR_EXTERNAL", "TMR_MODE_*"] },
    SYNTH_TYPE: { doc: "Kinds of synthesizers.", names: ["SYNTH_TYPE_*"] },
    SYNTH_CAP: { doc: "What a synthesizer can do.", names: ["SYNTH_CAP_*"] },
    SOUND_MIXER: { doc: "Channels of a mixer.", names: CHANNELS.map((channel) => `SOUND_MIXER_${channel}`) },
    SOUND_MASK: { doc: "Channels of a mixer, a bit each.", names: CHANNELS.map((channel) => `SOUND_MASK_${channel}`) },
    SOUND_CAP: { doc: "Capabilities of a mixer.", names: ["SOUND_CAP_*"] },
  },
  types: {
    "struct audio_buf_info": {
      doc: "Room for output, or input that is there.",
      fields: {
        fragments: { doc: "Whole ones." },
        fragsize: { doc: "Bytes." },
        bytes: { doc: "All that a write takes, or a read gives, at once." },
      },
    },
    "struct count_info": {
      doc: "How far a stream is.",
      fields: {
        bytes: { doc: "Since the device was opened." },
        blocks: { doc: "Fragments since the last call." },
        ptr: { doc: "In the buffer." },
      },
    },
    "struct buffmem_desc": { fields: { buffer: { as: "address" } } },
    "struct copr_buffer": { fields: { flags: { flags: "CPF" } } },
    "struct synth_info": {
      fields: {
        device: { doc: "The caller says which." },
        synth_type: { values: "SYNTH_TYPE" },
        capabilities: { flags: "SYNTH_CAP" },
      },
    },
    "struct synth_control": { fields: { data: { as: "bytes" } } },
    "struct mixer_info": { fields: { modify_counter: { doc: "Grows with each change of a level." } } },
    "struct seq_event_rec": { doc: "An event that passes the queue." },
    "struct mixer_vol_table": { doc: "What a level sounds like." },
    mpu_command_rec: { doc: "A command for an MPU-401." },
  },
  commands: {
    "SNDCTL_*": {},
    "SOUND_PCM_*": {},
    "SOUND_MIXER_*": {},
    SOUND_OLD_MIXER_INFO: {},
    OSS_GETVERSION: { doc: "SOUND_VERSION of the header, 0x030802 for 3.8.2." },
    ...Object.fromEntries(PLAIN.map((name) => [name, { argument: "none" }])),
    SNDCTL_DSP_SPEED: { doc: "Samples a second; gives back what was set." },
    SNDCTL_DSP_SETFMT: { doc: "One format, or AFMT_QUERY; gives back what is set.", flags: "AFMT" },
    SNDCTL_DSP_GETFMTS: { flags: "AFMT" },
    SNDCTL_DSP_GETCAPS: { flags: "DSP_CAP" },
    SNDCTL_DSP_GETTRIGGER: { flags: "PCM_ENABLE" },
    SNDCTL_DSP_SETTRIGGER: { flags: "PCM_ENABLE" },
    SNDCTL_DSP_SETFRAGMENT: {
      doc: "The number of fragments in the high half, the logarithm of their size in the low one.",
    },
    SNDCTL_DSP_GETODELAY: { doc: "Bytes that are not played yet." },
    SNDCTL_DSP_GETCHANNELMASK: { flags: "DSP_BIND" },
    SNDCTL_DSP_BIND_CHANNEL: { flags: "DSP_BIND" },
    SNDCTL_DSP_SETSPDIF: { flags: "SPDIF" },
    SNDCTL_DSP_GETSPDIF: { flags: "SPDIF" },
    SNDCTL_DSP_PROFILE: { values: "APF" },
    SNDCTL_TMR_SOURCE: { flags: "TMR" },
    SOUND_MIXER_READ_RECSRC: { flags: "SOUND_MASK" },
    SOUND_MIXER_READ_DEVMASK: { flags: "SOUND_MASK" },
    SOUND_MIXER_READ_RECMASK: { flags: "SOUND_MASK" },
    SOUND_MIXER_READ_STEREODEVS: { flags: "SOUND_MASK" },
    SOUND_MIXER_READ_CAPS: { flags: "SOUND_CAP" },
    SOUND_MIXER_WRITE_RECSRC: { flags: "SOUND_MASK" },
  },
  // Obsolete, and all of one number.
  except: ["SOUND_MIXER_*_MUTE", "SOUND_MIXER_*_ENHANCE", "SOUND_MIXER_*_LOUD"],
} satisfies Annotations;
