// Each message of /dev/fusd as the bytes of kernel/fusd/uapi/fusd.h, one field a line, written down by hand; and the C
// compiler on every size, offset and number that fusd-abi.ts says.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Infer, offsetsOf, type StructSchema, sizeOf } from "../../src/layout/index.ts";
import * as abi from "../../src/wire/fusd-abi.ts";
import { FusdReplyFront, Publications } from "../../src/wire/fusd-reply.ts";
import { FusdRequestView } from "../../src/wire/fusd-request.ts";
import { encodeTable } from "../../src/wire/fusd-table.ts";
import { hex } from "./hex.ts";

const head = (length: string, type: string, flags = "00 00") => `
  ${length} 00 00          # len
  ${type} 00               # type
  ${flags}                 # flags
  0a 00 00 00 01 00 00 00  # id
`;

const request = (length: string, type: string, fields: { flags?: string; cmd?: string; size?: string } = {}) => `
  ${head(length, type, fields.flags)}
  05 00 00 00 00 00 00 80  # file
  07 00 00 00 00 00 00 00  # cookie
  00 10 00 00 02 00 00 00  # offset
  f0 de bc 9a 78 56 34 12  # arg
  02 08 00 00              # file_flags O_RDWR | O_NONBLOCK
  ${fields.cmd ?? "00 00 00 00"} # cmd
  ${fields.size ?? "03 00 00 00"} # size
  20 00 00 00              # out_size
  91 10 00 00              # pid 4241
  92 10 00 00              # tid 4242
  e8 03 00 00              # uid 1000
  e9 03 00 00              # gid 1001
`;

function load(text: string): FusdRequestView {
  const message = hex(text);
  const view = new FusdRequestView(message);
  expect(view.load(message.length)).toBeUndefined();
  return view;
}

describe("requests", () => {
  test("OPEN", () => {
    const view = load(request("50 00", "01", { size: "00 00 00 00" }));
    expect(view.op?.name).toBe("OPEN");
    expect([view.uniqueLow, view.uniqueHigh, view.uid, view.gid, view.pid]).toEqual([10, 1, 1000, 1001, 4242]);
    expect([view.file, view.fileFlags, view.flags]).toEqual([0x8000000000000005n, 0o4002, 0]);
  });

  test("READ", () => {
    const view = load(request("50 00", "03"));
    expect([view.op?.name, view.cookie, view.size, view.offset]).toEqual(["READ", 7, 3, 0x2_0000_1000]);
  });

  test("WRITE", () => {
    const view = load(`${request("53 00", "04")} 61 62 63 # data`);
    expect([view.op?.name, view.size]).toEqual(["WRITE", 3]);
    expect(Buffer.from(view.payload()).toString()).toBe("abc");
  });

  test("IOCTL", () => {
    const view = load(`${request("53 00", "05", { flags: "04 00", cmd: "07 07 00 00" })} 61 62 63 # areas`);
    expect([view.op?.name, view.cmd, view.arg, view.outSize]).toEqual(["IOCTL", 0x707, 0x123456789abcdef0n, 32]);
    expect([view.flags, view.payload().length]).toEqual([abi.FUSD_IOCTL_32BIT, 3]);
  });

  test("RELEASE without an answer", () => {
    const view = load(request("50 00", "02", { flags: "01 00" }));
    expect([view.op?.name, view.cookie, view.flags]).toEqual(["RELEASE", 7, abi.FUSD_NO_REPLY]);
  });

  test("INTERRUPT is a head", () => {
    const view = load(head("10 00", "0a"));
    expect([view.op?.name, view.uniqueLow, view.uniqueHigh]).toEqual(["INTERRUPT", 10, 1]);
  });

  test.each([
    ["shorter than a head", "0f 00 00 00 03 00 00 00 0a 00 00 00 01 00 00"],
    ["length field does not match", request("51 00", "03")],
    ["cut off", `${head("18 00", "03")} 00 00 00 00 00 00 00 00`],
    ["size does not match", `${request("52 00", "04")} 61 62`],
    ["size does not match", `${request("51 00", "03")} 61`],
  ])("%s", (why, text) => {
    const message = hex(text);
    expect(new FusdRequestView(message).load(message.length)).toBe(why);
  });
});

const reply = (length: string, flags: string, fields: { result: string; value?: string; events?: string }) =>
  Buffer.from(
    hex(`${head(length, "23", flags)}
      ${fields.result}
      ${fields.value ?? "00 00 00 00 00 00 00 00"}
      ${fields.events ?? "00 00 00 00"}
      00 00 00 00              # reserved`),
  );

describe("replies", () => {
  const front = new FusdReplyFront();
  const to = () => front.to(10, 1);
  const joined = (parts: readonly Uint8Array[]) => Buffer.concat(parts);

  test("an error, then a result: nothing of one is left in the other", () => {
    const big = new Uint8Array(2000).fill(0x55);
    expect(joined(to().events(5).cookie(7))).toEqual(
      reply("28 00", "01 00", { result: "00".repeat(8), value: `07 ${"00".repeat(7)}`, events: "05 00 00 00" }),
    );
    expect(joined(to().status(11))).toEqual(reply("28 00", "00 00", { result: `f5 ${"ff".repeat(7)}` }));
    expect(joined(to().count(3))).toEqual(reply("28 00", "00 00", { result: `03 ${"00".repeat(7)}` }));
    expect(joined(to().data(big, 2000))).toEqual(
      Buffer.concat([reply("f8 07", "00 00", { result: `d0 07 ${"00".repeat(6)}` }), big]),
    );
    expect(joined(to().position(2 ** 40))).toEqual(reply("28 00", "00 00", { result: "00 00 00 00 00 01 00 00" }));
  });

  test("IOCTL's areas, short ones in one part with the front", () => {
    const parts = to().count(1, Uint8Array.of(0x61, 0x62));
    expect(parts).toHaveLength(1);
    expect(joined(parts)).toEqual(
      Buffer.concat([reply("2a 00", "00 00", { result: `01 ${"00".repeat(7)}` }), Buffer.from("ab")]),
    );
  });

  test("RETRY", () => {
    const area = (base: bigint, len: number) => ({ base, len });
    expect(joined(to().retry([area(0x1000n, 8)], [area(0x1000n, 8), area(0x2000n, 2)]))).toEqual(
      Buffer.concat([
        reply("58 00", "02 00", { result: `01 ${"00".repeat(7)}`, value: `02 ${"00".repeat(7)}` }),
        hex(`00 10 00 00 00 00 00 00  08 00 00 00 00 00 00 00
             00 10 00 00 00 00 00 00  08 00 00 00 00 00 00 00
             00 20 00 00 00 00 00 00  02 00 00 00 00 00 00 00`),
      ]),
    );
  });

  test("PUBLISH, one behind the other", () => {
    const publications = new Publications();
    publications.add(0x8000000000000005n, 0x41, 0);
    publications.add(6n, 4, 0x104);
    const none = "00 00 00 00 00 00 00 00 # id";
    expect(Buffer.from(publications.take()).toString("hex")).toBe(
      Buffer.from(
        hex(`20 00 00 00  24 00  00 00  ${none}
             05 00 00 00 00 00 00 80  41 00 00 00  00 00 00 00
             20 00 00 00  24 00  00 00  ${none}
             06 00 00 00 00 00 00 00  04 00 00 00  04 01 00 00`),
      ).toString("hex"),
    );
    expect(publications.any).toBe(false);
    for (let file = 0n; file < 100n; file++) publications.add(file, 1, 1);
    const many = publications.take();
    expect([many.length, many[99 * 32 + 16]]).toEqual([3200, 99]);
  });
});

test("TABLE: an I2C_RDWR of 64-bit callers, one command of 32-bit ones", () => {
  const [len, flags] = [
    { offset: 4, size: 2, signed: false },
    { offset: 2, size: 2, signed: false },
  ];
  const flagged = { field: "flags", mask: 1, set: "inout", clear: "in" } as const;
  const many = { tail: false, nullable: false };
  const count = { offset: 8, size: 4, signed: true };
  const message = encodeTable({
    inRounds: new Set(),
    commands: [
      { number: 0x707, model: "lp64", passing: "in", type: 0 },
      { number: 0x708, model: "ilp32", passing: "rounds", type: 0 },
    ],
    types: [
      { size: 16, links: [{ ...many, nullable: true, offset: 0, type: 1, max: 42, count, passing: "in" }] },
      {
        size: 24,
        links: [
          { ...many, offset: 8, type: 2, max: 8192, count: len, passing: { field: flags, flagged } },
          { ...many, tail: true, offset: 18, type: 2, max: 6, count: undefined, passing: "parent" },
        ],
      },
      { size: 1, links: [] },
    ],
  });
  expect(Buffer.from(message).toString("hex")).toBe(
    Buffer.from(
      hex(`e8 00 00 00  21 00  00 00  00 00 00 00 00 00 00 00  # head
           02 00 00 00  03 00 00 00  03 00 00 00  00 00 00 00  # commands, types, links, reserved
           07 07 00 00  00  01  00 00  00 00 00 00  00 00 00 00  # cmd, model, passing, reserved, type, reserved2
           08 07 00 00  01  04  00 00  00 00 00 00  00 00 00 00
           10 00 00 00  00 00 00 00  01 00 00 00  00 00 00 00  # size, link, links, reserved
           18 00 00 00  01 00 00 00  02 00 00 00  00 00 00 00
           01 00 00 00  03 00 00 00  00 00 00 00  00 00 00 00

           00 00 00 00 00 00 00 00  # mask
           00 00 00 00  01 00 00 00  2a 00 00 00  # offset, type, max
           08 00 00 00  00 00 00 00               # count_offset, mask_offset
           04  00  01  00  06  00 00 00 00 00 00 00  # count_size, mask_size, passing, passing_if, flags, reserved

           01 00 00 00 00 00 00 00
           08 00 00 00  02 00 00 00  00 20 00 00
           04 00 00 00  02 00 00 00
           02  02  01  03  00  00 00 00 00 00 00 00

           00 00 00 00 00 00 00 00
           12 00 00 00  02 00 00 00  06 00 00 00
           00 00 00 00  00 00 00 00
           00  00  05  00  01  00 00 00 00 00 00 00`),
    ).toString("hex"),
  );
});

describe("kernel/fusd/uapi/fusd.h", () => {
  const header = fileURLToPath(new URL("../../../../kernel/fusd/uapi/fusd.h", import.meta.url));
  const structs: Record<string, StructSchema> = Object.fromEntries(
    Object.entries(abi).flatMap(([name, value]) => (isStruct(value) ? [[name, value]] : [])),
  );
  const numbers: Record<string, number | bigint> = {
    ...Object.fromEntries(
      Object.entries(abi).flatMap(([name, value]) =>
        (typeof value === "number" || typeof value === "bigint") && name.startsWith("FUSD_") ? [[name, value]] : [],
      ),
    ),
    ...Object.fromEntries(Object.entries(abi.FUSD_OP).map(([name, value]) => [`FUSD_OP_${name}`, value])),
    ...Object.fromEntries(Object.entries(abi.FUSD_ARG).map(([name, value]) => [`FUSD_ARG_${name}`, value])),
    ...Object.fromEntries(
      Object.entries(abi.FUSD_POLICY).map(([name, value]) => [`FUSD_POLICY_${name.toUpperCase()}`, value]),
    ),
    FUSD_MODEL_64: abi.FUSD_MODEL.lp64,
    FUSD_MODEL_32: abi.FUSD_MODEL.ilp32,
    FUSD_MODEL_X32: abi.FUSD_MODEL.x32,
  };
  const facts = [
    ...Object.entries(structs).flatMap(([name, schema]) => [
      `sizeof(struct ${name}) == ${sizeOf(schema, "lp64")}`,
      ...Object.entries(offsetsOf(schema, "lp64")).map(
        ([field, offset]) => `offsetof(struct ${name}, ${field}) == ${offset}`,
      ),
    ]),
    ...Object.entries(numbers).map(([name, value]) => `${name} == ${value}`),
  ];

  test.each(["-m64", "-m32", "-mx32"])("gcc %s agrees on sizes, offsets and numbers", (flag) => {
    expect(Object.keys(structs).length).toBeGreaterThan(10);
    expect(complaints(flag, facts)).toBe("");
    expect(complaints(flag, ["sizeof(struct fusd_head) == 17"])).toContain("assertion failed");
  });

  /** The first that the compiler has to say. */
  function complaints(flag: string, facts: readonly string[]): string {
    const folder = mkdtempSync(join(tmpdir(), "devlift-fusd-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "check.c");
    const asserted = facts.map((fact) => `_Static_assert(${fact}, "");`);
    writeFileSync(file, `#include <stddef.h>\n#include "${header}"\n${asserted.join("\n")}`);
    const multiarch = execFileSync("cc", ["-print-multiarch"], { encoding: "utf8" }).trim();
    const options = ["-std=gnu11", "-ffreestanding", "-fsyntax-only", "-isystem", `/usr/include/${multiarch}`];
    return spawnSync("cc", [flag, ...options, file], { encoding: "utf8" }).stderr.slice(0, 2000);
  }
});

function isStruct(value: unknown): value is StructSchema<Infer<StructSchema>> {
  return typeof value === "object" && value !== null && "layout" in value;
}
