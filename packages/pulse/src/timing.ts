// Where a stream is between two reports of the server: what was heard, what is still to come. Pure; time is handed in.
// A clock lives as long as its stream. Model: PulseAudio src/pulse/stream.c, calc_time() and the timing-info callback.
//
// A report says of one moment: the server's queue goes from read_index to write_index, and what was read last is heard
// `deviceUsec` from now. While the stream plays, time goes by and the sound with it, so the answer for a later moment needs no round trip.

import { bytesToUsec, type SampleSpec, usecToBytes } from "./sample.ts";

/** What the server says of one moment (GET_PLAYBACK_LATENCY, GET_RECORD_LATENCY). */
export interface TimingReport {
  /** Monotonic milliseconds (performance.now()) of that moment. */
  readonly at: number;
  /** Microseconds that a sample is on its way between the server's queue and the air. */
  readonly deviceUsec: number;
  readonly playing: boolean;
  readonly writeIndex: number;
  readonly readIndex: number;
  /** Bytes of silence since the last underrun; Infinity when there was nothing but. */
  readonly silentFor: number;
}

/** Where a playback stream is. Bytes are of the stream's own format, in whole frames. */
export interface PlaybackLatency {
  /** Bytes written since the stream was made, or last flushed. */
  readonly written: number;
  /** Of these, the bytes that were heard by now. Never goes back, except to 0 when the stream is flushed. */
  readonly played: number;
  /** written - played: what is still to be heard, in the server's queue and in the device. */
  readonly delay: number;
  readonly delayUsec: number;
  /** Whether sound came out when the server last said. */
  readonly playing: boolean;
  /** Milliseconds since the moment that the server's last report is of; Infinity before the first one. */
  readonly age: number;
}

export class PlaybackClock {
  readonly #spec: SampleSpec;
  #report: TimingReport | undefined;
  /** What our bytes were, in all, at the report's moment, and as the report counts them: writeIndex. */
  #sentAtReport = 0;
  /** All bytes ever sent, and how many of them at the last flush. */
  #sent = 0;
  #sentAtFlush = 0;
  #flushes = 0;
  #played = 0;

  constructor(spec: SampleSpec) {
    this.#spec = spec;
  }

  wrote(bytes: number): void {
    this.#sent += bytes;
  }

  /** What was sent is gone; reports that were asked for before are of no use any more. */
  flushed(): void {
    this.#report = undefined;
    this.#flushes++;
    this.#sentAtFlush = this.#sent;
    this.#played = 0;
  }

  /** A report is asked for now. Returns where to hand it in; one that a flush has overtaken is dropped. */
  asking(): (report: TimingReport) => void {
    const [sent, flushes] = [this.#sent, this.#flushes];
    return (report) => {
      if (flushes !== this.#flushes) return;
      this.#report = report;
      this.#sentAtReport = sent;
    };
  }

  /** All that was sent is to be drained. Returns whom to tell when the server says that it was: it knows better than its reports. */
  drainingUpTo(): () => void {
    const [sent, flushes] = [this.#sent, this.#flushes];
    return () => {
      if (flushes === this.#flushes) this.#played = Math.max(this.#played, sent - this.#sentAtFlush);
    };
  }

  /** @param now monotonic milliseconds */
  at(now: number): PlaybackLatency {
    const written = this.#sent - this.#sentAtFlush;
    const delay = Math.min(Math.max(this.#delay(now), 0), written - this.#played);
    this.#played = written - delay;
    return {
      written,
      played: this.#played,
      delay,
      delayUsec: bytesToUsec(delay, this.#spec),
      playing: this.#report?.playing ?? false,
      age: this.#report === undefined ? Number.POSITIVE_INFINITY : now - this.#report.at,
    };
  }

  /** Bytes until the last one sent is heard, as the report has it; all of them as long as there is none. */
  #delay(now: number): number {
    const report = this.#report;
    if (report === undefined) return this.#sent - this.#sentAtFlush;
    const elapsed = (now - report.at) * 1000;
    const queued = report.writeIndex + (this.#sent - this.#sentAtReport) - report.readIndex;
    // While it does not play, nothing leaves the queue, but what the device had goes on to be heard.
    if (report.playing) return queued + usecToBytes(report.deviceUsec - elapsed, this.#spec);
    const silent = bytesToUsec(report.silentFor, this.#spec);
    return queued + usecToBytes(Math.max(report.deviceUsec - silent - elapsed, 0), this.#spec);
  }
}

/** Where a record stream is. Bytes are of the stream's own format, in whole frames. */
export interface RecordLatency {
  /** Bytes that read() gives now. */
  readonly available: number;
  /**
   * How old the sample is that read() gives next: device, server and what is available. Microseconds, 0 before a report.
   * Below 0 of a sink's monitor, which gives samples before they are heard.
   */
  readonly delayUsec: number;
  readonly recording: boolean;
  /** Milliseconds since the moment that the server's last report is of; Infinity before the first one. */
  readonly age: number;
}

export class RecordClock {
  readonly #spec: SampleSpec;
  #report: TimingReport | undefined;
  #receivedAtReport = 0;

  constructor(spec: SampleSpec) {
    this.#spec = spec;
  }

  flushed(): void {
    this.#report = undefined;
  }

  /** @param received all bytes that came before the report did: the server's read_index, in our count */
  reported(report: TimingReport, received: number): void {
    this.#report = report;
    this.#receivedAtReport = received;
  }

  /** @param received all bytes ever received; `available` those of them that were not read */
  at(now: number, received: number, available: number): RecordLatency {
    const report = this.#report;
    if (report === undefined) return { available, delayUsec: 0, recording: false, age: Number.POSITIVE_INFINITY };
    const elapsed = report.playing ? (now - report.at) * 1000 : 0;
    const inServer = report.writeIndex - report.readIndex - (received - this.#receivedAtReport);
    const delayUsec = report.deviceUsec + elapsed + bytesToUsec(inServer + available, this.#spec);
    return { available, delayUsec, recording: report.playing, age: now - report.at };
  }
}

/**
 * The monotonic moment, within a command's round trip, that the server's time stamp is of. Clocks that do not agree, as
 * over a network, give the middle.
 *
 * @param asked, answered monotonic milliseconds
 * @param ahead microseconds from our wall clock's time when we asked to the server's when it answered
 */
export function momentOf(asked: number, answered: number, ahead: number): number {
  const after = ahead / 1000;
  return after >= 0 && after <= answered - asked ? asked + after : (asked + answered) / 2;
}
