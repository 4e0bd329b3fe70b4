// SPDX-License-Identifier: GPL-2.0-only
/* Callers that get a signal while they wait, deadlines, and answers that come too late. */

#include <sys/wait.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(OPEN) | FST_BIT(RELEASE) | FST_BIT(READ) | FST_BIT(WRITE))

static void signal_to(const struct fst_call *call)
{
	CHECK_OK(tgkill(getpid(), call->tid, SIGUSR1));
}

static void check_answered(struct fst_device *device, const struct fusd_request *request)
{
	struct fusd_reply reply = fst_answer(request->head.id, 0);

	CHECK_ERR(fst_reply(device->fd, &reply, NULL, 0), ENOENT);
}

/* The answer to a request that nobody waits for any more: dropped, once. */
static void check_late(struct fst_device *device, const struct fusd_request *request)
{
	fst_done(device, request, 0);
	check_answered(device, request);
}

static struct fusd_request interrupted(struct fst_device *device, const struct fusd_request *request)
{
	struct fusd_request interrupt = fst_next(device, FUSD_OP_INTERRUPT);

	CHECK_EQ(interrupt.head.id, request->head.id);
	return interrupt;
}

static void interrupt(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_handle(SIGUSR1, 0);
	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	signal_to(&call);
	struct fusd_request said = interrupted(&device, &request);
	/* It wants no answer: what has its id is the answer to the request. */
	fst_done(&device, &request, -EINTR);
	CHECK_ERR(fst_end(&call), EINTR);
	CHECK_EQ(fst_signals, 1);
	check_answered(&device, &said);
	fst_none(&device);
}

static void done_anyway(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_handle(SIGUSR1, 0);
	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	signal_to(&call);
	interrupted(&device, &request);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(fst_signals, 1);
}

static void restart(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_handle(SIGUSR1, SA_RESTART);
	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ), next;
	for (int times = 0; times < 3; times++) {
		signal_to(&call);
		interrupted(&device, &request);
		fst_done(&device, &request, -EINTR);
		next = fst_next(&device, FUSD_OP_READ);
		CHECK(next.head.id != request.head.id);
		CHECK_EQ(next.head.flags, 0);
		request = next;
	}
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	CHECK_EQ(fst_signals, 3);
	/* EINTR of a call that no signal has met is the daemon's own word. */
	fst_begin_read(&call, fd, &byte, 1);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, -EINTR);
	CHECK_ERR(fst_end(&call), EINTR);
}

static void withdrawn(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_handle(SIGUSR1, 0);
	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&call, fd, &byte, 1);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	fst_wait_asleep(call.tid);
	signal_to(&call);
	CHECK_ERR(fst_end(&call), EINTR);
	/* The daemon never hears of it. */
	fst_none(&device);
}

struct program {
	struct fst_device *device;
	int fd;
};

static void reads(void *argument)
{
	const struct program *program = argument;
	char byte;

	read(program->fd, &byte, 1);
	fst_fail(__FILE__, __LINE__, "a read that was not answered returned");
}

/* A process that was killed is gone at once, though its daemon reads nothing: not this, nor what its end leads to. */
static void killed(bool taken)
{
	struct program program;
	struct fst_device device;
	struct fusd_request request;

	fst_device(&device, OPS | FST_BIT(FLUSH));
	program.device = &device;
	program.fd = fst_open(&device, O_RDWR, 7, NULL);
	pid_t pid = fst_fork(&device, reads, &program);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	if (taken)
		request = fst_next(&device, FUSD_OP_READ);
	fst_wait_asleep(pid);
	CHECK_OK(kill(pid, SIGKILL));
	int status = fst_wait(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (taken)
		check_late(&device, &request);
}

static void killed_unread(void)
{
	killed(false);
}

static void killed_taken(void)
{
	killed(true);
}

static void opens(void *argument)
{
	const struct program *program = argument;

	open(program->device->path, O_RDWR);
	fst_fail(__FILE__, __LINE__, "an open that was not answered returned");
}

static struct fusd_request skip_interrupts(struct fst_device *device, uint16_t type)
{
	struct fusd_request request = fst_next(device, 0);

	while (request.head.type == FUSD_OP_INTERRUPT)
		request = fst_next(device, 0);
	CHECK_EQ(request.head.type, type);
	return request;
}

static void orphan(void)
{
	struct program program;
	struct fst_device device;

	program.device = &device;
	fst_device(&device, OPS);
	for (int succeeds = 0; succeeds < 2; succeeds++) {
		pid_t pid = fst_fork(&device, opens, &program);
		struct fusd_request request = fst_next(&device, FUSD_OP_OPEN);
		CHECK_OK(kill(pid, SIGKILL));
		fst_wait(pid);
		struct fusd_reply reply = fst_answer(request.head.id, succeeds ? 0 : -EBUSY);
		reply.value = 4711;
		CHECK_EQ(fst_reply(device.fd, &reply, NULL, 0), sizeof(reply));
		if (!succeeds)
			continue;
		/* The daemon has opened something: it is told to let it go. The first one had nothing to release. */
		struct fusd_request release = skip_interrupts(&device, FUSD_OP_RELEASE);
		CHECK_EQ(release.file, request.file);
		CHECK_EQ(release.cookie, 4711);
		fst_done(&device, &release, 0);
		fst_none(&device);
	}
}

static void device_of(struct fst_device *device, uint32_t deadline_ms, uint32_t interrupt_ms)
{
	struct fusd_create create = fst_creation(OPS);

	create.deadline_ms = deadline_ms;
	create.interrupt_ms = interrupt_ms;
	fst_create(device, &create);
	fst_start(device);
}

static void deadline(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	device_of(&device, 200, 0);
	int fd = CHECK_OK(fst_open(&device, O_RDWR, 0, NULL));
	long long before = fst_now();
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	CHECK_ERR(fst_end(&call), ETIMEDOUT);
	CHECK(fst_now() - before >= 199);
	check_late(&device, &request);
	/* Also for one that the daemon has not read, and now will not. */
	fst_begin_write(&call, fd, "x", 1);
	CHECK_ERR(fst_end(&call), ETIMEDOUT);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	while (poll(&there, 1, 0) == 1)
		CHECK_EQ(fst_next(&device, 0).head.type, FUSD_OP_INTERRUPT);
}

static void waits_on(void)
{
	struct fst_call first, second;
	struct fst_device device;
	char bytes[2];

	device_of(&device, 300, 0);
	int fd = CHECK_OK(fst_open(&device, O_RDWR, 0, NULL));
	fst_begin_read(&first, fd, &bytes[0], 1);
	struct fusd_request waits = fst_next(&device, FUSD_OP_READ);
	fst_send_head(device.fd, FUSD_WAIT, waits.head.id);
	/* When this one's time is over, that of the other was over before. */
	fst_begin_read(&second, fd, &bytes[1], 1);
	fst_next(&device, FUSD_OP_READ);
	CHECK_ERR(fst_end(&second), ETIMEDOUT);
	fst_give(&device, &waits, "x", 1);
	CHECK_EQ(fst_end(&first), 1);
	struct fusd_head late = fst_head(FUSD_WAIT, waits.head.id);
	CHECK_ERR(write(device.fd, &late, sizeof(late)), ENOENT);
}

static void unanswered(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_handle(SIGUSR1, 0);
	device_of(&device, 0, 100);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	signal_to(&call);
	interrupted(&device, &request);
	CHECK_ERR(fst_end(&call), EINTR);
	check_late(&device, &request);
}

static void stopped(void)
{
	struct program program;
	struct fst_device device;

	/* A program that is stopped and continued sees nothing of it: no handler ran. */
	fst_device(&device, OPS);
	program.device = &device;
	program.fd = fst_open(&device, O_RDWR, 0, NULL);
	pid_t pid = fst_fork(&device, reads, &program);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_wait_asleep(pid);
	CHECK_OK(kill(pid, SIGSTOP));
	interrupted(&device, &request);
	fst_done(&device, &request, -EINTR);
	CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
	CHECK_OK(kill(pid, SIGCONT));
	fst_next(&device, FUSD_OP_READ);
	CHECK_OK(kill(pid, SIGKILL));
	fst_wait(pid);
}

static const struct fst_case cases[] = {
	{ "signal: INTERRUPT, and EINTR as the answer", interrupt },
	{ "signal: a daemon that finishes all the same", done_anyway },
	{ "signal: SA_RESTART asks again", restart },
	{ "signal: what was not read is withdrawn", withdrawn },
	{ "signal: SIGKILL, with a request that was not read", killed_unread },
	{ "signal: SIGKILL, with a request that the daemon has", killed_taken },
	{ "signal: an open that nobody waits for is released", orphan },
	{ "signal: the deadline", deadline },
	{ "signal: WAIT stops the deadline", waits_on },
	{ "signal: interrupt_ms frees without an answer", unanswered },
	{ "signal: SIGSTOP and SIGCONT are not seen", stopped },
	{},
};

FST_MAIN(cases, NULL)
