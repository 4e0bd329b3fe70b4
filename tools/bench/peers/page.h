/* SPDX-License-Identifier: MIT */
/*
 * The page of kind "page" for the servers in C: what each open file has seen, and who waits. A file handle is an index
 * into files[]; a waiter is whatever a server keeps of a request that it answers later. One lock, for the server with
 * threads.
 */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_FILES 1024

struct file {
	bool open;
	uint64_t seen;
	uintptr_t reader; /* a read that waits, or 0 */
	uintptr_t poller; /* who is to be told, or 0 */
};

static struct file files[MAX_FILES];
static uint64_t page;
static pthread_mutex_t page_lock = PTHREAD_MUTEX_INITIALIZER;

/* Returns a handle, or -1 when there are too many. */
static inline int page_open(void)
{
	int found = -1;

	pthread_mutex_lock(&page_lock);
	for (int i = 0; i < MAX_FILES && found < 0; i++) {
		if (files[i].open)
			continue;
		files[i] = (struct file){ .open = true, .seen = page };
		found = i;
	}
	pthread_mutex_unlock(&page_lock);
	return found;
}

static inline void page_close(uint64_t handle)
{
	pthread_mutex_lock(&page_lock);
	files[handle].open = false;
	pthread_mutex_unlock(&page_lock);
}

/* Whether there is a byte to be read now; if not, @reader waits. */
static inline bool page_read(uint64_t handle, uintptr_t reader)
{
	struct file *file = &files[handle];
	bool fresh;

	pthread_mutex_lock(&page_lock);
	fresh = file->seen != page;
	if (fresh)
		file->seen = page;
	else
		file->reader = reader;
	pthread_mutex_unlock(&page_lock);
	return fresh;
}

/* Turns the page: each reader that waits is given to @answer, each poller to @tell. */
static inline void page_turn(void (*answer)(uintptr_t reader), void (*tell)(uintptr_t poller))
{
	pthread_mutex_lock(&page_lock);
	page++;
	for (int i = 0; i < MAX_FILES; i++) {
		struct file *file = &files[i];

		if (!file->open)
			continue;
		if (file->reader) {
			file->seen = page;
			answer(file->reader);
			file->reader = 0;
		}
		if (file->poller) {
			tell(file->poller);
			file->poller = 0;
		}
	}
	pthread_mutex_unlock(&page_lock);
}

#endif
