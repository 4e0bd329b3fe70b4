// SPDX-License-Identifier: MIT
/* A driver that is to see a call as one gets it as one, however large it is. */
#include "harness.h"

enum { MEBIBYTE = 1 << 20 };

static void read_at_once(const struct test *t)
{
	int fd = dev(O_RDWR);
	char *bytes = memory_new(MEBIBYTE);

	(void)t;
	fill(MEBIBYTE, 5);
	GIVES(io->read(fd, bytes, MEBIBYTE), MEBIBYTE);
	PATTERN(bytes, MEBIBYTE, 0, 5);
	SAME(counted(READS), 1);
	SAME(stats().length, MEBIBYTE);
}

static void write_at_once(const struct test *t)
{
	int fd = dev(O_RDWR);
	uint8_t *bytes = memory_new(MEBIBYTE);

	(void)t;
	control();
	set(CAPACITY, MEBIBYTE);
	for (size_t i = 0; i < MEBIBYTE; i++)
		bytes[i] = pattern_at(i, 6);
	GIVES(io->write(fd, bytes, MEBIBYTE), MEBIBYTE);
	SAME(counted(WRITES), 1);
	SAME(stats().length, MEBIBYTE);
	memset(bytes, 0, MEBIBYTE);
	GIVES(io->read(fd, bytes, MEBIBYTE), MEBIBYTE);
	PATTERN(bytes, MEBIBYTE, 0, 6);
}

CASES
{
	add(read_at_once, NEEDS_NOTHING, "read/large/in-one-request");
	add(write_at_once, NEEDS_NOTHING, "write/large/in-one-request");
}
