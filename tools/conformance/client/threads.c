// SPDX-License-Identifier: MIT
/* Threads, children and signals of a case, and what they wait for. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"
#include "internal.h"

struct thread {
	pthread_t id;
	void (*run)(void *);
	void *argument;
	volatile pid_t tid;
};

volatile int signals_seen;

void nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void *run_thread(void *given)
{
	struct thread *thread = given;

	thread->tid = gettid();
	thread->run(thread->argument);
	return NULL;
}

struct thread *thread_start(void (*run)(void *), void *argument)
{
	struct thread *thread = memory_new(sizeof(*thread));
	int error;

	*thread = (struct thread){ .run = run, .argument = argument };
	error = pthread_create(&thread->id, NULL, run_thread, thread);
	if (error)
		fail(PLACE, "pthread_create: %s", errno_name(error));
	return thread;
}

void thread_join(struct thread *thread)
{
	pthread_join(thread->id, NULL);
}

void thread_signal(struct thread *thread, int number)
{
	pthread_kill(thread->id, number);
}

pid_t thread_id(struct thread *thread)
{
	while (!thread->tid)
		nap(1);
	return thread->tid;
}

static char state_of(pid_t pid, pid_t tid)
{
	char path[64], text[512], *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 'X';
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : '?';
}

void task_sleeps(pid_t pid, pid_t tid)
{
	char state;

	while ((state = state_of(pid, tid)) != 'S' && state != 'D')
		nap(1);
}

void thread_sleeps(struct thread *thread)
{
	task_sleeps(getpid(), thread_id(thread));
}

static void handler(int number)
{
	(void)number;
	__atomic_fetch_add(&signals_seen, 1, __ATOMIC_SEQ_CST);
}

void on_signal(int number, int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	MUST(sigaction(number, &action, NULL));
}

static void run_read(void *given)
{
	struct call *call = given;

	call->result = io->read(call->fd, call->buffer, call->count);
	call->error = errno;
	call->done = true;
}

static void run_write(void *given)
{
	struct call *call = given;

	call->result = io->write(call->fd, call->buffer, call->count);
	call->error = errno;
	call->done = true;
}

static void run_ioctl(void *given)
{
	struct call *call = given;

	call->result = io->ioctl(call->fd, call->request, call->argument);
	call->error = errno;
	call->done = true;
}

static void run_open(void *given)
{
	struct call *call = given;

	rule((enum action)call->request, (unsigned)call->argument);
	call->result = dev_open(call->buffer, (int)call->count);
	call->error = errno;
	call->done = true;
}

static void run_poll(void *given)
{
	struct call *call = given;
	struct pollfd *polled = call->buffer;

	call->result = io->poll(polled, 1, (int)call->count);
	call->error = errno;
	if (call->result == 1)
		call->result = (unsigned short)polled->revents;
	call->done = true;
}

static struct call *start(struct call given, void (*run)(void *))
{
	struct call *call = memory_new(sizeof(*call));

	*call = given;
	call->thread = thread_start(run, call);
	return call;
}

struct call *start_read(int fd, size_t count)
{
	return start((struct call){ .fd = fd, .buffer = memory_new(count), .count = count }, run_read);
}

struct call *start_write(int fd, size_t count, unsigned seed)
{
	uint8_t *bytes = memory_new(count);

	for (size_t i = 0; i < count; i++)
		bytes[i] = pattern_at(i, seed);
	return start((struct call){ .fd = fd, .buffer = bytes, .count = count }, run_write);
}

struct call *start_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	return start((struct call){ .fd = fd, .request = request, .argument = argument }, run_ioctl);
}

struct call *start_open(const char *name, int flags, enum action action, unsigned value)
{
	struct call given = { .buffer = (void *)name, .count = (size_t)flags, .request = action, .argument = value };

	return start(given, run_open);
}

/* The revents as its result; 0 when the time is over. */
struct call *start_poll(int fd, short events, int ms)
{
	struct pollfd *polled = NEW(struct pollfd);

	*polled = (struct pollfd){ .fd = fd, .events = events };
	return start((struct call){ .buffer = polled, .count = (size_t)ms }, run_poll);
}

long finish(struct call *call)
{
	thread_join(call->thread);
	errno = call->error;
	return call->result;
}

pid_t child_start(void (*run)(void *), void *argument)
{
	pid_t pid = (pid_t)MUST(fork());

	if (pid == 0) {
		run(argument);
		_exit(0);
	}
	return pid;
}

void child_join(pid_t pid)
{
	int status;

	GIVES(waitpid(pid, &status, 0), pid);
	/* What was wrong in the child stands on its standard error, which is ours. */
	SAME(status, 0);
}

static void first_line(const char *path, char *text, size_t room)
{
	FILE *file = fopen(path, "re");

	text[0] = 0;
	if (file && fgets(text, (int)room, file))
		text[strcspn(text, "\n")] = 0;
	if (file)
		fclose(file);
}

void report_task(pid_t pid, char *text, size_t room)
{
	char path[300], call[200], place[200];
	struct dirent *entry;
	size_t length = 0;
	DIR *tasks;

	text[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", pid, entry->d_name);
		first_line(path, call, sizeof(call));
		snprintf(path, sizeof(path), "/proc/%d/task/%s/wchan", pid, entry->d_name);
		first_line(path, place, sizeof(place));
		if (length + 500 < room)
			length += (size_t)snprintf(text + length, room - length, "thread %s: %c in %s, system call %s\n",
						   entry->d_name, state_of(pid, atoi(entry->d_name)), place, call);
	}
	if (tasks)
		closedir(tasks);
}
