// SPDX-License-Identifier: MIT
/* read(2) and its relatives: sizes, short reads, the end, bad buffers, access modes, errors. */
#include <limits.h>
#include "harness.h"

enum { PAGE = 4096, REQUEST = 128 * 1024 };

static const size_t sizes[] = {
	0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 1023, 1024, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1,
	65535, 65536, 65537, REQUEST - PAGE, REQUEST - 1, REQUEST,
};
static const size_t large[] = { REQUEST + 1, REQUEST + PAGE, 2 * REQUEST - 1, 2 * REQUEST, 3 * REQUEST + 1, 1 << 20 };

/* Aligned to pages, so that what fits one request is one. */
static void whole(const struct test *t)
{
	size_t size = (size_t)t->a;
	char *bytes = (char *)memory_guarded((size + PAGE - 1) / PAGE * PAGE);
	int fd = dev(O_RDONLY);

	set(CAPACITY, 1 << 20);
	fill((unsigned)size, 5);
	GIVES(io->read(fd, bytes, size), (long)size);
	PATTERN(bytes, size, 0, 5);
	SAME(counted(HELD), 0);
	if (size <= REQUEST) {
		/* A read of nothing is not worth a request (fuse_direct_io() in fs/fuse/file.c). */
		SAME(counted(READS), size > 0);
		SAME(stats().length, size);
	}
}

/* The buffer ends where nothing is mapped, so it begins in the middle of a page. */
static void guarded(const struct test *t)
{
	size_t size = (size_t)t->a;
	char *bytes = memory_guarded(size);
	int fd = dev(O_RDONLY);

	set(CAPACITY, 1 << 20);
	fill((unsigned)size, 6);
	GIVES(io->read(fd, bytes, size), (long)size);
	PATTERN(bytes, size, 0, 6);
}

static void shorter(const struct test *t)
{
	size_t there = (size_t)t->a, asked = (size_t)t->b;
	char *bytes = memory_new(asked);
	int fd = dev(O_RDONLY);

	set(CAPACITY, 1 << 20);
	fill((unsigned)there, 7);
	GIVES(io->read(fd, bytes, asked), (long)there);
	PATTERN(bytes, there, 0, 7);
	/* What is behind them is as it was. */
	TRUE(bytes[there] == 0);
}

static void piecewise(const struct test *t)
{
	size_t piece = (size_t)t->a, at = 0;
	char *bytes = memory_new(piece);
	int fd = dev(O_RDONLY);

	fill(3000, 8);
	while (at < 3000) {
		size_t expected = 3000 - at < piece ? 3000 - at : piece;

		GIVES(io->read(fd, bytes, piece), (long)expected);
		PATTERN(bytes, expected, at, 8);
		at += expected;
	}
}

static void chunked(const struct test *t)
{
	char *bytes = memory_new(100);
	int fd = dev(O_RDONLY);

	(void)t;
	set(CHUNK, 10);
	fill(100, 9);
	for (size_t at = 0; at < 100; at += 10) {
		GIVES(io->read(fd, bytes, 100), 10);
		PATTERN(bytes, 10, at, 9);
	}
}

static void at_end(const struct test *t)
{
	char *bytes = memory_new(100);
	int fd = dev(O_RDONLY | (int)t->a);

	set(AT_EOF, 1);
	fill(10, 1);
	GIVES(io->read(fd, bytes, 100), 10);
	GIVES(io->read(fd, bytes, 100), 0);
	GIVES(io->read(fd, bytes, 100), 0);
	/* More can come after an end, as on a terminal. */
	fill(10, 2);
	GIVES(io->read(fd, bytes, 100), 10);
	PATTERN(bytes, 10, 0, 2);
}

static void nothing_of_blocking(const struct test *t)
{
	(void)t;
	GIVES(io->read(dev(O_RDONLY), memory_new(1), 0), 0);
	SAME(counted(READS), 0);
}

/* The rest of a large read is asked for when the first request was filled. Who reads what is there must not wait. */
static void large_does_not_wait(const struct test *t)
{
	int fd = dev(O_RDONLY);
	struct call *call;

	(void)t;
	set(CAPACITY, 1 << 20);
	fill(REQUEST, 3);
	/* As much as is mapped for itself, so that it begins with a page. */
	call = start_read(fd, 4 * REQUEST);
	while (!call->done && counted(BLOCKED) == 0)
		nap(1);
	TRUE(call->done);
	GIVES(finish(call), REQUEST);
}

static void large_nonblocking(const struct test *t)
{
	char *bytes = memory_new(3 * REQUEST);
	int fd = dev(O_RDONLY | O_NONBLOCK);

	(void)t;
	set(CAPACITY, 1 << 20);
	fill(REQUEST, 3);
	GIVES(io->read(fd, bytes, 3 * REQUEST), REQUEST);
	PATTERN(bytes, REQUEST, 0, 3);
	FAILS(io->read(fd, bytes, 3 * REQUEST), EAGAIN);
}

static void *address(long which)
{
	switch (which) {
	case 0:
		return NULL;
	case 1:
		return memory_bad();
	case 2:
		return memory_readonly(PAGE);
	case 3:
		return (void *)~(uintptr_t)0;
	case 4:
		/* The kernel's half; with 32-bit addresses the last page, which nobody has. */
		return (void *)(sizeof(void *) == 8 ? (uintptr_t)0xffff888000000000ull : (uintptr_t)0xfffff000u);
	default:
		return (void *)8;
	}
}
static const char *const addresses[] = { "null", "unmapped", "read-only", "minus-one", "kernel", "first-page" };

static void bad_buffer(const struct test *t)
{
	int fd = dev(O_RDONLY);
	char *bytes = memory_new(64);

	fill(64, 4);
	FAILS(io->read(fd, address(t->a), 64), EFAULT);
	/* Nothing is lost. */
	GIVES(io->read(fd, bytes, 64), 64);
	PATTERN(bytes, 64, 0, 4);
}

/* The buffer's second page is not there: what fits the first one is read. */
static void partly_bad(const struct test *t)
{
	char *bytes = memory_guarded((size_t)t->a);
	int fd = dev(O_RDONLY);

	fill(3 * PAGE, 4);
	GIVES(io->read(fd, bytes, 3 * PAGE), t->a);
	PATTERN(bytes, (size_t)t->a, 0, 4);
	SAME(counted(HELD), 3 * PAGE - t->a);
}

static void bad_buffer_of_nothing(const struct test *t)
{
	(void)t;
	GIVES(io->read(dev(O_RDONLY), memory_bad(), 0), 0);
}

/* No count is refused that a pipe takes, and none taken that it refuses: a 32-bit program's -1 is 4 GiB. */
static void count_is_negative(const struct test *t)
{
	int fd = dev(O_RDONLY), ends[2], error;
	long expected;

	(void)t;
	MUST(pipe(ends));
	GIVES(write(ends[1], "0123456789", 10), 10);
	fill(10, 0);
	expected = io->read(ends[0], memory_new(16), (size_t)-1);
	error = errno;
	if (expected < 0)
		FAILS(io->read(fd, memory_new(16), (size_t)-1), error);
	else
		GIVES(io->read(fd, memory_new(16), (size_t)-1), expected);
}

/* A count larger than the buffer's memory; the device has less, and less is what is read. */
static void count_is_huge(const struct test *t)
{
	char *bytes = memory_new(1 << 20);
	int fd = dev(O_RDONLY);

	(void)t;
	fill(100, 1);
	GIVES(io->read(fd, bytes, INT_MAX), 100);
	PATTERN(bytes, 100, 0, 1);
}

static void wrong_mode(const struct test *t)
{
	(void)t;
	FAILS(io->read(dev(O_WRONLY), memory_new(1), 1), EBADF);
	SAME(counted(READS), 0);
}

static void no_file(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	MUST(io->close(fd));
	FAILS(io->read(fd, memory_new(1), 1), EBADF);
	FAILS(io->read(-1, memory_new(1), 1), EBADF);
}

static void nonblocking(const struct test *t)
{
	char *bytes = memory_new(8);
	int fd = dev(O_RDONLY | O_NONBLOCK);

	(void)t;
	FAILS(io->read(fd, bytes, 8), EAGAIN);
	SAME(stats().nonblocking, 1);
	fill(3, 1);
	GIVES(io->read(fd, bytes, 8), 3);
	FAILS(io->read(fd, bytes, 8), EAGAIN);
	SAME(counted(BLOCKED), 0);
}

/* The flag counts as it is at the call. */
static void nonblocking_by_fcntl(const struct test *t)
{
	char *bytes = memory_new(8);
	int fd = dev(O_RDONLY);

	(void)t;
	fill(1, 1);
	GIVES(io->read(fd, bytes, 8), 1);
	SAME(stats().nonblocking, 0);
	MUST(io->setfl(fd, O_NONBLOCK));
	FAILS(io->read(fd, bytes, 8), EAGAIN);
	MUST(io->setfl(fd, 0));
	struct call *call = start_read(fd, 8);

	await_count(BLOCKED, 1);
	fill(1, 1);
	GIVES(finish(call), 1);
	MUST(io->setfl(fd, O_NONBLOCK));
	FAILS(io->read(fd, bytes, 8), EAGAIN);
}

static void fails_with(const struct test *t)
{
	char *bytes = memory_new(8);
	int fd = dev(O_RDWR);

	fill(4, 1);
	set(ON_READ, DO(t->a, t->b));
	FAILS(io->read(fd, bytes, 8), t->a == FAIL_ERRNO ? (int)t->b : EIO);
	/* The daemon lives, and the file too. */
	set(ON_READ, DO(NORMAL, 0));
	GIVES(io->read(fd, bytes, 8), 4);
}

static void later(const struct test *t)
{
	char *bytes = memory_new(8);
	int fd = dev(O_RDWR);

	fill(4, 1);
	set(ON_READ, DO(t->a, t->b));
	GIVES(io->read(fd, bytes, 8), 4);
	PATTERN(bytes, 4, 0, 1);
}

/* wouldBlockFor(): asked again after that time, without a wake-up. */
static void timed(const struct test *t)
{
	int fd = dev(O_RDWR);
	long before = now_ms();

	(void)t;
	set(ON_READ, DO(TIMED, 50));
	GIVES(io->read(fd, memory_new(8), 8), 0);
	TRUE(now_ms() - before >= 49);
}

static void no_read(const struct test *t)
{
	int fd = (int)MUST(dev_open("bare", O_RDWR));

	(void)t;
	FAILS(io->read(fd, memory_new(8), 8), EINVAL);
}

CASES
{
	for (size_t i = 0; i < COUNT(sizes); i++)
		add_with(whole, NEEDS_NOTHING, (long)sizes[i], 0, "read/size/%zu", sizes[i]);
	for (size_t i = 0; i < COUNT(large); i++)
		add_with(whole, NEEDS_NOTHING, (long)large[i], 0, "read/split/%zu", large[i]);
	for (size_t i = 1; i < COUNT(sizes); i += 2)
		add_with(guarded, NEEDS_NOTHING, (long)sizes[i], 0, "read/unaligned/%zu", sizes[i]);
	add_with(guarded, NEEDS_NOTHING, REQUEST + 1, 0, "read/unaligned/%d", REQUEST + 1);
	add_with(shorter, NEEDS_NOTHING, 1, 2, "read/short/1-of-2");
	add_with(shorter, NEEDS_NOTHING, PAGE - 1, PAGE, "read/short/page-less-1");
	add_with(shorter, NEEDS_NOTHING, PAGE, 2 * PAGE, "read/short/one-page-of-two");
	add_with(shorter, NEEDS_NOTHING, REQUEST - 1, REQUEST, "read/short/request-less-1");
	add_with(shorter, NEEDS_NOTHING, REQUEST + 5, 2 * REQUEST, "read/short/in-the-second-request");
	add_with(piecewise, NEEDS_NOTHING, 1, 0, "read/piecewise/1");
	add_with(piecewise, NEEDS_NOTHING, 333, 0, "read/piecewise/333");
	add_with(piecewise, NEEDS_NOTHING, PAGE, 0, "read/piecewise/page");
	add(chunked, NEEDS_NOTHING, "read/driver-gives-less");
	add_with(at_end, NEEDS_NOTHING, 0, 0, "read/end/blocking");
	add_with(at_end, NEEDS_NOTHING, O_NONBLOCK, 0, "read/end/nonblocking");
	add(nothing_of_blocking, NEEDS_NOTHING, "read/nothing-does-not-block");
	add(large_does_not_wait, NEEDS_NOTHING, "read/large/takes-what-is-there");
	add(large_nonblocking, NEEDS_NOTHING, "read/large/nonblocking");
	for (long i = 0; i < (long)COUNT(addresses); i++)
		add_with(bad_buffer, NEEDS_NOTHING, i, 0, "read/bad-buffer/%s", addresses[i]);
	add_with(partly_bad, NEEDS_NOTHING, 1, 0, "read/partly-bad/1");
	add_with(partly_bad, NEEDS_NOTHING, 100, 0, "read/partly-bad/100");
	add_with(partly_bad, NEEDS_NOTHING, PAGE, 0, "read/partly-bad/page");
	add_with(partly_bad, NEEDS_NOTHING, PAGE + 1, 0, "read/partly-bad/page-and-1");
	add(bad_buffer_of_nothing, NEEDS_NOTHING, "read/bad-buffer/of-nothing");
	add(count_is_negative, NEEDS_DESCRIPTOR, "read/count/negative");
	add(count_is_huge, NEEDS_NOTHING, "read/count/int-max");
	add(wrong_mode, NEEDS_NOTHING, "read/wronly-is-ebadf");
	add(no_file, NEEDS_NOTHING, "read/closed-is-ebadf");
	add(nonblocking, NEEDS_NOTHING, "read/nonblocking/by-open");
	add(nonblocking_by_fcntl, NEEDS_NOTHING, "read/nonblocking/by-fcntl");
	for (size_t i = 0; i < errno_count; i++)
		add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, errnos[i], "read/errno/%s", errno_slug(errnos[i]));
	add_with(fails_with, NEEDS_NOTHING, THROW, 0, "read/throws");
	add_with(fails_with, NEEDS_NOTHING, REJECT, 0, "read/rejects");
	add_with(fails_with, NEEDS_NOTHING, ILLEGAL, 0, "read/answers-too-much");
	add_with(later, NEEDS_NOTHING, ASYNC, 0, "read/async");
	add_with(later, NEEDS_NOTHING, DELAY, 20, "read/delayed");
	add(timed, NEEDS_NOTHING, "read/would-block-for");
	add(no_read, NEEDS_NOTHING, "read/driver-without-is-einval");
}
