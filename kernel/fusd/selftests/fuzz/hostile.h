/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two sides of fuzz.c share. All bytes that anybody of them makes are below 0x80 or 0xff, so that an address of
 * the kernel, wherever it turns up, is none of theirs; and what a daemon answers by plain messages is of a few bytes
 * alone, so that a client sees whatever else it is given.
 */
#ifndef FUSD_HOSTILE_H
#define FUSD_HOSTILE_H

#include "fusd-rounds.h"

#define FUZ_DAEMONS	2
#define FUZ_CONNS	4	/* of a daemon's */
#define FUZ_NAMES	12	/* of devices; those below FUZ_PLAIN never have a ring */
#define FUZ_PLAIN	6
#define FUZ_COMMANDS	8
#define FUZ_ANSWER	0x66	/* a daemon's answers, to their upper bits */
#define FUZ_EMPTY	0x11	/* a client's memory before an answer */
#define FUZ_ARENA	0x10000000UL	/* a client's memory, by both widths */
#define FUZ_ARENA_SIZE	(64 * 4096UL)
#define FUZ_LETTERS	(FUZ_ARENA + FUZ_ARENA_SIZE)	/* nothing but 'w', or 0, or not there: for long writes */
#define FUZ_LETTERS_SIZE	(32 * 4096UL)

#define FUZ_MESSAGES	16	/* of a daemon's, by FUSD_* from FUSD_CREATE on; the last: what there is not */

/* A client's calls. */
enum fuz_call {
	FUZ_OPEN, FUZ_READ, FUZ_WRITE, FUZ_LONG_READ, FUZ_LONG_WRITE, FUZ_IOCTL, FUZ_MMAP, FUZ_POLL, FUZ_LSEEK, FUZ_FSYNC,
	FUZ_CLOSE, FUZ_CALLS,
};

/* How often something went well, and how often it did not. */
struct fuz_count {
	uint64_t good, bad;
};

struct fuz_counts {
	struct fuz_count messages[FUZ_MESSAGES];	/* taken; refused */
	struct fuz_count answers[FUSD_OP_MAX + 1];	/* by FUSD_OP_*: taken; what came and was not answered at once */
	struct fuz_count slots;				/* of a ring: with a request; with anything else */
	struct fuz_count calls[FUZ_CALLS];		/* done; failed */
};

/* The same for programs of both widths. */
struct fuz_shared {
	uint64_t operations, limit;
	uint32_t failed, prefix;
	uint32_t live;	/* by name: devices that were there, as far as their daemon knows */
	uint32_t reserved;
	struct fuz_counts counts;
};

/* One process or thread of it. */
struct fuz {
	struct fuz_shared *shared;
	uint64_t random;
};

static inline uint32_t fuz_below(struct fuz *fuz, uint32_t limit)
{
	return fst_below(&fuz->random, limit);
}

static inline bool fuz_one_in(struct fuz *fuz, uint32_t many)
{
	return !fuz_below(fuz, many);
}

static inline void fuz_count(struct fuz_count *count, bool good)
{
	__atomic_add_fetch(good ? &count->good : &count->bad, 1, __ATOMIC_RELAXED);
}

/* Another operation. Ends the process or thread when there have been enough. */
static inline bool fuz_goes_on(struct fuz *fuz)
{
	return __atomic_add_fetch(&fuz->shared->operations, 1, __ATOMIC_RELAXED) < fuz->shared->limit;
}

/* Small, near a limit, or anything, of the bytes that are allowed. */
uint64_t fuz_number(struct fuz *fuz);
/* Fails the run where there is an address of the kernel's. */
void fuz_look(struct fuz *fuz, const void *at, size_t size, const char *what);
void fuz_fail(struct fuz *fuz, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void fuz_name(struct fuz *fuz, uint32_t number, char *name);
uint32_t fuz_command(uint32_t number);

/* Signals end calls, and children are nobody's concern. */
void fuz_signals(void);

/* Adds a round's to those of the run; tells of a run's. @return whether each kind has gone well at least once */
void fuz_add_counts(struct fuz_counts *all, const struct fuz_counts *more);
bool fuz_print_counts(const struct fuz_counts *counts);

/* The daemon with this number, below FUZ_DAEMONS. */
void fuz_daemon(struct fuz *fuz, uint32_t number);
void fuz_client(struct fuz *fuz);

#endif
