// The reference device: a stream of bytes a room, whose every callback can be told to misbehave. All of its nodes share
// their rooms; a node differs from the next in what the core decides (whole or single writes, how many opens).

import {
  type AnyDevice,
  type Commands,
  DeviceError,
  defineDevice,
  type ReadCall,
  type WouldBlock,
  type WriteCall,
  wouldBlock,
  wouldBlockFor,
} from "@devlift/core";
import { ACTION, control, KICK, KNOB, shapes } from "./protocol.ts";
import { COUNTERS, errnoOf, type Member, Room } from "./room.ts";
import { shapeHandlers } from "./shapes.ts";

interface OpenRule {
  readonly room: number;
  readonly action: number;
  readonly value: number;
}

/** Everything that the nodes of one daemon share. */
export class World {
  readonly #rooms = new Map<number, Room>();
  readonly #rules = new Map<number, OpenRule>();
  #private = -1;

  rule(tid: number, rule: OpenRule): void {
    this.#rules.set(tid, rule);
  }

  takeRule(tid: number): OpenRule {
    const rule = this.#rules.get(tid) ?? { room: this.#private--, action: ACTION.NORMAL, value: 0 };
    this.#rules.delete(tid);
    return rule;
  }

  room(number: number): Room {
    const room = this.#rooms.get(number) ?? new Room(number);
    this.#rooms.set(number, room);
    return room;
  }

  enter(number: number): Member {
    const room = this.room(number);
    const member = { room };
    room.members.add(member);
    room.count("files");
    return member;
  }

  leave(member: Member): void {
    const { room } = member;
    room.members.delete(member);
    room.counts.files--;
    if (room.members.size === 0) this.#rooms.delete(room.number);
  }
}

interface StreamOptions {
  readonly name: string;
  readonly writes?: "whole" | "once";
  readonly maxOpens?: number;
  readonly maxOpensPerUser?: number;
}

/** One node of the reference device. */
export function defineStream(world: World, options: StreamOptions): AnyDevice {
  const commands = { ...control, ...shapes } satisfies Commands;

  /** Wakes the files of a room, on this node. */
  const wake = (room: Room, what: "readable" | "writable" | "urgent") => {
    if (room.setting(KNOB.WAKES) === 0) return;
    for (const file of [...device.files]) if (roomOf(file.state) === room) file[what]();
  };

  const device = defineDevice<Member, typeof commands>({
    ...options,
    open(call) {
      const rule = world.takeRule(call.caller.pid);
      const member = world.enter(rule.room);
      const { room } = member;
      room.count("opens");
      room.note(call, 0);
      room.seen.openFlags = call.flags;
      const give = (error: unknown) => {
        world.leave(member);
        throw error;
      };
      try {
        const opened = room.performAs(rule.action, rule.value, { signal: call.signal, act: () => member });
        return opened instanceof Promise ? opened.catch(give) : opened;
      } catch (error) {
        return give(error);
      }
    },
    release(call) {
      const { room } = call.state;
      const ended = room.perform(KNOB.ON_RELEASE, call, () => {
        room.count("releases");
        world.leave(call.state);
      });
      return ended instanceof Promise ? ended : undefined;
    },
    read(call) {
      const { room } = call.state;
      if (call.waitedMs === 0) room.count("reads");
      room.note(call, call.length);
      return room.perform(KNOB.ON_READ, call, () => read(room, call));
    },
    write(call) {
      const { room } = call.state;
      if (call.waitedMs === 0) room.count("writes");
      room.note(call, call.data.length);
      return room.perform(KNOB.ON_WRITE, call, () => write(room, call));
    },
    poll({ state: { room } }) {
      room.count("polls");
      const setting = room.setting(KNOB.ON_POLL);
      if ((setting & 0xff) === ACTION.ERRNO) throw new DeviceError(errnoOf(setting >>> 8), "as the client asked");
      if ((setting & 0xff) === ACTION.THROW) throw new RangeError("as the client asked");
      if ((setting & 0xff) === ACTION.ILLEGAL) return -1;
      return room.ready;
    },
    commands,
    ioctl: {
      ...shapeHandlers,
      RULE: ({ arg: { tid, ...rule } }) => world.rule(tid, rule),
      SET: ({ state, arg }) => state.room.set(arg.knob, arg.value),
      FILL({ state, arg }) {
        state.room.push(Uint8Array.from({ length: arg.count }, (_, index) => pattern(index, arg.seed)));
        wake(state.room, "readable");
      },
      KICK({ state, arg, file }) {
        const mine = [...device.files].filter((other) => roomOf(other.state) === state.room);
        switch (arg.what) {
          case KICK.READABLE:
            for (const other of mine) other.readable();
            return;
          case KICK.WRITABLE:
            for (const other of mine) other.writable();
            return;
          case KICK.URGENT:
            for (const other of mine) other.urgent();
            return;
          case KICK.HANGUP:
          case KICK.HANGUP_OTHERS:
          case KICK.HANGUP_THIS:
            for (const other of mine) {
              if (arg.what === KICK.HANGUP_OTHERS && other === file) continue;
              if (arg.what === KICK.HANGUP_THIS && other !== file) continue;
              if (arg.value === 0) other.hangup();
              else other.hangup(errnoOf(arg.value));
            }
            return;
          case KICK.FINISH:
            state.room.finish();
            return;
          default:
            throw new DeviceError("EINVAL");
        }
      },
      STATS({ state: { room }, arg }) {
        room.identify();
        Object.assign(arg, room.counts, room.seen);
      },
      async AWAIT({ state: { room }, arg, signal }) {
        const counter = COUNTERS[arg.counter];
        if (counter === undefined) throw new DeviceError("EINVAL");
        await room.reached(counter, arg.least, signal);
      },
      JOIN({ state, arg }) {
        world.leave(state);
        state.room = world.enter(arg).room;
      },
      ACT(call) {
        const { room } = call.state;
        room.count("acts");
        room.note(call, 0);
        if ((room.setting(KNOB.ON_ACT) & 0xff) === ACTION.ILLEGAL) return -1;
        return room.perform(KNOB.ON_ACT, call, () => call.arg);
      },
      NONBLOCK({ file, arg }) {
        file.setNonBlocking(arg !== 0);
      },
      ACT_WAIT(call) {
        const { room } = call.state;
        if (call.waitedMs === 0) room.count("acts");
        room.note(call, 0);
        if (room.held > 0) return room.held;
        if (!call.nonBlocking) room.count("blocked");
        return wouldBlock;
      },
    },
  });

  function read(room: Room, call: ReadCall<Member>): Uint8Array | WouldBlock {
    const action = room.setting(KNOB.ON_READ);
    if ((action & 0xff) === ACTION.ILLEGAL) return new Uint8Array(call.length + 1);
    if (room.held === 0) {
      if (room.setting(KNOB.EOF) !== 0) return new Uint8Array(0);
      if (!call.nonBlocking) room.count("blocked");
      if ((action & 0xff) !== ACTION.TIMED) return wouldBlock;
      return call.waitedMs >= action >>> 8 ? new Uint8Array(0) : wouldBlockFor((action >>> 8) - call.waitedMs);
    }
    const given = room.pull(Math.min(call.length, room.setting(KNOB.CHUNK) || call.length));
    wake(room, "writable");
    return given;
  }

  function write(room: Room, call: WriteCall<Member>): number | WouldBlock {
    const action = room.setting(KNOB.ON_WRITE);
    if ((action & 0xff) === ACTION.ILLEGAL) return call.data.length + 1;
    const room_ = Math.min(room.free, room.setting(KNOB.CHUNK) || call.data.length);
    const taken = call.data.subarray(0, room_);
    if (taken.length === 0 && call.data.length > 0) {
      if (!call.nonBlocking) room.count("blocked");
      return wouldBlock;
    }
    room.push(taken);
    wake(room, "readable");
    return taken.length;
  }

  return device;
}

function roomOf(state: unknown): Room | undefined {
  return typeof state === "object" && state !== null && "room" in state && state.room instanceof Room
    ? state.room
    : undefined;
}

/** The bytes that FILL makes and that the client checks. */
export function pattern(index: number, seed: number): number {
  return (index * 7 + Math.floor(index / 251) + seed) & 0xff;
}
