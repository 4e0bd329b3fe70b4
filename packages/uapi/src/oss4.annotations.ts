// What oss4.h does not say, which has what version 4 of the Open Sound System adds to linux/soundcard.h.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

const PLAIN = ["SNDCTL_DSP_SILENCE", "SNDCTL_DSP_SKIP", "SNDCTL_DSP_HALT_INPUT", "SNDCTL_DSP_HALT_OUTPUT"];

export default {
  headers: ["./oss4.h"],
  about: "The Open Sound System, version 4, beyond version 3.",
  constants: {
    AFMT_V4: { doc: "Sample formats, a bit each, beyond those of version 3.", names: ["AFMT_*"] },
    MIXT: { doc: "Kinds of controls of a mixer.", names: ["MIXT_*"] },
    MIXF: { doc: "What is true of a control, a bit each.", names: ["MIXF_*"] },
    PCM_CAP: { doc: "Capabilities of a device, beyond DSP_CAP's.", names: ["PCM_CAP_*"] },
  },
  types: {
    "struct oss_sysinfo": { doc: "What there is in all." },
    "struct oss_audioinfo": {
      doc: "One audio device.",
      fields: {
        dev: { doc: "The caller says which; -1 is the one that it has open." },
        caps: { flags: "PCM_CAP" },
        devnode: { doc: "The path of its file." },
      },
    },
    "struct oss_mixerinfo": { doc: "One mixer.", fields: { dev: { doc: "The caller says which." } } },
    "struct oss_mixext": {
      doc: "One control of a mixer.",
      fields: { ctrl: { doc: "The caller says which." }, timestamp: { doc: "To be given with a value." } },
    },
    "struct oss_mixer_value": { doc: "What a control is at, or shall be." },
    "struct oss_mixer_enuminfo": { doc: "The words for the values of a control." },
    "struct oss_card_info": { doc: "One card.", fields: { card: { doc: "The caller says which." } } },
    "struct oss_audio_errinfo": { doc: "What has gone wrong since the last call." },
    "struct oss_count": {
      doc: "How far a stream is.",
      fields: {
        samples: { doc: "Frames since the device was opened." },
        fifo_samples: { doc: "Frames that are on their way." },
      },
    },
  },
  commands: {
    "SNDCTL_*": {},
    ...Object.fromEntries(PLAIN.map((name) => [name, { argument: "none" }])),
  },
} satisfies Annotations;
