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

#include "fusd-rounds.h"
#include "fusd-tables.h"

#define CLIENTS		8
#define MOST_CALLS	(1 << 16)	/* of a client's in one round */
#define DEATHS		10
#define MOST_BYTES	12000		/* some fit a slot, some do not */
#define SLOTS		4
#define SLOT_SIZE	8192
#define RING_SIZE	(FUSD_RING_SLOTS_AT + SLOTS * SLOT_SIZE)
#define PAGE		4096
#define LIMIT_MS	30000
#define MOST_FILES	64
#define OPS		(FST_BIT(OPEN) | FST_BIT(RELEASE) | FST_BIT(READ) | FST_BIT(WRITE) | FST_BIT(IOCTL))

enum outcome { NEVER, PENDING, FINE, FAILED };

/* One call: what its client says of it, and what the daemons do. */
struct entry {
	uint8_t op, outcome;
	uint8_t begun, again;	/* by requests without and with FUSD_REISSUED */
	uint8_t done, answered;
};

struct account {
	struct entry calls[CLIENTS][MOST_CALLS];
	uint32_t used[CLIENTS];
	uint32_t increments[CLIENTS];	/* of the client's word in the region */
	uint32_t steps, die_at;		/* of the daemon that is there */
	uint32_t reissued;
	bool itself, stop;
	uint8_t policy[16];
};

/* The argument of ioctl(2). */
struct nested {
	uint32_t client, number, in_count, out_count;
	unsigned char *in, *out;
};

#define NESTED	_IOWR('S', 1, struct nested)

static struct account *all;
static char name[FUSD_NAME_MAX], path[FUSD_NAME_MAX + 8];
static int dying[2], stopping[2];	/* pipes: the daemon's to be killed, and to end well */

static unsigned char byte_of(uint32_t client, uint32_t number, uint32_t place)
{
	return client * 31 + number * 7 + place;
}

static void fill(unsigned char *at, size_t size, uint32_t client, uint32_t number)
{
	for (size_t i = 0; i < size; i++)
		at[i] = byte_of(client, number, i);
}

static void check(const unsigned char *at, size_t size, uint32_t client, uint32_t number)
{
	for (size_t i = 0; i < size; i++)
		CHECK_EQ(at[i], byte_of(client, number, i));
}

/* --- the daemon --- */

struct daemon {
	struct fst_device device;
	struct fusd_ring *ring;	/* NULL: plain messages */
	uint64_t files[MOST_FILES];
};

static void step(void)
{
	if (++all->steps != all->die_at)
		return;
	if (all->itself)
		kill(getpid(), SIGKILL);
	CHECK_EQ(write(dying[1], "x", 1), 1);
}

static void replace_file(struct daemon *daemon, uint64_t from, uint64_t to)
{
	for (int i = 0; i < MOST_FILES; i++) {
		if (daemon->files[i] == from) {
			daemon->files[i] = to;
			return;
		}
	}
	/* Only a RELEASE may be of a file that this daemon was not told of: it was closed before. */
	CHECK(!to);
}

static uint64_t position(uint32_t client, uint32_t number)
{
	return (uint64_t)client << 40 | (uint64_t)number << 8;
}

/* Which call a request is. */
static struct entry *entry_of(const struct fusd_request *request, const unsigned char *data, uint32_t *client,
			      uint32_t *number)
{
	uint32_t words[2] = { request->offset >> 40, request->offset >> 8 };

	if (request->head.type == FUSD_OP_IOCTL)
		memcpy(words, data, sizeof(words));
	*client = words[0];
	*number = words[1];
	CHECK(*client < CLIENTS && *number < MOST_CALLS);
	return &all->calls[*client][*number];
}

/* Does what is asked for. The answer's bytes go to `out`, of which as many as are asked for fit. */
static struct fusd_reply serve(struct daemon *daemon, const struct fusd_request *request, const unsigned char *data,
			       unsigned char *out)
{
	struct fusd_reply reply = fst_answer(request->head.id, 0);
	struct nested nested;
	uint32_t client, number;
	struct entry *entry;

	step();
	switch (request->head.type) {
	case FUSD_OP_OPEN:
	case FUSD_OP_RESTORE:
		replace_file(daemon, 0, request->file);
		if (request->head.type == FUSD_OP_RESTORE)
			CHECK_EQ(request->cookie, ~request->file);
		reply.value = ~request->file;
		return reply;
	case FUSD_OP_RELEASE:
		replace_file(daemon, request->file, 0);
		return reply;
	}
	CHECK_EQ(request->cookie, ~request->file);
	entry = entry_of(request, data, &client, &number);
	if (request->head.flags & FUSD_REISSUED) {
		CHECK_EQ(all->policy[request->head.type], FUSD_POLICY_REISSUE);
		entry->again++;
	} else {
		entry->begun++;
	}
	step();
	switch (request->head.type) {
	case FUSD_OP_WRITE:
		check(data, request->size, client, number);
		reply.result = request->size;
		break;
	case FUSD_OP_READ:
		fill(out, request->size, client, number);
		reply.result = request->size;
		reply.head.len += request->size;
		break;
	case FUSD_OP_IOCTL:
		memcpy(&nested, data, sizeof(nested));
		CHECK_EQ(request->size, sizeof(nested) + nested.in_count);
		CHECK_EQ(request->out_size, sizeof(nested) + nested.out_count);
		check(data + sizeof(nested), nested.in_count, client, number);
		memcpy(out, &nested, sizeof(nested));
		fill(out + sizeof(nested), nested.out_count, client, number);
		reply.result = number;
		reply.head.len += request->out_size;
		break;
	default:
		CHECK(false);
	}
	entry->done++;
	step();
	return reply;
}

/* Once the kernel has the answer, the client must have it. */
static void answered(const struct fusd_request *request, const unsigned char *data)
{
	uint32_t client, number;

	if (request->head.type >= FUSD_OP_READ && request->head.type <= FUSD_OP_IOCTL)
		entry_of(request, data, &client, &number)->answered++;
	step();
}

static void serve_message(struct daemon *daemon)
{
	static unsigned char out[sizeof(struct fusd_reply) + sizeof(struct nested) + MOST_BYTES];
	struct fusd_request request = fst_next(&daemon->device, 0);
	struct fusd_reply reply;

	CHECK(request.head.type != FUSD_OP_INTERRUPT);
	all->reissued += !!(request.head.flags & FUSD_REISSUED);
	reply = serve(daemon, &request, daemon->device.data, out + sizeof(reply));
	if (request.head.flags & FUSD_NO_REPLY)
		return;
	memcpy(out, &reply, sizeof(reply));
	fst_send(daemon->device.fd, out, reply.head.len);
	answered(&request, daemon->device.data);
}

static void serve_slot(struct daemon *daemon)
{
	struct fusd_ring *ring = daemon->ring;
	uint32_t number = ring->order[ring->taken % FUSD_RING_MOST_SLOTS];
	unsigned char *slot = (unsigned char *)ring + FUSD_RING_SLOTS_AT + number * SLOT_SIZE;
	struct fusd_reply reply;
	struct fusd_request request;
	uint32_t client, call;
	struct entry *entry;
	unsigned char *out;

	CHECK(number < SLOTS);
	__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	memcpy(&request, slot, sizeof(request));
	all->reissued += !!(request.head.flags & FUSD_REISSUED);
	entry = entry_of(&request, slot + sizeof(request), &client, &call);
	out = slot + FUSD_RING_REPLY_AT(request.head.len);
	reply = serve(daemon, &request, slot + sizeof(request), out + sizeof(reply));
	memcpy(out, &reply, sizeof(reply));
	__atomic_store_n(&ring->slot[number].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->slot[number].wanted, __ATOMIC_SEQ_CST))
		CHECK_OK(ioctl(daemon->device.fd, FUSD_IOC_COMMIT));
	/* The slot may be the next request's by now. */
	entry->answered++;
	step();
}

static void upload(int fd)
{
	struct fst_table table = {};
	uint32_t argument = fst_type(&table, sizeof(struct nested)), byte = fst_type(&table, 1);
	struct fusd_link *link = fst_link(&table, argument, byte, offsetof(struct nested, in));

	link->max = MOST_BYTES;
	link->count_offset = offsetof(struct nested, in_count);
	link->count_size = 4;
	link->passing = FUSD_ARG_IN;
	link->flags = FUSD_LINK_NULLABLE;
	link = fst_link(&table, argument, byte, offsetof(struct nested, out));
	link->max = MOST_BYTES;
	link->count_offset = offsetof(struct nested, out_count);
	link->count_size = 4;
	link->passing = FUSD_ARG_OUT;
	fst_command(&table, NESTED, FUSD_ARG_INOUT, argument);
	CHECK(fst_upload(fd, &table) > 0);
}

static void make_region(int fd)
{
	struct fusd_region region = { .head = fst_head(FUSD_REGION, 0), .size = CLIENTS * PAGE, .fd = -1 };

	region.head.len = sizeof(region);
	fst_send(fd, &region, sizeof(region));
}

static void map_ring(struct daemon *daemon)
{
	struct fusd_ring_setup setup = { .head = fst_head(FUSD_RING, 0), .slots = SLOTS, .slot_size = SLOT_SIZE };

	setup.head.len = sizeof(setup);
	fst_send(daemon->device.fd, &setup, sizeof(setup));
	daemon->ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, daemon->device.fd, FUSD_MAP_RING);
	CHECK(daemon->ring != MAP_FAILED);
}

/* The first daemon makes the device, the others take it over. Tells by a byte that it is there. */
static void begin(struct daemon *daemon, bool first, bool ring, int ready)
{
	struct fusd_create create = fst_creation(OPS);
	struct fusd_recover recover = { .head = fst_head(FUSD_RECOVER, 0), .version = FUSD_VERSION };

	strcpy(create.name, name);
	create.flags = FUSD_CREATE_SEEKABLE;
	create.recover_ms = 3600 * 1000;
	memcpy(create.policy, all->policy, sizeof(create.policy));
	if (first) {
		fst_create(&daemon->device, &create);
		make_region(daemon->device.fd);
	} else {
		daemon->device = (struct fst_device){ .fd = fst_control(), .room = 65536, .message = malloc(65536) };
		recover.head.len = sizeof(recover);
		strcpy(recover.name, name);
		fst_send(daemon->device.fd, &recover, sizeof(recover));
		step();
	}
	upload(daemon->device.fd);
	if (ring)
		map_ring(daemon);
	step();
	fst_start(&daemon->device);
	CHECK_EQ(write(ready, "x", 1), 1);
}

static void be_daemon(bool first, bool ring, int ready)
{
	struct daemon daemon = {};
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = stopping[0], .events = POLLIN } };
	bool stop = false;

	begin(&daemon, first, ring, ready);
	fds[0].fd = daemon.device.fd;
	while (!stop) {
		if (daemon.ring && __atomic_load_n(&daemon.ring->posted, __ATOMIC_ACQUIRE) != daemon.ring->taken) {
			serve_slot(&daemon);
		} else if (daemon.ring && __atomic_load_n(&daemon.ring->messages, __ATOMIC_ACQUIRE)) {
			serve_message(&daemon);
		} else {
			CHECK_OK(poll(fds, 2, -1));
			if (!daemon.ring && fds[0].revents)
				serve_message(&daemon);
			stop = !fds[0].revents && fds[1].revents;
		}
	}
	for (int i = 0; i < MOST_FILES; i++)
		CHECK_EQ(daemon.files[i], 0);
	fst_send_head(daemon.device.fd, FUSD_DESTROY, 0);
	_exit(0);
}

/* --- the clients --- */

/* After an error: there must be a daemon again, and poll(2) says so. */
static void await_daemon(int fd)
{
	struct pollfd there = { .fd = fd, .events = POLLIN | POLLOUT };

	CHECK_EQ(poll(&there, 1, LIMIT_MS), 1);
}

static int open_device(void)
{
	long long until = fst_now() + LIMIT_MS;
	int fd;

	while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0) {
		CHECK_EQ(errno, EIO);
		CHECK(fst_now() < until);
		sched_yield();
	}
	return fd;
}

static void increment(int fd, uint32_t client)
{
	uint32_t *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, client * PAGE);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(*at, all->increments[client]);
	*at = ++all->increments[client];
	CHECK_OK(munmap(at, PAGE));
}

static void call(int fd, uint32_t client, uint32_t number, uint64_t *random)
{
	static unsigned char in[MOST_BYTES], out[MOST_BYTES];
	const uint8_t ops[] = { FUSD_OP_READ, FUSD_OP_WRITE, FUSD_OP_IOCTL };
	uint32_t size = 1 + fst_below(random, fst_below(random, 8) ? 200 : MOST_BYTES - 1);
	struct nested nested = { client, number, size, MOST_BYTES - size, in, out };
	struct entry *entry = &all->calls[client][number];
	long long result, wanted = size;

	entry->op = ops[fst_below(random, 3)];
	fill(in, size, client, number);
	memset(out, 0, sizeof(out));
	entry->outcome = PENDING;
	if (entry->op == FUSD_OP_READ) {
		result = pread(fd, out, size, position(client, number));
		nested.out_count = size;
	} else if (entry->op == FUSD_OP_WRITE) {
		result = pwrite(fd, in, size, position(client, number));
		nested.out_count = 0;
	} else {
		nested.out_count = fst_below(random, nested.out_count) % 300 + 1;
		result = ioctl(fd, NESTED, &nested);
		wanted = number;
	}
	if (result == -1) {
		CHECK_EQ(errno, EIO);
		entry->outcome = FAILED;
		await_daemon(fd);
		return;
	}
	CHECK_EQ(result, wanted);
	check(out, nested.out_count, client, number);
	entry->outcome = FINE;
}

static void be_client(uint32_t client, uint64_t random)
{
	int fd = open_device();

	while (!__atomic_load_n(&all->stop, __ATOMIC_ACQUIRE)) {
		CHECK(all->used[client] < MOST_CALLS);
		call(fd, client, all->used[client]++, &random);
		if (!fst_below(&random, 16))
			increment(fd, client);
		if (!fst_below(&random, 16)) {
			close(fd);
			fd = open_device();
		}
	}
	close(fd);
	_exit(0);
}

/* --- the round --- */

static void await_end(pid_t pid)
{
	long long until = fst_now() + LIMIT_MS;
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

	CHECK_EQ(poll(&there, 1, LIMIT_MS), 1);
	CHECK_EQ(read(fd, &byte, 1), 1);
}

static pid_t start_daemon(bool first, bool ring, uint64_t *random, bool dies)
{
	int ready[2];

	CHECK_OK(pipe2(ready, O_CLOEXEC));
	all->steps = 0;
	/* One of few steps is before START, or in the middle of being told of the open files. */
	all->die_at = dies ? 1 + fst_below(random, fst_below(random, 4) ? 3000 : 12) : 0;
	all->itself = fst_below(random, 2);
	if (first)
		all->die_at += 20;
	pid_t pid = CHECK_OK(fork());
	if (pid == 0)
		be_daemon(first, ring, ready[1]);
	if (first)
		await_byte(ready[0]);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void await_death(pid_t pid)
{
	long long until = fst_now() + LIMIT_MS;
	int status;

	if (!all->itself) {
		await_byte(dying[0]);
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

	snprintf(at, sizeof(at), "/sys/class/fusd/%s/%s", name, file);
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

static void balance_one(const struct entry *entry, struct sums *sums)
{
	enum fusd_policy policy = all->policy[entry->op];

	sums->calls++;
	sums->again += entry->again;
	CHECK(entry->outcome == FINE || entry->outcome == FAILED);
	CHECK(entry->answered <= 1);
	CHECK(entry->begun <= 1);
	if (policy == FUSD_POLICY_REISSUE) {
		/* No error reaches the caller, and what was done more than once was said to be so. */
		CHECK_EQ(entry->outcome, FINE);
	} else {
		CHECK_EQ(entry->again, 0);
		CHECK(entry->done <= 1);
	}
	CHECK(entry->done <= entry->begun + entry->again);
	if (entry->outcome == FINE) {
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

	for (int client = 0; client < CLIENTS; client++) {
		for (uint32_t number = 0; number < all->used[client]; number++)
			balance_one(&all->calls[client][number], &sums);
		CHECK(all->used[client] > 0);
		increments += all->increments[client];
	}
	read_status("counters", text, sizeof(text));
	CHECK_EQ(sscanf(text, "requests %llu replies %llu interrupts %llu late %llu reissued %llu", &requests, &replies,
			&interrupts, &late, &reissued), 5);
	/* What is held fails only where a daemon had it, and that is what is in slots, and one more. */
	CHECK(sums.failed_held <= plan->deaths * (SLOTS + 1));
	CHECK_EQ(interrupts, 0);
	CHECK_EQ(late, 0);
	CHECK(replies <= requests);
	CHECK(sums.fine <= replies);
	CHECK(all->reissued <= reissued);
	printf("# round %u, %s: %llu calls, %llu answered, %llu EIO (%llu of them done), %llu sent again, 0 lost, 0 twice; %u increments\n",
	       round->number, plan->what, sums.calls, sums.fine, sums.failed, sums.failed_done, sums.again, increments);
}

static void check_region(void)
{
	int fd = open_device();

	for (uint32_t client = 0; client < CLIENTS; client++)
		increment(fd, client);
	close(fd);
}

static void await_idle(void)
{
	long long until = fst_now() + LIMIT_MS;
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
	pid_t clients[CLIENTS], daemon;

	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	for (int op = 1; op <= FUSD_OP_FSYNC; op++)
		all->policy[op] = (round->number / 2 + op) % 3;
	snprintf(name, sizeof(name), "stress%d-%u", getpid(), round->number);
	snprintf(path, sizeof(path), "/dev/%s", name);
	CHECK_OK(pipe2(dying, O_CLOEXEC));
	CHECK_OK(pipe2(stopping, O_CLOEXEC));
	daemon = start_daemon(true, plan->ring, &random, true);
	for (uint32_t client = 0; client < CLIENTS; client++) {
		clients[client] = CHECK_OK(fork());
		if (clients[client] == 0)
			be_client(client, fst_seed(round->seed, client + 1));
	}
	for (unsigned int death = 1; death <= plan->deaths; death++) {
		await_death(daemon);
		/* Now and then the next has the other transport. */
		daemon = start_daemon(false, plan->ring != !fst_below(&random, 8), &random, death < plan->deaths);
	}
	__atomic_store_n(&all->stop, true, __ATOMIC_RELEASE);
	for (int client = 0; client < CLIENTS; client++)
		await_end(clients[client]);
	check_region();
	await_idle();
	balance(round, plan);
	CHECK_EQ(write(stopping[1], "x", 1), 1);
	await_end(daemon);
	CHECK_ERR(access(path, F_OK), ENOENT);
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
