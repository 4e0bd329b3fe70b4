// SPDX-License-Identifier: GPL-2.0-only
/* Daemons that would wait for themselves. */

#include <sys/wait.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(OPEN) | FST_BIT(READ))

static void itself(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	/* This thread serves the device; with a request that it owes, and without. */
	CHECK_ERR(open(device.path, O_RDWR), EDEADLK);
	CHECK_ERR(read(fd, &byte, 1), EDEADLK);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	CHECK_ERR(open(device.path, O_RDWR), EDEADLK);
	CHECK_ERR(read(fd, &byte, 1), EDEADLK);
	fst_none(&device);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	/* What needs no daemon is no deadlock. */
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&ready, 1, 0), 1);
	CHECK_ERR(write(fd, "x", 1), EINVAL);
}

/* Each of the ring's daemons asks the next one before it answers. */
struct ring {
	struct fusd_create creates[3];
	unsigned int count;
	unsigned int closed;	/* whether the last asks the first; else it answers */
	unsigned int self;
	pthread_barrier_t *barrier;
};

static void serves_ring(void *argument)
{
	const struct ring *ring = argument;
	bool last = ring->self == ring->count - 1;
	const char *next = ring->creates[(ring->self + 1) % ring->count].name;
	char path[FUSD_NAME_MAX + 8], byte = 'x';
	struct fst_device device;

	fst_create(&device, &ring->creates[ring->self]);
	fst_start(&device);
	pthread_barrier_wait(ring->barrier);
	snprintf(path, sizeof(path), "/dev/%s", next);
	int fd = CHECK_OK(open(path, O_RDWR));
	pthread_barrier_wait(ring->barrier);
	for (;;) {
		struct fusd_request request = fst_next(&device, FUSD_OP_READ);

		if ((!last || ring->closed) && read(fd, &byte, 1) < 0)
			fst_done(&device, &request, -errno);
		else
			fst_give(&device, &request, &byte, 1);
	}
}

static void ring_of(unsigned int count, bool closed)
{
	struct ring ring = { .count = count, .closed = closed };
	pthread_barrierattr_t shared;
	char path[FUSD_NAME_MAX + 8], byte;

	ring.barrier = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(ring.barrier != MAP_FAILED);
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(ring.barrier, &shared, count + 1);
	for (unsigned int at = 0; at < count; at++)
		ring.creates[at] = fst_creation(FST_BIT(READ));
	for (ring.self = 0; ring.self < count; ring.self++)
		fst_fork(NULL, serves_ring, &ring);
	pthread_barrier_wait(ring.barrier);
	pthread_barrier_wait(ring.barrier);
	snprintf(path, sizeof(path), "/dev/%s", ring.creates[0].name);
	int fd = CHECK_OK(open(path, O_RDWR));
	for (int times = 0; times < 3; times++) {
		if (closed)
			CHECK_ERR(read(fd, &byte, 1), EDEADLK);
		else
			CHECK_EQ(read(fd, &byte, 1), 1);
	}
}

static void ring_of_two(void)
{
	ring_of(2, true);
}

static void ring_of_three(void)
{
	ring_of(3, true);
}

static void chain(void)
{
	ring_of(3, false);
}

/* The daemon's main thread serves; another of its threads uses the device, and so does one that serves another device. */
static void other_thread(void)
{
	struct fst_device device, other;
	struct fst_call outer, inner;
	struct fusd_request first, second;
	char bytes[2];

	fst_device(&device, OPS);
	fst_device(&other, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	int other_fd = fst_open(&other, O_RDWR, 0, NULL);
	fst_begin_read(&outer, fd, &bytes[0], 1);
	first = fst_next(&device, FUSD_OP_READ);
	fst_begin_read(&inner, fd, &bytes[1], 1);
	second = fst_next(&device, FUSD_OP_READ);
	fst_give(&device, &second, "y", 1);
	CHECK_EQ(fst_end(&inner), 1);
	fst_begin_read(&inner, other_fd, &bytes[1], 1);
	second = fst_next(&other, FUSD_OP_READ);
	fst_give(&other, &second, "z", 1);
	CHECK_EQ(fst_end(&inner), 1);
	fst_give(&device, &first, "x", 1);
	CHECK_EQ(fst_end(&outer), 1);
	CHECK(bytes[0] == 'x' && bytes[1] == 'z');
}

/*
 * A process that ends closes its own device's files, when nobody is left to answer; descriptors are closed in their
 * order, so the file goes before the control descriptor, or after it.
 */
static void ends_with_file(void *argument)
{
	int low = CHECK_OK(dup(STDIN_FILENO));
	struct fst_device device;
	bool first = *(int *)argument;

	fst_device(&device, OPS | FST_BIT(RELEASE) | FST_BIT(FLUSH));
	if (first)
		CHECK_OK(close(low));
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	CHECK(first == (fd < device.fd));
}

#define THREADS_FILES	3

static void *serves_opens(void *argument)
{
	struct fst_device *device = argument;

	for (int i = 0; i < THREADS_FILES; i++) {
		struct fusd_request request = fst_next(device, FUSD_OP_OPEN);

		fst_done(device, &request, 0);
	}
	return NULL;
}

/* It is another thread that serves, and has gone before. */
static void ends_with_thread(void *argument)
{
	struct fusd_create create = fst_creation(OPS | FST_BIT(RELEASE) | FST_BIT(FLUSH));
	struct fst_device device;
	int low[THREADS_FILES];
	pthread_t thread;

	(void)argument;
	for (int i = 0; i < THREADS_FILES; i++)
		low[i] = CHECK_OK(dup(STDIN_FILENO));
	/* It waits no longer than 10 s for anything, so there is much to wait for. */
	create.interrupt_ms = 3600 * 1000;
	fst_create(&device, &create);
	fst_start(&device);
	CHECK_EQ(pthread_create(&thread, NULL, serves_opens, &device), 0);
	for (int i = 0; i < THREADS_FILES; i++)
		CHECK_OK(close(low[i]));
	for (int i = 0; i < THREADS_FILES; i++)
		CHECK_EQ(open(device.path, O_RDWR), low[i]);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void thread_ends(void)
{
	CHECK_EQ(fst_wait(fst_fork(NULL, ends_with_thread, NULL)), 0);
}

static void ends(void)
{
	for (int first = 0; first < 2; first++) {
		pid_t pid = fst_fork(NULL, ends_with_file, &first);

		CHECK_EQ(fst_wait(pid), 0);
	}
}

static const struct fst_case cases[] = {
	{ "deadlock: a thread that serves a device and uses it", itself },
	{ "deadlock: a ring of two daemons", ring_of_two },
	{ "deadlock: a ring of three daemons", ring_of_three },
	{ "deadlock: a chain is no ring", chain },
	{ "deadlock: another thread of the daemon is no ring", other_thread },
	{ "deadlock: a process that serves a device and uses it ends", ends },
	{ "deadlock: a process whose thread serves a device that it uses ends", thread_ends },
	{},
};

FST_MAIN(cases, NULL)
