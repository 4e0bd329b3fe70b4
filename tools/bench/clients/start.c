// SPDX-License-Identifier: MIT
/*
 * start PATH COMMAND...: runs COMMAND and prints, in microseconds, how long it took from its exec until PATH, which is
 * no device file of its own before, can be opened: one line. Then ends COMMAND with SIGTERM and waits for it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_US (30 * 1000 * 1000)
#define STEP_US 200

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What the name leads to, as the kernel knows it without asking a daemon that may not answer yet. */
static bool identity(const char *path, unsigned long long *out)
{
	struct statx s;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &s))
		return false;
	*out = (unsigned long long)s.stx_dev_major << 32 | (unsigned long long)s.stx_dev_minor << 12 | S_ISCHR(s.stx_mode);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long long before = 0, after;
	struct timespec step = { 0, STEP_US * 1000 };
	bool was_there;
	long start;
	pid_t child;
	int fd, status;

	if (argc < 3) {
		fprintf(stderr, "usage: start PATH COMMAND...\n");
		return 2;
	}
	was_there = identity(argv[1], &before);
	start = now_us();
	child = fork();
	if (child == 0) {
		dup2(2, 1);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	for (fd = -1; now_us() - start < LIMIT_US; nanosleep(&step, NULL)) {
		if (waitpid(child, &status, WNOHANG) == child) {
			fprintf(stderr, "start: %s ended before %s was there\n", argv[2], argv[1]);
			return 1;
		}
		if (!identity(argv[1], &after) || (was_there && after == before))
			continue;
		fd = open(argv[1], O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			break;
	}
	if (fd >= 0)
		printf("%ld\n", now_us() - start);
	close(fd);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	return fd >= 0 ? 0 : 1;
}
