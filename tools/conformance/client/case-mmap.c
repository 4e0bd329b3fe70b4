// SPDX-License-Identifier: MIT
/* mmap(2): memory that the daemon and programs share. Each case has a slot of it. */
#include <sys/mman.h>
#include "harness.h"
#include "slot.h"

enum { PAGE = 4096, BOTH = PROT_READ | PROT_WRITE };

static void *map(int fd, off_t offset, size_t size, int protection, int kind)
{
	return mmap(NULL, size, protection, kind, fd, offset);
}

static char *mapped(int fd, off_t offset, size_t size, int protection)
{
	void *at = map(fd, offset, size, protection, MAP_SHARED);

	MUST(at == MAP_FAILED ? -1 : 0);
	return at;
}

#define MAP_FAILS(call, number) FAILS((call) == MAP_FAILED ? -1 : 0, number)

/* What the daemon has there. */
static char seen_by_daemon(const struct slot *slot, off_t at)
{
	char byte;

	GIVES(pread(slot->fd, &byte, 1, slot->at + at), 1);
	return byte;
}

static void none(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	MAP_FAILS(map(fd, 0, PAGE, BOTH, MAP_SHARED), ENODEV);
	MAP_FAILS(map(fd, 0, PAGE, PROT_READ, MAP_SHARED), ENODEV);
	/* It is no worse for it. */
	GIVES(io->write(fd, "x", 1), 1);
}

static void another_process(void *argument)
{
	const struct slot *slot = argument;
	int fd = (int)MUST(open(node("memory"), O_RDWR));
	/* From the second page on. */
	char *at = mapped(fd, slot->at + PAGE, SLOT - PAGE, BOTH);

	SAME(at[0], 'p');
	SAME(at[1], 'd');
	at[2] = 'c';
}

static void shared(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	char *at = mapped(slot.fd, slot.at, SLOT, BOTH);

	(void)t;
	for (size_t i = 0; i < SLOT; i++)
		SAME(at[i], 0);
	at[PAGE] = 'p';
	SAME(seen_by_daemon(&slot, PAGE), 'p');
	GIVES(pwrite(slot.fd, "d", 1, slot.at + PAGE + 1), 1);
	SAME(at[PAGE + 1], 'd');
	child_join(child_start(another_process, &slot));
	SAME(at[PAGE + 2], 'c');
	SAME(seen_by_daemon(&slot, PAGE + 2), 'c');
}

static void inherits(void *argument)
{
	char *at = argument;

	SAME(at[0], 'p');
	at[1] = 'c';
}

static void forked(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	char *at = mapped(slot.fd, slot.at, PAGE, BOTH);

	(void)t;
	at[0] = 'p';
	child_join(child_start(inherits, at));
	SAME(at[1], 'c');
	SAME(seen_by_daemon(&slot, 1), 'c');
}

static void copied(const struct test *t)
{
	struct slot slot = slot_take(t->a ? "read-only" : "memory", O_RDONLY);
	char *at = map(slot.fd, slot.at, PAGE, BOTH, MAP_PRIVATE);

	MUST(at == (char *)MAP_FAILED ? -1 : 0);
	at[0] = 'x';
	SAME(seen_by_daemon(&slot, 0), 0);
}

static void closed(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	int other = (int)MUST(open(node("memory"), O_RDWR));
	char *at = mapped(other, slot.at, PAGE, BOTH);

	(void)t;
	MUST(close(other));
	at[0] = 'x';
	SAME(seen_by_daemon(&slot, 0), 'x');
	GIVES(pwrite(slot.fd, "y", 1, slot.at), 1);
	SAME(at[0], 'y');
}

static void bounds(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	off_t size = slot_seen(&slot).size;

	(void)t;
	mapped(slot.fd, 0, (size_t)size, BOTH);
	mapped(slot.fd, size - PAGE, PAGE, BOTH);
	MAP_FAILS(map(slot.fd, size, PAGE, BOTH, MAP_SHARED), ENODEV);
	MAP_FAILS(map(slot.fd, size - PAGE, 2 * PAGE, BOTH, MAP_SHARED), EINVAL);
	MAP_FAILS(map(slot.fd, 0, (size_t)size + PAGE, BOTH, MAP_SHARED), EINVAL);
	MAP_FAILS(map(slot.fd, 1, PAGE, BOTH, MAP_SHARED), EINVAL);
}

static void read_only(const struct test *t)
{
	struct slot slot = slot_take("read-only", O_RDWR);
	char *at = mapped(slot.fd, slot.at, PAGE, PROT_READ);

	(void)t;
	MAP_FAILS(map(slot.fd, slot.at, PAGE, BOTH, MAP_SHARED), EACCES);
	MAP_FAILS(map(slot.fd, slot.at, PAGE, PROT_WRITE, MAP_SHARED), EACCES);
	FAILS(mprotect(at, PAGE, BOTH), EACCES);
	GIVES(pwrite(slot.fd, "d", 1, slot.at), 1);
	SAME(at[0], 'd');
}

/* As of any file: what was not opened for writing is not written by mmap(2). */
static void opened_for_reading(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDONLY);
	char *at = mapped(slot.fd, slot.at, PAGE, PROT_READ);

	(void)t;
	MAP_FAILS(map(slot.fd, slot.at, PAGE, BOTH, MAP_SHARED), EACCES);
	FAILS(mprotect(at, PAGE, BOTH), EACCES);
	SAME(at[0], 0);
}

/* A buffer of read(2) and write(2) may be the device's own memory. */
static void as_buffer(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	char *at = mapped(slot.fd, slot.at, SLOT, BOTH);

	(void)t;
	memcpy(at, "abcd", 4);
	GIVES(pwrite(slot.fd, at, 4, slot.at + PAGE), 4);
	GIVES(pread(slot.fd, at + 2 * PAGE, 4, slot.at + PAGE), 4);
	TRUE(!memcmp(at + 2 * PAGE, "abcd", 4));
}

CASES
{
	add(none, NEEDS_DESCRIPTOR, "mmap/none-is-enodev");
	add(shared, NEEDS_SLOTS, "mmap/shared-with-daemon-and-processes");
	add(forked, NEEDS_SLOTS, "mmap/inherited");
	add_with(copied, NEEDS_SLOTS, 0, 0, "mmap/private-is-a-copy");
	add_with(copied, NEEDS_SLOTS, 1, 0, "mmap/private-of-read-only-is-a-copy");
	add(closed, NEEDS_SLOTS, "mmap/outlives-the-file");
	add(bounds, NEEDS_SLOTS, "mmap/bounds");
	add(read_only, NEEDS_SLOTS, "mmap/read-only");
	add(opened_for_reading, NEEDS_SLOTS, "mmap/opened-for-reading");
	add(as_buffer, NEEDS_SLOTS, "mmap/as-buffer");
}
