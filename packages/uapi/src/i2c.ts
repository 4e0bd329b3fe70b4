// Generated from linux/i2c.h, linux/i2c-dev.h by `npm run ioctlgen -- i2c`; what C does not say is in
// i2c.annotations.ts. Never edit this file: change the annotations and generate it again.
//
// An I2C bus from a program's side, /dev/i2c-*.

import {
  array,
  bytes,
  command,
  enumeration,
  flagged,
  flags,
  type Infer,
  ptr,
  struct,
  u8,
  u16,
  u32,
  ulong,
  union,
} from "@devlift/core";

/** Flags of an i2c_msg. */
export const I2C_M = {
  I2C_M_RD: 0x1,
  I2C_M_TEN: 0x10,
  I2C_M_DMA_SAFE: 0x200,
  I2C_M_RECV_LEN: 0x400,
  I2C_M_NO_RD_ACK: 0x800,
  I2C_M_IGNORE_NAK: 0x1000,
  I2C_M_REV_DIR_ADDR: 0x2000,
  I2C_M_NOSTART: 0x4000,
  I2C_M_STOP: 0x8000,
} as const;

/** What an adapter can do: the answer of I2C_FUNCS. */
export const I2C_FUNC = {
  I2C_FUNC_I2C: 0x1,
  I2C_FUNC_10BIT_ADDR: 0x2,
  I2C_FUNC_PROTOCOL_MANGLING: 0x4,
  I2C_FUNC_SMBUS_PEC: 0x8,
  I2C_FUNC_NOSTART: 0x10,
  I2C_FUNC_SLAVE: 0x20,
  I2C_FUNC_SMBUS_BLOCK_PROC_CALL: 0x8000,
  I2C_FUNC_SMBUS_QUICK: 0x10000,
  I2C_FUNC_SMBUS_READ_BYTE: 0x20000,
  I2C_FUNC_SMBUS_WRITE_BYTE: 0x40000,
  I2C_FUNC_SMBUS_READ_BYTE_DATA: 0x80000,
  I2C_FUNC_SMBUS_WRITE_BYTE_DATA: 0x100000,
  I2C_FUNC_SMBUS_READ_WORD_DATA: 0x200000,
  I2C_FUNC_SMBUS_WRITE_WORD_DATA: 0x400000,
  I2C_FUNC_SMBUS_PROC_CALL: 0x800000,
  I2C_FUNC_SMBUS_READ_BLOCK_DATA: 0x1000000,
  I2C_FUNC_SMBUS_WRITE_BLOCK_DATA: 0x2000000,
  I2C_FUNC_SMBUS_READ_I2C_BLOCK: 0x4000000,
  I2C_FUNC_SMBUS_WRITE_I2C_BLOCK: 0x8000000,
  I2C_FUNC_SMBUS_HOST_NOTIFY: 0x10000000,
} as const;

/** read_write of I2C_SMBUS. */
export const I2C_SMBUS_DIRECTION = {
  I2C_SMBUS_READ: 1,
  I2C_SMBUS_WRITE: 0,
} as const;

/** Transactions of I2C_SMBUS, its size. */
export const I2C_SMBUS_SIZE = {
  I2C_SMBUS_QUICK: 0,
  I2C_SMBUS_BYTE: 1,
  I2C_SMBUS_BYTE_DATA: 2,
  I2C_SMBUS_WORD_DATA: 3,
  I2C_SMBUS_PROC_CALL: 4,
  I2C_SMBUS_BLOCK_DATA: 5,
  I2C_SMBUS_I2C_BLOCK_BROKEN: 6,
  I2C_SMBUS_BLOCK_PROC_CALL: 7,
  I2C_SMBUS_I2C_BLOCK_DATA: 8,
} as const;

/** Limits. */
export const I2C_LIMIT = {
  I2C_RDWR_IOCTL_MAX_MSGS: 42,
  I2C_SMBUS_BLOCK_MAX: 32,
} as const;

/** One segment of a transfer. struct i2c_msg of linux/i2c.h. */
export const i2c_msg = struct({
  /** 7 bits, or 10 with I2C_M_TEN. */
  addr: u16,
  flags: flags(u16, I2C_M),
  /** Bytes in buf. */
  len: u16,
  /** What is written; or what is read, which goes to the driver too: with I2C_M_RECV_LEN its first byte counts. */
  buf: ptr(bytes("len", { max: 8192 }), flagged("flags", I2C_M.I2C_M_RD, "inout", "in")),
});
export type i2c_msg = Infer<typeof i2c_msg>;

/** Several segments with one STOP at the end. struct i2c_rdwr_ioctl_data of linux/i2c-dev.h. */
export const i2c_rdwr_ioctl_data = struct({
  msgs: ptr(array(i2c_msg, "nmsgs", { max: 42 }), "in"),
  nmsgs: u32,
});
export type i2c_rdwr_ioctl_data = Infer<typeof i2c_rdwr_ioctl_data>;

/** What a transaction carries: a byte, a word, or a block after its length. union i2c_smbus_data of linux/i2c.h. */
export const i2c_smbus_data = union(u8, u16, bytes(34));
export type i2c_smbus_data = Infer<typeof i2c_smbus_data>;

/** One SMBus transaction. struct i2c_smbus_ioctl_data of linux/i2c-dev.h. */
export const i2c_smbus_ioctl_data = struct({
  read_write: enumeration(u8, I2C_SMBUS_DIRECTION),
  /** The register. */
  command: u8,
  size: enumeration(u32, I2C_SMBUS_SIZE),
  /** The bytes of i2c_smbus_data that the transaction uses (i2cdev_ioctl_smbus()); none for a mere address. */
  data: ptr(
    bytes(
      ({ read_write, size }: { read_write: number; size: number }) => {
        switch (size) {
          case I2C_SMBUS_SIZE.I2C_SMBUS_QUICK:
            return 0;
          case I2C_SMBUS_SIZE.I2C_SMBUS_BYTE:
            return read_write === I2C_SMBUS_DIRECTION.I2C_SMBUS_WRITE ? 0 : 1;
          case I2C_SMBUS_SIZE.I2C_SMBUS_BYTE_DATA:
            return 1;
          case I2C_SMBUS_SIZE.I2C_SMBUS_WORD_DATA:
          case I2C_SMBUS_SIZE.I2C_SMBUS_PROC_CALL:
            return 2;
          default:
            return 34;
        }
      },
      { max: 34 },
    ),
    ({ read_write, size }) => {
      switch (size) {
        case I2C_SMBUS_SIZE.I2C_SMBUS_PROC_CALL:
        case I2C_SMBUS_SIZE.I2C_SMBUS_BLOCK_PROC_CALL:
        case I2C_SMBUS_SIZE.I2C_SMBUS_I2C_BLOCK_DATA:
          return "inout";
        default:
          return read_write === I2C_SMBUS_DIRECTION.I2C_SMBUS_READ ? "out" : "in";
      }
    },
  ),
});
export type i2c_smbus_ioctl_data = Infer<typeof i2c_smbus_ioctl_data>;

/** How often an address without acknowledgement is tried. */
export const I2C_RETRIES = command(0x0701);
/** In units of 10 ms. */
export const I2C_TIMEOUT = command(0x0702);
/** The address for read, write and I2C_SMBUS. */
export const I2C_SLAVE = command(0x0703);
/** As I2C_SLAVE, even if a kernel driver has the address. */
export const I2C_SLAVE_FORCE = command(0x0706);
/** Whether addresses have 10 bits. */
export const I2C_TENBIT = command(0x0704);
export const I2C_FUNCS = command(0x0705, struct({ value: flags(ulong, I2C_FUNC) }), "out");
/** The result is the number of messages. */
export const I2C_RDWR = command(0x0707, i2c_rdwr_ioctl_data);
/** Whether SMBus transactions end in a checksum. */
export const I2C_PEC = command(0x0708);
export const I2C_SMBUS = command(0x0720, i2c_smbus_ioctl_data);
