// SPDX-License-Identifier: GPL-2.0-only
/* One daemon after the other: what becomes of requests, of open files and of what they are. */

#include <sys/stat.h>
#include <sys/wait.h>

#include "fusd-selftest.h"
#include "fusd-tables.h"

#define OPS	(FST_BIT(OPEN) | FST_BIT(RELEASE) | FST_BIT(READ) | FST_BIT(WRITE) | FST_BIT(IOCTL))

static struct fusd_create creation(enum fusd_policy policy, uint32_t recover_ms)
{
	struct fusd_create create = fst_creation(OPS);

	create.recover_ms = recover_ms;
	memset(create.policy, policy, sizeof(create.policy));
	return create;
}

static void start(struct fst_device *device, enum fusd_policy policy)
{
	struct fusd_create create = creation(policy, 3600 * 1000);

	fst_create(device, &create);
	fst_start(device);
}

/* The next daemon, which is told of one open file. */
static void recover_one(struct fst_device *device, const char *name)
{
	CHECK_EQ(fst_recover(device, name), 0);
	struct fusd_request restore = fst_next(device, FUSD_OP_RESTORE);
	struct fusd_reply reply = fst_answer(restore.head.id, 0);
	reply.value = restore.cookie;
	CHECK_EQ(fst_reply(device->fd, &reply, NULL, 0), sizeof(reply));
}

/* Three calls as the daemon goes: one that it has, one that it has not read, and one that comes afterwards. */
struct calls {
	struct fst_call had, unread, later;
	char bytes[3];
};

static int die(struct fst_device *device, struct calls *calls)
{
	int fd = fst_open(device, O_RDWR, 5, NULL);

	fst_begin_read(&calls->had, fd, &calls->bytes[0], 10);
	fst_next(device, FUSD_OP_READ);
	fst_begin_read(&calls->unread, fd, &calls->bytes[1], 11);
	struct pollfd there = { .fd = device->fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	fst_gone(device);
	fst_begin_read(&calls->later, fd, &calls->bytes[2], 12);
	return fd;
}

static void answer(struct fst_device *device, struct fst_call *call, uint32_t size, uint16_t flags)
{
	struct fusd_request request = fst_next(device, FUSD_OP_READ);

	CHECK_EQ(request.size, size);
	CHECK_EQ(request.head.flags, flags);
	CHECK_EQ(request.cookie, 5);
	fst_give(device, &request, "x", 1);
	CHECK_EQ(fst_end(call), 1);
}

static void fails(void)
{
	struct fst_device device, next;
	struct calls calls;

	start(&device, FUSD_POLICY_FAIL);
	int fd = die(&device, &calls);
	CHECK_ERR(fst_end(&calls.had), EIO);
	CHECK_ERR(fst_end(&calls.unread), EIO);
	CHECK_ERR(fst_end(&calls.later), EIO);
	CHECK_ERR(open(device.path, O_RDWR), EIO);
	recover_one(&next, device.name);
	fst_none(&next);
	fst_begin_read(&calls.later, fd, calls.bytes, 13);
	answer(&next, &calls.later, 13, 0);
}

static void holds(void)
{
	struct fst_device device, next;
	struct calls calls;

	start(&device, FUSD_POLICY_HOLD);
	int fd = die(&device, &calls);
	CHECK_ERR(fst_end(&calls.had), EIO);
	fst_wait_asleep(calls.later.tid);
	/* Who does not wait does not wait for a daemon either. */
	char byte;
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK_ERR(read(fd, &byte, 1), EAGAIN);
	recover_one(&next, device.name);
	answer(&next, &calls.unread, 11, 0);
	answer(&next, &calls.later, 12, 0);
	fst_none(&next);
}

static void reissues(void)
{
	struct fst_device device, next;
	struct calls calls;

	start(&device, FUSD_POLICY_REISSUE);
	die(&device, &calls);
	fst_wait_asleep(calls.later.tid);
	recover_one(&next, device.name);
	answer(&next, &calls.had, 10, FUSD_REISSUED);
	answer(&next, &calls.unread, 11, 0);
	answer(&next, &calls.later, 12, 0);
	fst_none(&next);
}

/* Each operation has a policy of its own. */
static void mixed(void)
{
	struct fusd_create create = creation(FUSD_POLICY_FAIL, 3600 * 1000);
	struct fst_device device, next;
	struct fst_call reading, writing;
	char byte;

	create.policy[FUSD_OP_WRITE] = FUSD_POLICY_REISSUE;
	fst_create(&device, &create);
	fst_start(&device);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_begin_read(&reading, fd, &byte, 1);
	fst_next(&device, FUSD_OP_READ);
	fst_begin_write(&writing, fd, "data", 4);
	fst_next(&device, FUSD_OP_WRITE);
	fst_gone(&device);
	CHECK_ERR(fst_end(&reading), EIO);
	recover_one(&next, device.name);
	struct fusd_request request = fst_next(&next, FUSD_OP_WRITE);
	CHECK_EQ(request.head.flags, FUSD_REISSUED);
	CHECK(!memcmp(next.data, "data", 4));
	fst_done(&next, &request, 4);
	CHECK_EQ(fst_end(&writing), 4);
}

static short state(int fd)
{
	struct pollfd asked = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	CHECK(poll(&asked, 1, 0) >= 0);
	return asked.revents;
}

static void files(void)
{
	struct fst_device device, next;
	struct fst_table table = { 0 };
	struct fusd_info info;
	struct fst_call call, waits;
	uint64_t numbers[3];
	int fds[3];
	char byte;

	start(&device, FUSD_POLICY_HOLD);
	for (int at = 0; at < 3; at++)
		fds[at] = fst_open(&device, at ? O_RDWR : O_RDONLY | O_NONBLOCK, 100 + at, &numbers[at]);
	fst_publish(&device, numbers[1], POLLPRI, 0);
	fst_gone(&device);
	/* The second is there for as long as there is no daemon; nothing can be said of it then. */
	CHECK_EQ(state(fds[1]), 0);

	struct fusd_recover recover = { .head = fst_head(FUSD_RECOVER, 0), .version = FUSD_VERSION };
	recover.head.len = sizeof(recover);
	strcpy(recover.name, device.name);
	next = device;
	next.fd = fst_control();
	fst_send(next.fd, &recover, sizeof(recover));
	CHECK_EQ(read(next.fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.head.type, FUSD_INFO);
	CHECK_EQ(info.files, 3);
	/* Another table in the place of the old one. */
	fst_command(&table, 0x4700, FUSD_ARG_NONE, 0);
	CHECK_OK(fst_upload(next.fd, &table));
	/* A call that was made before START comes after all files are restored. */
	fst_begin_read(&waits, fds[2], &byte, 1);
	fst_wait_asleep(waits.tid);
	fst_begin_ioctl(&call, fds[1], 0x4700, 9);
	fst_start(&next);
	unsigned int seen = 0;
	struct fusd_request restores[3];
	for (int times = 0; times < 3; times++) {
		struct fusd_request restore = fst_next(&next, FUSD_OP_RESTORE);

		for (int at = 0; at < 3; at++) {
			if (restore.file != numbers[at])
				continue;
			seen |= 1 << at;
			restores[at] = restore;
			CHECK_EQ(restore.cookie, 100 + at);
			CHECK_EQ(restore.file_flags & (O_ACCMODE | O_NONBLOCK), at ? O_RDWR : O_RDONLY | O_NONBLOCK);
			CHECK_EQ(restore.pid, getpid());
			CHECK_EQ(restore.uid, 0);
		}
	}
	CHECK_EQ(seen, 7);
	fst_none(&next);
	for (int at = 0; at < 3; at++) {
		/* The third cannot be restored. */
		struct fusd_reply reply = fst_answer(restores[at].head.id, at == 2 ? -ENXIO : 0);

		reply.value = 200 + at;
		CHECK_EQ(fst_reply(next.fd, &reply, NULL, 0), sizeof(reply));
	}
	struct fusd_request request = fst_next(&next, FUSD_OP_IOCTL);
	CHECK_EQ(request.file, numbers[1]);
	CHECK_EQ(request.cookie, 201);
	CHECK_EQ(request.arg, 9);
	fst_done(&next, &request, 3);
	CHECK_EQ(fst_end(&call), 3);
	/* For calls that waited, too: the daemon never hears of them. */
	CHECK_ERR(fst_end(&waits), ENXIO);
	fst_begin_read(&call, fds[2], &byte, 1);
	CHECK_ERR(fst_end(&call), ENXIO);
	CHECK((state(fds[2]) & (POLLERR | POLLHUP)) != 0);
	CHECK_EQ(state(fds[1]), POLLPRI);
	/* Each is released with its new cookie, one that was not restored is not. */
	fst_begin_close(&call, fds[0]);
	request = fst_next(&next, FUSD_OP_RELEASE);
	CHECK_EQ(request.cookie, 200);
	fst_done(&next, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	fst_begin_close(&call, fds[2]);
	CHECK_EQ(fst_end(&call), 0);
	fst_none(&next);
}

/* A file that is closed while there is no daemon is nothing that the next one hears of. */
static void closed_meanwhile(void)
{
	struct fst_device device, next;
	struct fst_call call;

	start(&device, FUSD_POLICY_HOLD);
	int fd = fst_open(&device, O_RDWR, 0, NULL), other = fst_open(&device, O_RDWR, 5, NULL);
	fst_gone(&device);
	fst_begin_close(&call, fd);
	CHECK_EQ(fst_end(&call), 0);
	recover_one(&next, device.name);
	fst_begin_close(&call, other);
	struct fusd_request request = fst_next(&next, FUSD_OP_RELEASE);
	CHECK_EQ(request.cookie, 5);
	fst_done(&next, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	fst_none(&next);
}

/* An open that waits is not an open file: it is asked of the next daemon, once. */
/* Between RECOVER and START: the next daemon knows nothing of the file, and the cookie is another daemon's. */
static void closed_between(void)
{
	struct fusd_recover recover = { .head = fst_head(FUSD_RECOVER, 0), .version = FUSD_VERSION };
	struct fst_device device, next;
	struct fst_call call;

	start(&device, FUSD_POLICY_HOLD);
	int fd = fst_open(&device, O_RDWR, 5, NULL);
	fst_gone(&device);
	next = device;
	next.fd = fst_control();
	recover.head.len = sizeof(recover);
	strcpy(recover.name, device.name);
	fst_send(next.fd, &recover, sizeof(recover));
	fst_begin_close(&call, fd);
	CHECK_EQ(fst_end(&call), 0);
	fst_start(&next);
	fst_none(&next);
}

static void opens_device(void *argument)
{
	CHECK_OK(open(((struct fst_device *)argument)->path, O_RDWR));
}

/* No signal reaches a process that ends, so interrupt_ms is the most that it waits: for a next daemon, too. */
static void ends_meanwhile(void)
{
	struct fusd_create create = creation(FUSD_POLICY_HOLD, 3600 * 1000);
	struct fst_device device;

	create.ops = FST_BIT(FLUSH);
	create.interrupt_ms = 50;
	fst_create(&device, &create);
	fst_start(&device);
	fst_gone(&device);
	CHECK_EQ(fst_wait(fst_fork(NULL, opens_device, &device)), 0);
}

static void opens(void)
{
	struct fst_device device, next;
	struct fst_call call;

	start(&device, FUSD_POLICY_REISSUE);
	fst_begin_open(&call, device.path, O_RDWR);
	struct fusd_request request = fst_next(&device, FUSD_OP_OPEN);
	fst_gone(&device);
	CHECK_EQ(fst_recover(&next, device.name), 0);
	struct fusd_request again = fst_next(&next, FUSD_OP_OPEN);
	CHECK_EQ(again.head.flags, FUSD_REISSUED);
	CHECK_EQ(again.file, request.file);
	fst_done(&next, &again, 0);
	CHECK_OK(fst_end(&call));
	fst_none(&next);
}

static void quiesce(void)
{
	struct fst_device device, next;
	struct fst_call had, held;
	char bytes[2];

	/* Also where the policy is to fail: an upgrade is nothing that fails. */
	start(&device, FUSD_POLICY_FAIL);
	int fd = fst_open(&device, O_RDWR, 5, NULL);
	fst_begin_read(&had, fd, &bytes[0], 1);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	fst_send_head(device.fd, FUSD_QUIESCE, 0);
	fst_begin_read(&held, fd, &bytes[1], 2);
	fst_wait_asleep(held.tid);
	fst_none(&device);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&had), 1);
	fst_gone(&device);
	recover_one(&next, device.name);
	answer(&next, &held, 2, 0);
}

static void too_late(void)
{
	struct fusd_create create = creation(FUSD_POLICY_HOLD, 200);
	struct fst_device device, next;
	struct fst_call call;
	struct stat is;
	char byte;

	fst_create(&device, &create);
	fst_start(&device);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	long long before = fst_now();
	fst_gone(&device);
	fst_begin_read(&call, fd, &byte, 1);
	CHECK_ERR(fst_end(&call), EIO);
	CHECK(fst_now() - before >= 199);
	CHECK_ERR(read(fd, &byte, 1), ENODEV);
	while (stat(device.path, &is) == 0)
		usleep(1000);
	CHECK_EQ(fst_recover(&next, device.name), -1);
	CHECK_EQ(errno, ENOENT);
}

static void destroyed(void)
{
	struct fst_device device;
	struct stat is;

	start(&device, FUSD_POLICY_HOLD);
	fst_send_head(device.fd, FUSD_DESTROY, 0);
	CHECK_ERR(stat(device.path, &is), ENOENT);
}

static void as_another(void *argument)
{
	struct fst_device next;

	CHECK_OK(setresuid(4711, 4711, 4711));
	CHECK_EQ(fst_recover(&next, argument), -1);
	CHECK_EQ(errno, EPERM);
}

static void refused(void)
{
	struct fst_device device, next;

	CHECK_EQ(fst_recover(&next, "fst/none"), -1);
	CHECK_EQ(errno, ENOENT);
	start(&device, FUSD_POLICY_HOLD);
	CHECK_EQ(fst_recover(&next, device.name), -1);
	CHECK_EQ(errno, EBUSY);
	fst_gone(&device);
	CHECK_OK(chmod("/dev/fusd", 0666));
	int status = fst_wait(fst_fork(NULL, as_another, device.name));
	CHECK_OK(chmod("/dev/fusd", 0600));
	CHECK_EQ(status, 0);
	CHECK_EQ(fst_recover(&next, device.name), 0);
	CHECK_EQ(fst_recover(&device, next.name), -1);
	CHECK_EQ(errno, EBUSY);
}

static void interrupted(void)
{
	struct fst_device device, next;
	struct fst_call call;
	char byte;

	/* No daemon is no reason not to be interrupted. */
	fst_handle(SIGUSR1, 0);
	start(&device, FUSD_POLICY_HOLD);
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	fst_gone(&device);
	fst_begin_read(&call, fd, &byte, 1);
	fst_wait_asleep(call.tid);
	CHECK_OK(tgkill(getpid(), call.tid, SIGUSR1));
	CHECK_ERR(fst_end(&call), EINTR);
	recover_one(&next, device.name);
	fst_none(&next);
}

/* --- daemons that kill themselves in the middle of everything, under programs that count --- */

#define PROGRAMS	4
#define NUMBERS		200	/* each program writes */
#define LIVES		25

struct ledger {
	unsigned int done[PROGRAMS][NUMBERS];		/* how often a daemon did it */
	unsigned int reissued[PROGRAMS][NUMBERS];	/* of these, with FUSD_REISSUED */
	unsigned int ended;				/* programs */
};

struct life {
	struct ledger *ledger;
	const struct fusd_create *create;
	bool first;
	unsigned int requests;	/* it dies at this one; 0: never */
	bool before;		/* before it answers, else after */
	int ready;
};

static void lives(void *argument)
{
	const struct life *life = argument;
	struct fst_device device;

	if (life->first) {
		fst_create(&device, life->create);
		fst_start(&device);
	} else {
		CHECK_EQ(fst_recover(&device, life->create->name), 0);
	}
	CHECK_EQ(write(life->ready, "x", 1), 1);
	for (unsigned int count = 1;; count++) {
		struct fusd_request request = fst_next(&device, 0);
		uint32_t number[2];
		int64_t result = 0;

		if (request.head.type == FUSD_OP_WRITE) {
			memcpy(number, device.data, sizeof(number));
			CHECK(number[0] < PROGRAMS && number[1] < NUMBERS);
			__atomic_fetch_add(&life->ledger->done[number[0]][number[1]], 1, __ATOMIC_SEQ_CST);
			if (request.head.flags & FUSD_REISSUED)
				__atomic_fetch_add(&life->ledger->reissued[number[0]][number[1]], 1, __ATOMIC_SEQ_CST);
			result = sizeof(number);
		}
		if (count == life->requests && life->before)
			raise(SIGKILL);
		fst_done(&device, &request, result);
		if (count == life->requests)
			raise(SIGKILL);
	}
}

struct writer {
	struct ledger *ledger;
	const char *path;
	uint32_t self;
	enum fusd_policy policy;
};

static void *counts(void *argument)
{
	const struct writer *writer = argument;
	int fd = CHECK_OK(open(writer->path, O_RDWR));

	for (uint32_t at = 0; at < NUMBERS; at++) {
		uint32_t number[2] = { writer->self, at };
		ssize_t size = write(fd, number, sizeof(number));
		unsigned int done = __atomic_load_n(&writer->ledger->done[writer->self][at], __ATOMIC_SEQ_CST);
		unsigned int again = __atomic_load_n(&writer->ledger->reissued[writer->self][at], __ATOMIC_SEQ_CST);

		if (size == sizeof(number)) {
			/* Nothing is lost, and nothing is twice unless it says so. */
			CHECK(done >= 1);
			CHECK_EQ(done - again, again ? done - again : 1);
			CHECK(done - again <= 1);
		} else {
			CHECK_ERR(size, EIO);
			CHECK(writer->policy != FUSD_POLICY_REISSUE);
			CHECK(done <= 1);
		}
		if (writer->policy != FUSD_POLICY_REISSUE)
			CHECK_EQ(again, 0);
	}
	__atomic_fetch_add(&writer->ledger->ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void load(enum fusd_policy policy)
{
	struct fusd_create create = creation(FUSD_POLICY_REISSUE, 3600 * 1000);
	struct writer writers[PROGRAMS];
	pthread_t threads[PROGRAMS];
	char path[FUSD_NAME_MAX + 8], byte;
	struct life life = { .create = &create, .first = true };
	unsigned int seed = 4711;
	int ready[2];

	create.policy[FUSD_OP_WRITE] = policy;
	CHECK_OK(pipe2(ready, O_CLOEXEC));
	life.ready = ready[1];
	life.ledger = mmap(NULL, sizeof(*life.ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(life.ledger != MAP_FAILED);
	snprintf(path, sizeof(path), "/dev/%s", create.name);
	for (int at = 0; at <= LIVES; at++) {
		life.requests = at == LIVES ? 0 : 1 + rand_r(&seed) % 40;
		life.before = rand_r(&seed) % 2;
		pid_t pid = fst_fork(NULL, lives, &life);
		CHECK_EQ(read(ready[0], &byte, 1), 1);
		for (uint32_t self = 0; life.first && self < PROGRAMS; self++) {
			writers[self] = (struct writer){ life.ledger, path, self, policy };
			CHECK_EQ(pthread_create(&threads[self], NULL, counts, &writers[self]), 0);
		}
		life.first = false;
		/* The programs may be through before the daemon has had its number of requests. */
		while (at < LIVES && waitpid(pid, NULL, WNOHANG) == 0) {
			if (__atomic_load_n(&life.ledger->ended, __ATOMIC_SEQ_CST) == PROGRAMS)
				return;
			usleep(1000);
		}
	}
	for (int self = 0; self < PROGRAMS; self++)
		CHECK_EQ(pthread_join(threads[self], NULL), 0);
}

static void load_fail(void)
{
	load(FUSD_POLICY_FAIL);
}

static void load_hold(void)
{
	load(FUSD_POLICY_HOLD);
}

static void load_reissue(void)
{
	load(FUSD_POLICY_REISSUE);
}

static const struct fst_case cases[] = {
	{ "recovery: FAIL", fails },
	{ "recovery: HOLD", holds },
	{ "recovery: REISSUE", reissues },
	{ "recovery: a policy for each operation", mixed },
	{ "recovery: RESTORE of the open files, and a new table", files },
	{ "recovery: a file that is closed without a daemon", closed_meanwhile },
	{ "recovery: a file that is closed between RECOVER and START", closed_between },
	{ "recovery: a process that ends waits no longer than interrupt_ms", ends_meanwhile },
	{ "recovery: an open that is asked again", opens },
	{ "recovery: QUIESCE", quiesce },
	{ "recovery: recover_ms", too_late },
	{ "recovery: DESTROY is the end at once", destroyed },
	{ "recovery: RECOVER is refused", refused },
	{ "recovery: signals without a daemon", interrupted },
	{ "recovery: FAIL, with daemons that die under load", load_fail },
	{ "recovery: HOLD, with daemons that die under load", load_hold },
	{ "recovery: REISSUE, with daemons that die under load", load_reissue },
	{},
};

FST_MAIN(cases, NULL)
