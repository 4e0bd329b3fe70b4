// SPDX-License-Identifier: MIT
/* Who calls, as the daemon sees it, and whose the node is. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"

enum { SOMEBODY = 12345, SOME_GROUP = 23456 };
enum operation { OPENING, READING, WRITING, ACTING };
static const char *const operations[] = { "open", "read", "write", "ioctl" };

/* What STATS tells is who made the last call of these. */
static void operate(enum operation operation, int fd)
{
	switch (operation) {
	case OPENING:
		MUST(io->close(dev(O_RDWR)));
		break;
	case READING:
		fill(1, 0);
		GIVES(io->read(fd, memory_new(1), 1), 1);
		break;
	case WRITING:
		GIVES(io->write(fd, memory_new(1), 1), 1);
		break;
	case ACTING:
		GIVES(io->ioctl(fd, C_ACT, 3), 3);
	}
}

struct caller {
	enum operation operation;
	int fd;
	uid_t uid;
	gid_t gid;
};

static void as_told(const struct caller *c)
{
	struct stats s;

	operate(c->operation, c->fd);
	s = stats();
	SAME(s.pid, gettid());
	SAME(s.tgid, getpid());
	SAME(s.uid, c->uid);
	SAME(s.gid, c->gid);
}

static void main_thread(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), geteuid(), getegid() };

	as_told(&c);
}

static void from_thread(void *given)
{
	as_told(given);
}

static void other_thread(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), geteuid(), getegid() };

	thread_join(thread_start(from_thread, &c));
}

static void child(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), geteuid(), getegid() };

	child_join(child_start(from_thread, &c));
}

static void become(uid_t uid, gid_t gid)
{
	MUST(setresgid(gid, gid, gid));
	MUST(setresuid(uid, uid, uid));
}

static void somebody(void *given)
{
	become(SOMEBODY, SOME_GROUP);
	as_told(given);
}

/* The file was opened by root: it is the caller who counts, not the opener. */
static void other_user(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), SOMEBODY, SOME_GROUP };

	child_join(child_start(somebody, &c));
}

static void effective(void *given)
{
	MUST(setresgid(1, SOME_GROUP, 2));
	MUST(setresuid(1, SOMEBODY, 2));
	as_told(given);
}

static void effective_user(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), SOMEBODY, SOME_GROUP };

	child_join(child_start(effective, &c));
}

static void filesystem(void *given)
{
	setfsgid(SOME_GROUP);
	setfsuid(SOMEBODY);
	as_told(given);
}

/* As for any file it is the filesystem's user and group that a call is made by (current_fsuid()). */
static void filesystem_user(const struct test *t)
{
	struct caller c = { (enum operation)t->a, dev(O_RDWR), SOMEBODY, SOME_GROUP };

	child_join(child_start(filesystem, &c));
}

static void name(const struct test *t)
{
	struct stats s;
	int fd = dev(O_RDWR);

	(void)t;
	MUST(prctl(PR_SET_NAME, "a-conforming-on"));
	operate(ACTING, fd);
	s = stats();
	TRUE(!strcmp(s.name, "a-conforming-on"));
}

static void odd_name(const struct test *t)
{
	struct stats s;
	int fd = dev(O_RDWR);

	(void)t;
	/* A name that would end a line of /proc, or look like another field. */
	MUST(prctl(PR_SET_NAME, "x)\nTgid:\t1"));
	operate(ACTING, fd);
	s = stats();
	SAME(s.tgid, getpid());
}

/* In a pid namespace of its own a program is 1 to itself; the daemon sees its own number for it. */
static void in_namespace(void *given)
{
	SAME(getpid(), 1);
	operate(ACTING, *(int *)given);
}

static void pid_namespace(const struct test *t)
{
	int fd = dev(O_RDWR);
	pid_t pid;

	(void)t;
	control();
	MUST(unshare(CLONE_NEWPID));
	pid = child_start(in_namespace, &fd);
	child_join(pid);
	SAME(stats().pid, pid);
}

static void node_is(const struct test *t)
{
	struct stat s;

	(void)t;
	MUST(stat(node("owned"), &s));
	SAME(s.st_mode & 07777, 0640);
	SAME(s.st_uid, 1);
	SAME(s.st_gid, 2);
	MUST(stat(node("stream"), &s));
	SAME(s.st_mode & 07777, 0666);
}

static void character_device(const struct test *t)
{
	struct stat s, other;

	(void)t;
	MUST(stat(node("stream"), &s));
	TRUE(S_ISCHR(s.st_mode));
	MUST(stat(node("message"), &other));
	TRUE(s.st_rdev != other.st_rdev);
	MUST(fstat(dev(O_RDONLY), &other));
	TRUE(s.st_rdev == other.st_rdev && s.st_ino == other.st_ino);
}

struct opening {
	uid_t uid;
	gid_t gid;
	int flags, error;
};

static void open_owned(void *given)
{
	const struct opening *o = given;

	rule(NORMAL, 0);
	become(o->uid, o->gid);
	if (o->error)
		FAILS(dev_open("owned", o->flags), o->error);
	else
		MUST(dev_open("owned", o->flags));
}

/* The kernel looks at owner, group and mode before the daemon is asked. */
static void permission(const struct test *t)
{
	static const struct opening openings[] = {
		{ 0, 0, O_RDWR, 0 }, { 1, 9, O_RDWR, 0 }, { 9, 2, O_RDONLY, 0 }, { 9, 2, O_RDWR, EACCES },
		{ 9, 2, O_WRONLY, EACCES }, { SOMEBODY, SOME_GROUP, O_RDONLY, EACCES },
	};
	struct opening o = openings[t->a];

	control();
	child_join(child_start(open_owned, &o));
	SAME(counted(OPENS), o.error ? 0 : 1);
}

static void open_many(void *given)
{
	(void)given;
	control();
	become(SOMEBODY + 1, SOME_GROUP);
	for (int i = 0; i < 64; i++)
		MUST(dev_open("many", O_RDWR));
	FAILS(dev_open("many", O_RDWR), EMFILE);
}

/* A user who opens until the limit keeps nobody else out. */
static void limit_of_a_user(const struct test *t)
{
	struct caller c = { OPENING, dev(O_RDWR), 0, 0 };
	int ends[2];
	char byte;
	pid_t pid;

	(void)c;
	MUST(pipe(ends));
	pid = (pid_t)MUST(fork());
	if (pid == 0) {
		open_many(NULL);
		MUST(write(ends[1], "x", 1));
		pause();
	}
	close(ends[1]);
	/* The end of file is a failure: its message stands on standard error. */
	GIVES(read(ends[0], &byte, 1), 1);
	MUST(io->close((int)MUST(dev_open("many", O_RDWR))));
	(void)t;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await_count(RELEASES, 65);
}

CASES
{
	static const char *const people[] = { "root", "owner", "group-reads", "group-may-not-write", "group-may-not-write-only",
					      "nobody" };

	for (long i = OPENING; i <= ACTING; i++) {
		add_with(main_thread, NEEDS_NOTHING, i, 0, "identity/%s/main-thread", operations[i]);
		add_with(other_thread, NEEDS_NOTHING, i, 0, "identity/%s/other-thread", operations[i]);
		add_with(child, NEEDS_DESCRIPTOR, i, 0, "identity/%s/child", operations[i]);
		add_with(other_user, NEEDS_DESCRIPTOR | NEEDS_ROOT, i, 0, "identity/%s/other-user", operations[i]);
		add_with(effective_user, NEEDS_DESCRIPTOR | NEEDS_ROOT, i, 0, "identity/%s/effective-user", operations[i]);
		add_with(filesystem_user, NEEDS_DESCRIPTOR | NEEDS_ROOT, i, 0, "identity/%s/filesystem-user", operations[i]);
	}
	add(name, NEEDS_NOTHING, "identity/name");
	add(odd_name, NEEDS_NOTHING, "identity/odd-name");
	add(pid_namespace, NEEDS_DESCRIPTOR | NEEDS_ROOT, "identity/pid-namespace");
	add(node_is, NEEDS_DESCRIPTOR | NEEDS_ROOT, "node/owner-group-mode");
	add(character_device, NEEDS_DESCRIPTOR | NEEDS_CHARDEV, "node/character-device");
	for (long i = 0; i < (long)COUNT(people); i++)
		add_with(permission, NEEDS_DESCRIPTOR | NEEDS_ROOT, i, 0, "node/permission/%s", people[i]);
	add(limit_of_a_user, NEEDS_DESCRIPTOR | NEEDS_ROOT, "open/limit-of-a-user-is-emfile");
}
