// The public API of @devlift/testing: virtual USB hardware, and clients.

export { type ClientOptions, HotSyncClient } from "./hotsync/client.ts";
export type { Overview } from "./hotsync/overview.ts";
export { type OpenOptions, openSerialPort, PortError, pipeStream } from "./hotsync/serial-port.ts";
export { type ByteStream, ChunkQueue, type Line, memoryStreams } from "./hotsync-protocol/byte-stream.ts";
export { DlpError, ProtocolError, type ProtocolErrorKind } from "./hotsync-protocol/errors.ts";
export type { Family } from "./hotsync-protocol/handshake.ts";
export { compareDatabases } from "./palm/compare.ts";
export { emptyDatabase, fromImage, ImageError, type PalmDatabase, toImage } from "./palm/database.ts";
export { PalmUsbDevice, type PalmUsbOptions } from "./palm/device.ts";
export { type Answer, type Faults, FaultyDevice, faultCatalogue, type NamedFaults } from "./palm/faults.ts";
export { Handheld, type HandheldOptions, type SyncOptions, type SyncResult } from "./palm/handheld.ts";
export {
  configurationDescriptor,
  connectionInfo,
  deviceDescriptor,
  type ExtPort,
  extConnectionInfo,
  MODELS,
  type ModelName,
  type PalmModel,
  VENDOR_REQUEST,
} from "./palm/models.ts";
export { OS_PROFILES, type OsProfile } from "./palm/profiles.ts";
export { type RandomDevice, randomDevice, serveRandomDevice } from "./palm/random-device.ts";
export { LOOPBACK, LoopbackDevice, type LoopbackOptions, VENDOR } from "./usbip/loopback-device.ts";
export { UsbipServer, type UsbipServerOptions } from "./usbip/server.ts";
export { startUdevd } from "./usbip/udevd.ts";
export { VhciPort, type VhciServer, waitFor } from "./usbip/vhci.ts";
export * from "./usbip/virtual-device.ts";
