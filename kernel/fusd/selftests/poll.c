// SPDX-License-Identifier: GPL-2.0-only
/* poll(2), select(2), epoll(7) and SIGIO: the state that the daemon has published, without a trip to it. */

#include <sys/epoll.h>
#include <sys/select.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(OPEN) | FST_BIT(READ) | FST_BIT(WRITE))

static short state(int fd, short events)
{
	struct pollfd asked = { .fd = fd, .events = events };

	CHECK(poll(&asked, 1, 0) >= 0);
	return asked.revents;
}

static void unpublished(void)
{
	struct fst_device device;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	CHECK_EQ(state(fd, POLLIN | POLLOUT | POLLPRI), POLLIN | POLLOUT);
}

static void published(void)
{
	static const uint32_t states[] = { 0, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, POLLERR, POLLHUP,
		POLLIN | POLLHUP | POLLERR, POLLRDNORM, POLLWRNORM, POLLRDHUP };
	struct fst_device device;
	uint64_t one_file, other_file;

	/* No request is read here: a daemon that was stopped does not hold poll(2) up. */
	fst_device(&device, OPS);
	int one = fst_open(&device, O_RDWR, 0, &one_file), other = fst_open(&device, O_RDWR, 0, &other_file);
	fst_publish(&device, other_file, POLLOUT, 0);
	for (size_t at = 0; at < sizeof(states) / sizeof(*states); at++) {
		fst_publish(&device, one_file, states[at], 0);
		CHECK_EQ(state(one, 0x7fff), states[at]);
		CHECK_EQ(state(one, 0), states[at] & (POLLERR | POLLHUP));
		CHECK_EQ(state(other, 0x7fff), POLLOUT);
	}
	fst_none(&device);
	/* A file that is not there, or has just been closed, is no mistake of the daemon's. */
	fst_publish(&device, one_file + other_file + 1000, POLLIN, POLLIN);
}

/* The kernel's own bits (POLLNVAL, POLLFREE, POLL_BUSY_LOOP, EPOLLEXCLUSIVE to EPOLLET) are no state of a file. */
static void wrong_bits(void)
{
	struct fst_device device;
	struct fst_call call;
	uint64_t file;
	char byte;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	for (int bit = 0; bit < 32; bit++) {
		struct fusd_publish publish = { .head = fst_head(FUSD_PUBLISH, 0), .file = file };
		struct fusd_reply reply = fst_answer(request.head.id, 0);

		if (1U << bit & 0x27df)
			continue;
		publish.head.len = sizeof(publish);
		publish.events = 1U << bit;
		CHECK_ERR(write(device.fd, &publish, sizeof(publish)), EINVAL);
		publish.events = 0;
		publish.wake = 1U << bit;
		CHECK_ERR(write(device.fd, &publish, sizeof(publish)), EINVAL);
		reply.head.flags = FUSD_REPLY_EVENTS;
		reply.events = 1U << bit;
		CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	}
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
}

static void by_reply(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_device(&device, OPS);
	fst_begin_open(&call, device.path, O_RDWR);
	struct fusd_request request = fst_next(&device, FUSD_OP_OPEN);
	struct fusd_reply reply = fst_answer(request.head.id, 0);
	reply.head.flags = FUSD_REPLY_EVENTS;
	CHECK_EQ(fst_reply(device.fd, &reply, NULL, 0), sizeof(reply));
	int fd = CHECK_OK(fst_end(&call));
	CHECK_EQ(state(fd, POLLIN | POLLOUT), 0);
	fst_begin_read(&call, fd, &byte, 1);
	request = fst_next(&device, FUSD_OP_READ);
	reply = fst_answer(request.head.id, -EAGAIN);
	reply.head.flags = FUSD_REPLY_EVENTS;
	reply.events = POLLOUT;
	CHECK_EQ(fst_reply(device.fd, &reply, NULL, 0), sizeof(reply));
	CHECK_ERR(fst_end(&call), EAGAIN);
	CHECK_EQ(state(fd, POLLIN | POLLOUT), POLLOUT);
	/* Without the flag the field says nothing. */
	fst_begin_read(&call, fd, &byte, 1);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	CHECK_EQ(state(fd, POLLIN | POLLOUT), POLLOUT);
}

/* What a program sees in its next poll(2) after a read(2) that took the last byte. */
static void level(void)
{
	struct {
		struct fusd_publish publish;
		struct fusd_reply reply;
		char byte;
	} __attribute__((packed)) both;
	struct fst_device device;
	struct fst_call call;
	uint64_t file;
	char byte;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	for (int times = 0; times < 100; times++) {
		fst_publish(&device, file, POLLIN, POLLIN);
		CHECK_EQ(state(fd, POLLIN), POLLIN);
		fst_begin_read(&call, fd, &byte, 1);
		struct fusd_request request = fst_next(&device, FUSD_OP_READ);
		both.publish = (struct fusd_publish){ .head = fst_head(FUSD_PUBLISH, 0), .file = file };
		both.publish.head.len = sizeof(both.publish);
		both.reply = fst_answer(request.head.id, 1);
		both.reply.head.len += 1;
		both.byte = 'x';
		fst_send(device.fd, &both, sizeof(both));
		CHECK_EQ(fst_end(&call), 1);
		CHECK_EQ(state(fd, POLLIN), 0);
	}
}

/* How often a thread of this process has gone to sleep. */
static long sleeps(pid_t tid)
{
	char path[64], line[256];
	long count = -1;

	fst_wait_asleep(tid);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	FILE *status = fopen(path, "re");
	CHECK(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1)
			break;
	fclose(status);
	CHECK(count >= 0);
	return count;
}

static void wakes(void)
{
	struct pollfd in = { .events = POLLIN }, pri = { .events = POLLPRI };
	struct fst_call reading, urgent;
	struct fst_device device;
	uint64_t file;

	fst_device(&device, OPS);
	in.fd = pri.fd = fst_open(&device, O_RDWR, 0, &file);
	fst_publish(&device, file, 0, 0);
	fst_begin_poll(&reading, &in, 1, -1);
	fst_begin_poll(&urgent, &pri, 1, -1);
	long before = sleeps(reading.tid);
	fst_wait_asleep(urgent.tid);
	/* Who waits for other bits is not even woken to look. */
	fst_publish(&device, file, POLLPRI, POLLPRI);
	CHECK_EQ(fst_end(&urgent), 1);
	CHECK_EQ(pri.revents, POLLPRI);
	CHECK_EQ(sleeps(reading.tid), before);
	fst_publish(&device, file, POLLIN | POLLPRI, POLLIN);
	CHECK_EQ(fst_end(&reading), 1);
	CHECK_EQ(in.revents, POLLIN);
}

static void hang_up(void)
{
	struct pollfd nothing = { .events = 0 };
	struct fst_device device;
	struct fst_call call;
	uint64_t file;

	fst_device(&device, OPS);
	nothing.fd = fst_open(&device, O_RDWR, 0, &file);
	fst_publish(&device, file, 0, 0);
	fst_begin_poll(&call, &nothing, 1, -1);
	fst_wait_asleep(call.tid);
	fst_publish(&device, file, POLLHUP | POLLERR, POLLHUP | POLLERR);
	CHECK_EQ(fst_end(&call), 1);
	CHECK_EQ(nothing.revents, POLLHUP | POLLERR);
}

static void selects(void)
{
	struct fst_device device;
	struct timeval none = { 0 };
	fd_set in, out, except;
	uint64_t file;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	for (uint32_t at = 0; at < 8; at++) {
		fst_publish(&device, file, (at & 1 ? POLLIN | POLLRDNORM : 0) | (at & 2 ? POLLOUT | POLLWRNORM : 0) |
			    (at & 4 ? POLLPRI : 0), 0);
		FD_ZERO(&in);
		FD_SET(fd, &in);
		out = in;
		except = in;
		CHECK_EQ(select(fd + 1, &in, &out, &except, &none), __builtin_popcount(at));
		CHECK_EQ(!!FD_ISSET(fd, &in), at & 1);
		CHECK_EQ(!!FD_ISSET(fd, &out), at >> 1 & 1);
		CHECK_EQ(!!FD_ISSET(fd, &except), at >> 2 & 1);
	}
}

static int watching(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	return epoll;
}

static uint32_t seen(int epoll, int timeout)
{
	struct epoll_event event = { 0 };

	CHECK(epoll_wait(epoll, &event, 1, timeout) >= 0);
	return event.events;
}

static void epolls(void)
{
	struct fst_device device;
	uint64_t file;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	fst_publish(&device, file, 0, 0);
	int level_of = watching(fd, EPOLLIN), edge = watching(fd, EPOLLIN | EPOLLET);
	CHECK_EQ(seen(level_of, 0), 0);
	CHECK_EQ(seen(edge, 0), 0);
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(seen(level_of, -1), EPOLLIN);
	CHECK_EQ(seen(level_of, 0), EPOLLIN);
	CHECK_EQ(seen(edge, -1), EPOLLIN);
	CHECK_EQ(seen(edge, 0), 0);
	/* The same state again, without a wake-up, is no edge; with one it is: more has come. */
	fst_publish(&device, file, POLLIN, 0);
	CHECK_EQ(seen(edge, 0), 0);
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(seen(edge, 0), EPOLLIN);
	/* Other bits are no edge of this one. */
	fst_publish(&device, file, POLLIN | POLLOUT, POLLOUT);
	CHECK_EQ(seen(edge, 0), 0);
	fst_publish(&device, file, 0, 0);
	CHECK_EQ(seen(level_of, 0), 0);
	fst_none(&device);
}

static void epoll_waits(void)
{
	struct epoll_event event = { 0 };
	struct fst_device device;
	struct fst_call call;
	uint64_t file;

	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	fst_publish(&device, file, 0, 0);
	int edge = watching(fd, EPOLLIN | EPOLLET);
	for (int times = 0; times < 20; times++) {
		fst_begin(&call, SYS_epoll_wait, edge, &event, 1, -1);
		fst_publish(&device, file, POLLIN, POLLIN);
		CHECK_EQ(fst_end(&call), 1);
		fst_publish(&device, file, 0, 0);
	}
}

static volatile sig_atomic_t bands[4], io_signals;

static void on_io(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (io_signals < 4)
		bands[io_signals] = info->si_band;
	io_signals++;
}

static void sigio(void)
{
	struct sigaction action = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO };
	struct fst_device device;
	uint64_t file;

	CHECK_OK(sigaction(SIGIO, &action, NULL));
	fst_device(&device, OPS);
	int fd = fst_open(&device, O_RDWR, 0, &file);
	/* Nobody asked for it yet. */
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(io_signals, 0);
	/* With F_SETSIG the signal tells why: POLL_IN's band, and its own for each kind. */
	CHECK_OK(fcntl(fd, F_SETSIG, SIGIO));
	CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
	CHECK_OK(fcntl(fd, F_SETFL, O_RDWR | O_ASYNC));
	fst_publish(&device, file, POLLIN, 0);
	CHECK_EQ(io_signals, 0);
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(io_signals, 1);
	CHECK((bands[0] & POLLIN) != 0);
	fst_publish(&device, file, POLLIN | POLLOUT, POLLOUT);
	CHECK_EQ(io_signals, 2);
	CHECK((bands[1] & POLLOUT) != 0 && (bands[1] & POLLIN) == 0);
	CHECK_OK(fcntl(fd, F_SETFL, O_RDWR));
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(io_signals, 2);
	/* A file that was closed with O_ASYNC on is forgotten. */
	CHECK_OK(fcntl(fd, F_SETFL, O_RDWR | O_ASYNC));
	int other = fst_open(&device, O_RDWR, 0, NULL);
	CHECK_OK(close(fd));
	fst_publish(&device, file, POLLIN, POLLIN);
	CHECK_EQ(io_signals, 2);
	CHECK_EQ(state(other, POLLIN), POLLIN);
}

static void ends(void)
{
	struct fst_device device;
	struct pollfd asked = { .events = POLLIN };
	struct fst_call call;
	uint64_t file;

	fst_device(&device, OPS);
	asked.fd = fst_open(&device, O_RDWR, 0, &file);
	fst_publish(&device, file, 0, 0);
	fst_begin_poll(&call, &asked, 1, -1);
	fst_wait_asleep(call.tid);
	fst_gone(&device);
	CHECK_EQ(fst_end(&call), 1);
	CHECK((asked.revents & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR));
}

static const struct fst_case cases[] = {
	{ "poll: ready, until something is published", unpublished },
	{ "poll: the published state of each file, without the daemon", published },
	{ "poll: bits that are no state of a file are EINVAL", wrong_bits },
	{ "poll: a reply says the state, too", by_reply },
	{ "poll: never what the last read made false", level },
	{ "poll: wakes who waits for these bits", wakes },
	{ "poll: POLLHUP and POLLERR wake everybody", hang_up },
	{ "poll: select", selects },
	{ "poll: epoll by level and by edge", epolls },
	{ "poll: an edge reaches who waits", epoll_waits },
	{ "poll: SIGIO, with its reason", sigio },
	{ "poll: the end of the device wakes everybody", ends },
	{},
};

FST_MAIN(cases, NULL)
