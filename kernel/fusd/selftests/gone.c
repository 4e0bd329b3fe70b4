// SPDX-License-Identifier: GPL-2.0-only
/* A daemon that dies, of a device without recovery. */

#include <sys/stat.h>
#include <sys/wait.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(OPEN) | FST_BIT(RELEASE) | FST_BIT(READ) | FST_BIT(WRITE) | FST_BIT(FSYNC))

/* A daemon in a process of its own: answers OPEN, tells of each other request, and leaves it. */
struct daemon {
	struct fusd_create create;
	int told;	/* the pipe's end that gets a struct fusd_request each */
	pid_t pid;
	char path[FUSD_NAME_MAX + 8];
};

static void holding(void *argument)
{
	const struct daemon *daemon = argument;
	struct fusd_request request;
	struct fst_device device;

	fst_create(&device, &daemon->create);
	fst_start(&device);
	memset(&request, 0, sizeof(request));
	CHECK_EQ(write(daemon->told, &request, sizeof(request)), sizeof(request));
	for (;;) {
		request = fst_next(&device, 0);
		if (request.head.type == FUSD_OP_OPEN)
			fst_done(&device, &request, 0);
		else
			CHECK_EQ(write(daemon->told, &request, sizeof(request)), sizeof(request));
	}
}

/* Starts it. The pipe's other end. */
static int start(struct daemon *daemon)
{
	struct fusd_request ready;
	int ends[2];

	CHECK_OK(pipe2(ends, O_CLOEXEC));
	daemon->create = fst_creation(OPS);
	daemon->told = ends[1];
	snprintf(daemon->path, sizeof(daemon->path), "/dev/%s", daemon->create.name);
	daemon->pid = fst_fork(NULL, holding, daemon);
	CHECK_EQ(read(ends[0], &ready, sizeof(ready)), sizeof(ready));
	return ends[0];
}

static void killed(void)
{
	struct daemon daemon;
	struct fst_call had, waits;
	struct fusd_request request;
	struct stat is;
	char byte;
	int told = start(&daemon);
	int fd = CHECK_OK(open(daemon.path, O_RDWR));

	fst_begin_read(&had, fd, &byte, 1);
	CHECK_EQ(read(told, &request, sizeof(request)), sizeof(request));
	CHECK_OK(kill(daemon.pid, SIGSTOP));
	CHECK_EQ(waitpid(daemon.pid, NULL, WUNTRACED), daemon.pid);
	/* The one it had, and the one that it will never read. */
	fst_begin_write(&waits, fd, "x", 1);
	fst_wait_asleep(waits.tid);
	CHECK_OK(kill(daemon.pid, SIGKILL));
	CHECK_ERR(fst_end(&had), ECONNABORTED);
	CHECK_ERR(fst_end(&waits), ECONNABORTED);
	fst_wait(daemon.pid);
	CHECK_ERR(read(fd, &byte, 1), ENODEV);
	CHECK_ERR(write(fd, "x", 1), ENODEV);
	CHECK_ERR(fsync(fd), ENODEV);
	CHECK_ERR(stat(daemon.path, &is), ENOENT);
	CHECK_OK(close(fd));
}

static void again(void)
{
	struct fst_device device;
	struct fst_call call;
	struct daemon daemon;
	char byte;

	start(&daemon);
	int old = CHECK_OK(open(daemon.path, O_RDWR));
	CHECK_OK(kill(daemon.pid, SIGKILL));
	fst_wait(daemon.pid);
	/* The name is free, though the old file is open still; that one knows nothing of the new device. */
	fst_create(&device, &daemon.create);
	fst_start(&device);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	CHECK_ERR(read(old, &byte, 1), ENODEV);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	CHECK_OK(close(old));
	fst_none(&device);
}

static void pending_open(void)
{
	struct fst_device device;
	struct fst_call opens[4];

	fst_device(&device, OPS);
	for (int at = 0; at < 4; at++)
		fst_begin_open(&opens[at], device.path, O_RDWR);
	/* Two that the daemon has, two that it has not. */
	fst_next(&device, FUSD_OP_OPEN);
	fst_next(&device, FUSD_OP_OPEN);
	for (int at = 0; at < 4; at++)
		fst_wait_asleep(opens[at].tid);
	fst_gone(&device);
	for (int at = 0; at < 4; at++)
		CHECK_ERR(fst_end(&opens[at]), ECONNABORTED);
}

static void pending_close(void)
{
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_close(&call, fd);
	fst_next(&device, FUSD_OP_RELEASE);
	fst_gone(&device);
	CHECK_EQ(fst_end(&call), 0);
}

/* A descriptor that is in two processes is let go when both have. */
static void shares(void *argument)
{
	struct fst_device *device = argument;

	for (;;) {
		struct fusd_request request = fst_next(device, 0);

		fst_done(device, &request, request.head.type == FUSD_OP_READ ? 0 : -EIO);
	}
}

static void shared(void)
{
	struct fst_device device;
	struct stat is;
	char byte;

	fst_device(&device, FST_BIT(READ));
	pid_t pid = fst_fork(NULL, shares, &device);
	CHECK_OK(close(device.fd));
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_EQ(read(fd, &byte, 1), 0);
	CHECK_OK(kill(pid, SIGKILL));
	fst_wait(pid);
	CHECK_ERR(read(fd, &byte, 1), ENODEV);
	CHECK_ERR(stat(device.path, &is), ENOENT);
}

static void many_times(void)
{
	struct fusd_create create = fst_creation(OPS);

	for (int times = 0; times < 100; times++) {
		struct fst_device device;
		struct fst_call call;
		char byte;

		fst_create(&device, &create);
		fst_start(&device);
		int fd = fst_open(&device, O_RDWR, 0, NULL);
		fst_begin_read(&call, fd, &byte, 1);
		fst_next(&device, FUSD_OP_READ);
		fst_gone(&device);
		CHECK_ERR(fst_end(&call), ECONNABORTED);
		CHECK_OK(close(fd));
		free(device.message);
	}
}

static const struct fst_case cases[] = {
	{ "gone: SIGKILL of the daemon: pending and later calls, and the node", killed },
	{ "gone: the name is free, and the old files stay dead", again },
	{ "gone: opens that wait", pending_open },
	{ "gone: a close that waits", pending_close },
	{ "gone: a descriptor in two processes", shared },
	{ "gone: a hundred times in the middle of a read", many_times },
	{},
};

FST_MAIN(cases, NULL)
