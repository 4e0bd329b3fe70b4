/* SPDX-License-Identifier: MIT */
/* What the ioctl cases have in common: arguments, and what the reference device (device/shapes.ts) makes of them. */
#ifndef CONFORMANCE_IOCTL_ARGUMENTS_H
#define CONFORMANCE_IOCTL_ARGUMENTS_H

#include "harness.h"

#define IOCTL(fd, number, argument) io->ioctl((fd), (number), (uintptr_t)(argument))

/* Bytes of a request's input, and of its output: 32 pages (FUSE_DEFAULT_MAX_PAGES_PER_REQ in fs/fuse/fuse_i.h). */
#define REQUEST_LIMIT (128 * 1024)
/* Input and output areas together: FUSE_IOCTL_MAX_IOV. */
#define AREA_LIMIT 256

/* The seed of all patterns here. */
#define SEED 11

static inline void *patterned(void *memory, size_t size)
{
	uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern_at(i, SEED);
	return memory;
}

static inline long sum_of(const void *memory, size_t size)
{
	const uint8_t *bytes = memory;
	uint32_t total = 0;

	for (size_t i = 0; i < size; i++)
		total = (total * 31 + bytes[i]) & 0x7fffffff;
	return (long)total;
}

/* Bytes that patterned() made and the device has flipped. */
static inline bool is_flipped(const void *memory, size_t size)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (pattern_at(i, SEED) ^ 0xa5))
			return false;
	return true;
}

/* Bytes as patterned() made them. */
static inline bool is_untouched(const void *memory, size_t size)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != pattern_at(i, SEED))
			return false;
	return true;
}

/* Addresses at which no `size` bytes are, in one way or another; the last is what can be read but not written. */
enum wrong { WRONG_NULL, WRONG_UNMAPPED, WRONG_FIRST_PAGE, WRONG_LAST_BYTE, WRONG_KERNEL, WRONG_ENDS, WRONG_READONLY };
#define WRONG_NAMES { "null", "unmapped", "first-page", "last-byte", "kernel", "ends-too-early", "read-only" }

static inline void *wrong_address(long which, size_t size)
{
	switch (which) {
	case WRONG_NULL:
		return NULL;
	case WRONG_UNMAPPED:
		return memory_bad();
	case WRONG_FIRST_PAGE:
		return (void *)8;
	case WRONG_LAST_BYTE:
		return (void *)(uintptr_t)(ptr_t)~(uintptr_t)0;
	case WRONG_KERNEL:
		/* The kernel's half; with 32-bit addresses the last page, which nobody has. */
		return (void *)(uintptr_t)(sizeof(ptr_t) == 8 ? (ptr_t)0xffff888000000000ull : (ptr_t)0xfffff000u);
	case WRONG_ENDS:
		return memory_guarded(size - 1);
	default:
		return memory_readonly(size);
	}
}

#endif
