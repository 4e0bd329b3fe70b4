/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that do much by chance, in rounds: each is a process, with those that it starts in a group of their own, a
 * time limit, and a seed of its own that follows from the run's. What chance does is repeated by the seed; what the
 * scheduler does is not.
 */
#ifndef FUSD_ROUNDS_H
#define FUSD_ROUNDS_H

#include "fusd-selftest.h"

struct fst_options {
	uint64_t seed;
	unsigned long long count;	/* of what the program counts */
};

/* --seed S, and the other by its name (without the dashes); the seed is told, and by chance where it is not given. */
struct fst_options fst_options(int argc, char **argv, const char *counted, unsigned long long count);

/* xorshift64*: of one process or thread. */
uint64_t fst_random(uint64_t *state);
/* Below a limit that is not 0. */
uint64_t fst_below(uint64_t *state, uint64_t limit);
/* A state that follows from another and a number. */
uint64_t fst_seed(uint64_t seed, uint64_t number);

struct fst_round {
	unsigned int number;
	uint64_t seed;
	void *argument;
};

/* Runs one as the point `name`. The limit is one for what hangs. */
bool fst_run_round(const struct fst_round *round, void (*run)(const struct fst_round *round), const char *name);

#endif
