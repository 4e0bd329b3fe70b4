// SPDX-License-Identifier: MIT
/* ioctl(2) whose argument leads to one more area: pointers, lengths in fields, strings, flexible arrays. */
#include <limits.h>
#include "ioctl-arguments.h"

enum { PAGE = 4096, HEAD = sizeof(struct block) };

static struct block *block(uint32_t len, const void *data)
{
	struct block *b = memory_guarded(sizeof(*b));

	*b = (struct block){ len, 0xaaaaaaaa, PTR(data) };
	return b;
}

static void block_in(const struct test *t)
{
	size_t size = (size_t)t->a;
	void *data = patterned(memory_guarded(size), size);
	struct block *b = block((uint32_t)size, data);

	GIVES(IOCTL(dev(O_RDWR), S_BLOCK_IN, b), 0);
	SAME(b->result, sum_of(data, size));
	SAME(b->len, size);
	/* Its pointers stay the caller's own. */
	SAME(b->data, PTR(data));
	TRUE(is_untouched(data, size));
}

static void block_out(const struct test *t)
{
	size_t size = (size_t)t->a;
	char *data = patterned(memory_guarded(size + 16), size + 16);
	struct block *b = block((uint32_t)size, data + 16);

	GIVES(IOCTL(dev(O_RDWR), S_BLOCK_OUT, b), 0);
	PATTERN(data + 16, size, 0, 3);
	TRUE(is_untouched(data, 16));
	/* The struct itself is only read. */
	SAME(b->result, 0xaaaaaaaa);
}

static void block_inout(const struct test *t)
{
	size_t size = (size_t)t->a;
	void *data = patterned(memory_guarded(size), size);
	struct block *b = block((uint32_t)size, data);

	GIVES(IOCTL(dev(O_RDWR), t->b ? S_BLOCK_LATER : S_BLOCK_INOUT, b), 0);
	TRUE(is_flipped(data, size));
	SAME(b->result, size);
}

/* Refused by the length alone, wherever the pointer leads. */
static void length_refused(const struct test *t)
{
	static const unsigned long numbers[] = { S_BLOCK_IN, S_BLOCK_OUT, S_BLOCK_INOUT };
	void *data = patterned(memory_new(PAGE), PAGE);
	int fd = dev(O_RDWR);

	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct block *b = block((uint32_t)t->a, i ? data : memory_bad());

		FAILS(IOCTL(fd, numbers[i], b), (int)t->b);
		SAME(b->result, 0xaaaaaaaa);
	}
	TRUE(is_untouched(data, PAGE));
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

/* The request is full: input and output are limited each for itself. */
static void full(const struct test *t)
{
	unsigned long number = (unsigned long)t->a;
	/* BLOCK_OUT's output is the data alone. */
	size_t size = number == S_BLOCK_OUT ? REQUEST_LIMIT : REQUEST_LIMIT - HEAD;
	char *data = patterned(memory_guarded(REQUEST_LIMIT + 1), REQUEST_LIMIT + 1);
	int fd = dev(O_RDWR);

	GIVES(IOCTL(fd, number, block((uint32_t)size, data)), 0);
	if (number == S_BLOCK_OUT)
		PATTERN(data, size, 0, 3);
	patterned(data, size);
	FAILS(IOCTL(fd, number, block((uint32_t)size + 1, data)), ENOMEM);
	TRUE(is_untouched(data, size + 1));
}

static void wrong_pointer(const struct test *t)
{
	unsigned long number = (unsigned long)t->b;
	void *data = wrong_address(t->a, 256);
	struct block *b = block(256, data);
	int fd = dev(O_RDWR);

	if (t->a == WRONG_READONLY && number == S_BLOCK_IN) {
		GIVES(IOCTL(fd, number, b), 0);
		SAME(b->result, sum_of(data, 256));
	} else {
		FAILS(IOCTL(fd, number, b), EFAULT);
	}
	/* A length of nothing leads nowhere, so no address is wrong. */
	b->len = 0;
	GIVES(IOCTL(fd, number, b), 0);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void wrong_argument(const struct test *t)
{
	FAILS(IOCTL(dev(O_RDWR), (unsigned long)t->b, wrong_address(t->a, sizeof(struct block))), EFAULT);
}

static void misaligned(const struct test *t)
{
	char *memory = memory_new(PAGE), *at = memory + t->a;
	struct block b = { 100, 0, PTR(memory + 1024 + t->b) };
	uint32_t result;

	patterned(memory + 1024 + t->b, 100);
	memcpy(at, &b, sizeof(b));
	GIVES(IOCTL(dev(O_RDWR), S_BLOCK_INOUT, at), 0);
	memcpy(&result, at + offsetof(struct block, result), sizeof(result));
	SAME(result, 100);
	TRUE(is_flipped(memory + 1024 + t->b, 100));
}

/* A pointer to its own struct. What is read is from before the call; what is written later in the struct wins. */
static void to_itself(const struct test *t)
{
	struct block *b = memory_new(sizeof(*b)), before;
	uint8_t *bytes = (uint8_t *)b;

	*b = (struct block){ sizeof(*b), 0, PTR(b) };
	before = *b;
	GIVES(IOCTL(dev(O_RDWR), (unsigned long)t->a, b), 0);
	if (t->a == (long)S_BLOCK_IN)
		SAME(b->result, sum_of(&before, sizeof(before)));
	else if (t->a == (long)S_BLOCK_OUT)
		PATTERN(bytes, sizeof(*b), 0, 3);
	else
		for (size_t i = 0; i < sizeof(*b); i++)
			SAME(bytes[i], ((uint8_t *)&before)[i] ^ 0xa5);
}

/* Two pointers to the same memory, or to pieces that overlap: all is read before anything is written. */
static void overlapping(const struct test *t)
{
	uint8_t *bytes = patterned(memory_new(512), 512);
	struct twins *twins = NEW(struct twins);
	long sum = sum_of(bytes + 100, 100);

	*twins = (struct twins){ 100, 0, PTR(bytes + 100), PTR(bytes + 100 + t->a) };
	GIVES(IOCTL(dev(O_RDWR), S_TWINS, twins), 0);
	SAME(twins->sum, sum);
	for (size_t i = 0; i < 100; i++)
		SAME(bytes[100 + t->a + (long)i], (pattern_at(100 + i, SEED) + 1) & 0xff);
	TRUE(is_untouched(bytes, t->a < 0 ? 100 + t->a : 100));
}

static void nowhere_to_write(const struct test *t)
{
	struct twins *twins = NEW(struct twins);

	(void)t;
	*twins = (struct twins){ 100, 0, PTR(patterned(memory_new(100), 100)), 0 };
	GIVES(IOCTL(dev(O_RDWR), S_TWINS, twins), 0);
	TRUE(twins->sum != 0);
}

static void nullable(const struct test *t)
{
	struct nullable *n = NEW(struct nullable);
	void *data = t->b ? patterned(memory_guarded((size_t)t->a), (size_t)t->a) : NULL;

	*n = (struct nullable){ (uint32_t)t->a, 5, PTR(data) };
	GIVES(IOCTL(dev(O_RDWR), S_NULLABLE, n), 0);
	SAME(n->was, data ? (uint32_t)sum_of(data, (size_t)t->a) : UINT_MAX);
	SAME(n->data, PTR(data));
}

static void string(const struct test *t)
{
	size_t room = (size_t)t->a, length = (size_t)t->b;
	struct string_arg *s = NEW(struct string_arg);
	char *text = memory_guarded(room);

	*s = (struct string_arg){ (uint32_t)room, PTR(text) };
	memset(text, 'q', room);
	if (length < room)
		text[length] = 0;
	GIVES(IOCTL(dev(O_RDWR), S_STRING, s), (long)length);
	/* Cut as strscpy() does, so that there is a NUL; no old bytes stay behind it. */
	for (size_t i = 0; i < room; i++)
		SAME(text[i], i < length && i < room - 1 ? 'Q' : 0);
}

static void string_too_long(const struct test *t)
{
	struct string_arg *s = NEW(struct string_arg);

	*s = (struct string_arg){ (uint32_t)t->a, PTR(memory_new(8192)) };
	FAILS(IOCTL(dev(O_RDWR), S_STRING, s), EINVAL);
}

static void flexible(const struct test *t)
{
	size_t size = (size_t)t->a;
	struct flexible *f = memory_guarded(sizeof(*f) + size);

	f->len = (uint32_t)size;
	patterned(f->data, size);
	GIVES(IOCTL(dev(O_RDWR), S_FLEXIBLE, f), 0);
	TRUE(is_flipped(f->data, size));
	SAME(f->len, size);
	patterned(f->data, size);
	SAME(f->sum, sum_of(f->data, size));
}

/* The header is there, and says more than there is. */
static void flexible_ends(const struct test *t)
{
	struct flexible *f = memory_guarded(sizeof(*f) + 100);

	f->len = (uint32_t)t->a;
	patterned(f->data, 100);
	FAILS(IOCTL(dev(O_RDWR), S_FLEXIBLE, f), (int)t->b);
	TRUE(is_untouched(f->data, 100));
	SAME(f->sum, 0);
}

static void flexible_items(const struct test *t)
{
	size_t count = (size_t)t->a;
	struct flexible_items *f = memory_guarded(sizeof(*f) + count * sizeof(struct pair));
	uint16_t sum = 0;

	f->count = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++)
		f->items[i] = (struct pair){ i * 3, 0 };
	GIVES(IOCTL(dev(O_RDWR), S_FLEXIBLE_ITEMS, f), 0);
	for (uint32_t i = 0; i < count; i++) {
		SAME(f->items[i].a, i * 3);
		SAME(f->items[i].b, i * 3 + 1);
		sum = (uint16_t)(sum + i * 3);
	}
	SAME(f->sum, sum);
}

static void too_many_items(const struct test *t)
{
	struct flexible_items *f = memory_new(sizeof(*f) + 65536 * sizeof(struct pair));

	f->count = (uint16_t)t->a;
	FAILS(IOCTL(dev(O_RDWR), S_FLEXIBLE_ITEMS, f), EINVAL);
}

static const char *const wrong_names[] = WRONG_NAMES;
static const struct { const char *name; long number; } blocks[] = {
	{ "in", (long)S_BLOCK_IN }, { "out", (long)S_BLOCK_OUT }, { "inout", (long)S_BLOCK_INOUT },
};
static const unsigned lengths[] = { 0, 1, 2, 7, 8, PAGE - 1, PAGE, PAGE + 1, 65535, 65536, 65537 };
static const struct { unsigned length; int error; } refused[] = {
	{ REQUEST_LIMIT + 1, ENOMEM }, { MAX_BLOCK - 1, ENOMEM }, { MAX_BLOCK, ENOMEM }, { MAX_BLOCK + 1, EINVAL },
	{ INT_MAX, EINVAL }, { 0x80000000u, EINVAL }, { UINT_MAX - 7, EINVAL }, { UINT_MAX, EINVAL },
};
static const struct { long room, length; } strings[] = {
	{ 0, 0 }, { 1, 0 }, { 1, 1 }, { 2, 1 }, { 2, 2 }, { 100, 0 }, { 100, 50 }, { 100, 99 }, { 100, 100 },
	{ 4096, 4095 }, { 4096, 4096 },
};

CASES
{
	const unsigned n = NEEDS_UNRESTRICTED;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		add_with(block_in, n, lengths[i], 0, "ioctl/pointer/in-%u", lengths[i]);
		add_with(block_out, n, lengths[i], 0, "ioctl/pointer/out-%u", lengths[i]);
		add_with(block_inout, n, lengths[i], 0, "ioctl/pointer/inout-%u", lengths[i]);
	}
	add_with(block_inout, n, 5000, 1, "ioctl/pointer/answered-later");
	for (size_t i = 0; i < COUNT(refused); i++)
		add_with(length_refused, n, (long)refused[i].length, refused[i].error, "ioctl/length/%u", refused[i].length);
	for (size_t b = 0; b < COUNT(blocks); b++) {
		add_with(full, n, blocks[b].number, 0, "ioctl/length/full-request-%s", blocks[b].name);
		add_with(to_itself, n, blocks[b].number, 0, "ioctl/pointer/to-itself-%s", blocks[b].name);
		for (long i = 0; i < (long)COUNT(wrong_names); i++)
			add_with(wrong_pointer, n, i, blocks[b].number, "ioctl/pointer/%s-%s", blocks[b].name, wrong_names[i]);
		for (long i = 0; i < WRONG_READONLY; i++)
			add_with(wrong_argument, n, i, blocks[b].number, "ioctl/pointer/argument-of-%s-%s", blocks[b].name,
				 wrong_names[i]);
	}
	add_with(misaligned, n, 1, 0, "ioctl/pointer/misaligned-struct");
	add_with(misaligned, n, 0, 3, "ioctl/pointer/misaligned-data");
	add_with(misaligned, n, 5, 7, "ioctl/pointer/misaligned-both");
	add_with(overlapping, n, 0, 0, "ioctl/pointer/same-memory-twice");
	add_with(overlapping, n, 1, 0, "ioctl/pointer/overlapping-by-all-but-1");
	add_with(overlapping, n, -50, 0, "ioctl/pointer/overlapping-by-half");
	add_with(overlapping, n, 99, 0, "ioctl/pointer/overlapping-by-1");
	add(nowhere_to_write, n, "ioctl/pointer/nullable-out");
	add_with(nullable, n, 0, 0, "ioctl/pointer/nullable-null-of-nothing");
	add_with(nullable, n, 100, 0, "ioctl/pointer/nullable-null-of-100");
	add_with(nullable, n, 0, 1, "ioctl/pointer/nullable-empty");
	add_with(nullable, n, 256, 1, "ioctl/pointer/nullable-at-its-limit");
	for (size_t i = 0; i < COUNT(strings); i++)
		add_with(string, n, strings[i].room, strings[i].length, "ioctl/string/%ld-in-%ld", strings[i].length,
			 strings[i].room);
	add_with(string_too_long, n, 4097, 0, "ioctl/string/over-its-limit");
	add_with(string_too_long, n, -1, 0, "ioctl/string/endless");
	for (size_t i = 0; i < COUNT(lengths) - 1; i++)
		add_with(flexible, n, lengths[i], 0, "ioctl/flexible/%u", lengths[i]);
	add_with(flexible, n, PAGE - sizeof(struct flexible), 0, "ioctl/flexible/one-page");
	add_with(flexible_ends, n, 101, EFAULT, "ioctl/flexible/ends-too-early");
	add_with(flexible_ends, n, 65537, EINVAL, "ioctl/flexible/over-its-limit");
	add_with(flexible_ends, n, -1, EINVAL, "ioctl/flexible/endless");
	for (long i = 0; i < 3; i++)
		add_with(flexible_items, n, i, 0, "ioctl/flexible/items-%ld", i);
	add_with(flexible_items, n, 511, 0, "ioctl/flexible/items-511");
	add_with(flexible_items, n, 512, 0, "ioctl/flexible/items-512");
	add_with(too_many_items, n, 513, 0, "ioctl/flexible/items-513");
	add_with(too_many_items, n, 65535, 0, "ioctl/flexible/items-65535");
}
