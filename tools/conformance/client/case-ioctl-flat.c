// SPDX-License-Identifier: MIT
/* ioctl(2) with one area of memory: sizes in each direction, addresses, what is in a struct for each kind of caller. */
#include <limits.h>
#include "ioctl-arguments.h"

enum { PAGE = 4096 };

/* As device/protocol.ts: every limit of a word, of a page and of _IOC, whose size has 14 bits. */
static const unsigned sizes[] = {
	1, 2, 3, 4, 7, 8, 9, 16, 63, 255, 256, 1024, 4095, 4096, 4097, 8191, 8192, 12288, 16383,
};

/* All arguments end where nothing is mapped: one byte more would be EFAULT. */
static void in(const struct test *t)
{
	size_t size = (size_t)t->a;
	void *bytes = patterned(memory_guarded(size), size);

	GIVES(IOCTL(dev(O_RDWR), S_IN(size), bytes), sum_of(bytes, size));
	TRUE(is_untouched(bytes, size));
}

static void out(const struct test *t)
{
	size_t size = (size_t)t->a, before = PAGE - 1;
	char *bytes = patterned(memory_guarded(before + size), before + size);

	GIVES(IOCTL(dev(O_RDWR), S_OUT(size), bytes + before), 0);
	PATTERN(bytes + before, size, 0, size & 0xff);
	TRUE(is_untouched(bytes, before));
}

static void inout(const struct test *t)
{
	size_t size = (size_t)t->a;
	void *bytes = patterned(memory_guarded(size), size);

	GIVES(IOCTL(dev(O_RDWR), S_INOUT(size), bytes), 0);
	TRUE(is_flipped(bytes, size));
}

/* Nothing is written behind an argument. */
static void behind(const struct test *t)
{
	size_t size = (size_t)t->a;
	uint8_t *bytes = patterned(memory_new(2 * PAGE), 2 * PAGE);

	GIVES(IOCTL(dev(O_RDWR), S_OUT(size), bytes), 0);
	for (size_t i = size; i < 2 * PAGE; i++)
		SAME(bytes[i], pattern_at(i, SEED));
}

static void misaligned(const struct test *t)
{
	char *bytes = memory_new(2 * PAGE);
	int fd = dev(O_RDWR);

	GIVES(IOCTL(fd, S_INOUT(1024), patterned(bytes + t->a, 1024)), 0);
	TRUE(is_flipped(bytes + t->a, 1024));
	GIVES(IOCTL(fd, S_OUT(PAGE), bytes + t->a), 0);
	PATTERN(bytes + t->a, PAGE, 0, PAGE & 0xff);
}

/* Two mappings side by side are one stretch of memory. */
static void across_pages(const struct test *t)
{
	char *bytes = memory_guarded(2 * PAGE);

	patterned(bytes + PAGE - t->a, 256);
	GIVES(IOCTL(dev(O_RDWR), S_INOUT(256), bytes + PAGE - t->a), 0);
	TRUE(is_flipped(bytes + PAGE - t->a, 256));
}

static void wrong(const struct test *t)
{
	unsigned long number = t->b == _IOC_WRITE ? S_IN(256) : t->b == _IOC_READ ? S_OUT(256) : S_INOUT(256);
	void *address = wrong_address(t->a, 256);
	int fd = dev(O_RDWR);

	if (t->a == WRONG_READONLY && t->b == _IOC_WRITE)
		GIVES(IOCTL(fd, number, address), sum_of(address, 256));
	else
		FAILS(IOCTL(fd, number, address), EFAULT);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void wrong_legacy(const struct test *t)
{
	int fd = dev(O_RDWR);

	FAILS(IOCTL(fd, (unsigned long)t->b, wrong_address(t->a, sizeof(struct pair))), EFAULT);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void mixed(const struct test *t)
{
	struct mixed *m = memory_guarded(sizeof(*m));
	/* Both ends of what each field can hold, where the device's answer fits too. */
	bool low = t->a;

	*m = (struct mixed){
		.a = low ? 0 : 255, .b = low ? 0 : UINT64_MAX, .c = low ? 0 : 65535, .d = low ? -INT_MAX : INT_MAX,
		.e = low ? -127 : 127, .f = low ? 0 : UINT_MAX - 1, .g = low ? -32767 : 32767,
		.h = low ? -INT64_MAX : INT64_MAX, .i = low ? -INT_MAX : INT_MAX, .j = low ? 0 : UINT_MAX,
	};
	GIVES(IOCTL(dev(O_RDWR), S_MIXED, m), 0);
	SAME(m->a, low ? 255 : 0);
	SAME(m->b, low ? UINT64_MAX : 0);
	SAME(m->c, low ? 65535 : 0);
	SAME(m->d, low ? INT_MAX : -INT_MAX);
	SAME(m->e, low ? 127 : -127);
	SAME(m->f, low ? 1 : UINT_MAX);
	SAME(m->g, low ? 32767 : -32767);
	SAME(m->h, low ? INT64_MAX : -INT64_MAX);
	SAME(m->i, low ? INT_MAX : -INT_MAX);
	SAME(m->j, low ? UINT_MAX : 0);
}

/* A long that no number of the driver's language holds is refused, not rounded; 32-bit longs all fit. */
static void long_too_large(const struct test *t)
{
	struct mixed *m = NEW(struct mixed);
	int fd = dev(O_RDWR);

	m->f = sizeof(m->f) == 8 ? (ulong_t)(1ull << 53) : 1;
	if (t->a)
		m->d = sizeof(m->d) == 8 ? (long_t)(-(1ll << 53)) : 1, m->f = 0;
	if (sizeof(m->f) == 8)
		FAILS(IOCTL(fd, S_MIXED, m), EOVERFLOW);
	else
		GIVES(IOCTL(fd, S_MIXED, m), 0);
}

/* What a struct has between its fields tells nobody anything: not even what the caller had there. */
static void padding(const struct test *t)
{
	struct mixed *m = NEW(struct mixed);
	const uint8_t *bytes = (const uint8_t *)m;

	(void)t;
	memset(m, 0xee, sizeof(*m));
	m->d = m->e = m->g = 1;
	m->f = 1;
	m->h = m->i = 1;
	GIVES(IOCTL(dev(O_RDWR), S_MIXED, m), 0);
	for (size_t i = offsetof(struct mixed, c) + 2; i < offsetof(struct mixed, d); i++)
		SAME(bytes[i], 0);
	for (size_t i = 1; i < offsetof(struct mixed, b); i++)
		SAME(bytes[i], 0);
}

static void times(const struct test *t)
{
	struct times *times = memory_guarded(sizeof(*times));

	(void)t;
	*times = (struct times){ INT_MAX, -5 };
	GIVES(IOCTL(dev(O_RDWR), S_TIMES, times), 0);
	SAME(times->sec, -INT_MAX);
	SAME(times->usec, 5);
}

/* Names of values and bits are for people: every value comes through. */
static void named(const struct test *t)
{
	struct named *named = NEW(struct named);

	*named = (struct named){ (uint32_t)t->a, (uint16_t)t->a, (int16_t)t->b };
	GIVES(IOCTL(dev(O_RDWR), S_NAMED, named), 0);
	SAME(named->mode, (uint32_t)t->a + 1);
	SAME(named->bits, (uint16_t)~t->a);
	SAME(named->small, (int16_t)~t->b);
}

static void variant(const struct test *t)
{
	struct variant *v = memory_guarded(sizeof(*v));

	v->kind = (uint32_t)t->a;
	patterned(&v->value, sizeof(v->value));
	GIVES(IOCTL(dev(O_RDWR), S_VARIANT, v), t->a);
	TRUE(is_flipped(&v->value, sizeof(v->value)));
}

/* char[32]: without a NUL the string is all of it, and what is written back has one. */
static void text(const struct test *t)
{
	size_t length = (size_t)t->a;
	struct text *text = NEW(struct text);

	memset(text->text, 'x', sizeof(text->text));
	if (length < sizeof(text->text))
		text->text[length] = 0;
	if (length > 0)
		text->text[0] = 'a', text->text[length - 1] = 'z';
	GIVES(IOCTL(dev(O_RDWR), S_TEXT, text), (long)length);
	for (size_t i = 0; i < sizeof(text->text); i++) {
		char expected = i == 0 ? 'z' : i == length - 1 ? 'a' : 'x';

		SAME(text->text[i], i < length && i < sizeof(text->text) - 1 ? expected : 0);
	}
}

static void legacy(const struct test *t)
{
	struct pair *pair = memory_guarded(sizeof(*pair));
	int fd = dev(O_RDWR);

	(void)t;
	*pair = (struct pair){ 5, 6 };
	GIVES(IOCTL(fd, S_LEGACY_IN, pair), 5 * 256 + 6);
	SAME(pair->a, 5);
	GIVES(IOCTL(fd, S_LEGACY_INOUT, pair), 0);
	SAME(pair->a, 6);
	SAME(pair->b, 5);
	GIVES(IOCTL(fd, S_LEGACY_OUT, pair), 0);
	SAME(pair->a, 0x01020304);
	SAME(pair->b, 0xfffefdfc);
}

static void legacy_termios(const struct test *t)
{
	char *bytes = patterned(memory_new(64), 64);

	(void)t;
	GIVES(IOCTL(dev(O_RDWR), S_LEGACY_TERMIOS, bytes), 0);
	PATTERN(bytes, 36, 0, 9);
	for (size_t i = 36; i < 64; i++)
		SAME((uint8_t)bytes[i], pattern_at(i, SEED));
}

static void whole_request(const struct test *t)
{
	char *bytes = patterned(memory_guarded(REQUEST_LIMIT), REQUEST_LIMIT);

	(void)t;
	GIVES(IOCTL(dev(O_RDWR), S_LEGACY_LARGE, bytes), 0);
	TRUE(is_flipped(bytes, REQUEST_LIMIT));
}

static void over_a_request(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	FAILS(IOCTL(fd, S_LEGACY_TOO_LARGE, memory_new(REQUEST_LIMIT + 1)), ENOMEM);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

/* Numbers that lie about their direction exist in real headers; a schema says what is true. */
static void wrong_way(const struct test *t)
{
	struct pair *pair = NEW(struct pair);

	(void)t;
	*pair = (struct pair){ 20, 3 };
	GIVES(IOCTL(dev(O_RDWR), S_WRONG_WAY, pair), 23);
	SAME(pair->a, 20);
	SAME(pair->b, 3);
}

/*
 * What the kernel does not bring to a file's daemon is ENOTTY there, as for a command that there is not, and not a
 * handler that gets zeros: programs can cope with that (isatty() is TCGETS).
 */
static void carried_or_refused(const struct test *t)
{
	char *memory = memory_new(REQUEST_LIMIT);
	int fd = dev(O_RDWR);

	if (channel_is("fuse")) {
		FAILS(IOCTL(fd, (unsigned long)t->a, memory), ENOTTY);
		for (size_t i = 0; i < PAGE; i++)
			SAME(memory[i], 0);
	} else {
		MUST(IOCTL(fd, (unsigned long)t->a, memory));
	}
}

static const char *const wrong_names[] = WRONG_NAMES;
static const struct { const char *name; long direction; } directions[] = {
	{ "in", _IOC_WRITE }, { "out", _IOC_READ }, { "inout", _IOC_READ | _IOC_WRITE },
};

CASES
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		add_with(in, NEEDS_NOTHING, sizes[i], 0, "ioctl/size/in-%u", sizes[i]);
		add_with(out, NEEDS_NOTHING, sizes[i], 0, "ioctl/size/out-%u", sizes[i]);
		add_with(inout, NEEDS_NOTHING, sizes[i], 0, "ioctl/size/inout-%u", sizes[i]);
	}
	add_with(behind, NEEDS_NOTHING, 1, 0, "ioctl/size/nothing-behind-1");
	add_with(behind, NEEDS_NOTHING, 4095, 0, "ioctl/size/nothing-behind-4095");
	add_with(behind, NEEDS_NOTHING, 4096, 0, "ioctl/size/nothing-behind-4096");
	for (long by = 1; by < 8; by += 2)
		add_with(misaligned, NEEDS_NOTHING, by, 0, "ioctl/address/misaligned-by-%ld", by);
	add_with(across_pages, NEEDS_NOTHING, 1, 0, "ioctl/address/one-byte-on-the-first-page");
	add_with(across_pages, NEEDS_NOTHING, 255, 0, "ioctl/address/one-byte-on-the-second-page");
	for (size_t d = 0; d < COUNT(directions); d++)
		for (long i = 0; i < (long)COUNT(wrong_names); i++)
			add_with(wrong, NEEDS_NOTHING, i, directions[d].direction, "ioctl/address/%s-%s",
				 directions[d].name, wrong_names[i]);
	for (long i = 0; i < WRONG_READONLY; i++) {
		add_with(wrong_legacy, NEEDS_UNRESTRICTED, i, S_LEGACY_IN, "ioctl/legacy/in-%s", wrong_names[i]);
		add_with(wrong_legacy, NEEDS_UNRESTRICTED, i, S_LEGACY_OUT, "ioctl/legacy/out-%s", wrong_names[i]);
	}
	add_with(wrong_legacy, NEEDS_UNRESTRICTED, WRONG_READONLY, S_LEGACY_OUT, "ioctl/legacy/out-read-only");
	add_with(wrong_legacy, NEEDS_UNRESTRICTED, WRONG_READONLY, S_LEGACY_INOUT, "ioctl/legacy/inout-read-only");
	add_with(mixed, NEEDS_NOTHING, 1, 0, "ioctl/layout/all-types-lowest");
	add_with(mixed, NEEDS_NOTHING, 0, 0, "ioctl/layout/all-types-highest");
	add_with(long_too_large, NEEDS_NOTHING, 0, 0, "ioctl/layout/ulong-beyond-a-number");
	add_with(long_too_large, NEEDS_NOTHING, 1, 0, "ioctl/layout/long-beyond-a-number");
	add(padding, NEEDS_NOTHING, "ioctl/layout/padding-is-zero");
	add(times, NEEDS_NOTHING, "ioctl/layout/kernel-long");
	add_with(named, NEEDS_NOTHING, 1, -1, "ioctl/layout/names");
	add_with(named, NEEDS_NOTHING, 0, 0, "ioctl/layout/no-names");
	add_with(named, NEEDS_NOTHING, 0xffff, 12345, "ioctl/layout/values-without-names");
	add_with(named, NEEDS_NOTHING, -2, -32768, "ioctl/layout/values-at-their-ends");
	add_with(variant, NEEDS_NOTHING, 0, 0, "ioctl/layout/union");
	add_with(variant, NEEDS_NOTHING, 77, 0, "ioctl/layout/union-of-no-kind");
	for (long length = 0; length < 3; length++)
		add_with(text, NEEDS_NOTHING, length, 0, "ioctl/string/%ld", length);
	add_with(text, NEEDS_NOTHING, 31, 0, "ioctl/string/31");
	add_with(text, NEEDS_NOTHING, 32, 0, "ioctl/string/full-without-nul");
	add(legacy, NEEDS_UNRESTRICTED, "ioctl/legacy/each-direction");
	add(legacy_termios, NEEDS_UNRESTRICTED, "ioctl/legacy/termios");
	add(whole_request, NEEDS_UNRESTRICTED, "ioctl/legacy/128k");
	add(over_a_request, NEEDS_UNRESTRICTED, "ioctl/legacy/128k-and-1");
	add(wrong_way, NEEDS_UNRESTRICTED, "ioctl/legacy/direction-other-than-encoded");
	add_with(carried_or_refused, NEEDS_NOTHING, S_LEGACY_TERMIOS, 0, "ioctl/carried/legacy-out");
	add_with(carried_or_refused, NEEDS_NOTHING, S_LEGACY_IN, 0, "ioctl/carried/legacy-in");
	add_with(carried_or_refused, NEEDS_NOTHING, S_LEGACY_INOUT, 0, "ioctl/carried/legacy-inout");
	add_with(carried_or_refused, NEEDS_NOTHING, S_LEGACY_LARGE, 0, "ioctl/carried/legacy-large");
	add_with(carried_or_refused, NEEDS_NOTHING, (long)S_BLOCK_IN, 0, "ioctl/carried/pointer");
	add_with(carried_or_refused, NEEDS_NOTHING, (long)S_BLOCK_OUT, 0, "ioctl/carried/pointer-out");
	add_with(carried_or_refused, NEEDS_NOTHING, S_TRANSFER, 0, "ioctl/carried/array");
	add_with(carried_or_refused, NEEDS_NOTHING, (long)S_LIST, 0, "ioctl/carried/list");
	add_with(carried_or_refused, NEEDS_NOTHING, S_FLEXIBLE, 0, "ioctl/carried/flexible");
	add_with(carried_or_refused, NEEDS_NOTHING, S_WRONG_WAY, 0, "ioctl/carried/other-direction");
}
