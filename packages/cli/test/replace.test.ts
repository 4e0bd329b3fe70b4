import { beforeEach, describe, expect, test } from "vitest";
import { ChangeError, plan, replace, restore } from "../src/replace/replace.ts";
import { textFile } from "../src/replace/system.ts";
import { FakeSystem, PowerLoss } from "./fake-system.ts";

const DRIVER = {
  name: "oss",
  summary: "sound",
  nodes: ["/dev/dsp"],
  replaces: ["snd-pcm-oss", "snd-mixer-oss"],
  command: "devlift-oss",
  group: "audio",
};
const SERVICE = "devlift-oss.service";
const BLACKLIST = "/etc/modprobe.d/devlift-oss.conf";
const JOURNAL = "/var/lib/devlift/oss.journal";
/** An administrator's own, which is to come back byte for byte. */
const FOUND = { bytes: Buffer.from([0xff, 0x0a, 0x00]).toString("base64"), mode: 0o640, uid: 7, gid: 8 };

let said: string[] = [];
let isThere: boolean;

beforeEach(() => {
  said = [];
  isThere = true;
});

function machine(): FakeSystem {
  const system = new FakeSystem();
  system.files.set(BLACKLIST, FOUND);
  for (const module of ["snd_pcm_oss", "snd_mixer_oss", "snd"]) system.modules.add(module);
  system.installed.add(SERVICE);
  return system;
}

function on(system: FakeSystem) {
  return { system, driver: DRIVER, say: (line: string) => said.push(line), answers: async () => isThere };
}

const BEFORE = machine().snapshot();

async function replaced() {
  const system = machine();
  await replace(on(system));
  return system;
}

test("the modules are out and kept out, the service is in, and the plan has said so", async () => {
  const { files, ...rest } = (await replaced()).snapshot();
  expect(rest).toEqual({ modules: ["snd"], masked: [], enabled: [SERVICE], active: [SERVICE] });
  expect(Buffer.from(files[BLACKLIST]?.bytes ?? "", "base64").toString()).toMatch(
    /^# devlift-oss takes .*\nblacklist snd-pcm-oss\nblacklist snd-mixer-oss\n$/,
  );
  expect(said).toEqual(plan(new FakeSystem(), DRIVER));
});

test("restore puts back what was there, byte for byte, and forgets it", async () => {
  const system = await replaced();
  restore(on(system));
  expect(system.snapshot()).toEqual(BEFORE);
  expect(() => restore(on(system))).toThrow("oss was not put in the kernel's place");
});

test("replace again changes nothing, and the first journal counts", async () => {
  const system = await replaced();
  const after = system.snapshot();
  await replace(on(system));
  expect(system.snapshot()).toEqual(after);
  restore(on(system));
  expect(system.snapshot()).toEqual(BEFORE);
});

test("a service that ran and was enabled before goes on", async () => {
  const system = machine();
  system.enabled.add(SERVICE);
  system.active.add(SERVICE);
  const before = system.snapshot();
  await replace(on(system));
  restore(on(system));
  expect(system.snapshot()).toEqual(before);
});

test.each(["modprobe -r snd-mixer-oss", "modprobe -r snd-pcm-oss", "systemctl enable"])(
  "when %s fails, all is put back",
  async (command) => {
    const system = machine();
    // Only this module is in the way: nothing unloads it with the other.
    system.failing = command;
    if (command.endsWith("mixer-oss")) system.modules.delete("snd_pcm_oss");
    const before = system.snapshot();
    await expect(replace(on(system))).rejects.toThrow(/failed: no; all was put back$/);
    expect(system.snapshot()).toEqual(before);
  },
);

test("a device file that does not answer is a failure, too", async () => {
  isThere = false;
  const system = machine();
  await expect(replace(on(system))).rejects.toThrow("/dev/dsp does not answer; all was put back");
  expect(system.snapshot()).toEqual(BEFORE);
});

test("what cannot be undone is said, and restore does it later", async () => {
  const system = await replaced();
  system.failing = "modprobe snd-pcm-oss";
  expect(() => restore(on(system))).toThrow("1 of the steps could not be undone");
  expect(system.files.has(JOURNAL)).toBe(true);
  system.failing = undefined;
  restore(on(system));
  expect(system.snapshot()).toEqual(BEFORE);
});

test("without its service nothing is changed", async () => {
  const system = machine();
  system.installed.clear();
  await expect(replace(on(system))).rejects.toThrow("devlift-oss.service is not installed");
  expect(system.snapshot()).toEqual(BEFORE);
});

test("a journal that somebody has changed is not believed", async () => {
  const system = await replaced();
  system.files.set(JOURNAL, { ...FOUND, bytes: Buffer.from('{"step":{"kind":"file"}}\n').toString("base64") });
  expect(() => restore(on(system))).toThrow("was changed by somebody");
});

/** @returns the system after power failed before change number `changes`, or undefined when there are no more changes */
async function cutShort(system: FakeSystem, changes: number, act: () => Promise<void> | void): Promise<boolean> {
  system.changesLeft = changes;
  try {
    await act();
    return false;
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error;
    return true;
  } finally {
    system.changesLeft = Number.POSITIVE_INFINITY;
  }
}

test("replace killed at each of its changes: the next replace or restore puts all right", async () => {
  const whole = (await replaced()).snapshot();
  let changes = 0;
  for (; ; changes++) {
    const [restored, again] = [machine(), machine()];
    const died = await cutShort(restored, changes, () => replace(on(restored)));
    await cutShort(again, changes, () => replace(on(again)));
    if (!died) break;
    // Before the journal was written nothing was changed.
    if (restored.files.has(JOURNAL)) restore(on(restored));
    expect(restored.snapshot()).toEqual(BEFORE);
    await replace(on(again));
    expect(again.snapshot()).toEqual(whole);
    restore(on(again));
    expect(again.snapshot()).toEqual(BEFORE);
  }
  // The journal, the file, a module (the other goes with it), the service; the unit was not masked.
  expect(changes).toBe(4);
});

test("restore killed at each of its changes: the next one puts all right", async () => {
  let changes = 0;
  for (; ; changes++) {
    const system = await replaced();
    if (!(await cutShort(system, changes, () => restore(on(system))))) break;
    // After the journal was forgotten nothing is left but its folder.
    if (system.files.has(JOURNAL)) restore(on(system));
    expect(system.snapshot()).toEqual(BEFORE);
  }
  expect(changes).toBe(7);
});

describe("with a package, which takes the kernel's place by itself", () => {
  const PACKAGED = ["/usr/lib/modprobe.d/devlift-oss.conf", "/usr/lib/systemd/system/devlift-oss.service"];

  function installed(): FakeSystem {
    const system = machine();
    system.files.delete(BLACKLIST);
    for (const path of PACKAGED) system.files.set(path, textFile("its own\n"));
    system.modules.delete("snd_pcm_oss");
    system.modules.delete("snd_mixer_oss");
    system.enabled.add(SERVICE);
    system.active.add(SERVICE);
    return system;
  }

  function heldOff(): FakeSystem {
    const system = installed();
    restore(on(system));
    return system;
  }

  const HELD_OFF = heldOff().snapshot();

  test("restore holds it off, and replace lets it in without a file of its own", async () => {
    expect(HELD_OFF).toMatchObject({ masked: [SERVICE], enabled: [], active: [] });
    expect(Object.keys(HELD_OFF.files)).toEqual([BLACKLIST, ...PACKAGED]);
    const system = heldOff();
    await replace(on(system));
    expect(system.snapshot()).toMatchObject({ masked: [], enabled: [SERVICE], active: [SERVICE] });
    expect([...system.files.keys()].sort()).toEqual([...PACKAGED, JOURNAL]);
    restore(on(system));
    expect(system.snapshot()).toEqual(HELD_OFF);
  });

  test("what somebody else has put into /etc/modprobe.d stays, whoever drives", async () => {
    const system = installed();
    system.files.set(BLACKLIST, FOUND);
    restore(on(system));
    expect(system.files.get(BLACKLIST)).toEqual(FOUND);
    await replace(on(system));
    restore(on(system));
    expect(system.files.get(BLACKLIST)).toEqual(FOUND);
  });

  test("both killed at each of their changes: the next one puts all right", async () => {
    const whole = heldOff();
    await replace(on(whole));
    const acts = { replace, restore: async (changing: ReturnType<typeof on>) => restore(changing) };
    const wanted = { replace: whole.snapshot(), restore: HELD_OFF };
    let changes = 0;
    for (const killed of ["replace", "restore"] as const) {
      for (const next of ["replace", "restore"] as const) {
        for (let left = 0; ; left++) {
          const system = heldOff();
          if (killed === "restore") await replace(on(system));
          const died = await cutShort(system, left, () => acts[killed](on(system)));
          if (!died) break;
          changes++;
          await acts[next](on(system));
          // What a journal says was there before is of no matter to who is held off in the end.
          if (next === "restore") expect(system.snapshot()).toEqual(wanted.restore);
          else expect({ ...system.snapshot(), files: null }).toEqual({ ...wanted.replace, files: null });
          restore(on(system));
          expect(system.snapshot()).toEqual(HELD_OFF);
        }
      }
    }
    expect(changes).toBe(2 * (4 + 6));
  });

  test("a service that cannot be masked is said", () => {
    const system = installed();
    system.failing = "systemctl mask";
    expect(() => restore(on(system))).toThrow("run 'devlift restore oss' again");
  });
});

test("a failure is of a kind that a command line reports", async () => {
  isThere = false;
  await expect(replace(on(machine()))).rejects.toBeInstanceOf(ChangeError);
});
