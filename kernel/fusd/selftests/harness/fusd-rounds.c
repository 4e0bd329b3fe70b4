// SPDX-License-Identifier: GPL-2.0-only
/* Rounds: see fusd-rounds.h. */

#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "fusd-rounds.h"

#define ROUND_MS	120000
#define KILLED_MS	20000

static unsigned long long run_seed;

struct fst_options fst_options(int argc, char **argv, const char *counted, unsigned long long count)
{
	struct fst_options options = { .count = count };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	options.seed = now.tv_sec * 1000000007ULL + now.tv_nsec;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 1; i < argc; i += 2) {
		bool seed = !strcmp(argv[i], "--seed");
		char *end = NULL;

		if (i + 1 < argc && (seed || (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, counted))))
			*(seed ? (unsigned long long *)&options.seed : &options.count) =
				strtoull(argv[i + 1], &end, 0);
		if (!end || *end || !options.count) {
			fprintf(stderr, "%s [--seed S] [--%s N]\n", argv[0], counted);
			exit(2);
		}
	}
	run_seed = options.seed;
	printf("TAP version 14\n# --seed %llu --%s %llu\n", (unsigned long long)options.seed, counted, options.count);
	return options;
}

uint64_t fst_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

uint64_t fst_below(uint64_t *state, uint64_t limit)
{
	return (fst_random(state) >> 16) % limit;
}

uint64_t fst_seed(uint64_t seed, uint64_t number)
{
	uint64_t state = (seed ^ 0x9e3779b97f4a7c15ULL) + number * 0xbf58476d1ce4e5b9ULL;

	if (!state)
		state = 1;
	fst_random(&state);
	return state;
}

/* Whether all of a group has ended and been waited for; what ends badly without being killed is told. */
static bool buried(pid_t group)
{
	long long until = fst_now() + KILLED_MS;
	pid_t pid;

	while ((pid = waitpid(-group, NULL, WNOHANG)) >= 0) {
		if (fst_now() > until)
			return false;
		if (pid == 0)
			usleep(1000);
	}
	return true;
}

bool fst_run_round(const struct fst_round *round, void (*run)(const struct fst_round *round), const char *name)
{
	long long until = fst_now() + ROUND_MS;
	int status = -1;
	bool good;

	/* Whose parent has gone is ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		run(round);
		_exit(0);
	}
	if (pid > 0) {
		setpgid(pid, pid);
		while (waitpid(pid, &status, WNOHANG) == 0 && fst_now() < until)
			usleep(1000);
	}
	good = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!good)
		printf("# %s, --seed %llu\n", status == -1 ? "it hangs, or did not begin" : "it ended badly",
		       run_seed);
	if (pid > 0) {
		kill(-pid, SIGKILL);
		if (!buried(pid)) {
			printf("# SIGKILL does not end all of its processes\n");
			good = false;
		}
	}
	printf("%sok %u - %s\n", good ? "" : "not ", round->number + 1, name);
	return good;
}
