// SPDX-License-Identifier: MIT
/* As a sound card's control device (snd-dummy): ioctls by _IOC numbers, events that a reader waits for. */
#include <signal.h>
#include <sound/asound.h>
#include "harness.h"

static int card(int flags)
{
	return (int)MUST(io->open("/dev/snd/controlC0", flags));
}

static void alike(long expected, int expected_errno, long got, int got_errno)
{
	SAME(got < 0, expected < 0);
	if (expected < 0)
		SAME(got_errno, expected_errno);
}

/* ALSA's ioctl on the card, and one of the same size and direction on ours. */
static void ioctls(const struct test *t)
{
	int theirs = card(O_RDWR), ours = dev(O_RDWR), error;
	size_t size = sizeof(struct snd_ctl_card_info);
	uintptr_t argument;
	long expected, got;

	switch (t->a) {
	case 0:
		argument = (uintptr_t)memory_guarded(size);
		break;
	case 1:
		argument = 0;
		break;
	case 2:
		argument = (uintptr_t)memory_bad();
		break;
	case 3:
		argument = (uintptr_t)memory_readonly(size);
		break;
	default:
		argument = (uintptr_t)memory_guarded(1);
	}
	if (t->b == 0) {
		expected = io->ioctl(theirs, SNDRV_CTL_IOCTL_CARD_INFO, argument);
		error = errno;
		got = io->ioctl(ours, S_OUT(4096), t->a ? argument : (uintptr_t)memory_new(4096));
	} else {
		expected = io->ioctl(theirs, _IOR('Z', 99, struct snd_ctl_card_info), argument);
		error = errno;
		got = io->ioctl(ours, _IOR('Z', 99, struct snd_ctl_card_info), argument);
	}
	alike(expected, error, got, errno);
}

static int subscribed(int flags)
{
	int fd = card(flags);
	int *on = NEW(int);

	*on = 1;
	MUST(io->ioctl(fd, SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS, (uintptr_t)on));
	return fd;
}

static void nothing_to_read(const struct test *t)
{
	int theirs = subscribed(O_RDWR | O_NONBLOCK), ours = dev(O_RDWR | O_NONBLOCK), error;
	char *bytes = memory_new(256);
	long expected = io->read(theirs, bytes, 256);

	(void)t;
	error = errno;
	alike(expected, error, io->read(ours, bytes, 256), errno);
	SAME(ready(ours, POLLIN | POLLRDNORM, 0), ready(theirs, POLLIN | POLLRDNORM, 0));
}

static void signal_frees_reader(const struct test *t)
{
	struct call *theirs = start_read(subscribed(O_RDWR), 256), *ours = start_read(dev(O_RDWR), 256);
	long expected, got;
	int error;

	(void)t;
	on_signal(SIGUSR1, 0);
	await_count(BLOCKED, 1);
	thread_sleeps(theirs->thread);
	thread_signal(theirs->thread, SIGUSR1);
	thread_signal(ours->thread, SIGUSR1);
	expected = finish(theirs);
	error = errno;
	got = finish(ours);
	alike(expected, error, got, errno);
}

CASES
{
	static const char *const places[] = { "good", "null", "unmapped", "read-only", "too-short" };
	unsigned needs = NEEDS_DESCRIPTOR | NEEDS_SOUND;

	for (long i = 0; i < (long)COUNT(places); i++) {
		add_with(ioctls, needs, i, 0, "as-sound/ioctl/%s", places[i]);
		add_with(ioctls, needs, i, 1, "as-sound/unknown-ioctl/%s", places[i]);
	}
	add(nothing_to_read, needs, "as-sound/nothing-to-read");
	add(signal_frees_reader, needs, "as-sound/signal-frees-reader");
}
