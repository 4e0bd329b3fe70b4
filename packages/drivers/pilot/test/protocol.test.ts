import { expect, test } from "vitest";
import {
  BYTES_AVAILABLE,
  CLOSE_NOTIFICATION,
  CONNECTION_INFO,
  EXT_CONNECTION_INFO,
  GET_CONFIGURATION,
  GET_INTERFACE,
  parseConnectionInfo,
  parseExtConnectionInfo,
  parseInterruptReport,
} from "../src/protocol.ts";
import { text } from "./fake-handheld.ts";

function hex(bytes: string): Uint8Array {
  return Uint8Array.from(Buffer.from(bytes.replace(/\s+/g, ""), "hex"));
}

test("requests are what visor.c sends", () => {
  const vendor = { requestType: 0xc2, value: 0 };
  expect(BYTES_AVAILABLE).toEqual({ setup: { ...vendor, request: 1, index: 5 }, length: 2, timeoutMs: 300 });
  expect(CLOSE_NOTIFICATION).toEqual({ setup: { ...vendor, request: 2, index: 0 }, length: 0x12, timeoutMs: 300 });
  expect(CONNECTION_INFO).toEqual({ setup: { ...vendor, request: 3, index: 0 }, length: 6, timeoutMs: 300 });
  expect(EXT_CONNECTION_INFO).toEqual({ setup: { ...vendor, request: 4, index: 0 }, length: 20, timeoutMs: 300 });
  const standard = { value: 0, index: 0 };
  expect(GET_CONFIGURATION.setup).toEqual({ ...standard, requestType: 0x80, request: 8 });
  expect(GET_INTERFACE.setup).toEqual({ ...standard, requestType: 0x81, request: 10 });
});

test("0x03: the port whose function is HotSync", () => {
  // Two ports: generic on endpoint 1, HotSync on endpoint 2.
  const visor = hex("0200 0001 0202");
  expect(parseConnectionInfo(visor)).toEqual({ kind: "port", number: 2 });
  expect(parseConnectionInfo(hex("0100 0201 0000"))).toEqual({ kind: "port", number: 1 });
});

test("0x03: a garbage number of ports counts as two", () => {
  for (const ports of ["0000", "0300", "ffff"])
    expect(parseConnectionInfo(hex(`${ports} 0001 0202`))).toEqual({ kind: "port", number: 2 });
});

test("0x03: a HotSync port beyond the number of ports, or on an impossible endpoint, is none", () => {
  expect(parseConnectionInfo(hex("0100 0001 0202"))).toMatchObject({ kind: "unsaid", ports: 1 });
  expect(parseConnectionInfo(hex("0200 0001 0200"))).toMatchObject({ kind: "unsaid", ports: 2 });
  expect(parseConnectionInfo(hex("0200 0001 0282"))).toMatchObject({ kind: "unsaid", ports: 2 });
});

test("0x03: any length but 6 is refused with a sentence", () => {
  for (const length of [0, 1, 5, 7, 64])
    expect(() => parseConnectionInfo(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: "probe", message: expect.stringContaining(`${length} bytes, not 6`) }),
    );
});

/** An answer to 0x04. */
function ext(ports: number, differ: number, ...connections: (readonly [string, number, number])[]): Uint8Array {
  const bytes = [ports, differ, 0, 0];
  for (const [creator, port, pair] of connections) bytes.push(...text(creator), port, pair, 0, 0);
  return Uint8Array.from(bytes.concat(Array<number>(20).fill(0)).slice(0, 20));
}

test("0x04: HotSync's creator with one number for both directions", () => {
  expect(parseExtConnectionInfo(ext(1, 0, ["cnys", 2, 0]))).toEqual({ kind: "port", number: 2 });
  expect(parseExtConnectionInfo(ext(2, 0, ["rdbg", 1, 0], ["cnys", 3, 0]))).toEqual({ kind: "port", number: 3 });
});

test("0x04: with different numbers they are IN << 4 | OUT", () => {
  const said = parseExtConnectionInfo(ext(2, 1, ["ppp_", 0, 0x11], ["cnys", 0, 0x2f]));
  expect(said).toEqual({ kind: "endpoints", in: 2, out: 15 });
});

test("0x04: a garbage number of ports counts as two", () => {
  for (const ports of [0, 3, 255])
    expect(parseExtConnectionInfo(ext(ports, 0, ["rdbg", 1, 0], ["cnys", 2, 0]))).toEqual({ kind: "port", number: 2 });
});

test("0x04: endpoint 0 and numbers above 15 say nothing", () => {
  for (const said of [ext(1, 0, ["cnys", 0, 0x22]), ext(1, 0, ["cnys", 16, 0]), ext(1, 1, ["cnys", 2, 0x20])])
    expect(parseExtConnectionInfo(said)).toMatchObject({ kind: "unsaid", ports: 2 });
});

test("0x04: every length short of 20 says nothing", () => {
  for (let length = 0; length < 20; length++)
    expect(parseExtConnectionInfo(ext(1, 0, ["cnys", 2, 0]).subarray(0, length))).toMatchObject({
      kind: "unsaid",
      why: expect.stringContaining(`${length} bytes, not 20`),
    });
});

test("0x04: without HotSync's creator, Lsfr means that its button was not pressed", () => {
  expect(() => parseExtConnectionInfo(ext(1, 0, ["Lsfr", 1, 0]))).toThrow(
    expect.objectContaining({ code: "not-ready", message: expect.stringContaining("press the HotSync button") }),
  );
  expect(parseExtConnectionInfo(ext(2, 0, ["Lsfr", 1, 0], ["cnys", 2, 0]))).toEqual({ kind: "port", number: 2 });
  // One port, and the second entry stale.
  expect(parseExtConnectionInfo(ext(1, 0, ["rdbg", 1, 0], ["Lsfr", 2, 0]))).toMatchObject({ kind: "unsaid" });
});

test("0x04: creators reach the log as printable text", () => {
  expect(parseExtConnectionInfo(ext(1, 0, ["a\x1b[\xff", 1, 0]))).toMatchObject({
    why: expect.stringContaining("'a.[.'"),
  });
});

test("a Treo 90's report is the answer to 0x04 behind six bytes", () => {
  const report = Uint8Array.of(0x2d, 0x08, 0, 2, 0, 0, ...ext(1, 1, ["cnys", 0, 0x12]));
  expect(parseInterruptReport(report)).toEqual({ kind: "endpoints", in: 1, out: 2 });
  for (const length of [0, 5, 6, 25]) expect(parseInterruptReport(report.subarray(0, length)).kind).toBe("unsaid");
});
