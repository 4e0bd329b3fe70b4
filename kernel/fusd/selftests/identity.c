// SPDX-License-Identifier: GPL-2.0-only
/* Who calls: process, thread, user and group, as the daemon's namespaces have them. */

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fusd-selftest.h"
#include "fusd-tables.h"

#define OPS	FST_BIT(WRITE)
#define NOBODY	65534	/* what the kernel calls a user that a namespace does not have */

static void caller(void)
{
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, FST_BIT(OPEN) | FST_BIT(WRITE));
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	for (int times = 0; times < 2; times++) {
		fst_begin_write(&call, fd, "x", 1);
		struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
		CHECK_EQ(request.pid, getpid());
		CHECK_EQ(request.tid, call.tid);
		CHECK_EQ(request.uid, 0);
		CHECK_EQ(request.gid, 0);
		fst_done(&device, &request, 1);
		CHECK_EQ(fst_end(&call), 1);
	}
}

struct user {
	int fd;
	uid_t uid;
	gid_t gid;
};

static void writes(void *argument)
{
	const struct user *user = argument;

	CHECK_OK(setresgid(user->gid, user->gid, user->gid));
	CHECK_OK(setresuid(user->uid, user->uid, user->uid));
	CHECK_EQ(write(user->fd, "x", 1), 1);
}

static void users(void)
{
	struct fst_device device;

	fst_device(&device, OPS);
	/* Whoever opened it: what counts is who calls. */
	struct user user = { CHECK_OK(open(device.path, O_RDWR)), 4711, 4712 };
	for (int times = 0; times < 2; times++, user.uid++) {
		pid_t pid = fst_fork(&device, writes, &user);
		struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
		CHECK_EQ(request.pid, pid);
		CHECK_EQ(request.tid, pid);
		CHECK_EQ(request.uid, user.uid);
		CHECK_EQ(request.gid, user.gid);
		fst_done(&device, &request, 1);
		CHECK_EQ(fst_wait(pid), 0);
	}
}

/* A daemon in namespaces of its own hands each request to who looks. */
struct elsewhere {
	struct fusd_create create;
	int told[2];
	int mapped[2];	/* a byte when the user namespace has its maps; unused else */
	int spaces;
};

static void next_requests(const struct elsewhere *there, struct fst_device *device)
{
	for (;;) {
		struct fusd_request request = fst_next(device, FUSD_OP_WRITE);

		CHECK_EQ(write(there->told[1], &request, sizeof(request)), sizeof(request));
		fst_done(device, &request, 1);
	}
}

struct inside {
	struct fst_device *device;
	int told;
};

static void writes_inside(void *argument)
{
	const struct inside *inside = argument;
	int fd = CHECK_OK(open(inside->device->path, O_RDWR));
	pid_t pid = getpid();

	CHECK_EQ(write(inside->told, &pid, sizeof(pid)), sizeof(pid));
	CHECK_EQ(write(fd, "x", 1), 1);
	pause();
}

static void pid_daemon(void *argument)
{
	struct elsewhere *there = argument;
	struct fst_device device;

	fst_create(&device, &there->create);
	fst_start(&device);
	struct inside inside = { &device, there->told[1] };
	fst_fork(&device, writes_inside, &inside);
	next_requests(there, &device);
}

static void unshares_pid(void *argument)
{
	CHECK_OK(unshare(CLONE_NEWPID));
	fst_fork(NULL, pid_daemon, argument);
	pause();
}

static void pid_namespace(void)
{
	struct elsewhere there = { .create = fst_creation(OPS) };
	struct fusd_request request;
	char path[FUSD_NAME_MAX + 8];
	pid_t inner;

	CHECK_OK(pipe2(there.told, O_CLOEXEC));
	fst_fork(NULL, unshares_pid, &there);
	/* One in the namespace: as it calls itself. */
	CHECK_EQ(read(there.told[0], &inner, sizeof(inner)), sizeof(inner));
	CHECK_EQ(read(there.told[0], &request, sizeof(request)), sizeof(request));
	CHECK_EQ(inner, 2);
	CHECK_EQ(request.pid, inner);
	CHECK_EQ(request.tid, inner);
	/* One outside. */
	snprintf(path, sizeof(path), "/dev/%s", there.create.name);
	int fd = CHECK_OK(open(path, O_RDWR));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(read(there.told[0], &request, sizeof(request)), sizeof(request));
	CHECK_EQ(request.pid, 0);
	CHECK_EQ(request.tid, 0);
}

static void user_daemon(void *argument)
{
	struct elsewhere *there = argument;
	struct fst_device device;
	char byte = 'x';

	CHECK_OK(unshare(CLONE_NEWUSER));
	CHECK_EQ(write(there->told[1], &byte, 1), 1);
	CHECK_EQ(read(there->mapped[0], &byte, 1), 1);
	fst_create(&device, &there->create);
	fst_start(&device);
	CHECK_EQ(write(there->told[1], &byte, 1), 1);
	next_requests(there, &device);
}

static void map(pid_t pid, const char *file, const char *lines)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int fd = CHECK_OK(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(write(fd, lines, strlen(lines)), strlen(lines));
	close(fd);
}

static void user_namespace(void)
{
	struct elsewhere there = { .create = fst_creation(OPS) };
	struct fusd_request request;
	char path[FUSD_NAME_MAX + 8], byte;

	/* Root of another user namespace is no root of this one. */
	int allow = CHECK_OK(open("/sys/module/fusd/parameters/unprivileged", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(write(allow, "1", 1), 1);
	snprintf(there.create.name, sizeof(there.create.name), "user/0/fst%d", getpid());
	CHECK_OK(pipe2(there.told, O_CLOEXEC));
	CHECK_OK(pipe2(there.mapped, O_CLOEXEC));
	pid_t pid = fst_fork(NULL, user_daemon, &there);
	CHECK_EQ(read(there.told[0], &byte, 1), 1);
	map(pid, "uid_map", "0 0 1\n1 100001 10\n");
	map(pid, "gid_map", "0 0 1\n1 200001 10\n");
	CHECK_EQ(write(there.mapped[1], "x", 1), 1);
	CHECK_EQ(read(there.told[0], &byte, 1), 1);

	snprintf(path, sizeof(path), "/dev/%s", there.create.name);
	int fd = CHECK_OK(open(path, O_RDWR));
	static const struct user outside[] = {
		{ 0, 100003, 200004 }, { 0, 0, 0 }, { 0, 4711, 4712 },
	};
	static const struct user seen[] = { { 0, 3, 4 }, { 0, 0, 0 }, { 0, NOBODY, NOBODY } };
	for (int at = 0; at < 3; at++) {
		struct user user = outside[at];

		user.fd = fd;
		CHECK_EQ(fst_wait(fst_fork(NULL, writes, &user)), 0);
		CHECK_EQ(read(there.told[0], &request, sizeof(request)), sizeof(request));
		CHECK_EQ(request.uid, seen[at].uid);
		CHECK_EQ(request.gid, seen[at].gid);
	}
	CHECK_EQ(write(allow, "0", 1), 1);
}

#define SECRET	_IOR('F', 99, uint64_t)

/* A daemon without privilege, which has its kernel write to whoever calls ioctl(2). */
static void lends(void *argument)
{
	struct fst_device device = { .fd = -1 };
	struct fusd_create create = fst_creation(FST_BIT(IOCTL));
	struct fst_table table = { 0 };
	uint64_t secret = 42;

	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(4711, 4711, 4711));
	CHECK_OK(setresuid(4711, 4711, 4711));
	create.uid = create.gid = 4711;
	strcpy(create.name, "user/4711/fst-memory");
	fst_type(&table, sizeof(secret));
	fst_command(&table, SECRET, FUSD_ARG_OUT, 0);
	fst_create(&device, &create);
	CHECK_OK(fst_upload(device.fd, &table));
	fst_start(&device);
	CHECK_EQ(write(*(int *)argument, "x", 1), 1);
	/* Of the one that may. */
	struct fusd_request request = fst_next(&device, FUSD_OP_IOCTL);
	CHECK_EQ(request.uid, 4711);
	fst_give_result(&device, &request, 0, &secret, sizeof(secret));
	pause();
}

/* What became of the call of a program that is this user's, and that this user may ptrace(2) or not. */
struct borrower {
	uid_t uid;
	bool open;
	int error;
};

static void borrows(void *argument)
{
	const struct borrower *borrower = argument;
	uint64_t secret = 0;
	int fd = CHECK_OK(open("/dev/user/4711/fst-memory", O_RDWR));

	CHECK_OK(setresuid(borrower->uid, borrower->uid, borrower->uid));
	CHECK_OK(prctl(PR_SET_DUMPABLE, borrower->open));
	if (borrower->error) {
		CHECK_ERR(ioctl(fd, SECRET, &secret), borrower->error);
		CHECK_EQ(secret, 0);
	} else {
		CHECK_OK(ioctl(fd, SECRET, &secret));
		CHECK_EQ(secret, 42);
	}
}

/* The daemon chooses what of the caller's memory is read and written: of those alone whom it could ptrace(2). */
static void memory(void)
{
	struct borrower borrowers[] = {
		{ 0, true, EACCES }, { 4712, true, EACCES }, { 4711, false, EACCES }, { 4711, true, 0 },
	};
	int ready[2];
	char byte;

	CHECK_OK(pipe2(ready, O_CLOEXEC));
	fst_allow_unprivileged(true);
	fst_fork(NULL, lends, &ready[1]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	fst_allow_unprivileged(false);
	for (size_t i = 0; i < sizeof(borrowers) / sizeof(*borrowers); i++)
		CHECK_EQ(fst_wait(fst_fork(NULL, borrows, &borrowers[i])), 0);
}

static const struct fst_case cases[] = {
	{ "identity: process and thread", caller },
	{ "identity: the user of each call", users },
	{ "identity: a daemon in a pid namespace", pid_namespace },
	{ "identity: a daemon in a user namespace", user_namespace },
	{ "identity: whose memory a daemon without privilege has in ioctl(2)", memory },
	{},
};

FST_MAIN(cases, NULL)
