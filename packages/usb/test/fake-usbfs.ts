// usbfs in memory, with one open device that sends bytes which count up, and keeps what it is sent. It writes to a process's
// memory when it is asked for what has ended, and never else. Lifetime: from a life of a process to the next by a copy.

import * as abi from "../src/usbfs/abi.ts";
import type { UsbfsKernel } from "../src/usbfs/port.ts";
import { KEEPER_SIZE } from "../src/usbfs/slots.ts";

/** Of the memory's first byte. */
export const ADDRESS = 0x48_0000_0040n;
export const IN = 0x81;
export const OUT = 0x02;
export const PACKET = 64;

interface Transfer {
  readonly address: bigint;
  readonly endpoint: number;
  status: number;
  bytes: number[];
}

/** What the kernel has of an open device, and the device has. */
export interface Machine {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly pending: readonly Transfer[];
  readonly completed: readonly Transfer[];
  readonly sent: number;
  readonly got: readonly number[];
}

export class FakeUsbfs implements UsbfsKernel {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly pending: Transfer[];
  readonly completed: Transfer[];
  readonly got: number[];
  sent: number;
  ready: (result: number) => void = () => undefined;
  step: () => void = () => undefined;

  constructor(machine?: Machine) {
    const copy = structuredClone(machine);
    this.memory = copy?.memory ?? new Uint8Array(KEEPER_SIZE);
    this.pending = [...(copy?.pending ?? [])];
    this.completed = [...(copy?.completed ?? [])];
    this.got = [...(copy?.got ?? [])];
    this.sent = copy?.sent ?? 0;
  }

  ioctl(_fd: number, request: number, argument: bigint | Uint8Array): number {
    this.step();
    const result = typeof argument === "bigint" ? this.#call(request, argument) : 0;
    this.step();
    return result;
  }

  watch(_fd: number, _events: number, callback: (result: number) => void) {
    this.ready = callback;
    return {
      close: () => {
        this.ready = () => undefined;
      },
    };
  }

  close(): void {}

  /** The oldest transfer of an endpoint ends. */
  end(endpoint: number): boolean {
    const index = this.pending.findIndex((transfer) => transfer.endpoint === endpoint);
    const [transfer] = index < 0 ? [] : this.pending.splice(index, 1);
    if (transfer === undefined) return false;
    this.#move(transfer, transfer.bytes.length);
    this.completed.push(transfer);
    this.step();
    return true;
  }

  #move(transfer: Transfer, count: number): void {
    if (transfer.endpoint === OUT) this.got.push(...transfer.bytes.slice(0, count));
    transfer.bytes = transfer.bytes.slice(0, count);
    if (transfer.endpoint === IN) transfer.bytes = Array.from({ length: PACKET - 1 }, () => this.sent++ & 0xff);
  }

  #call(request: number, address: bigint): number {
    switch (request) {
      case abi.USBDEVFS_SUBMITURB: {
        const urb = this.#urb(address);
        const length = urb.getInt32(abi.URB.bufferLength, true);
        const at = Number(urb.getBigUint64(abi.URB.buffer, true) - ADDRESS);
        const endpoint = urb.getUint8(abi.URB.endpoint);
        const bytes = endpoint === OUT ? [...this.memory.subarray(at, at + length)] : [];
        this.pending.push({ address, endpoint, status: 0, bytes });
        return 0;
      }
      case abi.USBDEVFS_DISCARDURB: {
        const index = this.pending.findIndex((transfer) => transfer.address === address);
        const [transfer] = index < 0 ? [] : this.pending.splice(index, 1);
        if (transfer === undefined) return -abi.ERRNO.EINVAL;
        transfer.status = -abi.ERRNO.ENOENT;
        // Some of it may be on the wire.
        if (endpointIsOut(transfer)) this.#move(transfer, transfer.bytes.length >> 1);
        this.completed.push(transfer);
        return 0;
      }
      case abi.USBDEVFS_REAPURBNDELAY: {
        const transfer = this.completed.shift();
        if (transfer === undefined) return -abi.ERRNO.EAGAIN;
        const urb = this.#urb(transfer.address);
        const at = Number(urb.getBigUint64(abi.URB.buffer, true) - ADDRESS);
        if (!endpointIsOut(transfer)) this.memory.set(transfer.bytes, at);
        urb.setInt32(abi.URB.status, transfer.status, true);
        urb.setInt32(abi.URB.actualLength, transfer.bytes.length, true);
        new DataView(this.memory.buffer, Number(address - ADDRESS)).setBigUint64(0, transfer.address, true);
        return 0;
      }
      default:
        return 0;
    }
  }

  #urb(address: bigint): DataView {
    return new DataView(this.memory.buffer, Number(address - ADDRESS), abi.URB.size);
  }
}

function endpointIsOut({ endpoint }: Transfer): boolean {
  return endpoint === OUT;
}
