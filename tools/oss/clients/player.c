// SPDX-License-Identifier: MIT
/*
 * Plays 16-bit stereo at 48 kHz on a dsp, in writes of a fragment, and says when.
 *
 *   player PATH SETFRAGMENT impulses COUNT    silence, and in it COUNT single frames of IMPULSE, each the first of a write.
 *                                             A line for each: microseconds of CLOCK_REALTIME before and after the write,
 *                                             bytes of the write, and what GETODELAY says after it.
 *   player PATH SETFRAGMENT constant SECONDS VALUE    the same sample all the time
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/soundcard.h>
#include <time.h>
#include <unistd.h>

enum { IMPULSE = 30000, RATE = 48000, FRAME = 4, MOST = 65536, SETTLED = 48, APART = 17 };

static int16_t piece[MOST / 2];

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	int format = AFMT_S16_LE, channels = 2, rate = RATE, bytes, delay;

	if (argc < 5)
		return 2;
	int fragment = (int)strtol(argv[2], NULL, 0);
	int impulses = !strcmp(argv[3], "impulses");
	int dsp = open(argv[1], O_WRONLY);

	must(dsp, "open");
	must(ioctl(dsp, SNDCTL_DSP_SETFRAGMENT, &fragment), "SETFRAGMENT");
	must(ioctl(dsp, SNDCTL_DSP_SETFMT, &format), "SETFMT");
	must(ioctl(dsp, SNDCTL_DSP_CHANNELS, &channels), "CHANNELS");
	must(ioctl(dsp, SNDCTL_DSP_SPEED, &rate), "SPEED");
	must(ioctl(dsp, SNDCTL_DSP_GETBLKSIZE, &bytes), "GETBLKSIZE");
	if (bytes < FRAME || bytes > MOST)
		return 3;
	long writes = impulses ? SETTLED + APART * atol(argv[4]) : atol(argv[4]) * RATE * FRAME / bytes;

	for (int at = 0; !impulses && at < bytes / 2; at++)
		piece[at] = (int16_t)atoi(argv[5]);
	for (long number = 0; number < writes; number++) {
		int marked = impulses && number >= SETTLED && (number - SETTLED) % APART == 0;

		if (impulses)
			piece[0] = piece[1] = marked ? IMPULSE : 0;
		long long before = now();
		must((int)write(dsp, piece, (size_t)bytes), "write");
		long long after = now();

		if (!marked)
			continue;
		must(ioctl(dsp, SNDCTL_DSP_GETODELAY, &delay), "GETODELAY");
		printf("%lld %lld %d %d\n", before, after, bytes, delay);
	}
	return 0;
}
