// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes that are long enough to go between the daemon's memory and the caller's own pages: every byte of
 * them, what is not touched, and callers and daemons that leave in the middle. userfaultfd(2) stops a daemon there.
 */

#include <linux/userfaultfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(READ) | FST_BIT(WRITE))
#define MIB	(1 << 20)
/* Of memory that a daemon stops in: more than the kernel copies at a time is there. */
#define THERE	(64 * 4096)

static unsigned char *memory(size_t size, int fill)
{
	unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(bytes != MAP_FAILED);
	memset(bytes, fill, size);
	return bytes;
}

static unsigned char byte_at(size_t at, int salt)
{
	return at * 7 + (at >> 8) * 13 + salt;
}

static void fill(unsigned char *bytes, size_t size, int salt)
{
	for (size_t at = 0; at < size; at++)
		bytes[at] = byte_at(at, salt);
}

static void check(const unsigned char *bytes, size_t size, int salt)
{
	for (size_t at = 0; at < size; at++)
		if (bytes[at] != byte_at(at, salt))
			fst_fail(__FILE__, __LINE__, "byte %zu of %zu is wrong", at, size);
}

static void check_all(const unsigned char *bytes, size_t size, unsigned char value)
{
	for (size_t at = 0; at < size; at++)
		CHECK_EQ(bytes[at], value);
}

/* The lengths around the limits, and every way in which two places can lie in their pages. */
static void carries(void)
{
	static const size_t sizes[] = { 16383, 16384, 16385, 32768, 135168, 135169, MIB - 1, MIB };
	unsigned char *room = memory(MIB + 3 * 4096, 0), *data = memory(MIB + 4096, 0);
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	for (size_t at = 0; at < sizeof(sizes) / sizeof(*sizes); at++) {
		static const size_t places[] = { 0, 1, 80, 4095 };
		size_t size = sizes[at];

		for (size_t place = 0; place < 4; place++) {
			unsigned char *bytes = room + 4096 + places[place];

			memset(room, '.', MIB + 3 * 4096);
			fst_begin_read(&call, fd, bytes, size);
			struct fusd_request request = fst_next(&device, FUSD_OP_READ);
			CHECK_EQ(request.size, size);
			fill(data, size, place);
			fst_give(&device, &request, data, size);
			CHECK_EQ(fst_end(&call), size);
			check(bytes, size, place);
			check_all(room, bytes - room, '.');
			check_all(bytes + size, 4096, '.');

			fill(bytes, size, place + 1);
			fst_begin_write(&call, fd, bytes, size);
			request = fst_next(&device, FUSD_OP_WRITE);
			CHECK_EQ(request.size, size);
			check(device.data, size, place + 1);
			fst_done(&device, &request, size - 1);
			CHECK_EQ(fst_end(&call), size - 1);
		}
	}
}

static void touches_no_more(void)
{
	unsigned char *bytes = memory(MIB, '.'), *data = memory(MIB, 'x');
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin_read(&call, fd, bytes, MIB);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_give(&device, &request, data, 5000);
	CHECK_EQ(fst_end(&call), 5000);
	check_all(bytes, 5000, 'x');
	check_all(bytes + 5000, MIB - 5000, '.');
	fst_begin_read(&call, fd, bytes, MIB);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, -EDOM);
	CHECK_ERR(fst_end(&call), EDOM);
	fst_begin_read(&call, fd, bytes, MIB);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	check_all(bytes + 5000, MIB - 5000, '.');
}

/* A daemon's memory in pieces, some without bytes; a caller's, too. */
static void vectors(void)
{
	unsigned char *bytes = memory(MIB, '.'), *data = memory(MIB, 0), *copy = memory(MIB, 0);
	struct fusd_request request;
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fill(data, MIB, 1);
	fst_begin_write(&call, fd, data, MIB);
	struct iovec into[] = {
		{ &request, 30 }, { (char *)&request + 30, sizeof(request) - 30 }, { NULL, 0 },
		{ copy, 4097 }, { NULL, 0 }, { copy + 4097, 1 }, { copy + 4098, MIB - 4098 },
	};
	CHECK_EQ(readv(device.fd, into, 7), sizeof(request) + MIB);
	check(copy, MIB, 1);
	fst_done(&device, &request, MIB);
	CHECK_EQ(fst_end(&call), MIB);

	fst_begin_read(&call, fd, bytes, MIB);
	request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id, MIB);
	reply.head.len = sizeof(reply) + MIB;
	struct iovec from[] = {
		{ &reply, sizeof(reply) }, { NULL, 0 }, { data, 100000 }, { data + 100000, MIB - 100000 }, { NULL, 0 },
	};
	CHECK_EQ(writev(device.fd, from, 5), sizeof(reply) + MIB);
	CHECK_EQ(fst_end(&call), MIB);
	check(bytes, MIB, 1);

	struct iovec parts[] = { { copy, MIB / 2 }, { copy + MIB / 2, MIB / 2 } };
	memset(copy, 0, MIB);
	fst_begin(&call, SYS_readv, fd, parts, 2, 0);
	request = fst_next(&device, FUSD_OP_READ);
	fst_give(&device, &request, data, MIB);
	CHECK_EQ(fst_end(&call), MIB);
	check(copy, MIB, 1);
}

static void bad_memory(void)
{
	unsigned char *bytes = memory(MIB, '.'), *data = memory(MIB, 0);
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	/* The caller's: as far as it is there, and not where it may not be written to. */
	fill(bytes, MIB, 3);
	CHECK_OK(munmap(bytes + 40960, 4096));
	fst_begin_write(&call, fd, bytes, MIB);
	struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 40960);
	check(device.data, 40960, 3);
	fst_done(&device, &request, 40960);
	CHECK_EQ(fst_end(&call), 40960);
	CHECK_OK(mprotect(bytes, 40960, PROT_READ));
	CHECK_ERR(read(fd, bytes, 40960), EFAULT);
	fst_none(&device);

	/* The daemon's: the request is still there, and still to be answered. */
	fst_begin_write(&call, fd, bytes, 40960);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	fill(data, MIB, 4);
	CHECK_OK(munmap(data + 36864, 4096));
	CHECK_ERR(read(device.fd, data, MIB), EFAULT);
	request = fst_next(&device, FUSD_OP_WRITE);
	check(device.data, 40960, 3);
	fst_done(&device, &request, 40960);
	CHECK_EQ(fst_end(&call), 40960);

	unsigned char *room = memory(40960, '.');
	fst_begin_read(&call, fd, room, 40960);
	request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id, 40960);
	reply.head.len = sizeof(reply) + 40960;
	struct iovec from[] = { { &reply, sizeof(reply) }, { data, 40960 } };
	CHECK_ERR(writev(device.fd, from, 2), EFAULT);
	fst_give(&device, &request, bytes, 40960);
	CHECK_EQ(fst_end(&call), 40960);
	check(room, 40960, 3);
}

/* The caller's memory goes, or lies elsewhere, before the answer is there. */
static void unmapped(void)
{
	unsigned char *data = memory(MIB, 'x'), *bytes, *moved;
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	for (int times = 0; times < 2; times++) {
		bytes = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(bytes != MAP_FAILED);
		fst_begin_read(&call, fd, bytes, MIB);
		struct fusd_request request = fst_next(&device, FUSD_OP_READ);
		if (times) {
			moved = mremap(bytes, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, memory(MIB, 0));
			CHECK(moved != MAP_FAILED);
		} else {
			CHECK_OK(munmap(bytes, MIB));
		}
		fst_give(&device, &request, data, MIB);
		CHECK_EQ(fst_end(&call), MIB);
	}
	check_all(moved, MIB, 'x');
}

/* --- in the middle of it --- */

/* Memory of MIB bytes in which whoever comes past THERE waits, until go_on(). */
struct stop {
	int fd;
	unsigned char *bytes;
};

static void stop_in(struct stop *stop)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register all;

	stop->fd = CHECK_OK(syscall(SYS_userfaultfd, O_CLOEXEC));
	CHECK_OK(ioctl(stop->fd, UFFDIO_API, &api));
	stop->bytes = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stop->bytes != MAP_FAILED);
	memset(stop->bytes, 'd', THERE);
	all = (struct uffdio_register) {
		.range = { (uintptr_t)stop->bytes, MIB }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	CHECK_OK(ioctl(stop->fd, UFFDIO_REGISTER, &all));
}

static void stopped(const struct stop *stop)
{
	struct uffd_msg said;

	CHECK_EQ(read(stop->fd, &said, sizeof(said)), sizeof(said));
	CHECK_EQ(said.event, UFFD_EVENT_PAGEFAULT);
}

static void go_on(const struct stop *stop)
{
	struct uffdio_zeropage rest = { .range = { (uintptr_t)stop->bytes + THERE, MIB - THERE } };

	CHECK_OK(ioctl(stop->fd, UFFDIO_ZEROPAGE, &rest));
}

struct caller {
	int fd;
	unsigned char *bytes;
	bool reads;
};

static void calls(void *argument)
{
	struct caller *caller = argument;

	if (caller->reads)
		read(caller->fd, caller->bytes, MIB);
	else
		write(caller->fd, caller->bytes, MIB);
}

static void kill_it(pid_t pid)
{
	int status;

	CHECK_OK(kill(pid, SIGKILL));
	/* While the daemon is where it was stopped. */
	status = fst_wait(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_answered(struct fst_device *device, const struct fusd_request *request)
{
	struct fusd_reply reply = fst_answer(request->head.id, 0);

	CHECK_ERR(fst_reply(device->fd, &reply, NULL, 0), ENOENT);
}

/* As the daemon reads the request. */
static void killed_writer(void)
{
	struct caller caller = { .bytes = memory(MIB, 'w') };
	struct fst_device device;
	struct fst_call taking, next;
	struct stop stop;

	fst_device(&device, OPS);
	stop_in(&stop);
	caller.fd = CHECK_OK(open(device.path, O_RDWR));
	pid_t pid = fst_fork(&device, calls, &caller);
	struct fusd_request head;
	struct iovec into[] = { { &head, sizeof(head) }, { stop.bytes, MIB } };
	fst_begin(&taking, SYS_readv, device.fd, into, 2, 0);
	stopped(&stop);
	kill_it(pid);
	go_on(&stop);
	/* Nothing of it is heard of again: the daemon gets what comes next, in the same call. */
	fst_begin_write(&next, caller.fd, "next", 4);
	CHECK_EQ(fst_end(&taking), sizeof(head) + 4);
	CHECK_EQ(head.head.type, FUSD_OP_WRITE);
	CHECK_EQ(head.size, 4);
	CHECK(!memcmp(stop.bytes, "next", 4));
	fst_done(&device, &head, 4);
	CHECK_EQ(fst_end(&next), 4);
	fst_none(&device);
}

/* As it answers: what the memory means from then on is the program's. */
static void killed_reader(void)
{
	struct caller caller = { .bytes = memory(MIB, '.'), .reads = true };
	struct fst_device device;
	struct fst_call giving;
	struct stop stop;

	fst_device(&device, OPS);
	stop_in(&stop);
	caller.fd = CHECK_OK(open(device.path, O_RDWR));
	pid_t pid = fst_fork(&device, calls, &caller);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id, MIB);
	reply.head.len = sizeof(reply) + MIB;
	struct iovec from[] = { { &reply, sizeof(reply) }, { stop.bytes, MIB } };
	fst_begin(&giving, SYS_writev, device.fd, from, 2, 0);
	stopped(&stop);
	kill_it(pid);
	memset(caller.bytes, '-', MIB);
	go_on(&stop);
	CHECK_EQ(fst_end(&giving), sizeof(reply) + MIB);
	check_all(caller.bytes, MIB, '-');
	/* It is answered. */
	check_answered(&device, &request);
}

/* The device ends as another thread of the daemon answers. */
static void ended(void)
{
	unsigned char *bytes = memory(MIB, '.');
	struct fst_call call, giving;
	struct fst_device device;
	struct stop stop;

	fst_device(&device, OPS);
	stop_in(&stop);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin_read(&call, fd, bytes, MIB);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id, MIB);
	reply.head.len = sizeof(reply) + MIB;
	struct iovec from[] = { { &reply, sizeof(reply) }, { stop.bytes, MIB } };
	fst_begin(&giving, SYS_writev, device.fd, from, 2, 0);
	stopped(&stop);
	/* Who answers twice is not heard. */
	check_answered(&device, &request);
	fst_send_head(device.fd, FUSD_DESTROY, 0);
	CHECK_ERR(fst_end(&call), ECONNABORTED);
	memset(bytes, '-', MIB);
	go_on(&stop);
	CHECK_ERR(fst_end(&giving), ENODEV);
	check_all(bytes, MIB, '-');
}

/* All of it is there for the next daemon, whatever the one before has read or given. */
static void reissued(void)
{
	struct fusd_create create = fst_creation(OPS | FST_BIT(OPEN));
	unsigned char *data = memory(MIB, 0), *bytes = memory(MIB, '.'), *answer = memory(MIB, 0);
	struct fst_call writing, reading;
	struct fst_device device, next;

	create.recover_ms = 3600 * 1000;
	memset(create.policy, FUSD_POLICY_REISSUE, sizeof(create.policy));
	fst_create(&device, &create);
	fst_start(&device);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fill(data, MIB, 5);
	fill(answer, MIB, 6);
	fst_begin_write(&writing, fd, data, MIB);
	fst_next(&device, FUSD_OP_WRITE);
	fst_begin_read(&reading, fd, bytes, MIB);
	fst_next(&device, FUSD_OP_READ);
	fst_gone(&device);
	CHECK_EQ(fst_recover(&next, device.name), 0);
	struct fusd_request request = fst_next(&next, FUSD_OP_RESTORE);
	fst_done(&next, &request, 0);
	request = fst_next(&next, FUSD_OP_WRITE);
	CHECK_EQ(request.head.flags, FUSD_REISSUED);
	check(next.data, MIB, 5);
	fst_done(&next, &request, MIB);
	CHECK_EQ(fst_end(&writing), MIB);
	request = fst_next(&next, FUSD_OP_READ);
	CHECK_EQ(request.head.flags, FUSD_REISSUED);
	fst_give(&next, &request, answer, MIB);
	CHECK_EQ(fst_end(&reading), MIB);
	check(bytes, MIB, 6);
}

static const struct fst_case cases[] = {
	{ "direct: every byte, wherever it lies", carries },
	{ "direct: no byte more than the answer has", touches_no_more },
	{ "direct: memory in pieces", vectors },
	{ "direct: memory that is not there", bad_memory },
	{ "direct: memory that goes, or moves, meanwhile", unmapped },
	{ "direct: a writer is killed as the daemon reads", killed_writer },
	{ "direct: a reader is killed as the daemon answers", killed_reader },
	{ "direct: the device ends as the daemon answers", ended },
	{ "direct: the next daemon gets all of it", reissued },
	{},
};

FST_MAIN(cases, NULL)
