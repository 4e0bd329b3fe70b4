// SPDX-License-Identifier: MIT
/* readv(2), and offsets on a device that has none. */
#include "harness.h"

enum { PAGE = 4096 };

static void vector(const struct test *t)
{
	struct iovec *areas = memory_new(sizeof(*areas) * 1024);
	size_t count = (size_t)t->a, each = (size_t)t->b;
	char *bytes = memory_new(count * each + 1);
	int fd = dev(O_RDONLY);

	set(CAPACITY, 1 << 20);
	fill((unsigned)(count * each), 2);
	for (size_t i = 0; i < count; i++)
		areas[i] = (struct iovec){ bytes + i * each, each };
	GIVES(io->readv(fd, areas, (int)count), (long)(count * each));
	PATTERN(bytes, count * each, 0, 2);
}

static void vector_uneven(const struct test *t)
{
	char *one = memory_guarded(1), *two = memory_guarded(PAGE + 1), *three = memory_guarded(77);
	struct iovec areas[] = { { one, 1 }, { memory_new(1), 0 }, { two, PAGE + 1 }, { three, 77 } };
	int fd = dev(O_RDONLY);

	(void)t;
	fill(PAGE + 20, 3);
	GIVES(io->readv(fd, areas, 4), PAGE + 20);
	PATTERN(one, 1, 0, 3);
	PATTERN(two, PAGE + 1, 1, 3);
	PATTERN(three, 18, PAGE + 2, 3);
}

static void vector_refused(const struct test *t)
{
	struct iovec *areas = memory_new(sizeof(*areas) * 1025);
	int fd = dev(O_RDONLY | O_NONBLOCK);

	(void)t;
	fill(10, 3);
	for (int i = 0; i < 1025; i++)
		areas[i] = (struct iovec){ memory_new(1), 1 };
	FAILS(io->readv(fd, areas, 1025), EINVAL);
	FAILS(io->readv(fd, areas, -1), EINVAL);
	GIVES(io->readv(fd, areas, 0), 0);
	SAME(counted(HELD), 10);
}

/* A device without offsets refuses them, as terminals, pipes and sockets do. */
static void no_offset(const struct test *t)
{
	int fd = dev(O_RDWR);

	fill(10, 1);
	if (t->a == 0)
		FAILS(io->pread(fd, memory_new(4), 4, 100), ESPIPE);
	else
		FAILS(io->pwrite(fd, memory_new(4), 4, 100), ESPIPE);
}

static void no_seek(const struct test *t)
{
	FAILS(lseek(dev(O_RDWR), 10, (int)t->a), ESPIPE);
}

static void negative_offset(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	FAILS(io->pread(fd, memory_new(4), 4, -1), EINVAL);
	FAILS(io->pwrite(fd, memory_new(4), 4, -1), EINVAL);
}

/* Whatever the position is, bytes come in their order. */
static void position_is_ignored(const struct test *t)
{
	char *bytes = memory_new(8);
	int fd = dev(O_RDWR);

	(void)t;
	fill(12, 1);
	GIVES(io->read(fd, bytes, 4), 4);
	lseek(fd, 0, SEEK_SET);
	GIVES(io->read(fd, bytes, 4), 4);
	PATTERN(bytes, 4, 4, 1);
	lseek(fd, 1000, SEEK_SET);
	GIVES(io->read(fd, bytes, 4), 4);
	PATTERN(bytes, 4, 8, 1);
}

CASES
{
	add_with(vector, NEEDS_NOTHING, 1, 100, "read/vector/1");
	add_with(vector, NEEDS_NOTHING, 2, PAGE, "read/vector/2-pages");
	add_with(vector, NEEDS_NOTHING, 16, 333, "read/vector/16");
	add_with(vector, NEEDS_NOTHING, 1024, 1, "read/vector/1024-of-1");
	add_with(vector, NEEDS_NOTHING, 1024, 200, "read/vector/1024-of-200");
	add(vector_uneven, NEEDS_NOTHING, "read/vector/uneven");
	add(vector_refused, NEEDS_NOTHING, "read/vector/refused");
	add_with(no_offset, NEEDS_DESCRIPTOR, 0, 0, "offset/pread-is-espipe");
	add_with(no_offset, NEEDS_DESCRIPTOR, 1, 0, "offset/pwrite-is-espipe");
	add_with(no_seek, NEEDS_DESCRIPTOR, SEEK_SET, 0, "offset/seek-set-is-espipe");
	add_with(no_seek, NEEDS_DESCRIPTOR, SEEK_CUR, 0, "offset/seek-cur-is-espipe");
	add_with(no_seek, NEEDS_DESCRIPTOR, SEEK_END, 0, "offset/seek-end-is-espipe");
	add(negative_offset, NEEDS_NOTHING, "offset/negative-is-einval");
	add(position_is_ignored, NEEDS_DESCRIPTOR, "offset/position-does-not-matter");
}
