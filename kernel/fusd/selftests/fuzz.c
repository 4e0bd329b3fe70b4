// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile daemons and hostile clients, at each other and at the module: fuzz/daemon.c, fuzz/client.c. This process lets
 * them, sends them signals, kills them now and then and starts others. What is looked for is what the kernel says at
 * its end (a debug kernel says more), who cannot be killed, and bytes that nobody wrote. An operation is one step of
 * either side; each kind of message and call must have gone well in some of them, or it was not tested.
 */

#include <stdarg.h>
#include <sys/wait.h>

#include "fuzz/hostile.h"

#define CLIENTS		4	/* the last is of the other width, where there is one */
#define PROCESSES	(FUZ_DAEMONS + CLIENTS)
#define A_ROUND		25000
#define ROUND_LIMIT_MS	100000
#define A_SIGNAL	100	/* operations, on the average */
#define MOST_QUIET_MS	50

static int shared_fd;

static pid_t start(const struct fst_round *round, struct fuz_shared *shared, unsigned int place, unsigned int number)
{
	struct fuz fuz = { shared, fst_seed(round->seed, number + 1) };
	char seed[32], fd[16];
	pid_t pid = CHECK_OK(fork());

	if (pid)
		return pid;
	/* The C library of one whose memory has been spoiled may say so before it ends. */
	CHECK_OK(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO));
	if (place == PROCESSES - 1 && access(fst_twin(), X_OK) == 0) {
		snprintf(seed, sizeof(seed), "%llu", (unsigned long long)fuz.random);
		snprintf(fd, sizeof(fd), "%d", shared_fd);
		execl(fst_twin(), "fuzz", "--role", "client", fd, seed, (char *)NULL);
	}
	if (place < FUZ_DAEMONS)
		fuz_daemon(&fuz, place);
	else
		fuz_client(&fuz);
	_exit(0);
}

/* A signal now and then: by what has been done, and where nobody does anything, by time. */
static void disturb(struct fuz *fuz, const pid_t *pids)
{
	static uint64_t next;
	static long long last;
	uint64_t operations = fuz->shared->operations;

	if (operations < next && fst_now() < last + MOST_QUIET_MS)
		return;
	kill(pids[fuz_below(fuz, PROCESSES)], fuz_one_in(fuz, 40) ? SIGKILL : SIGUSR1);
	next = operations + fuz_below(fuz, 2 * A_SIGNAL);
	last = fst_now();
}

static void run(const struct fst_round *round)
{
	struct fuz_shared *shared = round->argument;
	struct fuz fuz = { shared, round->seed };
	long long until = fst_now() + ROUND_LIMIT_MS;
	unsigned int started = 0;
	pid_t pids[PROCESSES] = {}, pid;
	int status;

	while (shared->operations < shared->limit && !shared->failed) {
		for (unsigned int i = 0; i < PROCESSES; i++)
			if (!pids[i])
				pids[i] = start(round, shared, i, started++);
		usleep(1000);
		disturb(&fuz, pids);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			for (unsigned int i = 0; i < PROCESSES; i++)
				if (pids[i] == pid)
					pids[i] = 0;
		CHECK(fst_now() < until);
	}
	CHECK_EQ(shared->failed, 0);
	/* Whoever is left is killed, wherever it is: see fst_run_round(). */
}

int main(int argc, char **argv)
{
	struct fuz_counts counts = {};
	struct fuz_shared *shared;
	unsigned int rounds, number;
	bool good = true, whole;

	if (argc == 5 && !strcmp(argv[1], "--role")) {
		struct fuz fuz = { .random = strtoull(argv[4], NULL, 0) };

		fuz.shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
		fuz_client(&fuz);
		return 0;
	}
	struct fst_options options = fst_options(argc, argv, "operations", 50000);

	rounds = (options.count + A_ROUND - 1) / A_ROUND;
	shared_fd = memfd_create("fuzz", 0);
	CHECK_OK(ftruncate(shared_fd, sizeof(*shared)));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	CHECK(shared != MAP_FAILED);
	printf("1..%u\n", rounds + 1);
	for (number = 0; number < rounds; number++) {
		struct fst_round round = { number, fst_seed(options.seed, number), shared };
		char name[64];

		memset(shared, 0, sizeof(*shared));
		shared->prefix = getpid();
		shared->limit = number + 1 < rounds ? A_ROUND : options.count - (rounds - 1ULL) * A_ROUND;
		snprintf(name, sizeof(name), "fuzz: round %u", number);
		good &= fst_run_round(&round, run, name);
		fuz_add_counts(&counts, &shared->counts);
	}
	/* A shorter one, by hand, need not come to everything. */
	whole = fuz_print_counts(&counts) || options.count < A_ROUND;
	printf("%sok %u - fuzz: each kind of message, request and call has gone well\n", whole ? "" : "not ", rounds + 1);
	return !good || !whole;
}
