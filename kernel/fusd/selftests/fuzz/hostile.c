// SPDX-License-Identifier: GPL-2.0-only
/* What both sides share: see hostile.h. */

#include <stdarg.h>

#include "hostile.h"

uint64_t fuz_number(struct fuz *fuz)
{
	uint64_t any = fst_random(&fuz->random) & 0x7f7f7f7f7f7f7f7fULL;

	switch (fuz_below(fuz, 8)) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return 0x7fffffff;
	case 3: return 1ULL << (7 * fuz_below(fuz, 9));
	case 4: return any;
	case 5: return any & 0x7fff;
	default: return any & 0x7f;
	}
}

void fuz_fail(struct fuz *fuz, const char *format, ...)
{
	va_list arguments;

	fuz->shared->failed = 1;
	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	_exit(1);
}

static void nobody(int signal)
{
	(void)signal;
}

void fuz_signals(void)
{
	struct sigaction action = { .sa_handler = nobody };

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGIO, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
}

/* The direct map, vmalloc and the like of x86-64 and arm64, and the kernel's text. */
static bool is_kernels(uint64_t word)
{
	uint8_t fifth = word >> 40, third = word >> 24;

	if (word >> 48 != 0xffff)
		return false;
	return fifth != 0xff ? fifth >= 0x80 : (uint8_t)(word >> 32) == 0xff && third >= 0x80 && third != 0xff;
}

void fuz_look(struct fuz *fuz, const void *at, size_t size, const char *what)
{
	uint64_t word;

	for (size_t i = 0; i + sizeof(word) <= size; i += 8) {
		memcpy(&word, (const char *)at + i, sizeof(word));
		if (is_kernels(word))
			fuz_fail(fuz, "%s has 0x%llx at %zu", what, (unsigned long long)word, i);
	}
}

void fuz_name(struct fuz *fuz, uint32_t number, char *name)
{
	snprintf(name, FUSD_NAME_MAX, "fuzz%u/%c", fuz->shared->prefix, 'a' + number);
}

uint32_t fuz_command(uint32_t number)
{
	return _IOC(_IOC_READ | _IOC_WRITE, 'F', 0x10 + number, 8 * number);
}

void fuz_add_counts(struct fuz_counts *all, const struct fuz_counts *more)
{
	const uint64_t *from = (const uint64_t *)more;
	uint64_t *to = (uint64_t *)all;

	for (size_t i = 0; i < sizeof(*all) / sizeof(*to); i++)
		to[i] += from[i];
}

static bool print_count(const char *name, const struct fuz_count *count)
{
	printf("#   %-10s %9llu %9llu\n", name, (unsigned long long)count->good, (unsigned long long)count->bad);
	return count->good;
}

bool fuz_print_counts(const struct fuz_counts *counts)
{
	static const char *const messages[] = {
		"CREATE", "TABLE", "START", "REPLY", "PUBLISH", "WAIT", "QUIESCE", "RECOVER", "DESTROY", "REGION", "RING",
		"DETACH", "KEEP",
	};
	static const char *const requests[] = {
		"", "OPEN", "RELEASE", "READ", "WRITE", "IOCTL", "LLSEEK", "FLUSH", "FSYNC", "RESTORE", "INTERRUPT",
	};
	static const char *const calls[] = {
		"open", "read", "write", "long read", "long write", "ioctl", "mmap", "poll", "lseek", "fsync", "close",
	};
	bool all = true;

	printf("# daemons' messages: taken, refused\n");
	for (int i = 0; i < FUSD_KEEP - FUSD_CREATE + 1; i++)
		all &= print_count(messages[i], &counts->messages[i]);
	print_count("others", &counts->messages[FUZ_MESSAGES - 1]);
	printf("# requests by read(2): answered at once, not so\n");
	for (int i = 1; i <= FUSD_OP_INTERRUPT; i++)
		all &= print_count(requests[i], &counts->answers[i]);
	printf("# slots of rings: with a request, with anything else\n");
	all &= print_count("", &counts->slots);
	printf("# clients' calls: done, failed\n");
	for (int i = 0; i < FUZ_CALLS; i++)
		all &= print_count(calls[i], &counts->calls[i]);
	return all;
}
