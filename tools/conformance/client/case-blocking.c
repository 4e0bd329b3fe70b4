// SPDX-License-Identifier: MIT
/* Callers that wait: who is woken, in what order, by what, and who goes on waiting. */
#include "harness.h"

enum { MAX_READERS = 64 };

static void woken_by_fill(const struct test *t)
{
	struct call *call;

	(void)t;
	call = start_read(dev(O_RDONLY), 100);
	await_count(BLOCKED, 1);
	fill(10, 4);
	GIVES(finish(call), 10);
	PATTERN(call->buffer, 10, 0, 4);
}

static void woken_by_write(const struct test *t)
{
	int fd = dev(O_RDWR), other = t->a ? dev(O_RDWR) : fd;
	struct call *call = start_read(fd, 100);

	await_count(BLOCKED, 1);
	GIVES(io->write(other, "hello", 5), 5);
	GIVES(finish(call), 5);
	TRUE(!memcmp(call->buffer, "hello", 5));
}

static void writer_woken_by_read(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	set(CAPACITY, 10);
	fill(10, 1);
	call = start_write(fd, (size_t)t->a, 1);
	await_count(BLOCKED, 1);
	GIVES(io->read(dev(O_RDONLY), memory_new(10), 10), 10);
	GIVES(finish(call), t->a);
}

static void each_gets_one(const struct test *t)
{
	struct call *calls[MAX_READERS];
	unsigned seen = 0, expected = 0;
	int shared = dev(O_RDONLY);

	for (long i = 0; i < t->a; i++) {
		calls[i] = start_read(t->b ? shared : dev(O_RDONLY), 1);
		expected += pattern_at((size_t)i, 0);
	}
	await_count(BLOCKED, (unsigned)t->a);
	fill((unsigned)t->a, 0);
	for (long i = 0; i < t->a; i++) {
		GIVES(finish(calls[i]), 1);
		seen += *(uint8_t *)calls[i]->buffer;
	}
	SAME(seen, expected);
	SAME(counted(HELD), 0);
}

/* Who has waited longest is served first. */
static void in_order(const struct test *t)
{
	struct call *calls[MAX_READERS];
	int fd = dev(O_RDONLY);

	for (long i = 0; i < t->a; i++) {
		calls[i] = start_read(fd, 1);
		await_count(BLOCKED, (unsigned)i + 1);
	}
	fill((unsigned)t->a, 9);
	for (long i = 0; i < t->a; i++) {
		GIVES(finish(calls[i]), 1);
		PATTERN(calls[i]->buffer, 1, (size_t)i, 9);
	}
}

static void writers_in_order(const struct test *t)
{
	struct call *calls[MAX_READERS];
	uint8_t *byte = memory_new(1);
	int fd = dev(O_RDWR);

	set(CAPACITY, 1);
	fill(1, 0xee);
	for (long i = 0; i < t->a; i++) {
		calls[i] = start_write(fd, 1, (unsigned)i);
		await_count(BLOCKED, (unsigned)i + 1);
	}
	GIVES(io->read(fd, byte, 1), 1);
	for (long i = 0; i < t->a; i++) {
		GIVES(finish(calls[i]), 1);
		GIVES(io->read(fd, byte, 1), 1);
		SAME(*byte, i);
	}
}

/* One byte is one reader's; the other goes on waiting. */
static void one_byte_one_reader(const struct test *t)
{
	int fd = dev(O_RDONLY);
	struct call *first = start_read(fd, 1), *second;

	(void)t;
	await_count(BLOCKED, 1);
	second = start_read(fd, 1);
	await_count(BLOCKED, 2);
	fill(1, 1);
	GIVES(finish(first), 1);
	await_count(BLOCKED, 3);
	TRUE(!second->done);
	fill(1, 2);
	GIVES(finish(second), 1);
	PATTERN(second->buffer, 1, 0, 2);
}

/* A wake-up without a change wakes nobody's read(2). */
static void idle_wake_up(const struct test *t)
{
	int fd = dev(O_RDONLY);
	struct call *call = start_read(fd, 1);

	await_count(BLOCKED, 1);
	for (unsigned i = 0; i < (unsigned)t->a; i++) {
		kick(KICK_READABLE, 0);
		await_count(BLOCKED, 2 + i);
	}
	TRUE(!call->done);
	fill(1, 1);
	GIVES(finish(call), 1);
}

/* A change that nobody was told of is seen at the next wake-up. */
static void told_later(const struct test *t)
{
	struct call *call = start_read(dev(O_RDONLY), 10);

	(void)t;
	await_count(BLOCKED, 1);
	set(WAKES, 0);
	fill(5, 1);
	TRUE(!call->done);
	kick(KICK_READABLE, 0);
	GIVES(finish(call), 5);
}

static void end_frees_reader(const struct test *t)
{
	struct call *call = start_read(dev(O_RDONLY), 10);

	(void)t;
	await_count(BLOCKED, 1);
	set(AT_EOF, 1);
	kick(KICK_READABLE, 0);
	GIVES(finish(call), 0);
}

static void error_frees_reader(const struct test *t)
{
	struct call *call = start_read(dev(O_RDONLY), 10);

	await_count(BLOCKED, 1);
	set(ON_READ, DO(FAIL_ERRNO, t->a));
	kick(KICK_READABLE, 0);
	FAILS(finish(call), (int)t->a);
}

/* O_NONBLOCK is for the calls after it. */
static void flag_changes_meanwhile(const struct test *t)
{
	int fd = dev(O_RDONLY);
	struct call *call = start_read(fd, 1);

	(void)t;
	await_count(BLOCKED, 1);
	MUST(io->setfl(fd, O_NONBLOCK));
	FAILS(io->read(fd, memory_new(1), 1), EAGAIN);
	kick(KICK_READABLE, 0);
	await_count(BLOCKED, 2);
	TRUE(!call->done);
	fill(1, 1);
	GIVES(finish(call), 1);
}

/* A driver's word, by an ioctl of the program's, is O_NONBLOCK for the calls after it, of every kind. */
static void said_by_driver(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call = start_read(fd, 1);

	(void)t;
	await_count(BLOCKED, 1);
	GIVES(io->ioctl(fd, C_NONBLOCK, 1), 0);
	FAILS(io->read(fd, memory_new(1), 1), EAGAIN);
	FAILS(io->ioctl(fd, C_ACT_WAIT, 0), EAGAIN);
	set(CAPACITY, 4);
	GIVES(io->write(fd, "123456", 6), 4);
	GIVES(finish(call), 1);
	GIVES(io->write(fd, "78", 2), 1);
	FAILS(io->write(fd, "8", 1), EAGAIN);
	GIVES(io->ioctl(fd, C_NONBLOCK, 0), 0);
	GIVES(io->read(fd, memory_new(4), 4), 4);
	call = start_read(fd, 1);
	await_count(BLOCKED, 2);
	fill(1, 1);
	GIVES(finish(call), 1);
}

static void others_go_on(const struct test *t)
{
	struct call *reader = start_read(dev(O_RDONLY), 1);
	int fd = dev(O_RDWR);

	(void)t;
	join(fd, 1);
	await_count(BLOCKED, 1);
	for (int i = 0; i < 100; i++) {
		GIVES(io->write(fd, "x", 1), 1);
		GIVES(io->read(fd, memory_new(1), 1), 1);
		GIVES(io->ioctl(fd, S_VALUE, (uintptr_t)i), i);
	}
	TRUE(!reader->done);
	fill(1, 1);
	GIVES(finish(reader), 1);
}

/* A file is full and empty at once when its two ends are two streams; here: a reader and a writer wait on one file. */
static void both_directions(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *act = start_ioctl(fd, C_ACT_WAIT, 0), *reader;

	(void)t;
	await_count(BLOCKED, 1);
	reader = start_read(fd, 1);
	await_count(BLOCKED, 2);
	fill(2, 0);
	GIVES(finish(reader), 1);
	TRUE(MUST(finish(act)) >= 1);
}

static void ioctl_waits(const struct test *t)
{
	struct call *call = start_ioctl(dev(O_RDWR), C_ACT_WAIT, 0);

	(void)t;
	await_count(BLOCKED, 1);
	fill(7, 0);
	GIVES(finish(call), 7);
}

/* IOCTL has no file flags; they are those of the last read or write, or of the open. */
static void ioctl_nonblocking(const struct test *t)
{
	int fd = dev(O_RDWR | (t->a ? 0 : O_NONBLOCK));

	if (t->a) {
		MUST(io->setfl(fd, O_NONBLOCK));
		FAILS(io->read(fd, memory_new(1), 1), EAGAIN);
	}
	FAILS(io->ioctl(fd, C_ACT_WAIT, 0), EAGAIN);
}

static void ioctl_nonblocking_by_fcntl(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	(void)t;
	MUST(io->setfl(fd, O_NONBLOCK));
	call = start_ioctl(fd, C_ACT_WAIT, 0);
	while (!call->done && counted(BLOCKED) == 0)
		nap(1);
	TRUE(call->done);
	FAILS(finish(call), EAGAIN);
}

struct relay {
	int from, to;
	int rounds;
};

static void relay(void *given)
{
	struct relay *r = given;
	char *byte = memory_new(1);

	for (int i = 0; i < r->rounds; i++) {
		GIVES(io->read(r->from, byte, 1), 1);
		GIVES(io->write(r->to, byte, 1), 1);
	}
}

/* No wake-up is lost however the calls meet. */
static void ping_pong(const struct test *t)
{
	int fds[4];
	struct relay there = { .rounds = (int)t->a };
	struct thread *thread;
	uint8_t *byte = memory_new(1);

	for (int i = 0; i < 4; i++) {
		fds[i] = dev(O_RDWR);
		join(fds[i], 1 + (unsigned)i / 2);
	}
	there.from = fds[0];
	there.to = fds[2];
	thread = thread_start(relay, &there);
	for (long i = 0; i < t->a; i++) {
		*byte = (uint8_t)i;
		GIVES(io->write(fds[1], byte, 1), 1);
		GIVES(io->read(fds[3], byte, 1), 1);
		SAME(*byte, (uint8_t)i);
	}
	thread_join(thread);
}

static void consume(void *given)
{
	struct relay *r = given;
	char *bytes = memory_new(64);

	for (int left = r->rounds; left > 0;)
		left -= (int)MUST(io->read(r->from, bytes, left < 64 ? (size_t)left : 64));
}

static void produce(void *given)
{
	struct relay *r = given;
	char *bytes = memory_new(48);

	for (int left = r->rounds; left > 0; left -= 48)
		GIVES(io->write(r->to, bytes, 48), 48);
}

/* Little room, several on each side: all that is written is read. */
static void crowd(const struct test *t)
{
	struct thread *threads[16];
	struct relay work[16];

	set(CAPACITY, 50);
	for (long i = 0; i < t->a; i++) {
		work[i] = (struct relay){ dev(O_RDONLY), dev(O_WRONLY), 48 * 40 };
		threads[2 * i] = thread_start(consume, &work[i]);
		threads[2 * i + 1] = thread_start(produce, &work[i]);
	}
	for (long i = 0; i < 2 * t->a; i++)
		thread_join(threads[i]);
	SAME(counted(HELD), 0);
}

CASES
{
	static const int crowds[] = { 2, 8, 32, 64 };

	add(woken_by_fill, NEEDS_NOTHING, "blocking/woken-by-driver");
	add_with(woken_by_write, NEEDS_NOTHING, 0, 0, "blocking/woken-by-write/same-file");
	add_with(woken_by_write, NEEDS_NOTHING, 1, 0, "blocking/woken-by-write/other-file");
	add_with(writer_woken_by_read, NEEDS_NOTHING, 1, 0, "blocking/writer-woken/1");
	add_with(writer_woken_by_read, NEEDS_NOTHING, 10, 0, "blocking/writer-woken/10");
	for (size_t i = 0; i < COUNT(crowds); i++) {
		add_with(each_gets_one, NEEDS_NOTHING, crowds[i], 0, "blocking/each-gets-one/%d-files", crowds[i]);
		add_with(each_gets_one, NEEDS_NOTHING, crowds[i], 1, "blocking/each-gets-one/%d-on-one-file", crowds[i]);
	}
	add_with(in_order, NEEDS_NOTHING, 2, 0, "blocking/readers-in-order/2");
	add_with(in_order, NEEDS_NOTHING, 16, 0, "blocking/readers-in-order/16");
	add_with(writers_in_order, NEEDS_NOTHING, 2, 0, "blocking/writers-in-order/2");
	add_with(writers_in_order, NEEDS_NOTHING, 16, 0, "blocking/writers-in-order/16");
	add(one_byte_one_reader, NEEDS_NOTHING, "blocking/one-byte-one-reader");
	add_with(idle_wake_up, NEEDS_NOTHING, 1, 0, "blocking/idle-wake-up/1");
	add_with(idle_wake_up, NEEDS_NOTHING, 20, 0, "blocking/idle-wake-up/20");
	add(told_later, NEEDS_NOTHING, "blocking/told-later");
	add(end_frees_reader, NEEDS_NOTHING, "blocking/end-frees-reader");
	add_with(error_frees_reader, NEEDS_NOTHING, EIO, 0, "blocking/error-frees-reader/eio");
	add_with(error_frees_reader, NEEDS_NOTHING, ENODEV, 0, "blocking/error-frees-reader/enodev");
	add_with(error_frees_reader, NEEDS_NOTHING, EAGAIN, 0, "blocking/error-frees-reader/eagain");
	add(flag_changes_meanwhile, NEEDS_NOTHING, "blocking/flag-changes-meanwhile");
	add(said_by_driver, NEEDS_NOTHING, "blocking/said-by-driver");
	add(others_go_on, NEEDS_NOTHING, "blocking/others-go-on");
	add(both_directions, NEEDS_NOTHING, "blocking/read-and-ioctl-on-one-file");
	add(ioctl_waits, NEEDS_NOTHING, "blocking/ioctl/waits");
	add_with(ioctl_nonblocking, NEEDS_NOTHING, 0, 0, "blocking/ioctl/nonblocking-by-open");
	add_with(ioctl_nonblocking, NEEDS_NOTHING, 1, 0, "blocking/ioctl/nonblocking-as-last-seen");
	add(ioctl_nonblocking_by_fcntl, NEEDS_NOTHING, "blocking/ioctl/nonblocking-by-fcntl");
	add_with(ping_pong, NEEDS_NOTHING, 100, 0, "blocking/ping-pong/100");
	add_with(crowd, NEEDS_NOTHING, 1, 0, "blocking/crowd/1-and-1");
	add_with(crowd, NEEDS_NOTHING, 4, 0, "blocking/crowd/4-and-4");
	add_with(crowd, NEEDS_NOTHING, 8, 0, "blocking/crowd/8-and-8");
}
