// A stream that plays, through a pipe to aplay. What aplay has read is known exactly (FIONREAD of the pipe), and when it was
// heard is not: that goes by the clock, between what aplay has read and what its sound card's buffer can hold of it. So
// latency is right to within that buffer, and a card whose clock differs from ours is followed.
// aplay reads whole periods: less than a fragment waits, for more or for the drain, which ends that aplay. What comes after
// it gets another one.

import { closeSync } from "node:fs";
import { native } from "@devlift/core";
import { ByteQueue } from "../byte-queue.ts";
import type { AlsaProcess, Run } from "./alsa.ts";
import { BackendError, type PlayEvents, type PlayStream } from "./backend.ts";

export interface AlsaPlayOptions {
  readonly run: Run;
  /** Frames a second. */
  readonly rate: number;
  /** Bytes. */
  readonly frame: number;
  readonly fragment: number;
  readonly buffer: number;
  readonly corked: boolean;
}

const FIONREAD = 0x541b;
/** Bytes: a pipe of 16 pages takes so many, whatever the pieces. */
const MOST_UNREAD = 28_672;
/** Milliseconds between two looks at a pipe, at least. */
const LEAST_MS = 2;
const NOTHING = new Uint8Array(0);

/** An aplay and the pipe to it. */
interface Player {
  readonly process: AlsaProcess;
  /** Bytes that were written before it. */
  readonly from: number;
  /** undefined: all is in it, and it was closed, so that aplay plays to the end. */
  pipe: number | undefined;
}

interface Drain {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class AlsaPlayStream implements PlayStream {
  readonly bufferSize: number;
  readonly #options: AlsaPlayOptions;
  readonly #events: PlayEvents;
  readonly #bytesPerMs: number;
  /** What the pipe has not taken. */
  readonly #queue = new ByteQueue();
  #piece: Uint8Array = NOTHING;
  #player: Player | undefined;
  #corked: boolean;
  #written = 0;
  /** Bytes that were heard: no whole ones, or what less than a byte takes would never be heard. */
  #played = 0;
  /** When that was worked out. */
  #at = performance.now();
  #isDry = true;
  #roomTold: number;
  #timer: NodeJS.Timeout | undefined;
  #drain: Drain | undefined;
  #closed = false;

  constructor(options: AlsaPlayOptions, events: PlayEvents) {
    this.#options = options;
    this.#events = events;
    this.bufferSize = options.buffer;
    this.#roomTold = options.buffer;
    this.#corked = options.corked;
    this.#bytesPerMs = (options.frame * options.rate) / 1000;
  }

  get room(): number {
    return Math.max(0, this.bufferSize - this.delay());
  }

  write(data: Uint8Array): void {
    this.#update();
    this.#queue.push(data);
    this.#written += data.length;
    this.#feed();
    this.#roomTold = this.room;
  }

  delay(): number {
    this.#update();
    const { frame } = this.#options;
    return Math.ceil((this.#written - this.#played) / frame) * frame;
  }

  setCorked(corked: boolean): void {
    this.#corked = corked;
    this.#feed();
  }

  /** aplay waits for whole periods. */
  trigger(): void {}

  drain(): Promise<void> {
    if (this.#drain !== undefined) return this.#drain.promise;
    if (this.#player === undefined && this.#queue.length === 0) return Promise.resolve();
    const parts: Partial<Pick<Drain, "resolve" | "reject">>[] = [];
    const promise = new Promise<void>((resolve, reject) => parts.push({ resolve, reject }));
    const { resolve = () => undefined, reject = () => undefined } = parts[0] ?? {};
    this.#drain = { promise, resolve, reject };
    this.#feed();
    return promise;
  }

  /** Levels are a server's to apply, and there is none. */
  setVolume(): void {}

  close(): void {
    if (!this.#closed) this.#end(new BackendError("the stream was closed"));
  }

  #end(error: Error): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#player?.process.child.kill("SIGKILL");
    this.#closePipe();
    this.#player = undefined;
    this.#drain?.reject(error);
    // Whoever waited for it may have given up.
    this.#drain?.promise.catch(() => undefined);
    this.#drain = undefined;
  }

  #fail(error: Error): void {
    this.#end(error);
    this.#events.failed(error);
  }

  get #unread(): number {
    const pipe = this.#player?.pipe;
    if (pipe === undefined) return 0;
    const count = new Uint32Array(1);
    native.ioctl(pipe, FIONREAD, new Uint8Array(count.buffer));
    return count[0] ?? 0;
  }

  /** Bytes that no aplay was given. */
  get #kept(): number {
    return this.#queue.length + this.#piece.length;
  }

  /** Bytes that can have been heard by now, however fast the card is. */
  get #playable(): number {
    const player = this.#player;
    if (player === undefined) return this.#played;
    const read = this.#written - this.#kept - this.#unread;
    const since = read - player.from;
    return player.pipe === undefined ? read : read - (since % this.#options.fragment);
  }

  /** Time has gone by. */
  #update(): void {
    const now = performance.now();
    const elapsed = (now - this.#at) * this.#bytesPerMs;
    this.#at = now;
    const playable = this.#playable;
    if (playable <= this.#played) return;
    // The first that it could have been heard, as what was read and is not in the card's buffer has been heard.
    const least = Math.max(this.#played, playable - this.bufferSize);
    this.#played = Math.min(playable, this.#isDry ? least : Math.max(least, this.#played + elapsed));
    this.#isDry = false;
  }

  /** Gives aplay what its pipe takes, and sees to it that the rest is given, too, and that what goes by is told. */
  #feed(): void {
    if (this.#closed || this.#corked) return;
    if (this.#player === undefined) {
      if (this.#kept === 0) return;
      try {
        this.#player = this.#start();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        setImmediate(() => this.#fail(new BackendError(`aplay cannot be started: ${why}`, { cause })));
        return;
      }
    }
    this.#fill(this.#player);
    if (this.#drain !== undefined && this.#kept === 0) this.#closePipe();
    const { fragment } = this.#options;
    const ms = Math.max(LEAST_MS, Math.min(fragment, MOST_UNREAD / 2) / this.#bytesPerMs);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tick();
    }, ms);
  }

  #fill({ pipe }: Player): void {
    while (pipe !== undefined && this.#kept > 0) {
      if (this.#piece.length === 0) this.#piece = this.#queue.take(MOST_UNREAD);
      const space = MOST_UNREAD - this.#unread;
      // One that is broken: aplay's end says why.
      const taken = space > 0 ? native.writev(pipe, [this.#piece.subarray(0, space)]) : 0;
      if (taken <= 0) return;
      this.#piece = this.#piece.subarray(taken);
    }
  }

  #tick(): void {
    this.#update();
    const playable = this.#playable;
    const isDone = this.#kept + this.#unread === 0 && playable <= this.#played;
    if (!isDone) this.#feed();
    const { room } = this;
    if (room - this.#roomTold >= this.#options.fragment || (isDone && room > this.#roomTold)) {
      this.#roomTold = room;
      this.#events.roomChanged();
    }
    if (!isDone || this.#isDry || this.#closed) return;
    this.#isDry = true;
    if (this.#drain === undefined) this.#events.underrun();
  }

  #start(): Player {
    const [reading, writing] = native.pipe();
    let process: AlsaProcess;
    try {
      process = this.#options.run(reading, "ignore");
    } catch (error) {
      closeSync(writing);
      throw error;
    } finally {
      closeSync(reading);
    }
    const player: Player = { process, from: this.#written - this.#kept, pipe: writing };
    void process.ended.then((error) => {
      if (this.#player === player) this.#ended(player, error);
    });
    return player;
  }

  #ended({ pipe }: Player, error: BackendError | undefined): void {
    const drain = this.#drain;
    if (error !== undefined || pipe !== undefined || drain === undefined) {
      this.#fail(error ?? new BackendError("aplay has ended"));
      return;
    }
    this.#player = undefined;
    this.#drain = undefined;
    this.#played = this.#written - this.#kept;
    this.#isDry = true;
    drain.resolve();
    // What was written meanwhile.
    this.#feed();
  }

  #closePipe(): void {
    if (this.#player?.pipe === undefined) return;
    closeSync(this.#player.pipe);
    this.#player.pipe = undefined;
  }
}
