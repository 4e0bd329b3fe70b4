/* SPDX-License-Identifier: MIT */
/*
 * What every server of the benchmark serves, whoever wrote it.
 *
 * Kind "memory": read gives as many bytes as are asked for, write takes all of them, both at once.
 *   BENCH_FLAT adds one to the first word of 64 bytes; I2C_RDWR fills what is to be read with the message's address.
 * Kind "page": a write turns the page for every open file; a read gives a byte for each file that has not seen this
 *   page, and waits when it has; poll says POLLIN while there is one to be seen.
 */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H

#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* The largest read and write that /dev/fuse and /dev/cuse carry in one request without more being agreed on. */
#define BENCH_MAX (128 * 1024)
/* The largest read and write of a client, which a server may get in pieces. */
#define BENCH_LARGEST (1024 * 1024)

struct bench_flat {
	uint32_t words[16];
};

#define BENCH_FLAT _IOWR('B', 1, struct bench_flat)

/* The bytes that the second message of the benchmark's I2C_RDWR asks for. */
#define BENCH_I2C_BYTES 16

#endif
