// What linux/i2c.h and linux/i2c-dev.h do not say of /dev/i2c-*: drivers/i2c/i2c-dev.c.

import type { Annotations } from "../../../tools/ioctlgen/annotations.ts";

export default {
  headers: ["linux/i2c.h", "linux/i2c-dev.h"],
  about: "An I2C bus from a program's side, /dev/i2c-*.",
  constants: {
    I2C_M: {
      doc: "Flags of an i2c_msg.",
      names: [
        "I2C_M_RD",
        "I2C_M_TEN",
        "I2C_M_DMA_SAFE",
        "I2C_M_RECV_LEN",
        "I2C_M_NO_RD_ACK",
        "I2C_M_IGNORE_NAK",
        "I2C_M_REV_DIR_ADDR",
        "I2C_M_NOSTART",
        "I2C_M_STOP",
      ],
    },
    I2C_FUNC: {
      doc: "What an adapter can do: the answer of I2C_FUNCS.",
      // Without those of several bits each, which are for callers to test with.
      names: [
        "I2C_FUNC_I2C",
        "I2C_FUNC_10BIT_ADDR",
        "I2C_FUNC_PROTOCOL_MANGLING",
        "I2C_FUNC_SMBUS_PEC",
        "I2C_FUNC_NOSTART",
        "I2C_FUNC_SLAVE",
        "I2C_FUNC_SMBUS_BLOCK_PROC_CALL",
        "I2C_FUNC_SMBUS_QUICK",
        "I2C_FUNC_SMBUS_READ_BYTE",
        "I2C_FUNC_SMBUS_WRITE_BYTE",
        "I2C_FUNC_SMBUS_READ_BYTE_DATA",
        "I2C_FUNC_SMBUS_WRITE_BYTE_DATA",
        "I2C_FUNC_SMBUS_READ_WORD_DATA",
        "I2C_FUNC_SMBUS_WRITE_WORD_DATA",
        "I2C_FUNC_SMBUS_PROC_CALL",
        "I2C_FUNC_SMBUS_READ_BLOCK_DATA",
        "I2C_FUNC_SMBUS_WRITE_BLOCK_DATA",
        "I2C_FUNC_SMBUS_READ_I2C_BLOCK",
        "I2C_FUNC_SMBUS_WRITE_I2C_BLOCK",
        "I2C_FUNC_SMBUS_HOST_NOTIFY",
      ],
    },
    I2C_SMBUS_DIRECTION: { doc: "read_write of I2C_SMBUS.", names: ["I2C_SMBUS_READ", "I2C_SMBUS_WRITE"] },
    I2C_SMBUS_SIZE: {
      doc: "Transactions of I2C_SMBUS, its size.",
      names: [
        "I2C_SMBUS_QUICK",
        "I2C_SMBUS_BYTE",
        "I2C_SMBUS_BYTE_DATA",
        "I2C_SMBUS_WORD_DATA",
        "I2C_SMBUS_PROC_CALL",
        "I2C_SMBUS_BLOCK_DATA",
        "I2C_SMBUS_I2C_BLOCK_BROKEN",
        "I2C_SMBUS_BLOCK_PROC_CALL",
        "I2C_SMBUS_I2C_BLOCK_DATA",
      ],
    },
    I2C_LIMIT: { doc: "Limits.", names: ["I2C_RDWR_IOCTL_MAX_MSGS", "I2C_SMBUS_BLOCK_MAX"] },
  },
  types: {
    "struct i2c_msg": {
      doc: "One segment of a transfer.",
      fields: {
        addr: { doc: "7 bits, or 10 with I2C_M_TEN." },
        flags: { flags: "I2C_M" },
        len: { doc: "Bytes in buf." },
        buf: {
          doc: "What is written; or what is read, which goes to the driver too: with I2C_M_RECV_LEN its first byte counts.",
          count: "len",
          max: 8192,
          direction: { field: "flags", mask: "I2C_M.I2C_M_RD", set: "inout", clear: "in" },
        },
      },
    },
    "struct i2c_rdwr_ioctl_data": {
      doc: "Several segments with one STOP at the end.",
      fields: { msgs: { count: "nmsgs", max: "I2C_RDWR_IOCTL_MAX_MSGS", direction: "in" } },
    },
    "union i2c_smbus_data": {
      doc: "What a transaction carries: a byte, a word, or a block after its length.",
    },
    "struct i2c_smbus_ioctl_data": {
      doc: "One SMBus transaction.",
      fields: {
        read_write: { values: "I2C_SMBUS_DIRECTION" },
        command: { doc: "The register." },
        size: { values: "I2C_SMBUS_SIZE" },
        data: {
          doc: "The bytes of i2c_smbus_data that the transaction uses (i2cdev_ioctl_smbus()); none for a mere address.",
          count: `({ read_write, size }: { read_write: number; size: number }) => {
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
          }`,
          max: 34,
          direction: `({ read_write, size }) => {
            switch (size) {
              case I2C_SMBUS_SIZE.I2C_SMBUS_PROC_CALL:
              case I2C_SMBUS_SIZE.I2C_SMBUS_BLOCK_PROC_CALL:
              case I2C_SMBUS_SIZE.I2C_SMBUS_I2C_BLOCK_DATA:
                return "inout";
              default:
                return read_write === I2C_SMBUS_DIRECTION.I2C_SMBUS_READ ? "out" : "in";
            }
          }`,
          to: "void",
        },
      },
    },
  },
  commands: {
    I2C_RETRIES: { doc: "How often an address without acknowledgement is tried.", argument: "value" },
    I2C_TIMEOUT: { doc: "In units of 10 ms.", argument: "value" },
    I2C_SLAVE: { doc: "The address for read, write and I2C_SMBUS.", argument: "value" },
    I2C_SLAVE_FORCE: { doc: "As I2C_SLAVE, even if a kernel driver has the address.", argument: "value" },
    I2C_TENBIT: { doc: "Whether addresses have 10 bits.", argument: "value" },
    I2C_FUNCS: { argument: "unsigned long", direction: "out", flags: "I2C_FUNC" },
    I2C_RDWR: { doc: "The result is the number of messages.", argument: "struct i2c_rdwr_ioctl_data", direction: "in" },
    I2C_PEC: { doc: "Whether SMBus transactions end in a checksum.", argument: "value" },
    I2C_SMBUS: { argument: "struct i2c_smbus_ioctl_data", direction: "in" },
  },
} satisfies Annotations;
