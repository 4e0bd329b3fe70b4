// SPDX-License-Identifier: GPL-2.0-only
/* The status text in sysfs, and poll(2) of it. */
#include "fusd-selftest.h"

/* Less than the kernel's time between two pieces of news, by what its clock may be coarse. */
#define INTERVAL_MS	80
#define LIMIT_MS	30000

static char text[4096 + 1];

static int status_of(const struct fst_device *device)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/fusd/%s/status", device->name);
	return CHECK_OK(open(path, O_RDONLY));
}

static const char *status(int fd)
{
	text[CHECK_OK(pread(fd, text, sizeof(text) - 1, 0))] = 0;
	return text;
}

/* Waits for news; when it came. */
static long long news(int fd)
{
	struct pollfd asked = { .fd = fd, .events = POLLPRI };

	CHECK_EQ(poll(&asked, 1, LIMIT_MS), 1);
	CHECK(asked.revents & POLLPRI);
	return fst_now();
}

static void told(void)
{
	struct fst_device device;
	struct fst_call call;
	char line[64], byte;

	fst_device(&device, FST_BIT(OPEN) | FST_BIT(READ));
	int watched = status_of(&device);
	CHECK(strstr(status(watched), "state live\nopens 0\nrequests 0\n"));
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	news(watched);
	/* Everything of before is in it, and what comes is news. */
	CHECK(strstr(status(watched), "state live\nopens 1\nrequests 1\nreplies 1\n"));
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	news(watched);
	snprintf(line, sizeof(line), "\n%llu read sent pid %d age ", (unsigned long long)request.head.id,
		 getpid());
	CHECK(strstr(status(watched), line));
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	news(watched);
	CHECK(!strstr(status(watched), " read "));
	CHECK(strstr(text, "\nreplies 2\n"));
}

static void answer(struct fst_device *device, const struct fusd_request *request)
{
	fst_done(device, request, 0);
}

static volatile bool enough;

static void *reads(void *fd)
{
	char byte;

	while (!enough)
		CHECK_EQ(read(*(int *)fd, &byte, 1), 0);
	return NULL;
}

/* Whoever reads the text each time is told again, and not more often than is of use. */
static void at_a_pace(void)
{
	struct fst_device device;
	pthread_t reader;

	fst_device(&device, FST_BIT(READ));
	fst_serve(&device, answer);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	int watched = status_of(&device);
	CHECK_EQ(pthread_create(&reader, NULL, reads, &fd), 0);
	status(watched);
	long long last = news(watched);
	for (int times = 0; times < 5; times++) {
		status(watched);
		long long now = news(watched);
		CHECK(now - last >= INTERVAL_MS);
		last = now;
	}
	enough = true;
	CHECK_EQ(pthread_join(reader, NULL), 0);
}

static void orphan(void)
{
	struct fusd_create create = fst_creation(FST_BIT(OPEN));
	struct fst_device device;

	create.recover_ms = 60000;
	fst_create(&device, &create);
	fst_start(&device);
	int watched = status_of(&device);
	status(watched);
	fst_gone(&device);
	news(watched);
	CHECK(strstr(status(watched), "state orphan\n"));
}

static const struct fst_case cases[] = {
	{ "status: requests come and go", told },
	{ "status: at a pace", at_a_pace },
	{ "status: a daemon that goes", orphan },
	{},
};

FST_MAIN(cases, NULL)
