// SPDX-License-Identifier: MIT
/* release: once for each open, after the last of all who have the file. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "harness.h"

static void released_once(unsigned files)
{
	await_count(RELEASES, files);
	SAME(counted(RELEASES), files);
	SAME(counted(FILES), CONTROL_FILES);
}

static void after_close(const struct test *t)
{
	for (long i = 0; i < t->a; i++)
		GIVES(io->close(dev(O_RDWR)), 0);
	released_once((unsigned)t->a);
}

static void closed_twice(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	GIVES(io->close(fd), 0);
	FAILS(io->close(fd), EBADF);
	released_once(1);
}

static int copy_of(int fd, long how)
{
	switch (how) {
	case 0:
		return (int)MUST(dup(fd));
	case 1:
		return (int)MUST(dup2(fd, 200));
	case 2:
		return (int)MUST(dup3(fd, 200, O_CLOEXEC));
	case 3:
		return (int)MUST(fcntl(fd, F_DUPFD, 300));
	default:
		return (int)MUST(syscall(SYS_pidfd_getfd, MUST(syscall(SYS_pidfd_open, getpid(), 0)), fd, 0));
	}
}
static const char *const copies[] = { "dup", "dup2", "dup3", "f-dupfd", "pidfd-getfd" };

static void after_last_copy(const struct test *t)
{
	int fd = dev(O_RDWR), copy = copy_of(fd, t->a), first = t->b ? copy : fd, last = t->b ? fd : copy;

	MUST(close(first));
	GIVES(write(last, "x", 1), 1);
	SAME(counted(RELEASES), 0);
	MUST(close(last));
	released_once(1);
	SAME(counted(OPENS), 1);
}

/* A number that is taken is closed first. */
static void replaced(const struct test *t)
{
	int fd = dev(O_RDWR), other = dev(O_RDWR);

	(void)t;
	GIVES(dup2(other, fd), fd);
	await_count(RELEASES, 1);
	MUST(close(fd));
	SAME(counted(RELEASES), 1);
	MUST(close(other));
	released_once(2);
}

static void range(const struct test *t)
{
	int first = dev(O_RDWR), last = first;

	(void)t;
	for (int i = 0; i < 9; i++)
		last = dev(O_RDWR);
	MUST(close_range((unsigned)first, (unsigned)last, 0));
	released_once(10);
}

/* Flags are the open file's, which copies have in common. */
static void copies_share_flags(const struct test *t)
{
	int fd = dev(O_RDWR), copy = (int)MUST(dup(fd));

	(void)t;
	MUST(io->setfl(copy, O_NONBLOCK));
	FAILS(io->read(fd, memory_new(1), 1), EAGAIN);
}

static void reopened(const struct test *t)
{
	int fd = dev(O_RDWR), again;
	char path[64];

	(void)t;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rule(NORMAL, 0);
	again = (int)MUST(open(path, O_RDONLY));
	SAME(counted(OPENS), 2);
	MUST(close(fd));
	await_count(RELEASES, 1);
	MUST(close(again));
	released_once(2);
}

struct child {
	int fd, ends[2];
};

/* Holds what it inherited until the pipe ends. */
static void hold(void *given)
{
	struct child *c = given;
	char byte;

	close(c->ends[1]);
	read(c->ends[0], &byte, 1);
	if (c->fd >= 0)
		MUST(close(c->fd));
}

static void after_fork(const struct test *t)
{
	struct child c = { .fd = dev(O_RDWR) };
	int fd = c.fd;
	pid_t child;

	control();
	MUST(pipe(c.ends));
	if (t->a)
		c.fd = -1;
	child = child_start(hold, &c);
	MUST(close(fd));
	SAME(counted(RELEASES), 0);
	MUST(close(c.ends[1]));
	child_join(child);
	released_once(1);
}

/* The child's end is not the file's, as long as its parent has it. */
static void child_ends_first(const struct test *t)
{
	struct child c = { .fd = dev(O_RDWR) };
	pid_t child;
	int status;

	control();
	MUST(pipe(c.ends));
	child = child_start(hold, &c);
	if (t->a)
		MUST(kill(child, SIGKILL));
	MUST(close(c.ends[1]));
	MUST(waitpid(child, &status, 0));
	SAME(counted(RELEASES), 0);
	GIVES(write(c.fd, "x", 1), 1);
	MUST(close(c.fd));
	released_once(1);
}

static void open_many(void *given)
{
	for (long i = 0; i < *(long *)given; i++)
		dev(O_RDWR);
	if (*(long *)given == 3)
		raise(SIGKILL);
}

static void after_exit(const struct test *t)
{
	long count = t->a;
	pid_t child;
	int status;

	control();
	child = child_start(open_many, &count);
	MUST(waitpid(child, &status, 0));
	released_once((unsigned)t->a);
}

/* Runs cat(1) with the pipe as its input; gives when the old program is gone. */
static pid_t run_other_program(const int ends[2])
{
	int gone[2];
	pid_t pid;
	char byte;

	MUST(pipe2(gone, O_CLOEXEC));
	pid = (pid_t)MUST(fork());
	if (pid == 0) {
		dup2(ends[0], 0);
		execl("/bin/cat", "cat", NULL);
		_exit(1);
	}
	MUST(close(gone[1]));
	GIVES(read(gone[0], &byte, 1), 0);
	return pid;
}

static void after_exec(const struct test *t)
{
	int fd = dev(O_RDWR | (int)t->a), ends[2];
	pid_t pid;

	MUST(pipe2(ends, O_CLOEXEC));
	pid = run_other_program(ends);
	MUST(close(fd));
	if (t->a)
		await_count(RELEASES, 1);
	else
		SAME(counted(RELEASES), 0);
	MUST(close(ends[1]));
	child_join(pid);
	released_once(1);
}

static void send_file(int socket, int fd)
{
	char byte = 'x', room[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec area = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &area, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	*head = (struct cmsghdr){ CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	GIVES(sendmsg(socket, &message, 0), 1);
}

static int receive_file(int socket)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec area = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &area, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd;

	GIVES(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
	TRUE(CMSG_FIRSTHDR(&message) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* In a message that nobody has received the file is open; with the last socket it goes. */
static void passed_on(const struct test *t)
{
	int fd = dev(O_RDWR), sockets[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	send_file(sockets[0], fd);
	MUST(close(fd));
	SAME(counted(RELEASES), 0);
	if (t->a) {
		fd = receive_file(sockets[1]);
		GIVES(write(fd, "x", 1), 1);
		MUST(close(fd));
	} else {
		MUST(close(sockets[0]));
		MUST(close(sockets[1]));
	}
	released_once(1);
}

/* A call holds the file: what is closed meanwhile in another thread is released when the call has ended (fdget()). */
static void while_it_is_used(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	if (t->a == READS) {
		call = start_read(fd, 1);
	} else if (t->a == WRITES) {
		set(CAPACITY, 0);
		call = start_write(fd, 1, 0);
	} else {
		set(ON_ACT, DO(DEAF, 0));
		call = start_ioctl(fd, C_ACT, 5);
	}
	await_count(BLOCKED, 1);
	MUST(io->close(fd));
	FAILS(io->read(fd, memory_new(1), 1), EBADF);
	SAME(counted(RELEASES), 0);
	TRUE(!call->done);
	if (t->a == READS) {
		fill(1, 0);
	} else if (t->a == WRITES) {
		set(CAPACITY, 1);
		kick(KICK_WRITABLE, 0);
	} else {
		kick(KICK_FINISH, 0);
	}
	GIVES(finish(call), t->a == ACTS ? 5 : 1);
	released_once(1);
}

/* What a file was in is gone with it. */
static void leaves_nothing(const struct test *t)
{
	int fd = dev(O_RDWR | O_NONBLOCK);

	(void)t;
	join(fd, 3);
	GIVES(io->write(fd, "private", 7), 7);
	MUST(io->close(fd));
	await_count(OPENS, 1);
	fd = dev(O_RDWR | O_NONBLOCK);
	join(fd, 3);
	while (io->read(fd, memory_new(8), 8) == 7) {
		/* On a channel whose close(2) does not wait, the old file may still be there when the new one joins. */
		MUST(io->close(fd));
		fd = dev(O_RDWR | O_NONBLOCK);
		join(fd, 3);
	}
	FAILS(io->read(fd, memory_new(8), 8), EAGAIN);
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR;

	add_with(after_close, NEEDS_NOTHING, 1, 0, "release/after-close/1");
	add_with(after_close, NEEDS_NOTHING, 100, 0, "release/after-close/100");
	add(closed_twice, NEEDS_NOTHING, "release/closed-twice-is-ebadf");
	for (long i = 0; i < (long)COUNT(copies); i++) {
		add_with(after_last_copy, needs, i, 0, "release/after-last-copy/%s", copies[i]);
		add_with(after_last_copy, needs, i, 1, "release/after-last-copy/%s-closed-first", copies[i]);
	}
	add(replaced, needs, "release/replaced-by-dup2");
	add(range, needs, "release/close-range");
	add(copies_share_flags, needs, "release/copies-share-flags");
	add(reopened, needs, "release/reopened-is-another-file");
	add_with(after_fork, needs, 0, 0, "release/fork/child-closes-last");
	add_with(after_fork, needs, 1, 0, "release/fork/child-exits-last");
	add_with(child_ends_first, needs, 0, 0, "release/fork/child-ends-first");
	add_with(child_ends_first, needs, 1, 0, "release/fork/child-killed-first");
	add_with(after_exit, needs, 1, 0, "release/exit/1");
	add_with(after_exit, needs, 50, 0, "release/exit/50");
	add_with(after_exit, needs, 3, 0, "release/exit/killed");
	add_with(after_exec, needs, O_CLOEXEC, 0, "release/exec/cloexec");
	add_with(after_exec, needs, 0, 0, "release/exec/goes-along");
	add_with(passed_on, needs, 1, 0, "release/scm-rights/received");
	add_with(passed_on, needs, 0, 0, "release/scm-rights/never-received");
	add_with(while_it_is_used, NEEDS_NOTHING, READS, 0, "release/while-used/by-read");
	add_with(while_it_is_used, NEEDS_NOTHING, WRITES, 0, "release/while-used/by-write");
	add_with(while_it_is_used, NEEDS_NOTHING, ACTS, 0, "release/while-used/by-ioctl");
	add(leaves_nothing, NEEDS_NOTHING, "release/leaves-nothing");
}
