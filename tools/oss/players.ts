// The programs of the matrix: what each is told, and what it should be heard to play. They are run in a folder with the
// files that prepareFiles() makes, and know of no device but /dev/dsp.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** sox of Debian 12 crashes on any device when (frames * channels) % 8192 is more than 4096. */
const FRAMES = 28_672;
export const RATE = 48_000;
/** Frames that an encoder of MP3 puts before the first, which a simple decoder plays, too. */
const MP3_DELAY = 1105;
/** What is heard of s.mid: notes of half a second, and how they die away. */
const NOTES_SECONDS = 2.18;

export interface Player {
  readonly name: string;
  /** For sh. */
  readonly command: string;
  /**
   * The file of the samples that are to be heard; or so many seconds of anything, where they have to be converted, or the
   * program does not say what they are.
   */
  readonly heard: string | number;
}

const FFMPEG = "ffmpeg -v error -nostdin -y";
const GST = "gst-launch-1.0 -q filesrc location=s.wav ! wavparse ! audioconvert";

const SOUND_FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2";
const TIMIDITY = "timidity -c timidity.cfg -idq -s 48000";

export const PLAYERS: readonly Player[] = [
  { name: "sox", command: "sox -q s.wav -t oss /dev/dsp", heard: "s.raw" },
  { name: "ffmpeg", command: `${FFMPEG} -i s.wav -f oss /dev/dsp`, heard: "s.raw" },
  { name: "mpg123", command: "mpg123 -q -o oss s.mp3", heard: "mpg123.raw" },
  { name: "ogg123", command: "ogg123 -q -d oss s.ogg", heard: "ogg123.raw" },
  { name: "mplayer", command: "mplayer -really-quiet -noconfig all -ao oss s.wav", heard: "s.raw" },
  { name: "aplay (ALSA's plug-in oss)", command: "aplay -q -D oss s.wav", heard: "s.raw" },
  { name: "GStreamer osssink", command: `${GST} ! osssink`, heard: "s.raw" },
  { name: "GStreamer oss4sink", command: `${GST} ! oss4sink device=/dev/dsp`, heard: "s.raw" },
  {
    name: "ffplay (SDL's driver dsp)",
    command: "SDL_AUDIODRIVER=dsp SDL_VIDEODRIVER=dummy ffplay -v error -nodisp -autoexit s.wav",
    heard: "s.raw",
  },
  { name: "ecasound", command: "ecasound -q -f:s16_le,2,48000 -i s.wav -o /dev/dsp", heard: "s.raw" },
  { name: "timidity", command: `${TIMIDITY} -Od s.mid`, heard: "timidity.raw" },
  { name: "xmp", command: "xmp -q --nocmd -d oss -f 48000 s.mod", heard: "xmp.raw" },
  { name: "fluidsynth", command: `fluidsynth -a oss -n -i -q -r 48000 ${SOUND_FONT} s.mid`, heard: NOTES_SECONDS },
  { name: "splay", command: "splay s.mp3", heard: (FRAMES + MP3_DELAY) / RATE },
  { name: "Python's ossaudiodev", command: "python3 -W ignore play.py", heard: "s.raw" },
  { name: "head > /dev/dsp", command: "head -c 4000 s.raw >/dev/dsp", heard: 0.5 },
  {
    name: "two programs at once",
    command: "sox -q left.wav -t oss /dev/dsp & sox -q right.wav -t oss /dev/dsp; s=$?; wait $! && exit $s",
    heard: "both",
  },
];

export interface Recorder {
  readonly name: string;
  /** For sh; it records into a.raw. */
  readonly command: string;
  /** Bytes of anything, where it asks for no format; otherwise so much of what is played that it can be told. */
  readonly bytes?: number;
}

export const RECORDERS: readonly Recorder[] = [
  { name: "sox", command: "sox -q -t oss -r 48000 -b 16 -c 2 /dev/dsp a.raw trim 0 0.5" },
  { name: "ffmpeg", command: `${FFMPEG} -f oss -sample_rate 48000 -channels 2 -i /dev/dsp -t 0.5 -f s16le a.raw` },
  { name: "arecord (ALSA's plug-in oss)", command: "arecord -q -D oss -t raw -f S16_LE -r 48000 -c 2 -s 24000 a.raw" },
  { name: "Python's ossaudiodev", command: "python3 -W ignore record.py" },
  { name: "dd", command: "dd if=/dev/dsp of=a.raw bs=4096 count=2", bytes: 8192 },
];

const SETTINGS = "d.setparameters(ossaudiodev.AFMT_S16_LE, 2, 48000)";

/** Writes the files into the folder; what decoders make of a file is what they say themselves. */
export function prepareFiles(folder: string, samples: Buffer): void {
  const sh = (command: string) =>
    execFileSync("sh", ["-ec", command], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text);
  write("s.raw", samples);
  for (const [name, side] of [
    ["left", 0],
    ["right", 2],
  ] as const) {
    const one = Buffer.alloc(samples.length);
    for (let at = side; at < samples.length; at += 4) samples.copy(one, at, at, at + 2);
    write(`${name}.raw`, one);
    sh(`sox -q -t raw -r 48000 -b 16 -e signed -c 2 ${name}.raw ${name}.wav`);
  }
  write(
    "play.py",
    `import ossaudiodev\nd = ossaudiodev.open("w")\n${SETTINGS}\nd.writeall(open("s.raw", "rb").read())\nd.close()\n`,
  );
  write(
    "record.py",
    `import ossaudiodev\nd = ossaudiodev.open("r")\n${SETTINGS}\nopen("a.raw", "wb").write(d.read(96000))\n`,
  );
  write("timidity.cfg", `soundfont ${SOUND_FONT}\n`);
  write("s.mid", chord());
  write("s.mod", song(samples));
  write("asound.conf", "pcm.oss { type oss device /dev/dsp }\nctl.oss { type oss device /dev/mixer }\n");
  sh("sox -q -t raw -r 48000 -b 16 -e signed -c 2 s.raw s.wav");
  sh(`${FFMPEG} -i s.wav -codec:a libmp3lame -b:a 192k s.mp3; mpg123 -q -s s.mp3 >mpg123.raw`);
  sh("oggenc -Q -o s.ogg s.wav; ogg123 -q -d raw -f ogg123.raw s.ogg");
  sh(`${TIMIDITY} -Or1sl -o timidity.raw s.mid; xmp -q --nocmd -d file -f 48000 -o xmp.raw s.mod`);
}

/** A Standard MIDI File: three notes for a quarter, which is half a second. */
function chord(): Buffer {
  const notes = [60, 64, 67];
  const quarter = [0x83, 0x60];
  const track = Buffer.from([
    ...notes.flatMap((note) => [0, 0x90, note, 100]),
    ...notes.flatMap((note, place) => [...(place === 0 ? quarter : [0]), 0x80, note, 0]),
    ...[0, 0xff, 0x2f, 0],
  ]);
  const head = Buffer.from([...Buffer.from("MThd"), 0, 0, 0, 6, 0, 0, 0, 1, 0x01, 0xe0, ...Buffer.from("MTrk")]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(track.length);
  return Buffer.concat([head, length, track]);
}

/** A module of ProTracker's: one sample, played once, in half a pattern at the highest speed. */
function song(samples: Buffer): Buffer {
  const sample = samples.subarray(0, 4000);
  const instrument = (words: number) => {
    const entry = Buffer.alloc(30);
    entry.writeUInt16BE(words, 22);
    entry.writeUInt8(64, 25);
    entry.writeUInt16BE(1, 28);
    return entry;
  };
  const instruments = Array.from({ length: 31 }, (_, place) => instrument(place === 0 ? sample.length / 2 : 0));
  const pattern = Buffer.alloc(1024);
  // Period 214 of sample 1, one tick a row (F01); row 31 of the second channel ends the pattern (D00).
  pattern.set([0, 214, 0x1f, 1], 0);
  pattern.set([0, 0, 0x0d, 0], 31 * 16 + 4);
  const order = Buffer.alloc(130);
  order.set([1, 127]);
  return Buffer.concat([Buffer.alloc(20), ...instruments, order, Buffer.from("M.K."), pattern, sample]);
}

/** Samples of 16 bits, stereo, none of them silent, no stretch like another. */
export function noise(frames = FRAMES): Buffer {
  const samples = Buffer.alloc(4 * frames);
  let state = 77;
  for (let at = 0; at < samples.length; at += 2) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    samples.writeInt16LE((state >>> 17) - 16384 || 1, at);
  }
  return samples;
}

/** Without the frames that are silent. */
export function sounding(samples: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 4 <= samples.length; at += 4)
    if (samples.readInt32LE(at) !== 0) parts.push(samples.subarray(at, at + 4));
  return Buffer.concat(parts);
}
