// SPDX-License-Identifier: MIT
/* Offsets, and what close(2) and fsync(2) ask of a driver that has an answer. Each case has a slot of the memory. */
#include "harness.h"
#include "slot.h"

static void at_offsets(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	char bytes[4];

	(void)t;
	GIVES(pwrite(slot.fd, "abcd", 4, slot.at + 100), 4);
	GIVES(pread(slot.fd, bytes, 4, slot.at + 102), 4);
	TRUE(!memcmp(bytes, "cd\0", 4));
	GIVES(lseek(slot.fd, 0, SEEK_CUR), 0);
}

static void position(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	int same = (int)MUST(dup(slot.fd)), other = (int)MUST(open(node("memory"), O_RDWR));
	char bytes[4];

	(void)t;
	GIVES(lseek(slot.fd, slot.at, SEEK_SET), slot.at);
	GIVES(write(slot.fd, "abcd", 4), 4);
	GIVES(lseek(slot.fd, 0, SEEK_CUR), slot.at + 4);
	GIVES(lseek(same, -3, SEEK_CUR), slot.at + 1);
	GIVES(read(slot.fd, bytes, 2), 2);
	TRUE(!memcmp(bytes, "bc", 2));
	GIVES(lseek(same, 0, SEEK_CUR), slot.at + 3);
	/* Another open file has its own. */
	GIVES(lseek(other, 0, SEEK_CUR), 0);
}

static void vectors(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	char one[3], two[5];
	struct iovec parts[] = { { one, 3 }, { two, 5 } };

	(void)t;
	GIVES(pwrite(slot.fd, "abcdefgh", 8, slot.at), 8);
	GIVES(preadv(slot.fd, parts, 2, slot.at), 8);
	TRUE(!memcmp(one, "abc", 3) && !memcmp(two, "defgh", 5));
	GIVES(pwritev(slot.fd, parts, 2, slot.at + 8), 8);
	GIVES(pread(slot.fd, two, 5, slot.at + 9), 5);
	TRUE(!memcmp(two, "bcdef", 5));
}

/* The driver has the say: its end, its errors, and offsets that 32 bits cannot hold. */
static void seek_of_the_driver(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	off_t size = slot_seen(&slot).size;
	off64_t far = (off64_t)1 << 40;
	char byte;

	(void)t;
	GIVES(lseek(slot.fd, -1, SEEK_END), size - 1);
	GIVES(read(slot.fd, &byte, 1), 1);
	GIVES(read(slot.fd, &byte, 1), 0);
	FAILS(write(slot.fd, "x", 1), ENOSPC);
	GIVES(pwrite(slot.fd, "xx", 2, size - 1), 1);
	FAILS(lseek(slot.fd, -size - 1, SEEK_END), EINVAL);
	FAILS(lseek(slot.fd, 0, SEEK_HOLE), EINVAL);
	FAILS(lseek(slot.fd, 0, 99), EINVAL);
	/* What failed moved nothing. */
	GIVES(lseek(slot.fd, 0, SEEK_CUR), size);
	TRUE(lseek64(slot.fd, far, SEEK_SET) == far);
	TRUE(lseek64(slot.fd, 5, SEEK_CUR) == far + 5);
	GIVES(read(slot.fd, &byte, 1), 0);
	GIVES(pread64(slot.fd, &byte, 1, far), 0);
	FAILS(pread(slot.fd, &byte, 1, -1), EINVAL);
}

static void flushed(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	int other = (int)MUST(dup(slot.fd));

	(void)t;
	SAME(slot_seen(&slot).flushes, 0);
	MUST(close(other));
	SAME(slot_seen(&slot).flushes, 1);
	/* Its error is close(2)'s; the descriptor is gone all the same. */
	other = (int)MUST(dup(slot.fd));
	MUST(io->ioctl(slot.fd, C_SLOT_FAILS, EDQUOT));
	FAILS(close(other), EDQUOT);
	FAILS(close(other), EBADF);
	SAME(slot_seen(&slot).flushes, 2);
	/* dup2(2) onto it closes it, too. */
	other = (int)MUST(dup(slot.fd));
	MUST(dup2(slot.fd, other));
	SAME(slot_seen(&slot).flushes, 3);
}

static void exits(void *argument)
{
	(void)argument;
}

static void flushed_by_exit(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);

	(void)t;
	child_join(child_start(exits, NULL));
	SAME(slot_seen(&slot).flushes, 1);
}

static void synced(const struct test *t)
{
	struct slot slot = slot_take("memory", O_RDWR);
	struct slot_seen seen;

	(void)t;
	GIVES(fsync(slot.fd), 0);
	GIVES(fdatasync(slot.fd), 0);
	GIVES(fdatasync(slot.fd), 0);
	MUST(io->ioctl(slot.fd, C_SLOT_FAILS, EIO));
	FAILS(fsync(slot.fd), EIO);
	seen = slot_seen(&slot);
	SAME(seen.syncs, 2);
	SAME(seen.data_syncs, 2);
}

CASES
{
	add(at_offsets, NEEDS_SLOTS, "offset/pread-and-pwrite");
	add(position, NEEDS_SLOTS, "offset/position-is-the-open-file-s");
	add(vectors, NEEDS_SLOTS, "offset/preadv-and-pwritev");
	add(seek_of_the_driver, NEEDS_SLOTS, "offset/seek-is-the-driver-s");
	add(flushed, NEEDS_SLOTS, "flush/each-close");
	add(flushed_by_exit, NEEDS_SLOTS, "flush/exit");
	add(synced, NEEDS_SLOTS, "flush/fsync-and-fdatasync");
}
