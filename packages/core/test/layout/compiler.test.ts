// The C compiler is the judge of sizes, alignments, offsets and ioctl numbers, for each data model: static assertions
// of what the schemas say, in a file that is checked and never linked (32-bit libraries are not needed).

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { codecOf } from "../../src/layout/codec.ts";
import {
  alignOf,
  array,
  bytes,
  type Command,
  command,
  cstring,
  type DataModel,
  i32,
  int,
  io,
  ior,
  iow,
  iowr,
  ptr,
  type Schema,
  sizeOf,
  struct,
  u8,
  u16,
  u32,
  u64,
  uint,
  ulong,
  union,
} from "../../src/layout/index.ts";
import type { Layout } from "../../src/layout/layout.ts";
import { flat, flexible, linked, structOf } from "./schemas.ts";

const MODELS: readonly (readonly [DataModel, string])[] = [
  ["lp64", "-m64"],
  ["ilp32", "-m32"],
  ["x32", "-mx32"],
];

const folder = mkdtempSync(join(tmpdir(), "devlift-layout-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The kernel's headers serve all three models, but the compiler looks for them under the name of its own alone. */
const multiarch = execFileSync("cc", ["-print-multiarch"], { encoding: "utf8" }).trim();

/** The first that the compiler has to say against a source. */
function complaints(flag: string, source: string): string {
  const file = join(folder, `check${flag}.c`);
  writeFileSync(file, `#include <stddef.h>\n${source}`);
  const options = ["-std=gnu11", "-ffreestanding", "-fsyntax-only", "-isystem", `/usr/include/${multiarch}`];
  const { status, stderr } = spawnSync("cc", [flag, ...options, file], { encoding: "utf8" });
  expect(status, "cc did not run").not.toBeNull();
  return stderr.slice(0, 2000);
}

function assertions(type: string, schema: Schema, model: DataModel): string[] {
  const facts = [`sizeof(${type}) == ${sizeOf(schema, model)}`, `_Alignof(${type}) == ${alignOf(schema, model)}`];
  for (const [name, offset] of Object.entries(codecOf(schema.layout, model).offsets)) {
    facts.push(`offsetof(${type}, ${name}) == ${offset}`);
  }
  return facts.map((fact) => `_Static_assert(${fact}, "");`);
}

const C_TYPES = {
  u8: "unsigned char",
  i8: "signed char",
  u16: "unsigned short",
  i16: "short",
  u32: "unsigned int",
  i32: "int",
  u64: "unsigned long long",
  i64: "long long",
  long: "long",
  ulong: "unsigned long",
  kernelLong: "__kernel_long_t",
  kernelUlong: "__kernel_ulong_t",
  address: "void *",
};

/** A C declaration of `name` with this layout. */
function declare(layout: Layout, name: string): string {
  switch (layout.kind) {
    case "scalar":
      return `${C_TYPES[layout.type]} ${name}`;
    case "struct":
      return `struct { ${layout.fields.map((field) => `${declare(field.layout, field.name)};`).join(" ")} } ${name}`;
    case "union":
      return `union { ${layout.members.map((member, index) => `${declare(member, `m${index}`)};`).join(" ")} } ${name}`;
    case "pointer":
      return `void *${name}`;
    default:
      return declare(layout.item, `${name}[${typeof layout.count === "number" ? layout.count : ""}]`);
  }
}

test.each(MODELS)("500 random layouts, %s", (model, flag) => {
  const fields = fc.array(fc.oneof(flat(3), linked(2)), { minLength: 1, maxLength: 6 });
  const cases = fc.sample(fc.oneof({ weight: 5, arbitrary: fields.map(structOf) }, flexible), {
    numRuns: 500,
    seed: 2009,
  });
  const source = cases.flatMap(({ schema }, index) => [
    `typedef ${declare(schema.layout, `S${index}`)};`,
    ...assertions(`S${index}`, schema, model),
  ]);
  expect(complaints(flag, ["#include <asm/posix_types.h>", ...source].join("\n"))).toBe("");
});

test.each(MODELS)("the compiler would complain, %s", (_, flag) => {
  expect(complaints(flag, 'struct s { int a; };\n_Static_assert(sizeof(struct s) == 5, "");')).toContain(
    "assertion failed",
  );
});

describe("the kernel's own headers", () => {
  const termios = { c_iflag: u32, c_oflag: u32, c_cflag: u32, c_lflag: u32, c_line: u8, c_cc: array(u8, 19) };
  const Termios = struct(termios);
  const Termios2 = struct({ ...termios, c_ispeed: u32, c_ospeed: u32 });
  const I2cMsg = struct({ addr: u16, flags: u16, len: u16, buf: ptr(bytes("len", { max: 8192 })) });
  const I2cRdwr = struct({ msgs: ptr(array(I2cMsg, "nmsgs", { max: 42 })), nmsgs: u32 });
  const SpiTransfer = struct({
    tx_buf: u64,
    rx_buf: u64,
    len: u32,
    speed_hz: u32,
    delay_usecs: u16,
    bits_per_word: u8,
    cs_change: u8,
    tx_nbits: u8,
    rx_nbits: u8,
    word_delay_usecs: u8,
    pad: u8,
  });
  const Control = struct({
    bRequestType: u8,
    bRequest: u8,
    wValue: u16,
    wIndex: u16,
    wLength: u16,
    timeout: u32,
    data: ptr(bytes("wLength", { max: 4096 }), (setup) => (setup.bRequestType & 0x80 ? "out" : "in")),
  });
  const Packet = struct({ length: uint, actual_length: uint, status: uint });
  const Urb = struct({
    type: u8,
    endpoint: u8,
    status: int,
    flags: uint,
    buffer: ptr(bytes("buffer_length", { max: 16384 }), "inout", { nullable: true }),
    buffer_length: int,
    actual_length: int,
    start_frame: int,
    stream_id: union(int, uint),
    error_count: int,
    signr: uint,
    usercontext: ulong,
    iso_frame_desc: array(Packet, "error_count", { max: 128 }),
  });
  const Descriptor = struct({ size: u32, value: bytes(4096) });
  const Devinfo = struct({ bustype: u32, vendor: u16, product: u16 });
  const MixerInfo = struct({ id: cstring(16), name: cstring(32), modify_counter: i32, fillers: array(i32, 10) });

  const headers = [
    "asm/termbits.h",
    "asm/ioctls.h",
    "linux/i2c.h",
    "linux/i2c-dev.h",
    "linux/spi/spidev.h",
    "linux/usbdevice_fs.h",
    "linux/hidraw.h",
    "linux/soundcard.h",
  ];
  const structs: Record<string, Schema> = {
    "struct termios": Termios,
    "struct termios2": Termios2,
    "struct i2c_msg": I2cMsg,
    "struct i2c_rdwr_ioctl_data": I2cRdwr,
    "struct spi_ioc_transfer": SpiTransfer,
    "struct usbdevfs_ctrltransfer": Control,
    "struct usbdevfs_iso_packet_desc": Packet,
    "struct usbdevfs_urb": Urb,
    "struct hidraw_report_descriptor": Descriptor,
    "struct hidraw_devinfo": Devinfo,
    mixer_info: MixerInfo,
  };
  const commands: Record<string, Command> = {
    TCGETS: command(0x5401, Termios, "out"),
    TCGETS2: ior("T", 0x2a, Termios2),
    TCSETSF2: iow("T", 0x2d, Termios2),
    I2C_RDWR: command(0x0707, I2cRdwr),
    "SPI_IOC_MESSAGE(2)": iow("k", 0, array(SpiTransfer, 2)),
    SPI_IOC_WR_MODE: iow("k", 1, u8),
    USBDEVFS_CONTROL: iowr("U", 0, Control),
    USBDEVFS_SUBMITURB: ior("U", 10, Urb, "inout"),
    USBDEVFS_REAPURB: iow("U", 12, struct({ urb: ptr(u8) })),
    USBDEVFS_RESET: io("U", 20),
    HIDIOCGRDESC: ior("H", 2, Descriptor),
    HIDIOCGRAWINFO: ior("H", 3, Devinfo),
    SNDCTL_DSP_SPEED: iowr("P", 2, int),
    SOUND_MIXER_INFO: ior("M", 101, MixerInfo),
  };

  test.each(MODELS)("%s", (model, flag) => {
    const source = [
      ...headers.map((header) => `#include <${header}>`),
      ...Object.entries(structs).flatMap(([type, schema]) => assertions(type, schema, model)),
      ...Object.entries(commands).map(([name, { number }]) => `_Static_assert((${name}) == ${number(model)}u, "");`),
    ];
    expect(complaints(flag, source.join("\n"))).toBe("");
  });
});
