// SPDX-License-Identifier: MIT
/*
 * Makes calls on a device file and prints how long they took, as one line of JSON in nanoseconds:
 *   {"p50":N,"p99":N,"each":N}      each: the whole time divided by the calls, for several clients at once
 *
 *   client read|write|flat|nested|ready PATH --size BYTES --count N [--gap US] [--clients N]
 *   client poll PATH --count N [--gap US]        from a write to the return of another thread's poll()
 *   client wake PATH --clients N [--gap US]      from a write to the last of N blocked reads, in `each`
 *   client pipe - --size BYTES --count N [--gap US] [--server-cpu N]      to another process and back
 *
 * --cpu N pins it, --warm N sets how many calls go before those that count. Every result is looked at: a wrong one
 * ends the program with status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../protocol.h"

static struct {
	const char *op;
	const char *path;
	long size, count, warm, gap, clients, cpu, server_cpu;
} options = { .size = 1, .count = 1000, .warm = 100, .clients = 1, .cpu = -1, .server_cpu = -1 };

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
	int err = errno;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "client %s: ", options.op ? options.op : "");
	vfprintf(stderr, format, args);
	fprintf(stderr, " (%s)\n", strerror(err));
	va_end(args);
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void rest(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	if (us > 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static void pin(long cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot be pinned to CPU %ld", cpu);
}

static int open_device(void)
{
	int fd = open(options.path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s cannot be opened", options.path);
	return fd;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(int64_t *times, long count, double each)
{
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("{\"p50\":%lld,\"p99\":%lld,\"each\":%.1f}\n", (long long)times[count / 2],
	       (long long)times[count * 99 / 100], each);
}

static int64_t *times_for(long count)
{
	int64_t *times = calloc((size_t)count, sizeof(*times));

	if (!times)
		die("no memory");
	return times;
}

/* One client: a descriptor, its memory, and what is called on it. */
struct caller {
	int fd, back; /* back: where a pipe's answer comes from */
	uint8_t *bytes;
	struct bench_flat flat;
	int64_t *times;
	pthread_t thread;
	void (*call)(struct caller *c);
};

static void call_read(struct caller *c)
{
	if (read(c->fd, c->bytes, (size_t)options.size) != options.size)
		die("read gave something else than %ld bytes", options.size);
}

static void call_write(struct caller *c)
{
	if (write(c->fd, c->bytes, (size_t)options.size) != options.size)
		die("write took something else than %ld bytes", options.size);
}

static void call_flat(struct caller *c)
{
	uint32_t before = c->flat.words[0];

	if (ioctl(c->fd, BENCH_FLAT, &c->flat) || c->flat.words[0] != before + 1)
		die("BENCH_FLAT did not count");
}

static void call_nested(struct caller *c)
{
	uint8_t where = 7;
	struct i2c_msg messages[2] = {
		{ .addr = 0x50, .len = 1, .buf = &where },
		{ .addr = 0x50, .flags = I2C_M_RD, .len = BENCH_I2C_BYTES, .buf = c->bytes },
	};
	struct i2c_rdwr_ioctl_data argument = { messages, 2 };

	c->bytes[BENCH_I2C_BYTES - 1] = 0;
	if (ioctl(c->fd, I2C_RDWR, &argument) != 2 || c->bytes[BENCH_I2C_BYTES - 1] != 0x50)
		die("I2C_RDWR gave something else");
}

/* poll(2) of a device that can be written to. */
static void call_ready(struct caller *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };

	if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
		die("poll gave something else than POLLOUT");
}

static void call_pipe(struct caller *c)
{
	if (write(c->fd, c->bytes, (size_t)options.size) != options.size)
		die("the pipe broke");
	for (long back = 0; back < options.size;) {
		ssize_t n = read(c->back, c->bytes, (size_t)(options.size - back));

		if (n <= 0)
			die("the pipe broke");
		back += n;
	}
}

static void *run_caller(void *data)
{
	struct caller *c = data;
	int64_t start, end;

	for (long i = 0; i < options.warm; i++)
		c->call(c);
	if (options.gap == 0) {
		start = now();
		for (long i = 0; i < options.count; i++, start = end) {
			c->call(c);
			end = now();
			c->times[i] = end - start;
		}
		return NULL;
	}
	for (long i = 0; i < options.count; i++) {
		rest(options.gap);
		start = now();
		c->call(c);
		c->times[i] = now() - start;
	}
	return NULL;
}

static void run_callers(struct caller *callers, long count)
{
	int64_t start, *all = times_for(count * options.count);

	for (long i = 0; i < count; i++) {
		callers[i].times = all + i * options.count;
		callers[i].bytes = calloc(1, BENCH_LARGEST);
		if (!callers[i].bytes)
			die("no memory");
	}
	start = now();
	for (long i = 1; i < count; i++)
		if (pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]))
			die("no thread");
	run_caller(&callers[0]);
	for (long i = 1; i < count; i++)
		pthread_join(callers[i].thread, NULL);
	report(all, count * options.count,
	       (double)(now() - start) / (double)(count * (options.count + options.warm)));
}

static void measure_calls(void (*call)(struct caller *c))
{
	struct caller *callers = calloc((size_t)options.clients, sizeof(*callers));

	if (!callers)
		die("no memory");
	for (long i = 0; i < options.clients; i++) {
		callers[i].fd = open_device();
		callers[i].call = call;
	}
	run_callers(callers, options.clients);
}

static void measure_pipe(void)
{
	struct caller caller = { .call = call_pipe };
	int to[2], from[2];
	ssize_t n;
	pid_t child;

	if (pipe(to) || pipe(from) || fcntl(to[1], F_SETPIPE_SZ, 2 * BENCH_MAX) < 0 ||
	    fcntl(from[1], F_SETPIPE_SZ, 2 * BENCH_MAX) < 0)
		die("no pipe");
	child = fork();
	if (child < 0)
		die("no process");
	if (child == 0) {
		uint8_t *bytes = calloc(1, BENCH_MAX);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		pin(options.server_cpu);
		while (bytes && (n = read(to[0], bytes, BENCH_MAX)) > 0)
			if (write(from[1], bytes, (size_t)n) != n)
				break;
		_exit(0);
	}
	caller.fd = to[1];
	caller.back = from[0];
	run_callers(&caller, 1);
	close(to[1]);
	waitpid(child, NULL, 0);
}

/* For poll and wake: threads that wait in the device, and the moment in which they were woken. */
static atomic_long waiting;
static _Atomic int64_t woken_at;
static sem_t all_woken;

static void one_woken(void)
{
	atomic_store(&woken_at, now());
	if (atomic_fetch_sub(&waiting, 1) == 1)
		sem_post(&all_woken);
}

struct waiter {
	int fd;
	sem_t go;
	pthread_t thread;
};

static void *poller(void *data)
{
	struct waiter *w = data;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	char byte;

	for (;;) {
		while (sem_wait(&w->go))
			;
		if (poll(&p, 1, -1) != 1 || !(p.revents & POLLIN))
			die("poll gave something else than POLLIN");
		one_woken();
		if (read(p.fd, &byte, 1) != 1)
			die("read gave nothing after POLLIN");
		sem_post(&all_woken);
	}
	return NULL;
}

static void *reader(void *data)
{
	struct waiter *w = data;
	char byte;

	for (;;) {
		while (sem_wait(&w->go))
			;
		if (read(w->fd, &byte, 1) != 1)
			die("a blocked read gave nothing");
		one_woken();
	}
	return NULL;
}

static int64_t turn_page(int fd)
{
	int64_t start = now();

	if (write(fd, "x", 1) != 1)
		die("write took nothing");
	return start;
}

/* @count threads wait, a write wakes them all; the time until the last one runs, divided by @count. */
static void measure_waking(void *(*wait)(void *), long count, int ends)
{
	struct waiter *waiters = calloc((size_t)count, sizeof(*waiters));
	int64_t *times = times_for(options.count);
	int fd = open_device();
	pthread_attr_t attributes;
	double sum = 0;

	if (!waiters)
		die("no memory");
	sem_init(&all_woken, 0, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (long i = 0; i < count; i++) {
		waiters[i].fd = open_device();
		sem_init(&waiters[i].go, 0, 0);
		if (pthread_create(&waiters[i].thread, &attributes, wait, &waiters[i]))
			die("no thread");
	}
	for (long i = -options.warm; i < options.count; i++) {
		int64_t start;

		atomic_store(&waiting, count);
		for (long j = 0; j < count; j++)
			sem_post(&waiters[j].go);
		rest(options.gap); /* until all of them wait in the kernel */
		start = turn_page(fd);
		for (int j = 0; j < ends; j++)
			while (sem_wait(&all_woken))
				;
		if (i >= 0)
			sum += (double)(times[i] = (atomic_load(&woken_at) - start) / count);
	}
	report(times, options.count, sum / (double)options.count);
}

static const struct {
	const char *name;
	long *value;
} numbers[] = {
	{ "--size", &options.size },	   { "--count", &options.count }, { "--warm", &options.warm },
	{ "--gap", &options.gap },	   { "--cpu", &options.cpu },	  { "--clients", &options.clients },
	{ "--server-cpu", &options.server_cpu },
};

static void parse(int argc, char **argv)
{
	if (argc < 3 || argc % 2 == 0)
		die("usage: client OP PATH [--OPTION NUMBER]...");
	options.op = argv[1];
	options.path = argv[2];
	for (int i = 3; i < argc; i += 2) {
		size_t j;

		for (j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			if (!strcmp(argv[i], numbers[j].name))
				break;
		if (j == sizeof(numbers) / sizeof(numbers[0]))
			die("there is no option %s", argv[i]);
		*numbers[j].value = strtol(argv[i + 1], NULL, 10);
	}
	if (options.size < 1 || options.size > BENCH_LARGEST || options.count < 1 || options.clients < 1)
		die("a number is out of range");
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	pin(options.cpu);
	prctl(PR_SET_TIMERSLACK, 1);
	if (!strcmp(options.op, "read"))
		measure_calls(call_read);
	else if (!strcmp(options.op, "write"))
		measure_calls(call_write);
	else if (!strcmp(options.op, "flat"))
		measure_calls(call_flat);
	else if (!strcmp(options.op, "nested"))
		measure_calls(call_nested);
	else if (!strcmp(options.op, "ready"))
		measure_calls(call_ready);
	else if (!strcmp(options.op, "pipe"))
		measure_pipe();
	else if (!strcmp(options.op, "poll"))
		measure_waking(poller, 1, 2);
	else if (!strcmp(options.op, "wake"))
		measure_waking(reader, options.clients, 1);
	else
		die("there is no such operation");
	fflush(stdout);
	_exit(0); /* threads wait in the device: nobody joins them */
}
