// SPDX-License-Identifier: MIT
/* ioctl(2) whose argument leads further: arrays of structs with pointers, and lengths of every type. */
#include <limits.h>
#include "ioctl-arguments.h"

static struct transfer *transfer(struct segment *segments, uint32_t count)
{
	struct transfer *x = NEW(struct transfer);

	*x = (struct transfer){ PTR(segments), count };
	return x;
}

static struct segment *segments_of(size_t count)
{
	return memory_guarded(count * sizeof(struct segment));
}

/* Every second one is read, each with other bytes. Gives what the device will answer. */
static long fill_segments(struct segment *segments, size_t count, size_t size)
{
	long total = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *data = patterned(memory_guarded(size), size);

		segments[i] = (struct segment){ (uint16_t)i, i % 2 ? SEGMENT_READ : 0, (uint16_t)size, PTR(data) };
		for (size_t at = 0; at < size && i % 2 == 0; at++)
			total += data[at];
		total += (long)i;
	}
	return total;
}

static void check_segments(const struct segment *segments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const void *data = (const void *)(uintptr_t)segments[i].data;

		if (segments[i].flags & SEGMENT_READ)
			PATTERN(data, segments[i].len, 0, segments[i].addr & 0xff);
		else
			TRUE(is_untouched(data, segments[i].len));
	}
}

static void segments(const struct test *t)
{
	size_t count = (size_t)t->a;
	struct segment *all = segments_of(count);
	long expected = fill_segments(all, count, (size_t)t->b);

	GIVES(IOCTL(dev(O_RDWR), S_TRANSFER, transfer(all, (uint32_t)count)), expected);
	check_segments(all, count);
}

/* Empty ones take no area, so there can be more of them than there are areas. */
static void empty_segments(const struct test *t)
{
	struct segment *all = segments_of((size_t)t->a);
	long expected = 0;

	for (long i = 0; i < t->a; i++) {
		all[i] = (struct segment){ .addr = (uint16_t)i };
		expected += i;
	}
	GIVES(IOCTL(dev(O_RDWR), S_TRANSFER, transfer(all, (uint32_t)t->a)), expected);
}

static void too_many_segments(const struct test *t)
{
	struct segment *all = segments_of(2048);
	int fd = dev(O_RDWR);

	fill_segments(all, 300, 1);
	FAILS(IOCTL(fd, S_TRANSFER, transfer(all, (uint32_t)t->a)), (int)t->b);
	check_segments(all, 0);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

/* The struct, the array, and as many areas as are left: 256 in all, of which none is more than the kernel takes. */
static void all_areas(const struct test *t)
{
	size_t count = AREA_LIMIT - 2 + (size_t)t->a;
	struct segment *all = segments_of(count);
	int fd = dev(O_RDWR);
	long expected = 0;

	for (size_t i = 0; i < count; i++) {
		/* The sizes of what is read add up to a multiple of 3: see the tag in layout/plan.ts. */
		uint16_t size = t->b ? 3 : 1;
		uint8_t *data = memory_new(size);

		all[i] = (struct segment){ (uint16_t)i, t->b ? SEGMENT_READ : 0, size, PTR(data) };
		expected += (long)i;
	}
	if (t->a > 0) {
		FAILS(IOCTL(fd, S_TRANSFER, transfer(all, (uint32_t)count)), ENOMEM);
	} else {
		GIVES(IOCTL(fd, S_TRANSFER, transfer(all, (uint32_t)count)), expected);
		if (t->b)
			check_segments(all, count);
	}
}

static void inline_segments(const struct test *t)
{
	struct segment *all = segments_of(256);
	long expected = fill_segments(all, (size_t)t->a, 2);

	if (t->a == 255)
		GIVES(IOCTL(dev(O_RDWR), S_INLINE_255, all), expected);
	else
		FAILS(IOCTL(dev(O_RDWR), S_INLINE_256, all), ENOMEM);
}

/* Many short areas that together are more than a request holds. */
static void too_much_in_all(const struct test *t)
{
	struct segment *all = segments_of(17);
	int fd = dev(O_RDWR);

	for (int i = 0; i < 17; i++)
		all[i] = (struct segment){ 0, (uint16_t)t->a, 8192, PTR(memory_new(8192)) };
	FAILS(IOCTL(fd, S_TRANSFER, transfer(all, 17)), ENOMEM);
	GIVES(IOCTL(fd, S_TRANSFER, transfer(all, 15)), 0);
}

static void over_one_limit(const struct test *t)
{
	struct segment *all = segments_of(3);

	fill_segments(all, 3, 10);
	all[t->a].len = (uint16_t)t->b;
	FAILS(IOCTL(dev(O_RDWR), S_TRANSFER, transfer(all, 3)), EINVAL);
}

static void bad_segment(const struct test *t)
{
	struct segment *all = segments_of(3);
	int fd = dev(O_RDWR);

	fill_segments(all, 3, 256);
	all[t->a].data = PTR(wrong_address(t->b, 256));
	if (t->b == WRONG_READONLY && !(all[t->a].flags & SEGMENT_READ))
		MUST(IOCTL(fd, S_TRANSFER, transfer(all, 3)));
	else
		FAILS(IOCTL(fd, S_TRANSFER, transfer(all, 3)), EFAULT);
	GIVES(IOCTL(fd, S_NONE, 0), 42);
}

static void bad_array(const struct test *t)
{
	void *wrong = wrong_address(t->a, 3 * sizeof(struct segment));
	int fd = dev(O_RDWR);

	if (t->a == WRONG_ENDS)
		memset(wrong, 0, 3 * sizeof(struct segment) - 1);
	FAILS(IOCTL(fd, S_TRANSFER, transfer(wrong, 3)), EFAULT);
	GIVES(IOCTL(fd, S_TRANSFER, transfer(wrong, 0)), 0);
}

/* Two reads into the same memory: the later one stays. */
static void same_memory(const struct test *t)
{
	struct segment *all = segments_of(2);
	void *data = memory_new(64);

	(void)t;
	all[0] = (struct segment){ 1, SEGMENT_READ, 64, PTR(data) };
	all[1] = (struct segment){ 2, SEGMENT_READ, 32, PTR(data) };
	GIVES(IOCTL(dev(O_RDWR), S_TRANSFER, transfer(all, 2)), 3);
	PATTERN(data, 32, 0, 2);
	PATTERN((char *)data + 32, 32, 32, 1);
}

static void signed_length(const struct test *t)
{
	struct signed_length *s = NEW(struct signed_length);
	void *data = patterned(memory_new(512), 512);

	*s = (struct signed_length){ (int32_t)t->a, 0, PTR(data) };
	if (t->a < 0 || t->a > 256) {
		FAILS(IOCTL(dev(O_RDWR), S_SIGNED_LENGTH, s), EINVAL);
	} else {
		GIVES(IOCTL(dev(O_RDWR), S_SIGNED_LENGTH, s), 0);
		SAME(s->sum, sum_of(data, (size_t)t->a));
	}
}

static const unsigned long long wide_lengths[] = {
	0, 1, 256, 257, 0x100000000ull, 0x100000001ull, 0x100000100ull, (1ull << 53) + 1, 1ull << 63, ~0ull, ~0ull - 255,
};

/* A length whose low half would be a good one. */
static void wide_length(const struct test *t)
{
	unsigned long long length = wide_lengths[t->a];
	struct wide_length *w = NEW(struct wide_length);
	void *data = patterned(memory_new(512), 512);

	*w = (struct wide_length){ length, 0, PTR(data) };
	if (length > 256) {
		FAILS(IOCTL(dev(O_RDWR), S_WIDE_LENGTH, w), EINVAL);
	} else {
		GIVES(IOCTL(dev(O_RDWR), S_WIDE_LENGTH, w), 0);
		SAME(w->sum, sum_of(data, (size_t)length));
		SAME(w->len, length);
	}
}

/* A length in bytes, of items that have eight. */
static void byte_length(const struct test *t)
{
	struct byte_length *b = NEW(struct byte_length);
	struct pair *items = memory_guarded(32 * sizeof(*items));

	for (uint32_t i = 0; i < 32; i++)
		items[i] = (struct pair){ i, 1000 + i };
	*b = (struct byte_length){ (uint32_t)t->a, 99, PTR(items) };
	if (t->a % 8 || t->a > 256 || t->a < 0) {
		FAILS(IOCTL(dev(O_RDWR), S_BYTE_LENGTH, b), EINVAL);
		SAME(b->sum, 99);
		return;
	}
	GIVES(IOCTL(dev(O_RDWR), S_BYTE_LENGTH, b), 0);
	SAME(b->sum, t->a / 8);
	for (uint32_t i = 0; i < 32; i++)
		SAME(items[i].a, i < (uint32_t)t->a / 8 ? 1000 + i : i);
}

static const char *const wrong_names[] = WRONG_NAMES;
static const char *const ordinals[] = { "first", "second", "third" };
static const long byte_lengths[] = { 0, 1, 7, 8, 9, 12, 248, 255, 256, 257, 264 };

CASES
{
	const unsigned n = NEEDS_UNRESTRICTED;
	static const long counts[] = { 0, 1, 2, 3, 42, 100 };

	for (size_t i = 0; i < COUNT(counts); i++) {
		add_with(segments, n, counts[i], 16, "ioctl/array/%ld-of-16-bytes", counts[i]);
		add_with(segments, n, counts[i], 1001, "ioctl/array/%ld-of-1001-bytes", counts[i]);
	}
	add_with(segments, n, 4, 8192, "ioctl/array/4-at-their-limit");
	add_with(segments, n, 250, 1, "ioctl/array/250-of-1-byte");
	add_with(empty_segments, n, 300, 0, "ioctl/array/300-empty");
	add_with(empty_segments, n, 1024, 0, "ioctl/array/1024-empty");
	add_with(too_many_segments, n, 1025, EINVAL, "ioctl/array/1025");
	add_with(too_many_segments, n, -1, EINVAL, "ioctl/array/endless");
	add_with(too_many_segments, n, 256, ENOMEM, "ioctl/array/256-of-1-byte");
	add_with(too_many_segments, n, 300, ENOMEM, "ioctl/array/300-of-1-byte");
	for (long over = 0; over < 3; over++) {
		add_with(all_areas, n, over, 0, "ioctl/areas/%ld-in", AREA_LIMIT + over);
		add_with(all_areas, n, over, 1, "ioctl/areas/%ld-out", AREA_LIMIT + over);
	}
	add_with(inline_segments, n, 255, 0, "ioctl/areas/256-two-levels");
	add_with(inline_segments, n, 256, 0, "ioctl/areas/257-two-levels");
	add_with(too_much_in_all, n, 0, 0, "ioctl/areas/too-large-together-in");
	add_with(too_much_in_all, n, SEGMENT_READ, 0, "ioctl/areas/too-large-together-out");
	for (long i = 0; i < 3; i++) {
		add_with(over_one_limit, n, i, 8193, "ioctl/array/%s-over-its-limit", ordinals[i]);
		for (long w = 0; w < (long)COUNT(wrong_names); w++)
			add_with(bad_segment, n, i, w, "ioctl/array/%s-%s", ordinals[i], wrong_names[w]);
	}
	for (long w = 0; w < WRONG_READONLY; w++)
		add_with(bad_array, n, w, 0, "ioctl/array/itself-%s", wrong_names[w]);
	add(same_memory, n, "ioctl/array/reads-into-the-same-memory");
	add_with(signed_length, n, 256, 0, "ioctl/length/signed-256");
	add_with(signed_length, n, 257, 0, "ioctl/length/signed-257");
	add_with(signed_length, n, -1, 0, "ioctl/length/signed-minus-1");
	add_with(signed_length, n, -256, 0, "ioctl/length/signed-minus-256");
	add_with(signed_length, n, INT_MIN, 0, "ioctl/length/signed-lowest");
	for (long i = 0; i < (long)COUNT(wide_lengths); i++)
		add_with(wide_length, n, i, 0, "ioctl/length/64-bit-%llx", wide_lengths[i]);
	for (size_t i = 0; i < COUNT(byte_lengths); i++)
		add_with(byte_length, n, byte_lengths[i], 0, "ioctl/length/in-bytes-%ld", byte_lengths[i]);
}
