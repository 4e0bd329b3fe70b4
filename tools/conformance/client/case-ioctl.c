// SPDX-License-Identifier: MIT
/* ioctl(2): numbers, arguments that are no pointers, and which files can be asked. */
#include <limits.h>
#include <stdio.h>
#include "ioctl-arguments.h"

/* Results are ints, so an address comes back modulo the largest one. */
#define PRIME 0x7fffffff

static void dataless(const struct test *t)
{
	GIVES(IOCTL(dev(O_RDWR), (unsigned long)t->a, t->b), t->a == S_NONE ? 42 : 43);
}

/* Each access mode can ask: the ioctl(2) of a device asks for no right. */
static void access_mode(const struct test *t)
{
	struct pair *pair = NEW(struct pair);
	int fd = dev((int)t->a);

	*pair = (struct pair){ 1, 2 };
	GIVES(IOCTL(fd, S_NONE, 0), 42);
	GIVES(IOCTL(fd, S_PAIR, pair), 7);
	SAME(pair->a, 2);
}

static void by_value(const struct test *t)
{
	GIVES(IOCTL(dev(O_RDWR), S_VALUE, t->a), (int)t->a & INT_MAX);
}

static void by_legacy_value(const struct test *t)
{
	int value = (int)t->a;

	GIVES(IOCTL(dev(O_RDWR), S_LEGACY_VALUE, t->a), value < 0 ? -value : value);
}

/* All of a pointer's bits: 64, or for others 32 (compat_ulong_t in fs/ioctl.c). */
static void by_address(const struct test *t)
{
	GIVES(IOCTL(dev(O_RDWR), (unsigned long)t->b, t->a), (long)((ptr_t)t->a % PRIME));
}

static void result(const struct test *t)
{
	GIVES(IOCTL(dev(O_RDWR), S_RESULT, t->a), t->a);
}

/* A driver's negative result is a mistake of its, and no errno that it chose: it throws those. */
static void negative_result(const struct test *t)
{
	int fd = dev(O_RDWR);

	FAILS(IOCTL(fd, S_RESULT, t->a), EIO);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

/* ioctl(2) gives an int. */
static void result_too_large(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	FAILS(IOCTL(fd, S_LEGACY_VALUE, INT_MIN), EIO);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void unknown(const struct test *t)
{
	int fd = dev(O_RDWR);
	/* What the number says is copied is there, so that nothing but the number is wrong. */
	void *memory = patterned(memory_new(16384), 16384);

	FAILS(IOCTL(fd, (unsigned long)t->a, memory), ENOTTY);
	TRUE(is_untouched(memory, 16384));
}

/* The whole number counts: one bit of S_TEXT's is another one. */
static void bit_flipped(const struct test *t)
{
	int fd = dev(O_RDWR);
	void *memory = patterned(memory_new(16384), 16384);

	for (long bit = t->a; bit < t->a + t->b; bit++)
		FAILS(IOCTL(fd, S_TEXT ^ 1ul << bit, memory), ENOTTY);
	TRUE(is_untouched(memory, 16384));
}

/* The kernel's command is an unsigned int: what a 64-bit program has above it is not seen. */
static void upper_half(const struct test *t)
{
	struct pair *pair = NEW(struct pair);
	unsigned long above = (unsigned long)((unsigned long long)t->a << 16 << 16);

	*pair = (struct pair){ 1, 2 };
	GIVES(IOCTL(dev(O_RDWR), S_PAIR | above, pair), 7);
	SAME(pair->b, 1);
}

/* A number that is negative as an int, and so 0xffffffff... when a program keeps it in a long. */
static void sign_extended(const struct test *t)
{
	struct pair *pair = NEW(struct pair);

	(void)t;
	*pair = (struct pair){ 1, 2 };
	GIVES(IOCTL(dev(O_RDWR), (unsigned long)(long)(int)S_PAIR, pair), 7);
	SAME(pair->b, 1);
}

static void no_file(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	MUST(io->close(fd));
	FAILS(IOCTL(fd, S_NONE, 0), EBADF);
	FAILS(IOCTL(-1, S_NONE, 0), EBADF);
	FAILS(IOCTL(INT_MAX, S_NONE, 0), EBADF);
}

/* A device without a single command. */
static void bare(const struct test *t)
{
	FAILS(IOCTL((int)MUST(dev_open("bare", O_RDWR)), (unsigned long)t->a, memory_new(16384)), ENOTTY);
}

static void duplicated(const struct test *t)
{
	struct pair *pair = NEW(struct pair);
	int fd = dev(O_RDWR), copy = (int)MUST(dup(fd));

	(void)t;
	*pair = (struct pair){ 3, 4 };
	MUST(close(fd));
	GIVES(IOCTL(copy, S_PAIR, pair), 7);
	SAME(pair->a, 4);
}

static const long long values[] = { 0, 1, 2, 255, 4095, 4096, 65535, 65536, INT_MAX, -1, -2, -42, -4095, -4096, INT_MIN };
/* Cut to an int, as a kernel driver does by `int value = arg`. */
static const long long wide_values[] = {
	0x100000000ll, 0x100000005ll, 0x80000000ll, 0xffffffffll, 0x7fffffff00000001ll, (long long)0xffffffff00000000ull,
	(long long)0x8000000000000000ull,
};

CASES
{
	add_with(dataless, NEEDS_NOTHING, S_NONE, 0, "ioctl/number/no-data");
	add_with(dataless, NEEDS_NOTHING, S_NONE, -1, "ioctl/number/no-data-argument-ignored");
	add_with(dataless, NEEDS_NOTHING, S_LEGACY_NONE, 0, "ioctl/number/legacy-no-data");
	add_with(dataless, NEEDS_NOTHING, S_LEGACY_NONE, 8, "ioctl/number/legacy-no-data-argument-ignored");
	add_with(access_mode, NEEDS_NOTHING, O_RDONLY, 0, "ioctl/access/rdonly");
	add_with(access_mode, NEEDS_NOTHING, O_WRONLY, 0, "ioctl/access/wronly");
	add_with(access_mode, NEEDS_NOTHING, 3, 0, "ioctl/access/neither");
	add_with(access_mode, NEEDS_NOTHING, O_RDWR | O_NONBLOCK, 0, "ioctl/access/nonblocking");
	for (size_t i = 0; i < COUNT(values); i++) {
		const char *sign = values[i] < 0 ? "minus-" : "";
		long long digits = values[i] < 0 ? -values[i] : values[i];

		add_with(by_value, NEEDS_NOTHING, (long)values[i], 0, "ioctl/value/%s%lld", sign, digits);
		if (values[i] != INT_MIN)
			add_with(by_legacy_value, NEEDS_NOTHING, (long)values[i], 0, "ioctl/value/legacy-%s%lld", sign,
				 digits);
		add_with(by_address, NEEDS_NOTHING, (long)values[i], S_ADDRESS, "ioctl/value/address-%s%lld", sign, digits);
		if (values[i] >= 0)
			add_with(result, NEEDS_NOTHING, (long)values[i], 0, "ioctl/result/%lld", digits);
		else
			add_with(negative_result, NEEDS_NOTHING, (long)values[i], 0, "ioctl/result/minus-%lld", digits);
	}
	for (size_t i = 0; i < COUNT(wide_values); i++) {
		add_with(by_value, NEEDS_NOTHING, (long)wide_values[i], 0, "ioctl/value/cut-%llx", wide_values[i]);
		add_with(by_address, NEEDS_NOTHING, (long)wide_values[i], S_ADDRESS, "ioctl/value/address-%llx", wide_values[i]);
		add_with(by_address, NEEDS_NOTHING, (long)wide_values[i], S_LEGACY_ADDRESS, "ioctl/value/legacy-address-%llx",
			 wide_values[i]);
	}
	add(result_too_large, NEEDS_NOTHING, "ioctl/result/above-the-largest");
	add_with(unknown, NEEDS_NOTHING, 0, 0, "ioctl/unknown/zero");
	add_with(unknown, NEEDS_NOTHING, 0xffffffffl, 0, "ioctl/unknown/all-ones");
	add_with(unknown, NEEDS_NOTHING, _IO('c', 255), 0, "ioctl/unknown/none");
	add_with(unknown, NEEDS_NOTHING, _IOC(0, 'c', 255, 8), 0, "ioctl/unknown/none-with-size");
	add_with(unknown, NEEDS_NOTHING, _IOR('c', 255, int), 0, "ioctl/unknown/read");
	add_with(unknown, NEEDS_NOTHING, _IOW('c', 255, int), 0, "ioctl/unknown/write");
	add_with(unknown, NEEDS_NOTHING, (long)_IOWR('c', 255, int), 0, "ioctl/unknown/both");
	add_with(unknown, NEEDS_NOTHING, _IOC(_IOC_READ, 'c', 255, 0), 0, "ioctl/unknown/read-of-nothing");
	add_with(unknown, NEEDS_NOTHING, _IOC(_IOC_WRITE, 'c', 255, 0), 0, "ioctl/unknown/write-of-nothing");
	add_with(unknown, NEEDS_NOTHING, (long)S_IN(16382), 0, "ioctl/unknown/largest-write");
	add_with(unknown, NEEDS_NOTHING, (long)S_OUT(16382), 0, "ioctl/unknown/largest-read");
	add_with(unknown, NEEDS_NOTHING, (long)S_INOUT(5), 0, "ioctl/unknown/other-size");
	add_with(unknown, NEEDS_NOTHING, (long)S_INOUT(0), 0, "ioctl/unknown/size-0");
	add_with(unknown, NEEDS_NOTHING, 0x5500, 0, "ioctl/unknown/legacy");
	add_with(unknown, NEEDS_NOTHING, 0x15520, 0, "ioctl/unknown/legacy-with-a-bit-above");
	add_with(unknown, NEEDS_NOTHING, 0x5413, 0, "ioctl/unknown/tiocgwinsz");
	add_with(bit_flipped, NEEDS_NOTHING, 0, 8, "ioctl/unknown/bit-of-the-number");
	add_with(bit_flipped, NEEDS_NOTHING, 8, 8, "ioctl/unknown/bit-of-the-type");
	add_with(bit_flipped, NEEDS_NOTHING, 16, 14, "ioctl/unknown/bit-of-the-size");
	add_with(bit_flipped, NEEDS_NOTHING, 30, 2, "ioctl/unknown/bit-of-the-direction");
	add_with(upper_half, NEEDS_NOTHING, 1, 0, "ioctl/number/upper-half-1");
	add_with(upper_half, NEEDS_NOTHING, 0x7fffffff, 0, "ioctl/number/upper-half-full");
	add(sign_extended, NEEDS_NOTHING, "ioctl/number/sign-extended");
	add(no_file, NEEDS_NOTHING, "ioctl/file/none");
	add_with(bare, NEEDS_NOTHING, S_NONE, 0, "ioctl/file/no-commands");
	add_with(bare, NEEDS_NOTHING, (long)S_PAIR, 0, "ioctl/file/no-commands-with-argument");
	add_with(bare, NEEDS_NOTHING, 0x5401, 0, "ioctl/file/no-commands-legacy");
	add(duplicated, NEEDS_DESCRIPTOR, "ioctl/file/duplicate");
}
