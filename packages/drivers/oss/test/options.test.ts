import { expect, test } from "vitest";
import { parseCommandLine } from "../src/options.ts";

function options(...args: string[]) {
  const command = parseCommandLine(args);
  return "run" in command ? command.run : command;
}

test("without a word: the usual devices, each user's own server, for everybody", () => {
  expect(options()).toMatchObject({
    ...{ channel: "auto", backend: "auto", server: undefined, folder: "/dev", permissions: { mode: 0o666 } },
    devices: { dsp: ["dsp"], adsp: ["adsp"], audio: ["audio"], mixer: ["mixer"], sndstat: ["sndstat"] },
  });
});

test("devices by name, several or none; a server for everybody is not open to everybody", () => {
  const words = ["--dsp", "dsp0", "--dsp", "dsp1", "--adsp=none", "--server", "unix:/run/pulse/native"];
  expect(options(...words)).toMatchObject({
    devices: { dsp: ["dsp0", "dsp1"], adsp: [], audio: ["audio"] },
    permissions: { mode: 0o660 },
  });
});

test.each([
  [["--dsp", "../x"], "--dsp ../x: a name is letters, digits, dots and dashes"],
  [["--dsp", ".."], "--dsp ..: a name is letters, digits, dots and dashes"],
  [["--dsp", "audio"], "two devices are called audio"],
  [["--dsp", "none", "--dsp", "dsp"], "--dsp none excludes other names"],
  [["--max", "0"], "--max 0: a number from 1 to 16384"],
  [["--backend", "jack"], "--backend jack: one of auto, pulse, alsa"],
  [["--folder", "dev"], "--folder dev: give the whole path, beginning with /"],
  [["--server="], "--server wants an address"],
  [["--loud"], "Unknown option '--loud'"],
])("%j is refused with a sentence", (args, sentence) => {
  expect(() => parseCommandLine(args)).toThrow(sentence);
});
