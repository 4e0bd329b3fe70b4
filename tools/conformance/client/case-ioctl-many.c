// SPDX-License-Identifier: MIT
/* ioctl(2) from many threads and processes at once, under signals, and from callers that end meanwhile. */
#include <signal.h>
#include <sys/wait.h>
#include "ioctl-arguments.h"

enum { THREADS = 8, TURNS = 40 };

struct worker {
	int fd;
	uint32_t number;
	long kind;
};

enum kind { FLAT, NESTED, DEEP, MANY_KINDS };

static void swap_pair(const struct worker *w, uint32_t turn)
{
	struct pair *pair = NEW(struct pair);

	*pair = (struct pair){ w->number << 16 | turn, w->number };
	GIVES(IOCTL(w->fd, S_PAIR, pair), 7);
	SAME(pair->a, w->number);
	SAME(pair->b, w->number << 16 | turn);
}

static void flip_block(const struct worker *w, uint32_t turn)
{
	uint32_t size = w->number * 97 + turn * 13 + 1;
	struct block *b = NEW(struct block);
	void *data = patterned(memory_new(size), size);

	*b = (struct block){ size, 0, PTR(data) };
	GIVES(IOCTL(w->fd, turn % 2 ? S_BLOCK_INOUT : S_BLOCK_LATER, b), 0);
	SAME(b->result, size);
	TRUE(is_flipped(data, size));
}

static void read_segments(const struct worker *w, uint32_t turn)
{
	uint32_t count = 1 + (w->number + turn) % 5;
	struct segment *all = memory_new(count * sizeof(*all));
	struct transfer *x = NEW(struct transfer);
	long expected = 0;

	for (uint32_t i = 0; i < count; i++) {
		all[i] = (struct segment){ (uint16_t)(w->number * 10 + i), SEGMENT_READ, 50, PTR(memory_new(50)) };
		expected += all[i].addr;
	}
	*x = (struct transfer){ PTR(all), count };
	GIVES(IOCTL(w->fd, S_TRANSFER, x), expected);
	for (uint32_t i = 0; i < count; i++)
		PATTERN((void *)(uintptr_t)all[i].data, 50, 0, all[i].addr & 0xff);
}

static void work(void *given)
{
	const struct worker *w = given;

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		switch (w->kind == MANY_KINDS ? (long)(turn % 3) : w->kind) {
		case FLAT:
			swap_pair(w, turn);
			break;
		case NESTED:
			flip_block(w, turn);
			break;
		default:
			read_segments(w, turn);
		}
	}
}

static void at_once(const struct test *t)
{
	struct worker workers[THREADS];
	struct thread *threads[THREADS];
	int shared = dev(O_RDWR);

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ t->b ? dev(O_RDWR) : shared, i, t->a };
		threads[i] = thread_start(work, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
}

/* The file is one that all of them have inherited. */
static void from_processes(const struct test *t)
{
	struct worker workers[4];
	pid_t children[4];
	int fd = dev(O_RDWR);

	for (uint32_t i = 0; i < 4; i++) {
		workers[i] = (struct worker){ fd, i, t->a };
		children[i] = child_start(work, &workers[i]);
	}
	for (int i = 0; i < 4; i++)
		child_join(children[i]);
}

struct storm {
	struct thread *target;
	volatile bool stop;
};

static void thunder(void *given)
{
	struct storm *storm = given;

	while (!storm->stop) {
		thread_signal(storm->target, SIGUSR1);
		usleep(20);
	}
}

static void work_in_storm(void *given)
{
	do
		work(given);
	while (signals_seen < 100);
}

/* A driver that answers at once is never interrupted: each call goes through, signals or not. */
static void signals(const struct test *t)
{
	struct worker worker = { dev(O_RDWR), 3, t->a };
	struct storm storm = { 0 };
	struct thread *thread;

	on_signal(SIGUSR1, 0);
	storm.target = thread_start(work_in_storm, &worker);
	thread_id(storm.target);
	thread = thread_start(thunder, &storm);
	while (signals_seen < 100)
		nap(1);
	storm.stop = true;
	thread_join(thread);
	thread_join(storm.target);
}

static void wait_forever(void *unused)
{
	int fd = dev(O_RDWR);

	(void)unused;
	IOCTL(fd, C_ACT_WAIT, 0);
}

static void killed(const struct test *t)
{
	pid_t child;
	int status;

	(void)t;
	control();
	child = child_start(wait_forever, NULL);
	await_count(BLOCKED, 1);
	MUST(kill(child, SIGKILL));
	GIVES(waitpid(child, &status, 0), child);
	SAME(WTERMSIG(status), SIGKILL);
	await_count(RELEASES, 1);
	SAME(counted(FILES), CONTROL_FILES);
}

static void exits_beside(void *unused)
{
	start_ioctl(dev(O_RDWR), C_ACT_WAIT, 0);
	(void)unused;
	await_count(BLOCKED, 1);
}

/* A process exits while one of its threads waits. */
static void exits(const struct test *t)
{
	(void)t;
	control();
	child_join(child_start(exits_beside, NULL));
	await_count(RELEASES, 1);
	SAME(counted(FILES), CONTROL_FILES);
}

static void nothing(void *unused)
{
	(void)unused;
}

/* A child that has the file too, and ends, ends nothing. */
static void forks_meanwhile(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call = start_ioctl(fd, C_ACT_WAIT, 0);

	(void)t;
	await_count(BLOCKED, 1);
	child_join(child_start(nothing, NULL));
	SAME(counted(RELEASES), 0);
	TRUE(!call->done);
	fill(3, 1);
	GIVES(finish(call), 3);
}

static const char *const kinds[] = { "flat", "nested", "deep", "many-kinds" };

CASES
{
	const unsigned n = NEEDS_UNRESTRICTED;

	for (long kind = FLAT; kind <= MANY_KINDS; kind++) {
		unsigned needs = kind == FLAT ? NEEDS_NOTHING : n;

		add_with(at_once, needs, kind, 0, "ioctl/threads/%s-on-one-file", kinds[kind]);
		add_with(at_once, needs, kind, 1, "ioctl/threads/%s-on-files-of-their-own", kinds[kind]);
		add_with(from_processes, needs | NEEDS_DESCRIPTOR, kind, 0, "ioctl/processes/%s", kinds[kind]);
	}
	add_with(signals, NEEDS_NOTHING, FLAT, 0, "ioctl/interrupt/storm-flat");
	add_with(signals, n, NESTED, 0, "ioctl/interrupt/storm-nested");
	add_with(signals, n, DEEP, 0, "ioctl/interrupt/storm-deep");
	add(killed, NEEDS_DESCRIPTOR, "ioctl/process/killed-while-waiting");
	add(exits, NEEDS_DESCRIPTOR, "ioctl/process/exits-while-waiting");
	add(forks_meanwhile, NEEDS_DESCRIPTOR, "ioctl/process/forks-while-waiting");
}
