import { expect, test } from "vitest";
import { choosePort, findInterface } from "../src/endpoints.ts";
import { MODELS, type Model, usbId } from "../src/models.ts";
import type { HotSyncPort } from "../src/protocol.ts";
import { configuration, type Interface, TWO_PORTS } from "./descriptors.ts";

const UNSAID: HotSyncPort = { kind: "unsaid", ports: 2, why: "a test" };

function model(id: string): Model {
  const found = MODELS.find((it) => usbId(it) === id);
  if (found === undefined) throw new TypeError(`no model ${id}`);
  return found;
}

const m500 = model("0830:0001");
const treo = model("082d:0300");
const ux50 = model("054c:0144");
const clie35 = model("054c:0038");

/** [IN, OUT, interrupt IN] as addresses. */
function choose(which: Model, said: HotSyncPort, ...interfaces: readonly Interface[]) {
  const port = choosePort(which, findInterface(which, configuration(...interfaces)), said);
  return [port.in.address, port.out.address, port.interruptIn?.address];
}

const TREO: Interface = { bulk: [0x81, 0x82, 0x01, 0x02], interrupt: [0x83, 0x84] };

test.each([
  ["the port that the handheld names", m500, { kind: "port", number: 1 }, TWO_PORTS, [0x81, 0x01, undefined]],
  ["two numbers that it names", m500, { kind: "endpoints", in: 1, out: 2 }, TWO_PORTS, [0x81, 0x02, undefined]],
  [
    "by number, not by place",
    m500,
    { kind: "port", number: 2 },
    { bulk: [0x82, 0x81, 0x01, 0x02] },
    [0x82, 2, undefined],
  ],
  ["the second port when nothing is said", m500, UNSAID, TWO_PORTS, [0x82, 0x02, undefined]],
  ["the first when only one is in use", m500, { ...UNSAID, ports: 1 }, TWO_PORTS, [0x81, 0x01, undefined]],
  ["the only one that is complete", m500, UNSAID, { bulk: [0x81, 0x82, 0x01] }, [0x81, 0x01, undefined]],
  ["never a third", m500, UNSAID, { bulk: [0x81, 0x82, 0x83, 1, 2, 3] }, [0x82, 0x02, undefined]],
  ["a Treo's swapped input, by the output's number", treo, { kind: "port", number: 2 }, TREO, [0x81, 0x02, 0x83]],
  ["a Treo's second port when nothing is said", treo, UNSAID, TREO, [0x81, 0x02, 0x83]],
  ["a Treo's own word over the swap", treo, { kind: "endpoints", in: 2, out: 2 }, TREO, [0x82, 0x02, 0x84]],
  ["no swap without interrupt endpoints", treo, { kind: "port", number: 2 }, TWO_PORTS, [0x82, 0x02, undefined]],
  ["no swap for others", m500, { kind: "port", number: 2 }, TREO, [0x82, 0x02, 0x84]],
  ["a UX50's first input and second output", ux50, UNSAID, TWO_PORTS, [0x81, 0x02, undefined]],
  ["a UX50's second output for either port", ux50, { kind: "port", number: 1 }, TWO_PORTS, [0x81, 0x02, undefined]],
  ["an old Clie's one port", clie35, { ...UNSAID, ports: 1 }, TWO_PORTS, [0x81, 0x01, undefined]],
] as const)("endpoints: %s", (_what, which, said, it, expected) => {
  expect(choose(which, said, it)).toEqual(expected);
});

test("the interface is the first that has bulk endpoints both ways", () => {
  const found = findInterface(m500, configuration({ bulk: [0x83] }, TWO_PORTS));
  expect(found.number).toBe(1);
  const i330 = model("04e8:8001");
  const modem = { bulk: [0x85, 0x05], interfaceClass: 0x0a };
  expect(findInterface(i330, configuration(modem, TWO_PORTS)).number).toBe(1);
});

const ENDPOINTS = (sentence: string) =>
  expect.objectContaining({ name: "HandheldError", code: "endpoints", message: expect.stringContaining(sentence) });

test.each([
  ["none at all", m500, UNSAID, {}, "bulk IN and a bulk OUT"],
  ["no input", m500, UNSAID, { bulk: [0x01] }, "bulk IN and a bulk OUT"],
  ["no output", clie35, UNSAID, { bulk: [0x81] }, "bulk IN and a bulk OUT"],
  ["interrupt for bulk", m500, UNSAID, { bulk: [0x01], interrupt: [0x81] }, "bulk IN and a bulk OUT"],
  [
    "a named input",
    m500,
    { kind: "port", number: 3 },
    { bulk: [0x81, 0x03] },
    "uses bulk IN endpoint 3, but has only 1",
  ],
  ["a named output", m500, { kind: "endpoints", in: 1, out: 9 }, TWO_PORTS, "OUT endpoint 9, but has only 1, 2"],
  ["a UX50's second output (CVE-2015-7566)", ux50, UNSAID, { bulk: [0x81, 0x01] }, "needs two"],
  ["a Treo's second input (CVE-2016-2782)", treo, UNSAID, { ...TREO, bulk: [0x81, 0x01] }, "needs two of each"],
  ["a Treo's second interrupt (CVE-2016-2782)", treo, UNSAID, { ...TREO, interrupt: [0x83] }, "needs two of each"],
] as const)("missing endpoints: %s", (_what, which, said, it, sentence) => {
  expect(() => choose(which, said, it)).toThrow(ENDPOINTS(sentence));
});
