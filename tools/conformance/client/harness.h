/* SPDX-License-Identifier: MIT */
/*
 * The harness of the conformance client. A case is a function that makes system calls and checks what they give; each
 * runs in a process of its own, with a time limit, so that a stuck one is a failure with a name.
 *
 * To add a case: write a function `static void name(const struct test *t)` in a file of its theme, and register it in
 * that file's CASES block:
 *
 *	CASES
 *	{
 *		add(reads_nothing, NEEDS_NOTHING, "read/zero-bytes");
 *		for (size_t i = 0; i < COUNT(sizes); i++)
 *			add_with(reads_size, NEEDS_NOTHING, sizes[i], 0, "read/size-%zu", sizes[i]);
 *	}
 *
 * A new file needs nothing else: all client/ *.c are built. Names are unique, THEME/WHAT-IT-SAYS, of [a-z0-9/-].
 * What a channel cannot do is declared in ../unsupported.ts, by need or by name, with the reason.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#include "protocol.h"

/* What a case cannot do without; printed by --list, so that ../unsupported.ts can name them. */
enum needs {
	NEEDS_NOTHING = 0,
	/* A descriptor of the real kernel: dup, fork, epoll, select, /proc ... */
	NEEDS_DESCRIPTOR = 1,
	/* Ioctls whose number does not say what is copied. */
	NEEDS_UNRESTRICTED = 2,
	/* A character device, as opposed to a regular file. */
	NEEDS_CHARDEV = 4,
	/* That we may become somebody else. */
	NEEDS_ROOT = 8,
	/* The machine's snd-dummy. */
	NEEDS_SOUND = 16,
	/* The nodes "memory" and "read-only": offsets, flush, fsync and mmap(2). */
	NEEDS_SLOTS = 32,
};

struct test {
	const char *name;
	unsigned needs;
	void (*run)(const struct test *t);
	long a, b;
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define CASES __attribute__((constructor)) static void register_cases(void)

void add(void (*run)(const struct test *), unsigned needs, const char *name);
void add_with(void (*run)(const struct test *), unsigned needs, long a, long b, const char *name, ...)
	__attribute__((format(printf, 5, 6)));

/* --- checks: each ends the case when it does not hold --- */

#define PLACE __FILE__, __LINE__
/* A call that must not fail. Gives its result. */
#define MUST(call) must((call), #call, PLACE)
/* A call that must give just this. */
#define GIVES(call, value) gives((call), (value), #call, PLACE)
/* A call that must fail with this errno. */
#define FAILS(call, number) fails((call), (number), #call, PLACE)
/* Two numbers that must be equal. */
#define SAME(got, expected) same((long long)(got), (long long)(expected), #got, PLACE)
#define TRUE(condition) truth((condition), #condition, PLACE)
/* Bytes that must be what FILL makes from this seed. */
#define PATTERN(bytes, count, first, seed) pattern_is((bytes), (count), (first), (seed), PLACE)
/* The case cannot be run here; ../unsupported.ts must say the same. */
#define SKIP(...) skip(__VA_ARGS__)

long must(long result, const char *what, const char *file, int line);
void gives(long result, long expected, const char *what, const char *file, int line);
void fails(long result, int number, const char *what, const char *file, int line);
void same(long long got, long long expected, const char *what, const char *file, int line);
void truth(bool condition, const char *what, const char *file, int line);
void pattern_is(const void *bytes, size_t count, size_t first, unsigned seed, const char *file, int line);
void skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
const char *errno_name(int number);

/* --- system calls on the device --- */

/* How calls are made. Results as libc's: -1 and errno. */
struct io {
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buffer, size_t count);
	ssize_t (*write)(int fd, const void *buffer, size_t count);
	ssize_t (*readv)(int fd, const struct iovec *areas, int count);
	ssize_t (*writev)(int fd, const struct iovec *areas, int count);
	ssize_t (*pread)(int fd, void *buffer, size_t count, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buffer, size_t count, off_t offset);
	int (*ioctl)(int fd, unsigned long request, uintptr_t argument);
	int (*poll)(struct pollfd *fds, nfds_t count, int ms);
	/* fcntl(F_SETFL). */
	int (*setfl)(int fd, int flags);
};

extern const struct io io_libc, io_raw, io_memory;
/* The one in use: libc's, or for x32 the raw calls, or the memory channel's. */
extern const struct io *io;
/* "cuse", "fuse", "fusd", "memory". */
extern const char *channel;
bool channel_is(const char *name);

/* --- the reference device --- */

/* A node's path: node("stream"). */
const char *node(const char *name);
/* Opens a node into this case's room. */
int dev_open(const char *name, int flags);
/* The stream, in this case's room; must succeed. */
int dev(int flags);
/* What the next open by this thread does. */
void rule(enum action action, unsigned value);
void set(enum knob knob, unsigned value);
void fill(unsigned count, unsigned seed);
void kick(enum kick_what what, unsigned value);
/* Waits until the daemon has counted so many. */
void await_count(enum counter counter, unsigned least);
struct stats stats(void);
unsigned counted(enum counter counter);
/* The file by which the room is told; not counted as one of the case's opens. */
int control(void);
/* What control() itself adds to OPENS, FILES. */
#define CONTROL_FILES 1

/* Puts a file into another room, of this case too: 0 is the one that dev() opens into. */
void join(int fd, unsigned number);

/* Errnos that a driver may answer with, for families. */
extern const int errnos[];
extern const size_t errno_count;

uint8_t pattern_at(size_t index, unsigned seed);

/* --- memory: all arguments of ioctls come from here, because an x32 caller's pointers have 32 bits --- */

#define NEW(type) ((type *)memory_new(sizeof(type)))
void *memory_new(size_t size);
/* `size` bytes that end where nothing is mapped. */
void *memory_guarded(size_t size);
/* Nothing is mapped there. */
void *memory_bad(void);
/* Pages that can only be read. */
void *memory_readonly(size_t size);

/* --- threads, processes, signals --- */

struct thread;
/* Runs it at once. */
struct thread *thread_start(void (*run)(void *), void *argument);
void thread_join(struct thread *thread);
/* Sends it a signal. */
void thread_signal(struct thread *thread, int number);
pid_t thread_id(struct thread *thread);
/* Waits until the thread sleeps in the kernel. */
void thread_sleeps(struct thread *thread);
void task_sleeps(pid_t pid, pid_t tid);

/* A handler that counts; flags as SA_RESTART. */
void on_signal(int number, int flags);
extern volatile int signals_seen;

/* One call in a thread of its own, to be looked at when it has ended. */
struct call {
	int fd;
	void *buffer;
	size_t count;
	unsigned long request;
	uintptr_t argument;
	long result;
	int error;
	volatile bool done;
	struct thread *thread;
};
struct call *start_read(int fd, size_t count);
struct call *start_write(int fd, size_t count, unsigned seed);
struct call *start_ioctl(int fd, unsigned long request, uintptr_t argument);
struct call *start_open(const char *name, int flags, enum action action, unsigned value);
struct call *start_poll(int fd, short events, int ms);
/* Waits for its end. Gives its result; errno is its. */
long finish(struct call *call);

void nap(int ms);
/* Monotonic milliseconds. */
long now_ms(void);
/* In lower case, for names. */
const char *errno_slug(int number);
/* poll() of one file: the revents. */
int ready(int fd, short events, int ms);
/* A child process that runs it and exits; a failed check in it fails the case. */
pid_t child_start(void (*run)(void *), void *argument);
/* Must end with status 0. */
void child_join(pid_t pid);

#endif
