// The standard requests that a host makes (USB 2.0, 9.4), for the queues below which no kernel makes them:
// reading and validating the descriptors, configuring the device, clearing a halt.
// Stateless; each function is a few control transfers.

import {
  CONFIGURATION_HEADER_LENGTH,
  type ConfigurationDescriptor,
  configurationTotalLength,
  DESCRIPTOR_TYPE,
  DEVICE_DESCRIPTOR_LENGTH,
  type DeviceDescriptor,
  parseConfigurationDescriptor,
  parseDeviceDescriptor,
} from "./descriptors.ts";
import { UsbError } from "./errors.ts";
import type { ControlSetup } from "./transport.ts";
import { controlUrb, type UrbQueue } from "./urb.ts";

/** bRequest (USB 2.0, table 9-4). */
export const REQUEST = {
  GET_STATUS: 0,
  CLEAR_FEATURE: 1,
  SET_FEATURE: 3,
  SET_ADDRESS: 5,
  GET_DESCRIPTOR: 6,
  GET_CONFIGURATION: 8,
  SET_CONFIGURATION: 9,
  GET_INTERFACE: 10,
  SET_INTERFACE: 11,
} as const;

/** bmRequestType of standard requests, by recipient and direction. */
export const REQUEST_TYPE = {
  DEVICE_IN: 0x80,
  DEVICE_OUT: 0x00,
  INTERFACE_OUT: 0x01,
  ENDPOINT_OUT: 0x02,
} as const;

export const FEATURE_ENDPOINT_HALT = 0;

/** The kernel gives a standard request 5 s (USB_CTRL_GET_TIMEOUT); a device that is alive needs milliseconds. */
const TIMEOUT_MS = 5000;
/** For all requests of an enumeration together: a device may describe 255 configurations. */
const ENUMERATION_MS = 10_000;

/** One control transfer. Its parameters are those of control(). */
type Ask = (setup: ControlSetup, content: Uint8Array | number) => Promise<Uint8Array>;

/** One control transfer with a time limit. @returns the bytes of the data stage (empty for OUT) */
export function control(
  queue: UrbQueue,
  setup: ControlSetup,
  content: Uint8Array | number,
  timeoutMs = TIMEOUT_MS,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const submitted = queue.submit(controlUrb(setup, content), ({ error, bytes }) => {
      clearTimeout(timer);
      if (error === undefined) resolve(Uint8Array.from(bytes));
      else if (timedOut && error.code === "cancelled")
        reject(new UsbError("timeout", `no answer to request ${setup.request} within ${timeoutMs} ms`));
      else reject(error);
    });
    const timer = setTimeout(() => {
      timedOut = true;
      submitted.cancel();
    }, timeoutMs);
  });
}

export async function setInterface(queue: UrbQueue, interfaceNumber: number, setting: number): Promise<void> {
  const setup = {
    requestType: REQUEST_TYPE.INTERFACE_OUT,
    request: REQUEST.SET_INTERFACE,
    value: setting,
    index: interfaceNumber,
  };
  await control(queue, setup, new Uint8Array(0));
}

export async function clearHalt(queue: UrbQueue, endpoint: number): Promise<void> {
  const setup = {
    requestType: REQUEST_TYPE.ENDPOINT_OUT,
    request: REQUEST.CLEAR_FEATURE,
    value: FEATURE_ENDPOINT_HALT,
    index: endpoint,
  };
  await control(queue, setup, new Uint8Array(0));
}

/**
 * Reads the descriptors as a kernel does at enumeration, and configures the device when it is not.
 * Takes at most 10 s.
 * @throws UsbError of a failed transfer, or ("descriptor") when what the device says is invalid
 */
export async function enumerate(
  queue: UrbQueue,
): Promise<{ descriptor: DeviceDescriptor; configuration: ConfigurationDescriptor }> {
  const end = performance.now() + ENUMERATION_MS;
  const ask: Ask = async (setup, content) => {
    const left = Math.ceil(end - performance.now());
    if (left <= 0) throw new UsbError("timeout", `the device did not describe itself within ${ENUMERATION_MS} ms`);
    return await control(queue, setup, content, Math.min(left, TIMEOUT_MS));
  };
  const descriptor = parseDeviceDescriptor(
    await getDescriptor(ask, DESCRIPTOR_TYPE.DEVICE, 0, DEVICE_DESCRIPTOR_LENGTH),
  );
  const active = await getConfiguration(ask);
  for (let index = 0; index < descriptor.configurationCount; index++) {
    const configuration = await readConfiguration(ask, index);
    if (active === 0) {
      const setup = {
        requestType: REQUEST_TYPE.DEVICE_OUT,
        request: REQUEST.SET_CONFIGURATION,
        value: configuration.value,
        index: 0,
      };
      await ask(setup, new Uint8Array(0));
      return { descriptor, configuration };
    }
    if (configuration.value === active) return { descriptor, configuration };
  }
  throw new UsbError("descriptor", `the device's active configuration ${active} is none of those that it describes`);
}

async function readConfiguration(ask: Ask, index: number): Promise<ConfigurationDescriptor> {
  const type = DESCRIPTOR_TYPE.CONFIGURATION;
  const total = configurationTotalLength(await getDescriptor(ask, type, index, CONFIGURATION_HEADER_LENGTH));
  return parseConfigurationDescriptor(await getDescriptor(ask, type, index, total));
}

/** @returns 0 when the device is not configured, or does not know (some stall the request) */
async function getConfiguration(ask: Ask): Promise<number> {
  const setup = {
    requestType: REQUEST_TYPE.DEVICE_IN,
    request: REQUEST.GET_CONFIGURATION,
    value: 0,
    index: 0,
  };
  try {
    const [value] = await ask(setup, 1);
    if (value === undefined) throw new UsbError("descriptor", "the device answered GET_CONFIGURATION with no byte");
    return value;
  } catch (error) {
    if (error instanceof UsbError && error.code === "stall") return 0;
    throw error;
  }
}

async function getDescriptor(ask: Ask, type: number, index: number, length: number): Promise<Uint8Array> {
  const setup = {
    requestType: REQUEST_TYPE.DEVICE_IN,
    request: REQUEST.GET_DESCRIPTOR,
    value: (type << 8) | index,
    index: 0,
  };
  return await ask(setup, length);
}
