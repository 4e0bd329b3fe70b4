// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery under load. Eight programs write, read, call ioctl(2) with nested arguments, and map a region, while their
 * daemon is killed again and again, each time followed by the next. Every call has a number that the daemon sees, and
 * both sides keep account of it in memory that outlives them: the daemon of what it begins, what it has done, and what
 * it has answered, so that a death in between is seen as such. In the end the account must balance.
 *
 * Each round has ten deaths, a transport and a mixture of policies. When a daemon dies is counted in its own steps: half
 * of them kill themselves there, the others have themselves killed and go on meanwhile.
 */

#include <sys/wait.h>

#include "stress/account.h"

#define DEATHS		10

struct str_stage str_stage;

static void await_end(pid_t pid)
{
	long long until = fst_now() + STR_LIMIT_MS;
	int status;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && fst_now() < until)
		usleep(1000);
	CHECK_EQ(ended, pid);
	CHECK_EQ(status, 0);
}

static void await_byte(int fd)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };
	char byte;

	CHECK_EQ(poll(&there, 1, STR_LIMIT_MS), 1);
	CHECK_EQ(read(fd, &byte, 1), 1);
}

static pid_t start_daemon(bool first, bool ring, uint64_t *random, bool dies)
{
	int ready[2];

	CHECK_OK(pipe2(ready, O_CLOEXEC));
	str_stage.account->steps = 0;
	/* One of few steps is before START, or in the middle of being told of the open files. */
	str_stage.account->die_at = dies ? 1 + fst_below(random, fst_below(random, 4) ? 3000 : 12) : 0;
	str_stage.account->itself = fst_below(random, 2);
	if (first)
		str_stage.account->die_at += 20;
	pid_t pid = CHECK_OK(fork());
	if (pid == 0)
		str_daemon(first, ring, ready[1]);
	if (first)
		await_byte(ready[0]);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void await_death(pid_t pid)
{
	long long until = fst_now() + STR_LIMIT_MS;
	int status;

	if (!str_stage.account->itself) {
		await_byte(str_stage.dying[0]);
		CHECK_OK(kill(pid, SIGKILL));
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		CHECK(fst_now() < until);
		usleep(100);
	}
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static void read_status(const char *file, char *text, size_t size)
{
	char at[256];

	snprintf(at, sizeof(at), "/sys/class/fusd/%s/%s", str_stage.name, file);
	int fd = CHECK_OK(open(at, O_RDONLY | O_CLOEXEC));
	ssize_t got = CHECK_OK(read(fd, text, size - 1));

	text[got] = 0;
	close(fd);
}

struct plan {
	unsigned int deaths;
	bool ring;
	char what[64];
};

struct sums {
	unsigned long long calls, fine, failed, failed_held, failed_done, again;
};

static void balance_one(const struct str_entry *entry, struct sums *sums)
{
	enum fusd_policy policy = str_stage.account->policy[entry->op];

	sums->calls++;
	sums->again += entry->again;
	CHECK(entry->outcome == STR_FINE || entry->outcome == STR_FAILED);
	CHECK(entry->answered <= 1);
	CHECK(entry->begun <= 1);
	if (policy == FUSD_POLICY_REISSUE) {
		/* No error reaches the caller, and what was done more than once was said to be so. */
		CHECK_EQ(entry->outcome, STR_FINE);
	} else {
		CHECK_EQ(entry->again, 0);
		CHECK(entry->done <= 1);
	}
	CHECK(entry->done <= entry->begun + entry->again);
	if (entry->outcome == STR_FINE) {
		sums->fine++;
		CHECK(entry->done >= 1);
	} else {
		sums->failed++;
		sums->failed_done += entry->done;
		CHECK_EQ(entry->answered, 0);
		sums->failed_held += policy == FUSD_POLICY_HOLD;
	}
}

static void balance(const struct fst_round *round, const struct plan *plan)
{
	unsigned long long requests = 0, replies = 0, interrupts = 1, late = 1, reissued = 0;
	struct sums sums = {};
	uint32_t increments = 0;
	char text[4096];

	for (int client = 0; client < STR_CLIENTS; client++) {
		for (uint32_t number = 0; number < str_stage.account->used[client]; number++)
			balance_one(&str_stage.account->calls[client][number], &sums);
		CHECK(str_stage.account->used[client] > 0);
		increments += str_stage.account->increments[client];
	}
	read_status("counters", text, sizeof(text));
	CHECK_EQ(sscanf(text, "requests %llu replies %llu interrupts %llu late %llu reissued %llu", &requests, &replies,
			&interrupts, &late, &reissued), 5);
	/* What is held fails only where a daemon had it, and that is what is in slots, and one more. */
	CHECK(sums.failed_held <= plan->deaths * (STR_SLOTS + 1));
	CHECK_EQ(interrupts, 0);
	CHECK_EQ(late, 0);
	CHECK(replies <= requests);
	CHECK(sums.fine <= replies);
	CHECK(str_stage.account->reissued <= reissued);
	printf("# round %u, %s: %llu calls, %llu answered, %llu EIO (%llu of them done), %llu sent again, 0 lost, 0 twice; %u increments\n",
	       round->number, plan->what, sums.calls, sums.fine, sums.failed, sums.failed_done, sums.again, increments);
}

static void check_region(void)
{
	int fd = str_open();

	for (uint32_t client = 0; client < STR_CLIENTS; client++)
		str_increment(fd, client);
	close(fd);
}

static void await_idle(void)
{
	long long until = fst_now() + STR_LIMIT_MS;
	char requests[4096], opens[16];

	do {
		CHECK(fst_now() < until);
		read_status("requests", requests, sizeof(requests));
		read_status("opens", opens, sizeof(opens));
	} while (requests[0] || strcmp(opens, "0\n"));
}

static void run(const struct fst_round *round)
{
	const struct plan *plan = round->argument;
	uint64_t random = round->seed;
	pid_t clients[STR_CLIENTS], daemon;

	str_stage.account = mmap(NULL, sizeof(*str_stage.account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(str_stage.account != MAP_FAILED);
	for (int op = 1; op <= FUSD_OP_FSYNC; op++)
		str_stage.account->policy[op] = (round->number / 2 + op) % 3;
	snprintf(str_stage.name, sizeof(str_stage.name), "stress%d-%u", getpid(), round->number);
	snprintf(str_stage.path, sizeof(str_stage.path), "/dev/%s", str_stage.name);
	CHECK_OK(pipe2(str_stage.dying, O_CLOEXEC));
	CHECK_OK(pipe2(str_stage.stopping, O_CLOEXEC));
	daemon = start_daemon(true, plan->ring, &random, true);
	for (uint32_t client = 0; client < STR_CLIENTS; client++) {
		clients[client] = CHECK_OK(fork());
		if (clients[client] == 0)
			str_client(client, fst_seed(round->seed, client + 1));
	}
	for (unsigned int death = 1; death <= plan->deaths; death++) {
		await_death(daemon);
		/* Now and then the next has the other transport. */
		daemon = start_daemon(false, plan->ring != !fst_below(&random, 8), &random, death < plan->deaths);
	}
	__atomic_store_n(&str_stage.account->stop, true, __ATOMIC_RELEASE);
	for (int client = 0; client < STR_CLIENTS; client++)
		await_end(clients[client]);
	check_region();
	await_idle();
	balance(round, plan);
	CHECK_EQ(write(str_stage.stopping[1], "x", 1), 1);
	await_end(daemon);
	CHECK_ERR(access(str_stage.path, F_OK), ENOENT);
}

int main(int argc, char **argv)
{
	struct fst_options options = fst_options(argc, argv, "kills", 100);
	unsigned int rounds = (options.count + DEATHS - 1) / DEATHS, number;
	bool good = true;

	printf("1..%u\n", rounds);
	for (number = 0; number < rounds; number++) {
		struct plan plan = { .deaths = DEATHS, .ring = number & 1 };
		struct fst_round round = { number, fst_seed(options.seed, number), &plan };
		char point[160];

		if (number == rounds - 1)
			plan.deaths = options.count - number * DEATHS;
		snprintf(plan.what, sizeof(plan.what), "%s", plan.ring ? "ring" : "plain messages");
		snprintf(point, sizeof(point), "stress: round %u, %u deaths, %s", number, plan.deaths, plan.what);
		good &= fst_run_round(&round, run, point);
	}
	return !good;
}
