/* SPDX-License-Identifier: MIT */
/* What link.c, the memory of a descriptor's messages and its system calls, and waiter.c, the wait for them, share. */
#ifndef DEVLIFT_LINK_H
#define DEVLIFT_LINK_H

#include "addon.h"
#include "ring.h"

#include <stdint.h>

struct block;

struct link {
	napi_env env;
	int fd;
	int owners;
	struct block *blocks, *request, *reply;
	struct ring *ring; /* NULL: all messages are read and written */

	/* Requests are in a file in memory, from `kept_end` on the next; its first bytes say where the one at hand is. */
	int kept_fd; /* -1: nowhere but here */
	off_t kept_end;
	uint64_t *at_hand;

	/* From start() to stop(). */
	napi_ref callback;
	struct link *next;
	size_t place;  /* in the waiter's fds; 0: not waited for */
	bool ended;    /* reading gives an error for good */
	bool stopped;

	/* Spinning: for how long, whether now, and since when there was no request. */
	int64_t spin_ns, idle_since;
	bool spinning;
};

/* The next request into the link's memory: bytes, or -errno. */
long link_next_request(struct link *link);

/* Whether there is one that poll(2) does not know of. */
bool link_keeps_one(const struct link *link);

/* poll(2) says that there is one. */
void link_told(struct link *link);

/* Wakes callers whose answers are there. */
void link_commit(struct link *link);

/* Whether the waiter looks for requests without sleeping. */
void link_awake(struct link *link, bool awake);

/* Gives up one ownership. */
void link_put(struct link *link);

/*
 * Hands each request that comes to be waited for to @callback, with its length, or -errno; owns the link until
 * link_stop(). May leave an exception pending.
 */
void link_wait(napi_env env, struct link *link, napi_value callback, unsigned int spin_us);

/* No callback comes after this. */
void link_stop(struct link *link);

#endif
