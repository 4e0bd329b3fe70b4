// Which channel makes the device file, at which path, and how.
// Serving is a plan, made once at start.

import { tmpdir } from "node:os";
import {
  type Availability,
  type Channel,
  type ChannelKind,
  chooseChannel,
  cuse,
  fusd,
  type Logger,
  type NodePermissions,
  type Recording,
  serve,
  UsageError,
} from "@devlift/core";
import { defineSerialPort, ptyAvailability, type SerialDriver, servePty } from "@devlift/tty";
import { DEFAULT_DEVICE, type Options } from "./options.ts";
import { defaultLink, type Place } from "./place.ts";
import type { Front } from "./source.ts";

export interface Serving {
  readonly kind: Exclude<Options["channel"], "auto">;
  /** What was chosen and why, and what was not. */
  readonly why: string;
  readonly place: Place;
  readonly front: Front;
  /**
   * @param recording where every request is written to, where the kernel gives them to us
   * @throws DeviceError or UsageError when the device file cannot be made
   */
  serve(driver: SerialDriver, log: Logger, recording?: Recording): Promise<Channel>;
}

interface Kind {
  readonly name: Serving["kind"];
  probe(): Availability;
  /** @throws UsageError when there is no place for the device file */
  plan(why: string): Serving;
}

/** Root's and its group's: whoever may read from a handheld may write to it too. */
const SHARED_MODE = 0o660;
const FALLBACK_NAME = "pilot";

/** @throws UsageError when the wanted channel, or every one, cannot work here */
export function chooseServing(options: Options): Serving {
  const { kind, why } = chooseChannel(
    [deviceKind("fusd", fusd, options), deviceKind("cuse", cuse, options), ptyKind(options)],
    options.channel,
  );
  const { trace, record } = options.watching;
  if (kind.name === "pty" && (trace !== undefined || record !== undefined))
    throw new UsageError(`--trace and --record see nothing of a pty, whose requests the kernel answers (${why})`);
  return kind.plan(why);
}

/** A character device, which the kernel makes under /dev. */
function deviceKind(kind: "fusd" | "cuse", channel: ChannelKind, { device, permissions }: Options): Kind {
  const path = device ?? DEFAULT_DEVICE;
  const name = nameUnderDev(path);
  return {
    name: kind,
    probe: () =>
      name === undefined
        ? { usable: false, why: `the kernel makes character devices under /dev, not at ${path}` }
        : channel.probe(),
    plan: (why) => ({
      kind,
      why,
      place: { path },
      front: { name: name ?? FALLBACK_NAME, waits: false },
      serve: (driver, log, recording) => {
        const port = defineSerialPort(driver, { log });
        return serve(port, { channel, path, permissions: { mode: SHARED_MODE, ...permissions }, log, recording });
      },
    }),
  };
}

function ptyKind({ device, permissions }: Options): Kind {
  return {
    name: "pty",
    probe: ptyAvailability,
    plan: (why) => {
      const place = device === undefined ? defaultLink(surroundings()) : { path: device };
      return {
        kind: "pty",
        why,
        place,
        // Nobody can refuse the open of a pty, so its program waits for the handheld.
        front: { name: nameUnderDev(place.path) ?? FALLBACK_NAME, waits: true },
        serve: (driver, log) => servePty(driver, { link: place.path, permissions: ptyPermissions(permissions), log }),
      };
    },
  };
}

/** The kernel makes a pty 0620, for write(1): the group that a person names is to use it. */
function ptyPermissions(permissions: NodePermissions): NodePermissions {
  return permissions.gid === undefined ? permissions : { mode: SHARED_MODE, ...permissions };
}

function surroundings() {
  return {
    uid: process.getuid?.() ?? 0,
    runtimeDirectory: process.env["XDG_RUNTIME_DIR"],
    deviceDirectory: "/dev",
    temporaryDirectory: tmpdir(),
  };
}

/** "pilot" for /dev/pilot; undefined for what is not under /dev. */
function nameUnderDev(path: string): string | undefined {
  const name = path.startsWith("/dev/") ? path.slice("/dev/".length) : "";
  return name.split("/").some((part) => part === "" || part === "." || part === "..") ? undefined : name;
}
