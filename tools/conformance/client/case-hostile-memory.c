// SPDX-License-Identifier: MIT
/* Memory that changes, vanishes or is too large while an ioctl, a read or a write looks at it. */
#include <stdlib.h>
#include <sys/mman.h>
#include "harness.h"
#include "hostile.h"

enum { PAGE = 4096 };

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
	changing(f, requests[t->a], block, 100);
}

static void changing_pointer(const struct test *t)
{
	struct block *block = NEW(struct block);
	uint32_t good = (uint32_t)PTR(memory_new(4096));
	struct flicker f = { (volatile uint32_t *)&block->data, { good, 0, good, 8 } };

	(void)t;
	*block = (struct block){ .len = 64, .data = PTR(memory_new(4096)) };
	changing(f, S_BLOCK_INOUT, block, 100);
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
	changing(f, S_TRANSFER, transfer, 100);
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
	changing(f, S_TRANSFER, transfer, 100);
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
	changing(f, S_TREE, tree, 80);
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
	for (int i = 0; i < 100; i++) {
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

CASES
{
	static const char *const directions[] = { "in", "out", "inout" };
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
	add_with(huge_length, NEEDS_UNRESTRICTED, MAX_BLOCK + 1, 0, "hostile/length/over-the-limit");
	add_with(huge_length, NEEDS_UNRESTRICTED, 0x7fffffff, 0, "hostile/length/2g");
	add_with(huge_length, NEEDS_UNRESTRICTED, (long)0x80000000, 0, "hostile/length/sign-bit");
	add_with(huge_length, NEEDS_UNRESTRICTED, (long)0xffffffff, 0, "hostile/length/4g");
	add(write_of_a_vanished_file, NEEDS_NOTHING, "hostile/write-of-a-truncated-mapping");
}
