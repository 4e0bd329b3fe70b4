// A virtual device as a UrbQueue: what a bus and a device's own hardware do between them. Endpoints run one transfer
// at a time, in order; a STALL halts an endpoint until CLEAR_FEATURE(ENDPOINT_HALT); standard requests are answered
// from the descriptors. The in-process fake and the USB/IP server both stand on it.
// Lifetime: one plug, until unplug().

import { UsbError } from "./errors.ts";
import {
  cancelledError,
  failed,
  goneError,
  type SubmittedUrb,
  succeeded,
  type Urb,
  type UrbDone,
  type UrbQueue,
  type UrbResult,
} from "./urb.ts";
import { STALL, type VirtualUsbDevice } from "./virtual-device.ts";
import { parseSetup, StandardRequests } from "./virtual-requests.ts";

interface QueuedUrb {
  readonly urb: Urb;
  readonly done: UrbDone;
  readonly abort: AbortController;
  answered: boolean;
}

interface VirtualPipe {
  readonly waiting: QueuedUrb[];
  busy: boolean;
  /** What in() answered to a transfer that was cancelled meanwhile: a device keeps it for the next one. */
  kept: Uint8Array | undefined;
}

export class VirtualQueue implements UrbQueue {
  readonly #device: VirtualUsbDevice;
  readonly #standard: StandardRequests;
  readonly #gone = new AbortController();
  readonly #pipes = new Map<number, VirtualPipe>();
  readonly #pending = new Set<QueuedUrb>();
  readonly #thrown: (error: unknown) => void;

  /** @param thrown told when the virtual device throws, which is a bug in it; default: an uncaught exception */
  constructor(device: VirtualUsbDevice, thrown: (error: unknown) => void = throwLater) {
    this.#device = device;
    this.#thrown = thrown;
    this.#standard = new StandardRequests(device);
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    // Whatever a bus takes, it has on the wire by then: later changes of the caller's buffer must not be seen.
    const queued: QueuedUrb = {
      urb: { ...urb, data: Uint8Array.from(urb.data) },
      done,
      abort: new AbortController(),
      answered: false,
    };
    this.#pending.add(queued);
    if (this.gone.aborted) this.#answerLater(queued, failed(goneError(this.gone)));
    else {
      const pipe = this.#pipe(urb.endpoint);
      pipe.waiting.push(queued);
      queueMicrotask(() => this.#run(pipe));
    }
    return {
      cancel: () => {
        queued.abort.abort();
        this.#answerLater(queued, failed(cancelledError()));
      },
    };
  }

  /** Everything pending ends with "gone". Idempotent. */
  unplug(): void {
    if (this.gone.aborted) return;
    const error = new UsbError("gone", "the device was unplugged");
    this.#gone.abort(error);
    for (const queued of this.#pending) {
      queued.abort.abort();
      this.#answerLater(queued, failed(error));
    }
    this.#device.unplugged?.();
  }

  #pipe(endpoint: number): VirtualPipe {
    let pipe = this.#pipes.get(endpoint);
    if (pipe === undefined) {
      pipe = { waiting: [], busy: false, kept: undefined };
      this.#pipes.set(endpoint, pipe);
    }
    return pipe;
  }

  #run(pipe: VirtualPipe): void {
    while (!pipe.busy) {
      const next = pipe.waiting.shift();
      if (next === undefined) return;
      if (next.answered) continue;
      pipe.busy = true;
      void this.#execute(pipe, next).then(() => {
        pipe.busy = false;
        this.#run(pipe);
      });
    }
  }

  async #execute(pipe: VirtualPipe, queued: QueuedUrb): Promise<void> {
    const { urb } = queued;
    if (this.#standard.halted.has(urb.endpoint)) return this.#answer(queued, failed(stallError()));
    const kept = urb.direction === "in" && urb.endpoint !== 0 ? pipe.kept : undefined;
    pipe.kept = undefined;
    let answer: Uint8Array | typeof STALL;
    try {
      const asked = kept ?? this.#ask(queued);
      // The next SETUP ends an unfinished control transfer (USB 2.0, 5.5.5); a data endpoint stays busy with it.
      answer = await (urb.endpoint === 0 ? Promise.race([asked, cancelled(queued.abort.signal)]) : asked);
    } catch (error) {
      // A cancelled in() usually rejects; anything else is a bug in the virtual device.
      if (!queued.abort.signal.aborted) this.#thrown(error);
      return this.#answer(queued, failed(new UsbError("io", "the virtual device failed", { cause: error })));
    }
    if (queued.answered) {
      if (urb.direction === "in" && urb.endpoint !== 0 && answer !== STALL && answer.length > 0) pipe.kept = answer;
      return;
    }
    if (answer === STALL) {
      if (urb.endpoint !== 0) this.#standard.halted.add(urb.endpoint);
      return this.#answer(queued, failed(stallError()));
    }
    this.#answer(queued, completed(urb, answer));
  }

  async #ask({ urb, abort }: QueuedUrb): Promise<Uint8Array | typeof STALL> {
    const number = urb.endpoint & 0x0f;
    if (urb.setup !== undefined) {
      const setup = parseSetup(urb.setup);
      return this.#standard.answer(setup, urb.data) ?? (await this.#device.control(setup, urb.data));
    }
    if (urb.direction === "in") return await this.#device.in(number, urb.length, abort.signal);
    return (await this.#device.out(number, urb.data)) === STALL ? STALL : NOTHING;
  }

  #answer(queued: QueuedUrb, result: UrbResult): void {
    if (queued.answered) return;
    queued.answered = true;
    this.#pending.delete(queued);
    queued.done(result);
  }

  #answerLater(queued: QueuedUrb, result: UrbResult): void {
    if (queued.answered) return;
    queued.answered = true;
    this.#pending.delete(queued);
    queueMicrotask(() => queued.done(result));
  }
}

const NOTHING = new Uint8Array(0);

function completed(urb: Urb, answer: Uint8Array): UrbResult {
  if (urb.direction === "out") return succeeded(NOTHING, urb.length);
  if (answer.length <= urb.length) return succeeded(answer);
  const bytes = answer.subarray(0, urb.length);
  // The data stage of a control transfer ends at wLength; more on another endpoint is babble.
  if (urb.endpoint === 0) return succeeded(bytes);
  return failed(new UsbError("overflow", `the device sent more than the ${urb.length} bytes asked for`), bytes);
}

function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(cancelledError());
    else signal.addEventListener("abort", () => reject(cancelledError()), { once: true });
  });
}

function stallError(): UsbError {
  return new UsbError("stall", "the device answered with STALL");
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
