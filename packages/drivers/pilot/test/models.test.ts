import { expect, test } from "vitest";
import { MODELS, modelOf, usbId } from "../src/models.ts";
import { configuration, device, TWO_PORTS } from "./descriptors.ts";

// The id tables of drivers/usb/serial/visor.c (Linux 6.1), written down once more from the kernel's side.
const VISOR_TABLES = `
  082d:0100 082d:0200 082d:0300 115e:f100 0830:0001 0830:0002 0830:0003 0830:0020 0830:0080 0830:0040 0830:0050
  0830:0060 0830:0061 0830:0031 0830:0070 054c:0066 054c:0095 054c:009a 054c:00da 054c:00e9 054c:0169 0502:0001
  04e8:8001 04e8:6601 12ef:0100 091e:0004 4766:0001 0c88:0021 0e67:0002 054c:0144 054c:0038`
  .trim()
  .split(/\s+/);

const PILOT_LINK_ALONE = `054c:000a 081e:df00 0c88:a226 0830:0010 0830:0011 0830:0030 0830:0051 0830:0052 0830:0053
  0830:0062 0830:0063 0830:0071 0830:0099 0830:0100`.split(/\s+/);

const byId = (id: string) => MODELS.filter((model) => usbId(model) === id);

test("the table has each id of the kernel and of pilot-link once", () => {
  const ids = MODELS.map(usbId);
  expect([...ids].sort()).toEqual([...new Set([...VISOR_TABLES, ...PILOT_LINK_ALONE])].sort());
  expect(
    MODELS.filter(({ asksBytesAvailable }) => asksBytesAvailable)
      .map(usbId)
      .sort(),
  ).toEqual([...PILOT_LINK_ALONE].sort());
});

test("families and quirks stand on the rows that visor.c gives them to", () => {
  const idsOf = (family: string) => MODELS.filter((model) => model.family === family).map(usbId);
  expect(idsOf("palm_os_3")).toEqual(["082d:0100"]);
  expect(idsOf("clie_5")).toEqual(["054c:0144"]);
  expect(idsOf("clie_3_5")).toEqual(["054c:0038"]);
  expect(MODELS.filter((model) => model.swapsInputs).map(({ vendorId }) => vendorId)).toEqual([
    ...[0x082d, 0x082d, 0x082d, 0x0c88, 0x0c88],
  ]);
  expect(byId("0830:0080")).toMatchObject([{ needsNoInit: true }]);
  for (const id of ["12ef:0100", "0830:0061"]) expect(byId(id)[0]?.asksBytesAvailable).toBeUndefined();
});

test("a device is looked up by its ids", () => {
  expect(modelOf(device({ vendorId: 0x0830, productId: 0x0001 }), configuration(TWO_PORTS))?.name).toBe("Palm m500");
  expect(modelOf(device({ vendorId: 0x0830, productId: 0x0999 }), configuration(TWO_PORTS))).toBeUndefined();
});

test("a phone with a Samsung handheld's id is left alone", () => {
  const i330 = device({ vendorId: 0x04e8, productId: 0x8001 });
  expect(modelOf(i330, configuration({ ...TWO_PORTS, interfaceClass: 0xff }))?.name).toBe("Samsung SCH-i330");
  expect(modelOf(i330, configuration({ ...TWO_PORTS, interfaceClass: 0x0a }))).toBeUndefined();
  expect(modelOf(i330, undefined)).toBeUndefined();

  const i500 = { vendorId: 0x04e8, productId: 0x6601 };
  expect(modelOf(device(i500), configuration(TWO_PORTS))?.name).toBe("Samsung SPH-i500");
  const modem = { ...i500, deviceClass: 2, deviceSubClass: 2 };
  expect(modelOf(device(modem), configuration(TWO_PORTS))).toBeUndefined();
});
