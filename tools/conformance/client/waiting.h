/* SPDX-License-Identifier: MIT */
/* The ways to wait for a file, as one call: what wakes one of them has to wake each. */
#ifndef CONFORMANCE_WAITING_H
#define CONFORMANCE_WAITING_H

#include <signal.h>
#include "harness.h"

enum way { BY_POLL, BY_PPOLL, BY_SELECT, BY_PSELECT, BY_EPOLL, BY_EPOLL_EDGE, BY_EPOLL_PWAIT, WAYS };
extern const char *const way_names[WAYS];
/* One of each kind that the kernel has code of its own for. */
extern const enum way main_ways[4];

/* What a case that waits so needs. */
unsigned way_needs(enum way way);

struct wait {
	enum way way;
	int fd;
	/* POLLIN, POLLOUT, POLLPRI */
	short events;
	/* -1: for ever */
	int ms;
	/* The signals masked meanwhile, of the ways that have a P. NULL: those that are masked already. */
	const sigset_t *mask;
};

/*
 * The POLL bits that are reported; 0 when the time is over; -1 and errno. select(2) tells POLLIN, POLLOUT and POLLPRI
 * alone.
 */
int wait_for(const struct wait *wait);
/* What wait_for() gives for a file of which the driver says these bits. */
int reported(enum way way, int bits, short events);

/* The same in a thread of its own. */
struct waiter {
	struct wait wait;
	int result, error;
	volatile bool done;
	struct thread *thread;
};
struct waiter *start_wait(struct wait wait);
/* Its result; errno is its. */
int waited(struct waiter *waiter);

#endif
