// SPDX-License-Identifier: MIT
/* Clients that mean harm, or are broken: the daemon lives, and another client goes on undisturbed. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "harness.h"
#include "hostile.h"

struct attack {
	int fd, operation;
};

static void attack_for_ever(void *given)
{
	struct attack *a = given;
	struct block *block = NEW(struct block);
	char *bytes = memory_new(65536);

	for (;;) {
		*block = (struct block){ .len = 60000, .data = PTR(bytes) };
		switch (a->operation) {
		case 0:
			io->ioctl(a->fd, S_BLOCK_INOUT, (uintptr_t)block);
			break;
		case 1:
			io->read(a->fd, bytes, 1);
			break;
		case 2:
			io->write(a->fd, bytes, 65536);
			break;
		case 3:
			ready(a->fd, POLLIN | POLLOUT, 1);
			break;
		default:
			io->close(dev(O_RDWR));
		}
	}
}

/* Programs that are killed in the middle of whatever they do, again and again. */
static void killed_in_the_middle(const struct test *t)
{
	int other = bystander_file();

	control();
	for (int i = 0; i < 20; i++) {
		struct attack a = { dev(O_RDWR), (int)t->a };
		pid_t pid = child_start(attack_for_ever, &a);

		MUST(io->close(a.fd));
		nap(1 + i % 7);
		MUST(kill(pid, SIGKILL));
		GIVES(waitpid(pid, NULL, 0), pid);
	}
	bystander(other, 5);
	/* Nothing is left of them but the two files here. */
	MUST(io->close(other));
	while (counted(FILES) != CONTROL_FILES)
		nap(5);
	SAME(counted(OPENS) - 1, counted(RELEASES));
}

static void blocked_in_thread(void *given)
{
	io->read(*(int *)given, memory_new(1), 1);
}

static void exits(void *given)
{
	int fd = dev(O_RDWR);

	for (int i = 0; i < 8; i++)
		thread_start(blocked_in_thread, &fd);
	await_count(BLOCKED, 8);
	(void)given;
	_exit(0);
}

/* exit_group() while eight threads wait. */
static void exits_while_blocked(const struct test *t)
{
	(void)t;
	control();
	child_join(child_start(exits, NULL));
	await_count(RELEASES, 1);
	SAME(counted(FILES), CONTROL_FILES);
}

static void read_on_and_on(void *given)
{
	char *byte = memory_new(1);

	on_signal(SIGUSR1, 0);
	for (;;) {
		long got = io->read(*(int *)given, byte, 1);

		if (got == 1)
			_exit(0);
		FAILS(got, EINTR);
	}
}

/* A flood of signals for a blocked reader: it is freed each time, and nobody else notices. */
static void many_signals(const struct test *t)
{
	int fd = dev(O_RDWR), other = bystander_file(), done = 0;
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	pid = child_start(read_on_and_on, &fd);
	await_count(BLOCKED, 1);
	for (long i = 0; i < t->a; i++) {
		MUST(kill(pid, SIGUSR1));
		if (i % (t->a / 20) == 0) {
			bystander(other, 1);
			done++;
		}
	}
	SAME(done, 20);
	fill(1, 0);
	child_join(pid);
}

/* Opens until there are no more descriptors; the others open and work. */
static void hoards(void *given)
{
	struct rlimit limit = { 4096, 4096 };
	int opened = 0;

	control();
	setrlimit(RLIMIT_NOFILE, &limit);
	while (opened < (int)(intptr_t)given && dev_open("stream", O_RDWR) >= 0)
		opened++;
	MUST(write(STDOUT_FILENO, "", 0));
	bystander(bystander_file(), 5);
}

static void hoard_of_files(const struct test *t)
{
	int other = bystander_file();
	pid_t pid = child_start(hoards, (void *)t->a);

	bystander(other, 50);
	child_join(pid);
	bystander(other, 5);
	/* They are given back with the process. */
	while (counted(FILES) > CONTROL_FILES + 1)
		nap(5);
	MUST(io->close(dev(O_RDWR)));
}

static void hammer(void *given)
{
	int fd = *(int *)given;
	char *bytes = memory_new(256);

	for (int i = 0; i < 50; i++) {
		io->write(fd, bytes, 200);
		io->ioctl(fd, S_NONE, 0);
		io->read(fd, bytes, 256);
		ready(fd, POLLIN, 0);
		dev_open("absent", O_RDWR);
	}
}

/* All at once on one file, of whatever sort. */
static void all_at_once(const struct test *t)
{
	int fd = dev(O_RDWR | O_NONBLOCK), other = bystander_file();
	struct thread *threads[16];

	control();
	for (long i = 0; i < t->a; i++)
		threads[i] = thread_start(hammer, &fd);
	bystander(other, 20);
	for (long i = 0; i < t->a; i++)
		thread_join(threads[i]);
}

static void every_number(const struct test *t)
{
	int fd = dev(O_RDWR);
	char *bytes = memory_new(65536);

	/* Our own letter's commands change the device; none of these has it. */
	for (unsigned nr = 0; nr < 256; nr++) {
		unsigned long request = _IOC((unsigned)t->a, 'Z', nr, (unsigned)t->b);

		FAILS(io->ioctl(fd, request, (uintptr_t)bytes), ENOTTY);
	}
}

CASES
{
	static const char *const operations[] = { "ioctl", "read", "write", "poll", "open" };

	for (long i = 0; i < 5; i++)
		add_with(killed_in_the_middle, NEEDS_DESCRIPTOR | (i == 0 ? NEEDS_UNRESTRICTED : 0), i, 0,
			 "hostile/killed-in-the-middle/%s", operations[i]);
	add(exits_while_blocked, NEEDS_DESCRIPTOR, "hostile/exits-while-blocked");
	add_with(many_signals, NEEDS_DESCRIPTOR, 1000, 0, "hostile/signals/1000");
	add_with(many_signals, NEEDS_DESCRIPTOR, 100000, 0, "hostile/signals/100000");
	add_with(hoard_of_files, NEEDS_DESCRIPTOR, 100, 0, "hostile/hoard-of-files/100");
	add_with(hoard_of_files, NEEDS_DESCRIPTOR, 400, 0, "hostile/hoard-of-files/400");
	add_with(all_at_once, NEEDS_NOTHING, 2, 0, "hostile/all-at-once/2");
	add_with(all_at_once, NEEDS_NOTHING, 16, 0, "hostile/all-at-once/16");
	add_with(every_number, NEEDS_NOTHING, _IOC_NONE, 0, "hostile/every-number/none");
	add_with(every_number, NEEDS_NOTHING, _IOC_READ, 4, "hostile/every-number/read-4");
	add_with(every_number, NEEDS_NOTHING, _IOC_WRITE, 4096, "hostile/every-number/write-4096");
	add_with(every_number, NEEDS_NOTHING, _IOC_READ | _IOC_WRITE, 16383, "hostile/every-number/both-16383");
}
