// SPDX-License-Identifier: MIT
/* System calls that libc does not make so: its wrappers left out, and the 32-bit entry of a 64-bit program. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include "harness.h"

/* All of the table in io-raw.c, one after the other, by the numbers of this program's kind. */
static void round_trip(const struct test *t)
{
	const struct io *raw = &io_raw;
	struct pair *pair = NEW(struct pair);
	struct pollfd *polled = NEW(struct pollfd);
	char *bytes = memory_new(64);
	struct iovec areas[] = { { bytes, 3 }, { bytes + 3, 5 } };
	int fd;

	(void)t;
	rule(NORMAL, 0);
	fd = (int)MUST(raw->open(node("stream"), O_RDWR));
	GIVES(raw->write(fd, "abc", 3), 3);
	GIVES(raw->read(fd, bytes, 64), 3);
	memcpy(bytes, "01234567", 8);
	GIVES(raw->writev(fd, areas, 2), 8);
	memset(bytes, 0, 64);
	GIVES(raw->readv(fd, areas, 2), 8);
	TRUE(!memcmp(bytes, "01234567", 8));
	*pair = (struct pair){ 5, 6 };
	GIVES(raw->ioctl(fd, S_PAIR, (uintptr_t)pair), 7);
	SAME(pair->a, 6);
	*polled = (struct pollfd){ .fd = fd, .events = POLLOUT };
	GIVES(raw->poll(polled, 1, -1), 1);
	SAME(polled->revents, POLLOUT);
	MUST(raw->setfl(fd, O_NONBLOCK));
	FAILS(raw->read(fd, bytes, 64), EAGAIN);
	MUST(raw->close(fd));
	FAILS(raw->read(fd, bytes, 64), EBADF);
}

/* The upper half of a command number is not part of it: the kernel takes an unsigned int. */
static void wide_command(const struct test *t)
{
	struct pair *pair = NEW(struct pair);
	int fd = dev(O_RDWR);

	*pair = (struct pair){ 5, 6 };
#if defined(__x86_64__) && !defined(X32)
	GIVES(syscall(SYS_ioctl, fd, (unsigned long)t->a << 32 | S_PAIR, pair), 7);
#else
	(void)t;
	GIVES(io->ioctl(fd, S_PAIR, (uintptr_t)pair), 7);
#endif
	SAME(pair->a, 6);
}

#if defined(__x86_64__) && !defined(X32)
enum { I386_READ = 3, I386_WRITE = 4, I386_IOCTL = 54, I386_POLL = 168 };

/* int $0x80: the call of an i386 program, out of a 64-bit one. */
static long int80(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

static void *low(size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	TRUE(bytes != MAP_FAILED);
	return bytes;
}

static void old_entry(const struct test *t)
{
	char *bytes = low(4096);
	struct pollfd *polled = (void *)(bytes + 2048);
	struct pair *pair = (void *)(bytes + 1024);
	int fd = dev(O_RDWR);

	(void)t;
	memcpy(bytes, "i386", 4);
	GIVES(int80(I386_WRITE, fd, (long)bytes, 4), 4);
	memset(bytes, 0, 4);
	GIVES(int80(I386_READ, fd, (long)bytes, 64), 4);
	TRUE(!memcmp(bytes, "i386", 4));
	*pair = (struct pair){ 5, 6 };
	GIVES(int80(I386_IOCTL, fd, S_PAIR, (long)pair), 7);
	SAME(pair->a, 6);
	*polled = (struct pollfd){ .fd = fd, .events = POLLOUT };
	GIVES(int80(I386_POLL, (long)polled, 1, 0), 1);
	FAILS(int80(I386_IOCTL, fd, _IO('Z', 99), 0), ENOTTY);
	FAILS(int80(I386_IOCTL, fd, S_PAIR, 0), EFAULT);
}

/* A block as an i386 program has it: 12 bytes, with a pointer of 4. The daemon has to go by the call, not the program. */
static void old_entry_layout(const struct test *t)
{
	struct { uint32_t len, result, data; } *block = low(4096);
	uint8_t *bytes = low(4096);
	int fd = dev(O_RDWR);

	(void)t;
	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t)i;
	block->len = 16;
	block->data = (uint32_t)(uintptr_t)bytes;
	GIVES(int80(I386_IOCTL, fd, (long)_IOC(_IOC_READ | _IOC_WRITE, 'c', 82, 12), (long)block), 0);
	SAME(block->result, 16);
	for (int i = 0; i < 16; i++)
		SAME(bytes[i], i ^ 0xa5);
	/* And with the number of a 64-bit program it is none that an i386 program has. */
	FAILS(int80(I386_IOCTL, fd, (long)S_BLOCK_INOUT, (long)block), ENOTTY);
}
#endif

CASES
{
	add(round_trip, NEEDS_DESCRIPTOR, "raw/round-trip");
	add_with(wide_command, NEEDS_DESCRIPTOR, 1, 0, "raw/wide-command");
#if defined(__x86_64__) && !defined(X32)
	add(old_entry, NEEDS_DESCRIPTOR, "raw/i386-entry-of-a-64-bit-program/calls");
	add(old_entry_layout, NEEDS_DESCRIPTOR | NEEDS_UNRESTRICTED, "raw/i386-entry-of-a-64-bit-program/layout");
#endif
}
