// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hostile daemon of fuzz.c: a few descriptors of /dev/fusd, each with what has come of its requests. It serves its
 * devices well enough that clients go on calling them, and does in between what no daemon should: messages.c.
 */

#include <sys/uio.h>

#include "conn.h"

/* Whatever is there of all devices; where nothing is, the clients get on. */
static void serve(struct fuz *fuz)
{
	struct pollfd polled[FUZ_CONNS];
	bool another = false;

	for (int i = 0; i < FUZ_CONNS; i++)
		polled[i] = (struct pollfd){ .fd = fuz_conns[i].served ? fuz_conns[i].fd : -1, .events = POLLIN };
	poll(polled, FUZ_CONNS, 20);
	for (int i = 0; i < FUZ_CONNS; i++) {
		struct fuz_conn *conn = &fuz_conns[i];

		if (!polled[i].revents || conn->fd != polled[i].fd)
			continue;
		if (another && !fuz_goes_on(fuz))
			return;
		another = true;
		if (polled[i].revents & POLLERR)
			fuz_ended(fuz, conn);
		else if (fuz_has_slot(conn) && !fuz_one_in(fuz, 8))
			fuz_serve_slot(fuz, conn);
		else
			fuz_serve_message(fuz, conn);
	}
}

/* --- what no daemon should do --- */

static void say(struct fuz *fuz, struct fuz_conn *conn)
{
	size_t size = 0;
	uint32_t count = fuz_one_in(fuz, 8) ? 1 + fuz_below(fuz, 3) : 1;

	while (count--) {
		size_t whole = fuz_message(fuz, fuz_room + size, &conn->kept, conn->plain), one = whole;

		if (fuz_one_in(fuz, 6))
			one = fuz_mutate(fuz, fuz_room + size, one);
		size += one;
		/* The bytes of a next one would be those that an answer which is cut off lacks. */
		if (one < whole || size > FUZ_ROOM / 2)
			break;
	}
	if (fuz_one_in(fuz, 16)) {
		struct iovec parts[2] = { { fuz_room, fuz_below(fuz, size + 1) } };

		parts[1] = (struct iovec){ fuz_room + parts[0].iov_len, size - parts[0].iov_len };
		/* Some of it is not there. What is may be the end of an answer that is taken. */
		if (fuz_one_in(fuz, 4) && parts[1].iov_len) {
			size_t there = fuz_below(fuz, parts[1].iov_len);

			parts[1].iov_base = fuz_room + FUZ_ROOM - there;
			memset(parts[1].iov_base, FUZ_ANSWER, there);
		}
		writev(conn->fd, parts, 2);
	} else {
		fuz_tell(fuz, conn, fuz_room, size);
	}
}

/* Somebody else has the descriptor, too, for a while, and uses it at the same time. */
static void be_two(struct fuz *fuz, struct fuz_conn *conn)
{
	if (fork() != 0)
		return;
	fuz->random = fst_seed(fuz->random, 55);
	for (int i = 0; i < FUZ_CONNS; i++)
		if (&fuz_conns[i] != conn && fuz_conns[i].fd >= 0)
			close(fuz_conns[i].fd);
	for (uint32_t i = fuz_below(fuz, 100); i && fuz_goes_on(fuz); i--) {
		struct pollfd polled = { .fd = conn->fd, .events = POLLIN };

		if (fuz_one_in(fuz, 3))
			say(fuz, conn);
		else if (poll(&polled, 1, 1) == 1)
			fuz_serve_message(fuz, conn);
	}
	_exit(0);
}

static void map(struct fuz *fuz, struct fuz_conn *conn)
{
	uint64_t at = fuz_one_in(fuz, 2) ? FUSD_MAP_REGIONS + fuz_below(fuz, 20) * 4096ULL : fuz_below(fuz, 20) * 4096ULL;
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	void *map = mmap(NULL, size, fuz_below(fuz, 4), fuz_one_in(fuz, 4) ? MAP_PRIVATE : MAP_SHARED, conn->fd, at);

	if (map == MAP_FAILED)
		return;
	mprotect(map, size, PROT_READ | PROT_WRITE);
	remap_file_pages(map, 4096, 0, fuz_below(fuz, 8), 0);
	munmap(map, size);
}

static void oddity(struct fuz *fuz, struct fuz_conn *conn)
{
	struct pollfd polled = { .fd = conn->fd, .events = POLLIN | POLLOUT };
	int copy;

	switch (fuz_below(fuz, 9)) {
	case 0:
		copy = dup(conn->fd);
		close(conn->fd);
		conn->fd = copy;
		break;
	case 1:
		be_two(fuz, conn);
		break;
	case 2:
		poll(&polled, 1, fuz_below(fuz, 2));
		break;
	case 3:
		ioctl(conn->fd, fuz_one_in(fuz, 2) ? FUSD_IOC_COMMIT : (unsigned int)fuz_number(fuz), 0);
		break;
	case 4:
		/* A blocking read, which a signal ends. */
		fcntl(conn->fd, F_SETFL, fuz_one_in(fuz, 4) ? 0 : O_NONBLOCK);
		break;
	case 5:
		fuz_unmap(conn);
		close(conn->fd);
		conn->fd = -1;
		fuz_ended(fuz, conn);
		break;
	case 6:
		copy = ioctl(conn->fd, FUSD_IOC_KEPT, fuz_one_in(fuz, 8) ? fuz_number(fuz) : fuz_below(fuz, 3));
		if (copy >= 0)
			close(copy);
		break;
	default:
		map(fuz, conn);
	}
}

/* One that serves nobody comes first. */
static struct fuz_conn *next(struct fuz *fuz)
{
	uint32_t place = fuz_below(fuz, FUZ_CONNS);

	for (int tries = 1; tries < FUZ_CONNS && fuz_conns[place].served; tries++)
		place = (place + 1) % FUZ_CONNS;
	return &fuz_conns[place];
}

void fuz_daemon(struct fuz *fuz, uint32_t number)
{
	pthread_t thread;

	fuz_signals();
	fuz_make_files();
	fuz_daemon_number = number;
	fuz_room = mmap(NULL, FUZ_ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(fuz_room + FUZ_ROOM, 4096, PROT_NONE);
	for (int i = 0; i < FUZ_CONNS; i++)
		fuz_conns[i].fd = -1;
	pthread_create(&thread, NULL, fuz_scribble, fuz);
	while (fuz_goes_on(fuz)) {
		struct fuz_conn *conn = next(fuz);

		if (conn->fd < 0 || (!conn->served && !fuz_one_in(fuz, 8)) || fuz_one_in(fuz, 800))
			fuz_begin(fuz, conn);
		else if (fuz_one_in(fuz, 150))
			oddity(fuz, conn);
		else if (fuz_one_in(fuz, 8))
			say(fuz, conn);
		else
			serve(fuz);
	}
}
