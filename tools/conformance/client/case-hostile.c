// SPDX-License-Identifier: MIT
/* Clients that mean harm, or are broken: the daemon lives, and another client goes on undisturbed. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "harness.h"

enum { PAGE = 4096 };

/* Another client's work, beside the attack: everything as it should be. */
static void bystander(int fd, int rounds)
{
	struct pair *pair = NEW(struct pair);
	char *bytes = memory_new(4);

	for (int i = 0; i < rounds; i++) {
		GIVES(io->write(fd, "work", 4), 4);
		GIVES(io->read(fd, bytes, 4), 4);
		*pair = (struct pair){ 1, 2 };
		GIVES(io->ioctl(fd, S_PAIR, (uintptr_t)pair), 7);
		SAME(pair->a, 2);
	}
}

static int bystander_file(void)
{
	int fd = dev(O_RDWR);

	join(fd, 1);
	return fd;
}

/* What an ioctl whose memory changes may give. EIO is none of them: that would be our own mistake. */
static void acceptable(long result)
{
	if (result < 0 && errno != EFAULT && errno != EINVAL && errno != ENOMEM)
		fail(PLACE, "an ioctl whose argument changed failed with %s", errno_name(errno));
}

static volatile bool stop;

struct flicker {
	volatile uint32_t *word;
	uint32_t values[4];
};

static void flicker(void *given)
{
	struct flicker *f = given;

	for (unsigned i = 0; !stop; i++) {
		*f->word = f->values[i & 3];
		if ((i & 0xff) == 0)
			nap(0);
	}
}

static void changing(struct flicker f, unsigned long request, void *argument, int rounds)
{
	int fd = dev(O_RDWR), other = bystander_file();
	struct thread *thread = thread_start(flicker, &f);

	for (int i = 0; i < rounds; i++)
		acceptable(io->ioctl(fd, request, (uintptr_t)argument));
	stop = true;
	thread_join(thread);
	bystander(other, 5);
}

/* The length of a block changes between the rounds in which it is copied. */
static void changing_length(const struct test *t)
{
	static const unsigned long requests[] = { S_BLOCK_IN, S_BLOCK_OUT, S_BLOCK_INOUT };
	struct block *block = NEW(struct block);
	struct flicker f = { &block->len, { 16, 8192, (uint32_t)t->b, 0 } };

	block->data = PTR(memory_new(65536));
	changing(f, requests[t->a], block, 300);
}

static void changing_pointer(const struct test *t)
{
	struct block *block = NEW(struct block);
	uint32_t good = (uint32_t)PTR(memory_new(4096));
	struct flicker f = { (volatile uint32_t *)&block->data, { good, 0, good, 8 } };

	(void)t;
	*block = (struct block){ .len = 64, .data = PTR(memory_new(4096)) };
	changing(f, S_BLOCK_INOUT, block, 300);
}

static void changing_count(const struct test *t)
{
	struct segment *segments = memory_new(sizeof(*segments) * 64);
	struct transfer *transfer = NEW(struct transfer);
	struct flicker f = { &transfer->count, { 1, 64, 0, 0xffffffff } };

	(void)t;
	for (int i = 0; i < 64; i++)
		segments[i] = (struct segment){ 1, (uint16_t)(i & 1), 32, PTR(memory_new(32)) };
	transfer->segments = PTR(segments);
	changing(f, S_TRANSFER, transfer, 300);
}

/* The direction is in the argument, too. */
static void changing_direction(const struct test *t)
{
	struct segment *segments = memory_new(sizeof(*segments) * 4);
	struct transfer *transfer = NEW(struct transfer);
	struct flicker f = { (volatile uint32_t *)segments, { 0, SEGMENT_READ << 16, 5, SEGMENT_READ << 16 | 5 } };

	(void)t;
	for (int i = 0; i < 4; i++)
		segments[i] = (struct segment){ 1, 0, 32, PTR(memory_new(32)) };
	*transfer = (struct transfer){ PTR(segments), 4 };
	changing(f, S_TRANSFER, transfer, 300);
}

static void changing_tree(const struct test *t)
{
	struct leaf *leaves = memory_new(sizeof(*leaves) * 2);
	struct branch *branches = memory_new(sizeof(*branches) * 2);
	struct tree *tree = NEW(struct tree);
	struct flicker f = { (volatile uint32_t *)&branches[0].leaf, { 0 } };

	(void)t;
	for (int i = 0; i < 2; i++) {
		leaves[i] = (struct leaf){ 16, PTR(memory_new(64)) };
		branches[i] = (struct branch){ PTR(&leaves[i]), 1 };
	}
	*tree = (struct tree){ 0, PTR(&branches[0]), PTR(&branches[1]) };
	f.values[0] = (uint32_t)PTR(&leaves[0]);
	f.values[1] = (uint32_t)PTR(&leaves[1]);
	f.values[2] = (uint32_t)PTR(tree);
	changing(f, S_TREE, tree, 200);
}

struct mapping {
	char *pages;
	size_t size;
};

static void unmap(void *given)
{
	struct mapping *m = given;

	while (!stop) {
		mprotect(m->pages, m->size, PROT_NONE);
		mprotect(m->pages, m->size, PROT_READ | PROT_WRITE);
		nap(0);
	}
}

/* The memory itself comes and goes. */
static void vanishing_memory(const struct test *t)
{
	struct block *block = NEW(struct block);
	struct mapping m = { memory_guarded(16 * PAGE), 16 * PAGE };
	int fd = dev(O_RDWR | O_NONBLOCK), other = bystander_file();
	struct thread *thread;

	set(CAPACITY, 1 << 20);
	*block = (struct block){ .len = 16 * PAGE, .data = PTR(m.pages) };
	thread = thread_start(unmap, &m);
	for (int i = 0; i < 200; i++) {
		long result;

		if (t->a == 0)
			result = io->ioctl(fd, S_BLOCK_INOUT, (uintptr_t)block);
		else if (t->a == 1)
			result = io->write(fd, m.pages, m.size);
		else
			result = io->read(fd, m.pages, m.size);
		if (result < 0 && errno != EFAULT && errno != EAGAIN)
			fail(PLACE, "memory that comes and goes: %s", errno_name(errno));
	}
	stop = true;
	thread_join(thread);
	bystander(other, 5);
}

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

/* Lengths that no driver allows are refused before any memory is asked for. */
static void huge_length(const struct test *t)
{
	static const unsigned long requests[] = { S_BLOCK_IN, S_BLOCK_OUT, S_BLOCK_INOUT };
	int fd = dev(O_RDWR);
	struct block *block = NEW(struct block);

	for (size_t i = 0; i < COUNT(requests); i++) {
		*block = (struct block){ .len = (uint32_t)t->a, .data = PTR(memory_new(64)) };
		FAILS(io->ioctl(fd, requests[i], (uintptr_t)block), EINVAL);
	}
}

static void write_of_a_vanished_file(const struct test *t)
{
	char path[] = "/tmp/devlift-conformance-XXXXXX";
	int file = (int)MUST(mkstemp(path)), fd = dev(O_WRONLY);
	char *pages;

	(void)t;
	unlink(path);
	MUST(ftruncate(file, 2 * PAGE));
	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	TRUE(pages != MAP_FAILED);
	MUST(ftruncate(file, PAGE));
	/* The second page is a SIGBUS for us, and EFAULT for the kernel. */
	GIVES(io->write(fd, pages, 2 * PAGE), PAGE);
	FAILS(io->write(fd, pages + PAGE, PAGE), EFAULT);
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
	static const char *const directions[] = { "in", "out", "inout" };
	static const char *const operations[] = { "ioctl", "read", "write", "poll", "open" };
	static const char *const memories[] = { "ioctl", "write", "read" };

	for (long i = 0; i < 3; i++) {
		add_with(changing_length, NEEDS_UNRESTRICTED, i, 60000, "hostile/changing/length-%s", directions[i]);
		add_with(changing_length, NEEDS_UNRESTRICTED, i, (long)0xffffffff, "hostile/changing/length-%s-to-4g", directions[i]);
		add_with(vanishing_memory, i == 0 ? NEEDS_UNRESTRICTED : NEEDS_NOTHING, i, 0, "hostile/vanishing-memory/%s",
			 memories[i]);
	}
	add(changing_pointer, NEEDS_UNRESTRICTED, "hostile/changing/pointer");
	add(changing_count, NEEDS_UNRESTRICTED, "hostile/changing/count");
	add(changing_direction, NEEDS_UNRESTRICTED, "hostile/changing/direction");
	add(changing_tree, NEEDS_UNRESTRICTED, "hostile/changing/tree");
	for (long i = 0; i < 5; i++)
		add_with(killed_in_the_middle, NEEDS_DESCRIPTOR | (i == 0 ? NEEDS_UNRESTRICTED : 0), i, 0,
			 "hostile/killed-in-the-middle/%s", operations[i]);
	add(exits_while_blocked, NEEDS_DESCRIPTOR, "hostile/exits-while-blocked");
	add_with(many_signals, NEEDS_DESCRIPTOR, 1000, 0, "hostile/signals/1000");
	add_with(many_signals, NEEDS_DESCRIPTOR, 100000, 0, "hostile/signals/100000");
	add_with(hoard_of_files, NEEDS_DESCRIPTOR, 100, 0, "hostile/hoard-of-files/100");
	add_with(hoard_of_files, NEEDS_DESCRIPTOR, 1000, 0, "hostile/hoard-of-files/1000");
	add_with(huge_length, NEEDS_UNRESTRICTED, MAX_BLOCK + 1, 0, "hostile/length/over-the-limit");
	add_with(huge_length, NEEDS_UNRESTRICTED, 0x7fffffff, 0, "hostile/length/2g");
	add_with(huge_length, NEEDS_UNRESTRICTED, (long)0x80000000, 0, "hostile/length/sign-bit");
	add_with(huge_length, NEEDS_UNRESTRICTED, (long)0xffffffff, 0, "hostile/length/4g");
	add(write_of_a_vanished_file, NEEDS_NOTHING, "hostile/write-of-a-truncated-mapping");
	add_with(all_at_once, NEEDS_NOTHING, 2, 0, "hostile/all-at-once/2");
	add_with(all_at_once, NEEDS_NOTHING, 16, 0, "hostile/all-at-once/16");
	add_with(every_number, NEEDS_NOTHING, _IOC_NONE, 0, "hostile/every-number/none");
	add_with(every_number, NEEDS_NOTHING, _IOC_READ, 4, "hostile/every-number/read-4");
	add_with(every_number, NEEDS_NOTHING, _IOC_WRITE, 4096, "hostile/every-number/write-4096");
	add_with(every_number, NEEDS_NOTHING, _IOC_READ | _IOC_WRITE, 16383, "hostile/every-number/both-16383");
}
