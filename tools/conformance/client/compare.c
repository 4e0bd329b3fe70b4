// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include "compare.h"
#include "harness.h"

enum { ALL = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM, ROOM = 1 << 20 };

struct transcript {
	char text[8192];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void note(struct transcript *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->length += (size_t)vsnprintf(t->text + t->length, sizeof(t->text) - t->length, format, args);
	va_end(args);
}

static void note_result(struct transcript *t, const char *word, long result, const char *bytes)
{
	if (result < 0)
		note(t, "%s: %s\n", word, errno_name(errno));
	else if (bytes && result > 0)
		note(t, "%s: %ld, %02x to %02x\n", word, result, (uint8_t)bytes[0], (uint8_t)bytes[result - 1]);
	else
		note(t, "%s: %ld\n", word, result);
}

static void vector(struct transcript *t, struct ends ends, const char *word, char *bytes)
{
	size_t size = strtoul(word + 1, NULL, 10);
	struct iovec areas[] = { { bytes, size / 3 }, { bytes + size / 3, 0 }, { bytes + size / 3, size - size / 3 } };

	if (word[0] == 'R')
		note_result(t, word, io->readv(ends.in, areas, 3), bytes);
	else
		note_result(t, word, io->writev(ends.out, areas, 3), NULL);
}

static void step(struct transcript *t, struct ends ends, const char *word)
{
	size_t size = strtoul(word + 1, NULL, 10);
	char *bytes = memory_new(ROOM);
	struct timeval limit = { 0, (long)size * 1000 };
	fd_set in;

	for (size_t i = 0; i < ROOM; i++)
		bytes[i] = (char)pattern_at(i, 1);
	switch (*word) {
	case 'r':
		note_result(t, word, io->read(ends.in, bytes, size), bytes);
		break;
	case 'w':
		note_result(t, word, io->write(ends.out, bytes, size), NULL);
		break;
	case 'R':
	case 'W':
		if (word[1] != 'x')
			vector(t, ends, word, bytes);
		else if (word[0] == 'R')
			note_result(t, word, io->read(ends.in, memory_bad(), 64), NULL);
		else
			note_result(t, word, io->write(ends.out, memory_bad(), 64), NULL);
		break;
	case 'p':
		note(t, "p: in %x, out %x\n", ready(ends.in, ALL, 0) & (POLLIN | POLLRDNORM | POLLERR | POLLHUP | POLLPRI),
		     ready(ends.out, ALL, 0) & (POLLOUT | POLLWRNORM | POLLERR | POLLHUP));
		break;
	case 's':
		FD_ZERO(&in);
		FD_SET(ends.in, &in);
		note_result(t, word, select(ends.in + 1, &in, NULL, NULL, &limit), NULL);
		break;
	case 'n':
	case 'b':
		note_result(t, word, io->setfl(ends.in, *word == 'n' ? O_NONBLOCK : 0), NULL);
		note_result(t, word, io->setfl(ends.out, *word == 'n' ? O_NONBLOCK : 0), NULL);
		break;
	case 'i':
		note_result(t, word, io->ioctl(ends.in, _IOR('Z', 99, int), (uintptr_t)bytes), NULL);
		break;
	case '0':
		note_result(t, "r0", io->read(ends.in, bytes, 0), NULL);
		note_result(t, "w0", io->write(ends.out, bytes, 0), NULL);
		break;
	default:
		fail(PLACE, "no step is called %s", word);
	}
}

static char *play(struct ends ends, const char *script)
{
	struct transcript *t = calloc(1, sizeof(*t));
	char *words = strdup(script), *rest = words, *word;

	while ((word = strsep(&rest, " ")))
		step(t, ends, word);
	free(words);
	return t->text;
}

void compare(struct ends kernel, struct ends ours, const char *script)
{
	const char *expected = play(kernel, script), *got = play(ours, script);

	if (strcmp(expected, got))
		fail(PLACE, "%s\nthe kernel's:\n%sours:\n%s", script, expected, got);
}
