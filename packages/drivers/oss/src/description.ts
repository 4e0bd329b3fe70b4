// What `devlift` knows of this driver.

import type { DriverDescription } from "@devlift/daemon";

export const description: DriverDescription = {
  name: "oss",
  summary: "the Open Sound System over PulseAudio or PipeWire",
  nodes: ["/dev/dsp", "/dev/adsp", "/dev/audio", "/dev/mixer", "/dev/sndstat"],
  replaces: ["snd-pcm-oss", "snd-mixer-oss"],
  command: "devlift-oss",
  group: "audio",
  soundServer: true,
};
