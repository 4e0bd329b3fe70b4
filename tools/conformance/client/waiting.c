// SPDX-License-Identifier: MIT
/* poll(2), select(2), epoll(7) and their relatives behind one call. */
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include "waiting.h"

const char *const way_names[WAYS] = { "poll", "ppoll", "select", "pselect", "epoll", "epoll-edge", "epoll-pwait" };
const enum way main_ways[4] = { BY_POLL, BY_SELECT, BY_EPOLL, BY_EPOLL_EDGE };

unsigned way_needs(enum way way)
{
	return way == BY_POLL ? NEEDS_NOTHING : NEEDS_DESCRIPTOR;
}

static struct timespec *timespec_of(int ms, struct timespec *room)
{
	*room = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
	return ms < 0 ? NULL : room;
}

static int by_poll(const struct wait *w)
{
	struct pollfd *polled = NEW(struct pollfd);
	struct timespec time;
	int got;

	*polled = (struct pollfd){ .fd = w->fd, .events = w->events };
	got = w->way == BY_POLL ? io->poll(polled, 1, w->ms) : ppoll(polled, 1, timespec_of(w->ms, &time), w->mask);
	return got == 1 ? (unsigned short)polled->revents : got;
}

static int by_select(const struct wait *w)
{
	struct timeval tv = { w->ms / 1000, w->ms % 1000 * 1000L };
	struct timespec time;
	fd_set in, out, pri;
	int got;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&pri);
	if (w->events & POLLIN)
		FD_SET(w->fd, &in);
	if (w->events & POLLOUT)
		FD_SET(w->fd, &out);
	if (w->events & POLLPRI)
		FD_SET(w->fd, &pri);
	if (w->way == BY_SELECT)
		got = select(w->fd + 1, &in, &out, &pri, w->ms < 0 ? NULL : &tv);
	else
		got = pselect(w->fd + 1, &in, &out, &pri, timespec_of(w->ms, &time), w->mask);
	if (got <= 0)
		return got;
	return (FD_ISSET(w->fd, &in) ? POLLIN : 0) | (FD_ISSET(w->fd, &out) ? POLLOUT : 0) |
	       (FD_ISSET(w->fd, &pri) ? POLLPRI : 0);
}

static int by_epoll(const struct wait *w)
{
	struct epoll_event event = { .events = (uint32_t)w->events | (w->way == BY_EPOLL_EDGE ? EPOLLET : 0) };
	int set = (int)MUST(epoll_create1(EPOLL_CLOEXEC)), got, number;

	MUST(epoll_ctl(set, EPOLL_CTL_ADD, w->fd, &event));
	if (w->way == BY_EPOLL_PWAIT)
		got = epoll_pwait(set, &event, 1, w->ms, w->mask);
	else
		got = epoll_wait(set, &event, 1, w->ms);
	number = errno;
	close(set);
	errno = number;
	return got == 1 ? (int)event.events : got;
}

int wait_for(const struct wait *w)
{
	switch (w->way) {
	case BY_POLL:
	case BY_PPOLL:
		return by_poll(w);
	case BY_SELECT:
	case BY_PSELECT:
		return by_select(w);
	default:
		return by_epoll(w);
	}
}

/* POLLIN_SET, POLLOUT_SET and POLLEX_SET in fs/select.c. */
int reported(enum way way, int bits, short events)
{
	int seen = 0;

	if (way != BY_SELECT && way != BY_PSELECT)
		return bits & (events | POLLERR | POLLHUP);
	if (bits & (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR))
		seen |= POLLIN;
	if (bits & (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR))
		seen |= POLLOUT;
	return (seen | (bits & POLLPRI)) & events;
}

static void run_wait(void *given)
{
	struct waiter *waiter = given;

	waiter->result = wait_for(&waiter->wait);
	waiter->error = errno;
	waiter->done = true;
}

struct waiter *start_wait(struct wait wait)
{
	struct waiter *waiter = NEW(struct waiter);

	*waiter = (struct waiter){ .wait = wait };
	waiter->thread = thread_start(run_wait, waiter);
	return waiter;
}

int waited(struct waiter *waiter)
{
	thread_join(waiter->thread);
	errno = waiter->error;
	return waiter->result;
}
