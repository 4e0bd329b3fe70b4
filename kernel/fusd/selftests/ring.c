// SPDX-License-Identifier: GPL-2.0-only
/* The ring: requests and answers in shared memory, what does not fit, and what a daemon may leave in it. */

#include <sched.h>
#include <sys/wait.h>

#include "fusd-selftest.h"

#define OPS		(FST_BIT(READ) | FST_BIT(WRITE))
#define SLOTS		4
#define SLOT_SIZE	8192

struct ring {
	struct fst_device device;
	struct fusd_ring *shared;
	unsigned char *slots;
};

static struct fusd_ring_setup setup_of(uint32_t slots, uint32_t slot_size)
{
	return (struct fusd_ring_setup) {
		.head = { .len = sizeof(struct fusd_ring_setup), .type = FUSD_RING },
		.slots = slots,
		.slot_size = slot_size,
	};
}

static void ring_map(struct ring *ring)
{
	struct fusd_ring_setup setup = setup_of(SLOTS, SLOT_SIZE);
	size_t size = FUSD_RING_SLOTS_AT + SLOTS * SLOT_SIZE;

	fst_send(ring->device.fd, &setup, sizeof(setup));
	ring->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->device.fd, FUSD_MAP_RING);
	CHECK(ring->shared != MAP_FAILED);
	ring->slots = (unsigned char *)ring->shared + FUSD_RING_SLOTS_AT;
}

static void ring_of(struct ring *ring, const struct fusd_create *create)
{
	fst_create(&ring->device, create);
	ring_map(ring);
	fst_start(&ring->device);
}

static short polled(struct ring *ring, int timeout)
{
	struct pollfd fd = { .fd = ring->device.fd, .events = POLLIN };

	CHECK_OK(poll(&fd, 1, timeout));
	return fd.revents;
}

/* The next posted slot. */
static uint32_t take(struct ring *ring)
{
	uint32_t slot;

	CHECK_EQ(polled(ring, -1), POLLIN);
	CHECK(__atomic_load_n(&ring->shared->posted, __ATOMIC_ACQUIRE) != ring->shared->taken);
	slot = ring->shared->order[ring->shared->taken % FUSD_RING_MOST_SLOTS];
	CHECK(slot < SLOTS);
	CHECK_EQ(ring->shared->slot[slot].state, FUSD_SLOT_POSTED);
	__atomic_store_n(&ring->shared->taken, ring->shared->taken + 1, __ATOMIC_RELEASE);
	return slot;
}

static struct fusd_request *request_in(struct ring *ring, uint32_t slot)
{
	return (struct fusd_request *)(ring->slots + slot * SLOT_SIZE);
}

static struct fusd_reply *reply_in(struct ring *ring, uint32_t slot)
{
	unsigned char *at = ring->slots + slot * SLOT_SIZE;

	return (struct fusd_reply *)(at + FUSD_RING_REPLY_AT(request_in(ring, slot)->head.len));
}

static void put(struct ring *ring, uint32_t slot, int64_t result, const char *data)
{
	struct fusd_reply *reply = reply_in(ring, slot);

	*reply = fst_answer(request_in(ring, slot)->head.id, result);
	reply->head.len = sizeof(*reply) + strlen(data);
	memcpy(reply + 1, data, strlen(data));
}

static void commit(struct ring *ring, uint32_t slot)
{
	__atomic_store_n(&ring->shared->slot[slot].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->shared->slot[slot].wanted, __ATOMIC_SEQ_CST))
		CHECK_OK(ioctl(ring->device.fd, FUSD_IOC_COMMIT));
}

static void is_set_up(void)
{
	const struct { uint32_t slots, size; } wrong[] = {
		{ 0, 4096 }, { 257, 4096 }, { 4, 0 }, { 4, 4097 }, { 256, 1 << 20 }, { 1, 1U << 31 },
	};
	struct fusd_create create = fst_creation(OPS);
	struct fusd_ring_setup setup;
	struct ring ring;

	fst_create(&ring.device, &create);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ring.device.fd, FUSD_MAP_RING) == MAP_FAILED);
	CHECK_EQ(errno, ENODEV);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		setup = setup_of(wrong[i].slots, wrong[i].size);
		CHECK_ERR(write(ring.device.fd, &setup, sizeof(setup)), EINVAL);
	}
	ring_map(&ring);
	/* Nothing of the kernel's is in it. */
	for (size_t i = 0; i < SLOTS * SLOT_SIZE; i++)
		CHECK_EQ(ring.slots[i], 0);
	CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, ring.device.fd, FUSD_MAP_RING) == MAP_FAILED);
	setup = setup_of(SLOTS, SLOT_SIZE);
	CHECK_ERR(write(ring.device.fd, &setup, sizeof(setup)), EEXIST);
	fst_start(&ring.device);
	CHECK_ERR(write(ring.device.fd, &setup, sizeof(setup)), EINVAL);
}

static void carries_calls(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call call;
	struct ring ring;
	char text[16];

	ring_of(&ring, &create);
	CHECK_EQ(polled(&ring, 0), 0);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));

	/* More often than there are slots, and than their numbers have places. */
	for (int i = 0; i < 600; i++) {
		fst_begin_write(&call, fd, "hello", 5);
		uint32_t slot = take(&ring);
		CHECK_EQ(request_in(&ring, slot)->head.type, FUSD_OP_WRITE);
		CHECK_EQ(request_in(&ring, slot)->head.len, sizeof(struct fusd_request) + 5);
		CHECK(!memcmp(request_in(&ring, slot) + 1, "hello", 5));
		put(&ring, slot, 4, "");
		commit(&ring, slot);
		CHECK_EQ(fst_end(&call), 4);

		fst_begin_read(&call, fd, text, sizeof(text));
		slot = take(&ring);
		CHECK_EQ(request_in(&ring, slot)->size, 16);
		put(&ring, slot, 3, "abc");
		commit(&ring, slot);
		CHECK_EQ(fst_end(&call), 3);
		CHECK(!memcmp(text, "abc", 3));
	}
	CHECK_EQ(polled(&ring, 0), 0);
}

static void what_does_not_fit_is_read(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call calls[SLOTS], more, longer;
	static char block[SLOT_SIZE];
	struct fusd_request request;
	uint32_t slots[SLOTS];
	struct ring ring;
	char bytes[SLOTS];

	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	fst_begin_write(&longer, fd, block, sizeof(block));
	request = fst_next(&ring.device, FUSD_OP_WRITE);
	fst_done(&ring.device, &request, sizeof(block));
	CHECK_EQ(fst_end(&longer), sizeof(block));

	for (int i = 0; i < SLOTS; i++) {
		fst_begin_read(&calls[i], fd, &bytes[i], 1);
		slots[i] = take(&ring);
	}
	CHECK_EQ(ring.shared->messages, 0);
	fst_begin_read(&more, fd, block, 1);
	CHECK_EQ(polled(&ring, -1), POLLIN);
	CHECK_EQ(ring.shared->messages, 1);
	request = fst_next(&ring.device, FUSD_OP_READ);
	CHECK_EQ(ring.shared->messages, 0);
	fst_give(&ring.device, &request, "m", 1);
	CHECK_EQ(fst_end(&more), 1);
	for (int i = 0; i < SLOTS; i++) {
		put(&ring, slots[i], 1, "s");
		commit(&ring, slots[i]);
		CHECK_EQ(fst_end(&calls[i]), 1);
		CHECK_EQ(bytes[i], 's');
	}
}

static void answers_by_write_and_detached(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call first, second;
	struct fusd_request request;
	uint32_t slot, again;
	struct ring ring;
	char one, two;

	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	fst_begin_read(&first, fd, &one, 1);
	request = *request_in(&ring, take(&ring));
	fst_give(&ring.device, &request, "1", 1);
	CHECK_EQ(fst_end(&first), 1);
	CHECK_EQ(one, '1');

	fst_begin_read(&first, fd, &one, 1);
	slot = take(&ring);
	request = *request_in(&ring, slot);
	fst_send_head(ring.device.fd, FUSD_DETACH, request.head.id);
	struct fusd_head twice = fst_head(FUSD_DETACH, request.head.id);
	CHECK_ERR(write(ring.device.fd, &twice, sizeof(twice)), ENOENT);
	/* Its slot is free for the next, and its number says nothing of the first any more. */
	fst_begin_read(&second, fd, &two, 1);
	again = take(&ring);
	CHECK_EQ(again, slot);
	put(&ring, again, 1, "2");
	commit(&ring, again);
	CHECK_EQ(fst_end(&second), 1);
	CHECK_EQ(two, '2');
	fst_give(&ring.device, &request, "3", 1);
	CHECK_EQ(fst_end(&first), 1);
	CHECK_EQ(one, '3');
}

static void spoil_id(struct fusd_reply *reply) { reply->head.id++; }
static void spoil_type(struct fusd_reply *reply) { reply->head.type = FUSD_PUBLISH; }
static void spoil_length(struct fusd_reply *reply) { reply->head.len = 0xffffffff; }
static void spoil_short(struct fusd_reply *reply) { reply->head.len = 3; }
static void spoil_result(struct fusd_reply *reply) { reply->result = 2; }
static void spoil_more(struct fusd_reply *reply) { reply->result = 2; reply->head.len++; }
static void spoil_errno(struct fusd_reply *reply) { reply->result = -512; reply->head.len--; }
static void spoil_flags(struct fusd_reply *reply) { reply->head.flags = 0x8000; }
static void spoil_events(struct fusd_reply *reply) { reply->head.flags = FUSD_REPLY_EVENTS; }
static void spoil_retry(struct fusd_reply *reply) { reply->head.flags = FUSD_REPLY_RETRY; }

static void wrong_answers_are_eio(void)
{
	void (*const spoils[])(struct fusd_reply *reply) = {
		spoil_id, spoil_type, spoil_length, spoil_short, spoil_result, spoil_more, spoil_errno,
		spoil_flags, spoil_events, spoil_retry,
	};
	struct fusd_create create = fst_creation(OPS);
	struct fst_call call;
	struct ring ring;
	char text[2];

	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		fst_begin_read(&call, fd, text, 1);
		uint32_t slot = take(&ring);
		put(&ring, slot, 1, "x");
		spoils[i](reply_in(&ring, slot));
		commit(&ring, slot);
		CHECK_ERR(fst_end(&call), EIO);
	}
}

static void signals_come_by_read(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fusd_request request;
	struct fst_call call;
	struct ring ring;
	char byte;

	fst_handle(SIGUSR1, 0);
	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	fst_begin_read(&call, fd, &byte, 1);
	uint32_t slot = take(&ring);
	fst_wait_asleep(call.tid);
	CHECK_OK(syscall(SYS_tgkill, getpid(), call.tid, SIGUSR1));
	request = fst_next(&ring.device, FUSD_OP_INTERRUPT);
	CHECK_EQ(request.head.id, request_in(&ring, slot)->head.id);
	put(&ring, slot, -EINTR, "");
	commit(&ring, slot);
	CHECK_ERR(fst_end(&call), EINTR);
}

static void reads_one(void *path)
{
	int fd = open(path, O_RDONLY);
	char byte;

	_exit(read(fd, &byte, 1) == 1 ? 0 : 1);
}

static void a_killed_caller_gives_its_slot_back(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call call;
	struct ring ring;
	char byte;

	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	for (int i = 0; i < 3 * SLOTS; i++) {
		pid_t pid = fst_fork(&ring.device, reads_one, ring.device.path);
		uint32_t slot = take(&ring);

		CHECK_OK(kill(pid, SIGKILL));
		CHECK(WIFSIGNALED(fst_wait(pid)));
		fst_next(&ring.device, FUSD_OP_INTERRUPT);
		put(&ring, slot, 1, "x");
		__atomic_store_n(&ring.shared->slot[slot].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
		CHECK_OK(ioctl(ring.device.fd, FUSD_IOC_COMMIT));
	}
	fst_begin_read(&call, fd, &byte, 1);
	uint32_t slot = take(&ring);
	put(&ring, slot, 1, "y");
	commit(&ring, slot);
	CHECK_EQ(fst_end(&call), 1);
}

static void the_next_daemon(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call done, lost;
	struct fusd_request request;
	struct fst_device next;
	struct ring ring;
	uint32_t slot;

	create.recover_ms = 60000;
	create.policy[FUSD_OP_WRITE] = FUSD_POLICY_REISSUE;
	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	fst_begin_write(&done, fd, "done", 4);
	slot = take(&ring);
	fst_wait_asleep(done.tid);
	put(&ring, slot, 4, "");
	/* Answered, and the daemon ends before it could wake the caller. */
	__atomic_store_n(&ring.shared->slot[slot].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
	fst_begin_write(&lost, fd, "again", 5);
	take(&ring);
	fst_wait_asleep(lost.tid);
	munmap(ring.shared, FUSD_RING_SLOTS_AT + SLOTS * SLOT_SIZE);
	fst_gone(&ring.device);
	CHECK_EQ(fst_end(&done), 4);

	CHECK_OK(fst_recover(&next, create.name));
	request = fst_next(&next, FUSD_OP_RESTORE);
	fst_done(&next, &request, 0);
	request = fst_next(&next, FUSD_OP_WRITE);
	CHECK_EQ(request.head.flags, FUSD_REISSUED);
	CHECK(!memcmp(next.data, "again", 5));
	fst_done(&next, &request, 5);
	CHECK_EQ(fst_end(&lost), 5);
}

static void reads(void *argument)
{
	struct fst_device *device = &((struct ring *)argument)->device;

	CHECK_OK(read(device->fd, device->message, device->room));
}

/* The daemon may write anything to `taken`: its read(2) sleeps until there is a message, and can be killed. */
static void a_wrong_taken_spins_nobody(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct ring ring;

	ring_of(&ring, &create);
	ring.shared->taken = 5;
	pid_t pid = fst_fork(NULL, reads, &ring);
	fst_wait_asleep(pid);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK(WIFSIGNALED(fst_wait(pid)));
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

static void says_who_is_next(void)
{
	struct fusd_create create = fst_creation(OPS);
	struct fst_call call;
	struct ring ring;
	char text[5];

	ring_of(&ring, &create);
	int fd = CHECK_OK(open(ring.device.path, O_RDWR));
	CHECK_EQ(ioctl(ring.device.fd, FUSD_IOC_COMMIT), 0);
	for (int cpu = 0; cpu < 2; cpu++) {
		stay_on(0);
		/* Its thread stays there, too. */
		fst_begin_read(&call, fd, text, 5);
		uint32_t slot = take(&ring);
		fst_wait_asleep(call.tid);
		put(&ring, slot, 5, "hello");
		__atomic_store_n(&ring.shared->slot[slot].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
		stay_on(cpu);
		CHECK_EQ(ioctl(ring.device.fd, FUSD_IOC_COMMIT), cpu == 0);
		CHECK_EQ(fst_end(&call), 5);
		CHECK_EQ(ioctl(ring.device.fd, FUSD_IOC_COMMIT), 0);
	}
}

static const struct fst_case cases[] = {
	{ "ring: is set up, once, before START, and zeroed", is_set_up },
	{ "ring: carries reads and writes", carries_calls },
	{ "ring: what does not fit comes by read(2)", what_does_not_fit_is_read },
	{ "ring: answers by write(2), and detached requests", answers_by_write_and_detached },
	{ "ring: an answer that is none is EIO", wrong_answers_are_eio },
	{ "ring: a signal comes by read(2)", signals_come_by_read },
	{ "ring: a killed caller's slot is free again", a_killed_caller_gives_its_slot_back },
	{ "ring: a wrong `taken` spins nobody", a_wrong_taken_spins_nobody },
	{ "ring: COMMIT says whom it has woken on its CPU", says_who_is_next },
	{ "ring: an answer outlives the daemon, a request is sent again", the_next_daemon },
	{},
};

FST_MAIN(cases, NULL)
