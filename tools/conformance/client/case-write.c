// SPDX-License-Identifier: MIT
/* write(2) and its relatives: sizes, full devices, counts of what was taken, bad buffers, errors. */
#include <signal.h>
#include "harness.h"

enum { PAGE = 4096, REQUEST = 128 * 1024 };

static const size_t sizes[] = {
	0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 1023, 1024, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1,
	65535, 65536, 65537, REQUEST - PAGE, REQUEST - 1, REQUEST,
};
static const size_t large[] = { REQUEST + 1, REQUEST + PAGE, 2 * REQUEST - 1, 2 * REQUEST, 3 * REQUEST + 1, 1 << 20 };

static char *made(size_t size, unsigned seed, char *bytes)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)pattern_at(i, seed);
	return bytes;
}

static void whole(const struct test *t)
{
	size_t size = (size_t)t->a;
	char *bytes = made(size, 5, memory_guarded((size + PAGE - 1) / PAGE * PAGE));
	char *back = memory_new(size + 1);
	int fd = dev(O_RDWR | O_NONBLOCK);

	set(CAPACITY, 1 << 20);
	GIVES(io->write(fd, bytes, size), (long)size);
	SAME(counted(HELD), size);
	if (size <= REQUEST) {
		SAME(counted(WRITES), size > 0);
		SAME(stats().length, size);
	}
	if (size > 0)
		GIVES(io->read(fd, back, size + 1), (long)size);
	PATTERN(back, size, 0, 5);
}

static void guarded(const struct test *t)
{
	size_t size = (size_t)t->a;
	char *bytes = made(size, 6, memory_guarded(size)), *back = memory_new(size);
	int fd = dev(O_RDWR);

	set(CAPACITY, 1 << 20);
	GIVES(io->write(fd, bytes, size), (long)size);
	GIVES(io->read(fd, back, size), (long)size);
	PATTERN(back, size, 0, 6);
}

/* All of it is taken before a blocking write returns, however little room there is at a time. */
static void through_little_room(const struct test *t)
{
	size_t size = 5000, at = 0;
	char *bytes = memory_new(size);
	int reader = dev(O_RDONLY), fd = dev(O_WRONLY);
	struct call *call;

	set(CAPACITY, (unsigned)t->a);
	call = start_write(fd, size, 4);
	while (at < size)
		at += (size_t)MUST(io->read(reader, bytes + at, size - at));
	GIVES(finish(call), (long)size);
	PATTERN(bytes, size, 0, 4);
}

static void large_through_little_room(const struct test *t)
{
	size_t size = (size_t)t->a, at = 0;
	char *bytes = memory_new(size);
	int reader = dev(O_RDONLY), fd = dev(O_WRONLY);
	struct call *call;

	set(CAPACITY, 50000);
	call = start_write(fd, size, 4);
	while (at < size)
		at += (size_t)MUST(io->read(reader, bytes + at, size - at));
	GIVES(finish(call), (long)size);
	PATTERN(bytes, size, 0, 4);
}

static void nonblocking_takes_some(const struct test *t)
{
	size_t size = (size_t)t->b;
	int fd = dev(O_WRONLY | O_NONBLOCK);
	char *bytes = made(size, 1, memory_new(size));

	set(CAPACITY, (unsigned)t->a);
	GIVES(io->write(fd, bytes, size), t->a);
	FAILS(io->write(fd, bytes, size), EAGAIN);
	SAME(counted(BLOCKED), 0);
	SAME(stats().nonblocking, 1);
}

static void blocked_by_fcntl(const struct test *t)
{
	int fd = dev(O_RDWR | O_NONBLOCK);
	struct call *call;

	(void)t;
	set(CAPACITY, 10);
	GIVES(io->write(fd, memory_new(20), 20), 10);
	MUST(io->setfl(fd, 0));
	call = start_write(fd, 5, 0);
	await_count(BLOCKED, 1);
	GIVES(io->read(fd, memory_new(10), 10), 10);
	GIVES(finish(call), 5);
	MUST(io->setfl(fd, O_NONBLOCK));
	GIVES(io->write(fd, memory_new(20), 20), 5);
	FAILS(io->write(fd, memory_new(20), 20), EAGAIN);
}

/* writes: "once". */
static void message_takes_once(const struct test *t)
{
	int fd = (int)MUST(dev_open("message", O_WRONLY));

	set(CHUNK, (unsigned)t->a);
	GIVES(io->write(fd, memory_new(100), 100), t->a);
	SAME(counted(WRITES), 1);
	SAME(counted(HELD), t->a);
}

/* Without room a message waits as a whole. */
static void message_waits(const struct test *t)
{
	int fd = (int)MUST(dev_open("message", O_RDWR));
	struct call *call;

	(void)t;
	set(CAPACITY, 10);
	GIVES(io->write(fd, memory_new(10), 10), 10);
	call = start_write(fd, 8, 0);
	await_count(BLOCKED, 1);
	GIVES(io->read(fd, memory_new(10), 10), 10);
	GIVES(finish(call), 8);
}

static void interrupted(const struct test *t)
{
	size_t room = (size_t)t->a;
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, t->b ? SA_RESTART : 0);
	set(CAPACITY, (unsigned)room + 1);
	fill(1, 0);
	call = start_write(fd, 1000, 2);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	if (room > 0)
		GIVES(finish(call), (long)room);
	else
		FAILS(finish(call), EINTR);
	SAME(counted(HELD), room + 1);
}

static void *address(long which)
{
	switch (which) {
	case 0:
		return NULL;
	case 1:
		return memory_bad();
	case 2:
		return (void *)~(uintptr_t)0;
	case 3:
		return (void *)(sizeof(void *) == 8 ? (uintptr_t)0xffff888000000000ull : (uintptr_t)0xfffff000u);
	default:
		return (void *)8;
	}
}
static const char *const addresses[] = { "null", "unmapped", "minus-one", "kernel", "first-page" };

static void bad_buffer(const struct test *t)
{
	int fd = dev(O_WRONLY);

	FAILS(io->write(fd, address(t->a), 64), EFAULT);
	SAME(counted(WRITES), 0);
	GIVES(io->write(fd, memory_readonly(64), 64), 64);
}

static void partly_bad(const struct test *t)
{
	int fd = dev(O_WRONLY);

	GIVES(io->write(fd, memory_guarded((size_t)t->a), 3 * PAGE), t->a);
	SAME(counted(HELD), t->a);
}

/* Minus one: with 64 bits no memory is that large (access_ok()), with 32 it is 4 GiB, of which one byte is there. */
static void count_is_negative(const struct test *t)
{
	int fd = dev(O_WRONLY);

	(void)t;
	if (sizeof(size_t) == 8)
		FAILS(io->write(fd, memory_guarded(1), (size_t)-1), EFAULT);
	else
		GIVES(io->write(fd, memory_guarded(1), (size_t)-1), 1);
}

static void wrong_mode(const struct test *t)
{
	(void)t;
	FAILS(io->write(dev(O_RDONLY), memory_new(1), 1), EBADF);
	SAME(counted(WRITES), 0);
}

static void no_file(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	MUST(io->close(fd));
	FAILS(io->write(fd, memory_new(1), 1), EBADF);
	FAILS(io->write(-1, memory_new(1), 1), EBADF);
}

static void fails_with(const struct test *t)
{
	int fd = dev(O_RDWR);

	set(ON_WRITE, DO(t->a, t->b));
	FAILS(io->write(fd, memory_new(8), 8), t->a == FAIL_ERRNO ? (int)t->b : EIO);
	set(ON_WRITE, DO(NORMAL, 0));
	GIVES(io->write(fd, memory_new(8), 8), 8);
	SAME(counted(HELD), 8);
}

static void later(const struct test *t)
{
	int fd = dev(O_RDWR);
	size_t size = (size_t)t->b;
	char *back = memory_new(size);

	set(CAPACITY, 1 << 20);
	set(ON_WRITE, DO(t->a, 20));
	GIVES(io->write(fd, made(size, 3, memory_new(size)), size), (long)size);
	GIVES(io->read(fd, back, size), (long)size);
	PATTERN(back, size, 0, 3);
}

static void no_write(const struct test *t)
{
	(void)t;
	FAILS(io->write((int)MUST(dev_open("bare", O_RDWR)), memory_new(8), 8), EINVAL);
}

static void vector(const struct test *t)
{
	struct iovec *areas = memory_new(sizeof(*areas) * 1024);
	size_t count = (size_t)t->a, each = (size_t)t->b;
	char *bytes = made(count * each, 2, memory_new(count * each));
	char *back = memory_new(count * each);
	int fd = dev(O_RDWR);

	set(CAPACITY, 1 << 20);
	for (size_t i = 0; i < count; i++)
		areas[i] = (struct iovec){ bytes + i * each, each };
	GIVES(io->writev(fd, areas, (int)count), (long)(count * each));
	GIVES(io->read(fd, back, count * each), (long)(count * each));
	PATTERN(back, count * each, 0, 2);
}

/* One writev is one write for the driver as long as it fits a request, so a message can be put together. */
static void vector_is_one_message(const struct test *t)
{
	struct iovec areas[] = { { memory_new(4), 4 }, { memory_new(8), 0 }, { memory_new(60), 60 } };
	int fd = (int)MUST(dev_open("message", O_WRONLY));

	(void)t;
	GIVES(io->writev(fd, areas, 3), 64);
	SAME(counted(WRITES), 1);
	SAME(stats().length, 64);
}

/* No byte is lost or doubled when several write at once. */
static void from_threads(const struct test *t)
{
	struct call *calls[16];
	size_t total = 0;
	int reader = dev(O_RDONLY);

	set(CAPACITY, 300);
	for (long i = 0; i < t->a; i++)
		calls[i] = start_write(dev(O_WRONLY), 1000, 0);
	while (total < (size_t)t->a * 1000)
		total += (size_t)MUST(io->read(reader, memory_new(4000), 4000));
	for (long i = 0; i < t->a; i++)
		GIVES(finish(calls[i]), 1000);
	SAME(counted(HELD), 0);
}

CASES
{
	for (size_t i = 0; i < COUNT(sizes); i++)
		add_with(whole, NEEDS_NOTHING, (long)sizes[i], 0, "write/size/%zu", sizes[i]);
	for (size_t i = 0; i < COUNT(large); i++)
		add_with(whole, NEEDS_NOTHING, (long)large[i], 0, "write/split/%zu", large[i]);
	for (size_t i = 1; i < COUNT(sizes); i += 2)
		add_with(guarded, NEEDS_NOTHING, (long)sizes[i], 0, "write/unaligned/%zu", sizes[i]);
	add_with(guarded, NEEDS_NOTHING, REQUEST + 1, 0, "write/unaligned/%d", REQUEST + 1);
	add_with(through_little_room, NEEDS_NOTHING, 1000, 0, "write/blocks-until-taken/1000-at-a-time");
	add_with(through_little_room, NEEDS_NOTHING, 37, 0, "write/blocks-until-taken/37-at-a-time");
	add_with(large_through_little_room, NEEDS_NOTHING, REQUEST, 0, "write/blocks-until-taken/request");
	add_with(large_through_little_room, NEEDS_NOTHING, 2 * REQUEST + 1, 0, "write/blocks-until-taken/three-requests");
	add_with(nonblocking_takes_some, NEEDS_NOTHING, 1, 2, "write/nonblocking/1-of-2");
	add_with(nonblocking_takes_some, NEEDS_NOTHING, 100, 250, "write/nonblocking/100-of-250");
	add_with(nonblocking_takes_some, NEEDS_NOTHING, REQUEST, 2 * REQUEST, "write/nonblocking/one-request-of-two");
	add_with(nonblocking_takes_some, NEEDS_NOTHING, 200000, 300000, "write/nonblocking/in-the-second-request");
	add(blocked_by_fcntl, NEEDS_NOTHING, "write/nonblocking/by-fcntl");
	add_with(message_takes_once, NEEDS_NOTHING, 1, 0, "write/message/takes-1");
	add_with(message_takes_once, NEEDS_NOTHING, 99, 0, "write/message/takes-99");
	add_with(message_takes_once, NEEDS_NOTHING, 100, 0, "write/message/takes-all");
	add(message_waits, NEEDS_NOTHING, "write/message/waits-for-room");
	add_with(interrupted, NEEDS_NOTHING, 0, 0, "write/interrupted/nothing-taken");
	add_with(interrupted, NEEDS_NOTHING, 1, 0, "write/interrupted/1-taken");
	add_with(interrupted, NEEDS_NOTHING, 600, 0, "write/interrupted/600-taken");
	add_with(interrupted, NEEDS_NOTHING, 600, 1, "write/interrupted/600-taken-sa-restart");
	for (long i = 0; i < (long)COUNT(addresses); i++)
		add_with(bad_buffer, NEEDS_NOTHING, i, 0, "write/bad-buffer/%s", addresses[i]);
	add_with(partly_bad, NEEDS_NOTHING, 1, 0, "write/partly-bad/1");
	add_with(partly_bad, NEEDS_NOTHING, PAGE, 0, "write/partly-bad/page");
	add_with(partly_bad, NEEDS_NOTHING, PAGE + 1, 0, "write/partly-bad/page-and-1");
	add(count_is_negative, NEEDS_DESCRIPTOR, "write/count/negative");
	add(wrong_mode, NEEDS_NOTHING, "write/rdonly-is-ebadf");
	add(no_file, NEEDS_NOTHING, "write/closed-is-ebadf");
	for (size_t i = 0; i < errno_count; i++)
		add_with(fails_with, NEEDS_NOTHING, FAIL_ERRNO, errnos[i], "write/errno/%s", errno_slug(errnos[i]));
	add_with(fails_with, NEEDS_NOTHING, THROW, 0, "write/throws");
	add_with(fails_with, NEEDS_NOTHING, REJECT, 0, "write/rejects");
	add_with(fails_with, NEEDS_NOTHING, ILLEGAL, 0, "write/answers-too-much");
	add_with(later, NEEDS_NOTHING, ASYNC, 100, "write/async");
	add_with(later, NEEDS_NOTHING, DELAY, 100, "write/delayed");
	add_with(later, NEEDS_NOTHING, DELAY, REQUEST, "write/delayed-request");
	add(no_write, NEEDS_NOTHING, "write/driver-without-is-einval");
	add_with(vector, NEEDS_NOTHING, 1, 100, "write/vector/1");
	add_with(vector, NEEDS_NOTHING, 16, 333, "write/vector/16");
	add_with(vector, NEEDS_NOTHING, 1024, 1, "write/vector/1024-of-1");
	add_with(vector, NEEDS_NOTHING, 1024, 200, "write/vector/1024-of-200");
	add(vector_is_one_message, NEEDS_NOTHING, "write/vector/is-one-message");
	add_with(from_threads, NEEDS_NOTHING, 2, 0, "write/from-threads/2");
	add_with(from_threads, NEEDS_NOTHING, 8, 0, "write/from-threads/8");
}
