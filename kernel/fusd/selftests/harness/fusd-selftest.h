/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness of the selftests. A program is a table of cases; each case runs in a process of its own, in a process
 * group of its own, with a time limit, so that neither a failure nor a kernel that never answers reaches the next case.
 *
 * In most cases the main thread is the daemon, step by step (fst_next, fst_done), and system calls of programs are made
 * by threads of their own (fst_begin_*, fst_end): what is under test happens in an order that the case says.
 */
#ifndef FUSD_SELFTEST_H
#define FUSD_SELFTEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "fusd.h"

struct fst_case {
	const char *name;
	void (*run)(void);
};

/* What a program is when its twin (or itself) starts it with --role NAME ARGUMENTS. */
struct fst_role {
	const char *name;
	int (*run)(char **arguments);
};

int fst_main(char **argv, const struct fst_case *cases, const struct fst_role *roles);

#define FST_MAIN(cases, roles)					\
	int main(int argc, char **argv)				\
	{							\
		(void)argc;					\
		return fst_main(argv, cases, roles);		\
	}

/* Ends the case as failed, whichever of its processes and threads says so. */
void fst_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void fst_check_eq(const char *file, int line, const char *what, long long got, long long wanted);
long long fst_check_ok(const char *file, int line, const char *what, long long got);
void fst_check_err(const char *file, int line, const char *what, long long got, int wanted);

#define CHECK(condition)							\
	do {									\
		if (!(condition))						\
			fst_fail(__FILE__, __LINE__, "not true: %s", #condition);	\
	} while (0)
#define CHECK_EQ(got, wanted)	\
	fst_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(wanted))
/* The result of a call that must not be -1. */
#define CHECK_OK(call)		fst_check_ok(__FILE__, __LINE__, #call, (long long)(call))
/* The call must be -1, with this errno. */
#define CHECK_ERR(call, wanted)	\
	fst_check_err(__FILE__, __LINE__, #call, (long long)(call), wanted)

/* A device, as its daemon has it. */
struct fst_device {
	int fd;
	char name[FUSD_NAME_MAX];
	char path[FUSD_NAME_MAX + 8];
	unsigned char *message;	/* the last that was read */
	size_t room;
	unsigned char *data;	/* what followed the request in it */
};

#define FST_BIT(op)	(1U << FUSD_OP_##op)

/* A CREATE with a name that nobody else has, mode 0666, these operations, and else nothing. */
struct fusd_create fst_creation(uint32_t ops);
/* Opens /dev/fusd. */
int fst_control(void);
/* write(2) of the whole message. */
void fst_send(int fd, const void *message, size_t size);
/* A message that is only a head. */
void fst_send_head(int fd, uint16_t type, uint64_t id);
struct fusd_head fst_head(uint16_t type, uint64_t id);

/* Opens /dev/fusd and sends CREATE; START is still to be sent. */
void fst_create(struct fst_device *device, const struct fusd_create *create);
void fst_start(struct fst_device *device);
/* All three, with these operations. */
void fst_device(struct fst_device *device, uint32_t ops);
/* Opens /dev/fusd and takes a device over: RECOVER, START. The result of RECOVER, or -1. */
int fst_recover(struct fst_device *device, const char *name);
/* Whether daemons without privilege may make devices, as this machine's administrator says. */
void fst_allow_unprivileged(bool allowed);
/* Lets the daemon's descriptor go. */
void fst_gone(struct fst_device *device);

/* Waits for the next request, which must be this; 0: any. */
struct fusd_request fst_next(struct fst_device *device, uint16_t type);
/* No request is there. */
void fst_none(struct fst_device *device);
/* Answers: a result; a result with bytes; whatever. */
void fst_done(struct fst_device *device, const struct fusd_request *request, int64_t result);
void fst_give(struct fst_device *device, const struct fusd_request *request, const void *data, size_t size);
void fst_give_result(struct fst_device *device, const struct fusd_request *request, int64_t result,
		     const void *data, size_t size);
/* The write(2) itself, for answers that are wrong. */
ssize_t fst_reply(int fd, const struct fusd_reply *reply, const void *data, size_t size);
struct fusd_reply fst_answer(uint64_t id, int64_t result);
void fst_publish(struct fst_device *device, uint64_t file, uint32_t events, uint32_t wake);

/* A thread that serves until the device is gone. */
typedef void (*fst_server)(struct fst_device *device, const struct fusd_request *request);
void fst_serve(struct fst_device *device, fst_server answer);

/* A system call of a program: in a thread, which is there until fst_end. */
struct fst_call {
	pthread_t thread;
	pid_t tid;
	pthread_barrier_t started;
	long number;
	long arguments[4];
	long long result;
	int error;
};

void fst_begin_long(struct fst_call *call, long number, long a, long b, long c, long d);
#define fst_begin(call, number, a, b, c, d)	\
	fst_begin_long(call, number, (long)(a), (long)(b), (long)(c), (long)(d))
#define fst_begin_read(call, fd, to, size)	fst_begin(call, SYS_read, fd, to, size, 0)
#define fst_begin_write(call, fd, from, size)	fst_begin(call, SYS_write, fd, from, size, 0)
#define fst_begin_ioctl(call, fd, cmd, arg)	fst_begin(call, SYS_ioctl, fd, cmd, arg, 0)
#define fst_begin_open(call, path, flags)	fst_begin(call, SYS_openat, AT_FDCWD, path, flags, 0)
#define fst_begin_close(call, fd)		fst_begin(call, SYS_close, fd, 0, 0, 0)
#define fst_begin_poll(call, fds, n, timeout)	fst_begin(call, SYS_poll, fds, n, timeout, 0)
/* Waits for its end. The result, with errno. */
long long fst_end(struct fst_call *call);
/* Opens the device, which has OPEN among its operations, and answers with this cookie. *file: the kernel's number. */
int fst_open(struct fst_device *device, int flags, uint64_t cookie, uint64_t *file);

/* A process that has not got the device's control descriptor (where device is not NULL). */
pid_t fst_fork(struct fst_device *device, void (*run)(void *), void *argument);
/* Waits for its end. Its wait status. */
int fst_wait(pid_t pid);
/* That of this program that is built for the other width. */
const char *fst_twin(void);
/* Starts it in a role, with one argument; waits for it; its exit status. */
int fst_run_twin(const char *role, const char *argument);

/* Waits until the thread (of any process) sleeps, which is as much as can be seen of a call that waits. */
void fst_wait_asleep(pid_t tid);
/* CLOCK_MONOTONIC, in milliseconds. */
long long fst_now(void);
/* A signal handler that counts into fst_signals. */
extern volatile sig_atomic_t fst_signals;
void fst_handle(int signal, int flags);

#endif
