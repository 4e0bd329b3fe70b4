// SPDX-License-Identifier: MIT
/*
 * ioctl(2) of callers whose memory changes under the call. CUSE copies an argument anew in each round (fs/fuse/ioctl.c),
 * so lengths and pointers can differ between two of them. Then a call is a consistent success or fails with EFAULT,
 * EINVAL or ENOMEM; it never hangs, and never touches what no length and no pointer named.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "ioctl-arguments.h"

enum { PAGE = 4096, RACES = 100, BREATH = 20 /* microseconds */ };

struct racer {
	volatile uint32_t *word;
	const uint32_t *choices;
	size_t count;
	volatile bool stop;
	volatile unsigned turns;
};

static void race(void *given)
{
	struct racer *r = given;

	while (!r->stop) {
		*r->word = r->choices[r->turns++ % r->count];
		/*
		 * Eight of these run beside one daemon: a processor that only races is one that it does not get. It rests
		 * on each of the choices in turn, whose counts are all prime to 17.
		 */
		if (r->turns % 17 == 0)
			usleep(BREATH);
	}
}

static struct thread *start_racer(struct racer *r)
{
	struct thread *thread = thread_start(race, r);

	while (r->turns == 0)
		nap(1);
	return thread;
}

static void stop_racer(struct racer *r, struct thread *thread)
{
	r->stop = true;
	thread_join(thread);
}

/* Gives the result, or -1 for an error that a caller can bring upon itself. */
static long race_result(long result)
{
	if (result < 0 && errno != EFAULT && errno != EINVAL && errno != ENOMEM)
		fail(PLACE, "a race gave %s", errno_name(errno));
	return result;
}

/* Lengths below a limit of 256 that differ in parity and page, and what no schema takes. */
static const uint32_t lengths[] = { 0, 1, 200, 256, 255, 3, MAX_BLOCK, 64, 0xffffffff, 100 };

static bool is_sum_of_some(const void *data, uint32_t sum)
{
	for (size_t i = 0; i < COUNT(lengths); i++)
		if (lengths[i] <= 256 && (uint32_t)sum_of(data, lengths[i]) == sum)
			return true;
	return false;
}

/* The data ends after 256 bytes, where nothing is mapped. */
static void racing_length(const struct test *t)
{
	uint8_t *data = patterned(memory_guarded(512), 512);
	struct block *b = NEW(struct block);
	struct racer racer = { .word = &b->len, .choices = lengths, .count = COUNT(lengths) };
	struct thread *thread;
	int fd = dev(O_RDWR);

	*b = (struct block){ 1, 0, PTR(data + 256) };
	thread = start_racer(&racer);
	for (int i = 0; i < RACES; i++) {
		if (race_result(IOCTL(fd, (unsigned long)t->a, b)) < 0)
			continue;
		if (t->a == (long)S_BLOCK_IN)
			TRUE(is_sum_of_some(data + 256, b->result));
	}
	stop_racer(&racer, thread);
	TRUE(is_untouched(data, 256));
	if (t->a == (long)S_BLOCK_IN)
		TRUE(is_untouched(data, 512));
	b->len = 16;
	MUST(IOCTL(fd, (unsigned long)t->a, b));
}

/* In an argument of three and four levels the round is told by its sizes: no length must make one look like another. */
static void racing_array(const struct test *t)
{
	static const uint32_t counts[] = { 0, 1, 2, 3, 40, 41, 1024, 1025, 300, 5 };
	struct segment *all = memory_guarded(64 * sizeof(*all));
	struct transfer *x = NEW(struct transfer);
	uint8_t *data = patterned(memory_new(PAGE), PAGE);
	struct racer racer = { .word = &x->count, .choices = counts, .count = COUNT(counts) };
	struct thread *thread;
	int fd = dev(O_RDWR);

	for (int i = 0; i < 64; i++)
		all[i] = (struct segment){ 1, t->a ? SEGMENT_READ : 0, (uint16_t)(i + 1), PTR(data + 256) };
	*x = (struct transfer){ PTR(all), 1 };
	thread = start_racer(&racer);
	for (int i = 0; i < RACES; i++) {
		long result = race_result(IOCTL(fd, S_TRANSFER, x));

		/* Reads give the sum of the addresses: the number of segments. */
		if (result >= 0 && t->a)
			TRUE(result < 4 || result == 5 || result == 40 || result == 41);
	}
	stop_racer(&racer, thread);
	TRUE(is_untouched(data, 256));
	for (size_t i = 256 + 64; i < PAGE; i++)
		SAME(data[i], pattern_at(i, SEED));
	x->count = 3;
	MUST(IOCTL(fd, S_TRANSFER, x));
}

/* A segment's length and direction share a word. */
static void racing_segment(const struct test *t)
{
	static const uint32_t words[] = {
		SEGMENT_READ | 16 << 16, 16 << 16, 0, SEGMENT_READ, SEGMENT_READ | 8192u << 16, 0xffffffff, 32 << 16,
	};
	struct segment *all = memory_new(3 * sizeof(*all));
	struct transfer *x = NEW(struct transfer);
	uint8_t *data = patterned(memory_guarded(512), 512);
	struct racer racer = { .choices = words, .count = COUNT(words) };
	struct thread *thread;
	int fd = dev(O_RDWR);

	(void)t;
	for (int i = 0; i < 3; i++)
		all[i] = (struct segment){ 1, 0, 16, PTR(data + 256) };
	/* `flags` and `len` lie at 2 and 4; the word is one that x86 writes misaligned, as a client may. */
	racer.word = (volatile uint32_t *)((char *)&all[1] + offsetof(struct segment, flags));
	*x = (struct transfer){ PTR(all), 3 };
	thread = start_racer(&racer);
	for (int i = 0; i < RACES; i++)
		race_result(IOCTL(fd, S_TRANSFER, x));
	stop_racer(&racer, thread);
	TRUE(is_untouched(data, 256));
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

struct whole_tree {
	struct tree root;
	struct branch branch;
	struct leaf leaf;
	uint8_t data[512];
};

static void racing_leaf(const struct test *t)
{
	static const uint32_t leaf_lengths[] = { 0, 1, 2, 3, 4, 63, 64, 65, 0xffffffff, 32, 33 };
	struct whole_tree *w = NEW(struct whole_tree);
	struct racer racer = { .word = &w->leaf.len, .choices = leaf_lengths, .count = COUNT(leaf_lengths) };
	struct thread *thread;
	int fd = dev(O_RDWR);

	(void)t;
	w->root = (struct tree){ 0, PTR(&w->branch), PTR(&w->branch) };
	w->branch = (struct branch){ PTR(&w->leaf), 5 };
	w->leaf = (struct leaf){ 1, PTR(w->data + 256) };
	patterned(w->data, sizeof(w->data));
	thread = start_racer(&racer);
	for (int i = 0; i < RACES; i++)
		race_result(IOCTL(fd, S_TREE, w));
	stop_racer(&racer, thread);
	TRUE(is_untouched(w->data, 256));
	for (size_t i = 256 + 64; i < 512; i++)
		SAME(w->data[i], pattern_at(i, SEED));
	SAME(w->leaf.data, PTR(w->data + 256));
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

/* Memory whose addresses have one high half. */
static void *below_one_border(size_t size)
{
	char *memory;

	do
		memory = memory_new(size);
	while ((uint64_t)(uintptr_t)memory >> 32 != (uint64_t)((uintptr_t)memory + size) >> 32);
	return memory;
}

/* One of two buffers, or none: each is wholly written, or not at all. */
static void racing_pointer(const struct test *t)
{
	uint8_t *pages = below_one_border(1 << 20), *one = patterned(pages, PAGE), *two = patterned(pages + 2 * PAGE, PAGE);
	struct block *b = NEW(struct block);
	uint32_t choices[3];
	struct racer racer = { .word = (volatile uint32_t *)&b->data, .choices = choices, .count = COUNT(choices) };
	struct thread *thread;
	int fd = dev(O_RDWR);

	/* The low half of a pointer changes; all are in one mapping, and the high half is the same. */
	MUST(mprotect(pages + 4 * PAGE, PAGE, PROT_NONE));
	choices[0] = (uint32_t)(uintptr_t)one;
	choices[1] = (uint32_t)(uintptr_t)two;
	choices[2] = (uint32_t)(uintptr_t)(pages + 4 * PAGE);
	*b = (struct block){ PAGE, 0, PTR(one) };
	thread = start_racer(&racer);
	for (int i = 0; i < RACES; i++)
		race_result(IOCTL(fd, (unsigned long)t->a, b));
	stop_racer(&racer, thread);
	TRUE(is_untouched(one, PAGE) || is_flipped(one, PAGE));
	TRUE(is_untouched(two, PAGE) || is_flipped(two, PAGE));
	for (size_t i = 0; i < PAGE; i++)
		SAME(pages[PAGE + i] | pages[3 * PAGE + i], 0);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void unmap(void *given)
{
	struct racer *r = given;
	void *page = (void *)(uintptr_t)r->word;

	while (!r->stop) {
		MUST(mprotect(page, PAGE, r->turns++ % 2 ? PROT_NONE : PROT_READ | PROT_WRITE));
		usleep(BREATH);
	}
	MUST(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

/* The memory itself comes and goes. */
static void racing_mapping(const struct test *t)
{
	char *pages = memory_new(1 << 20);
	struct block *b = NEW(struct block);
	struct racer racer = { .word = (volatile uint32_t *)(pages + PAGE) };
	struct thread *thread = thread_start(unmap, &racer);
	int fd = dev(O_RDWR);

	*b = (struct block){ 3 * PAGE, 0, PTR(pages) };
	for (int i = 0; i < RACES; i++) {
		long result = IOCTL(fd, (unsigned long)t->a, b);

		if (result < 0)
			FAILS(result, EFAULT);
	}
	stop_racer(&racer, thread);
	GIVES(IOCTL(fd, (unsigned long)t->a, b), 0);
}

static volatile uint32_t *progress;

static void race_for_ever(void *given)
{
	struct block *b = NEW(struct block);
	struct racer *racer = NEW(struct racer);
	int fd = dev(O_RDWR);

	(void)given;
	*b = (struct block){ 1, 0, PTR(memory_new(PAGE)) };
	*racer = (struct racer){ .word = &b->len, .choices = lengths, .count = COUNT(lengths) };
	start_racer(racer);
	for (;;) {
		race_result(IOCTL(fd, S_BLOCK_INOUT, b));
		(*progress)++;
	}
}

static void killed(const struct test *t)
{
	int fd = dev(O_RDWR);

	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TRUE(progress != MAP_FAILED);
	for (uint32_t i = 0; i < (uint32_t)t->a; i++) {
		pid_t child;
		int status;

		*progress = 0;
		child = child_start(race_for_ever, NULL);
		while (*progress < 5 + i) {
			TRUE(waitpid(child, &status, WNOHANG) == 0);
			usleep(BREATH);
		}
		MUST(kill(child, SIGKILL));
		GIVES(waitpid(child, &status, 0), child);
		SAME(WTERMSIG(status), SIGKILL);
	}
	await_count(RELEASES, (unsigned)t->a);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
	SAME(counted(FILES), CONTROL_FILES + 1);
}

CASES
{
	const unsigned n = NEEDS_UNRESTRICTED;

	add_with(racing_length, n, S_BLOCK_IN, 0, "ioctl/race/length-in");
	add_with(racing_length, n, S_BLOCK_OUT, 0, "ioctl/race/length-out");
	add_with(racing_length, n, S_BLOCK_INOUT, 0, "ioctl/race/length-inout");
	add_with(racing_length, n, S_BLOCK_LATER, 0, "ioctl/race/length-answered-later");
	add_with(racing_array, n, 0, 0, "ioctl/race/count-in");
	add_with(racing_array, n, 1, 0, "ioctl/race/count-out");
	add(racing_segment, n, "ioctl/race/direction");
	add(racing_leaf, n, "ioctl/race/fourth-level");
	add_with(racing_pointer, n, S_BLOCK_INOUT, 0, "ioctl/race/pointer");
	add_with(racing_mapping, n, S_BLOCK_IN, 0, "ioctl/race/mapping-in");
	add_with(racing_mapping, n, S_BLOCK_OUT, 0, "ioctl/race/mapping-out");
	add_with(racing_mapping, n, S_BLOCK_INOUT, 0, "ioctl/race/mapping-inout");
	add_with(killed, n | NEEDS_DESCRIPTOR, 3, 0, "ioctl/process/killed-between-rounds");
}
