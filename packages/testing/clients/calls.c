// SPDX-License-Identifier: MIT
/*
 * Makes the system calls that its input names, one a line, and prints what each gave, one line each. A program of its
 * own, in C and without stdio on the device, so that what a test sees is what any program sees; built with -m32 too.
 *
 *   open NAME PATH FLAGS      close NAME          dup2 NAME NEWNAME     nonblock NAME 0|1
 *   read NAME LENGTH          write NAME HEX      fill NAME LENGTH
 *   ioctl NAME REQUEST VALUE  ioctlbuf NAME REQUEST HEX|-
 *   poll NAME EVENTS MS       select NAME r|w|rw MS        epoll NAME EVENTS MS
 *   signals MS 0|1            (SIGALRM every MS milliseconds, 0: none, with a handler that does nothing; 1: SA_RESTART)
 *
 * Answers: "RESULT [HEX]" or "-1 errno NUMBER". Numbers as strtoul(3) takes them. NAMEs are one letter a-z.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_DATA = 1 << 20, MAX_WORDS = 4 };

static int fds[26];
static unsigned char data[MAX_DATA];
static char line[2 * MAX_DATA + 256];

static void on_alarm(int signal)
{
	(void)signal;
}

static void answer(long result, size_t shown)
{
	if (result < 0) {
		printf("-1 errno %d\n", errno);
	} else {
		printf("%ld", result);
		if (shown > 0)
			putchar(' ');
		for (size_t i = 0; i < shown; i++)
			printf("%02x", data[i]);
		putchar('\n');
	}
	fflush(stdout);
}

static size_t from_hex(const char *hex)
{
	size_t length = 0;

	for (; hex[0] && hex[1] && length < MAX_DATA; hex += 2) {
		char pair[3] = { hex[0], hex[1], 0 };

		data[length++] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return length;
}

static int *slot(const char *name)
{
	if (!name || name[0] < 'a' || name[0] > 'z' || name[1]) {
		fprintf(stderr, "calls: \"%s\" is no name\n", name ? name : "");
		exit(2);
	}
	return &fds[name[0] - 'a'];
}

static long set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static long set_signals(long ms, int restart)
{
	struct itimerval timer = {
		.it_interval = { ms / 1000, ms % 1000 * 1000 },
		.it_value = { ms / 1000, ms % 1000 * 1000 },
	};
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0 };

	sigaction(SIGALRM, &action, NULL);
	return setitimer(ITIMER_REAL, &timer, NULL);
}

/* The answer has r and w for what is ready, as bits 1 and 2. */
static long do_select(int fd, const char *what, long ms)
{
	struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };
	fd_set reading, writing;
	long result;

	FD_ZERO(&reading);
	FD_ZERO(&writing);
	if (strchr(what, 'r'))
		FD_SET(fd, &reading);
	if (strchr(what, 'w'))
		FD_SET(fd, &writing);
	result = select(fd + 1, &reading, &writing, NULL, &timeout);
	if (result < 0)
		return result;
	return (FD_ISSET(fd, &reading) ? 1 : 0) | (FD_ISSET(fd, &writing) ? 2 : 0);
}

static long do_poll(int fd, short events, long ms)
{
	struct pollfd polled = { .fd = fd, .events = events };
	long result = poll(&polled, 1, (int)ms);

	return result < 0 ? result : polled.revents;
}

static long do_epoll(int fd, unsigned int events, long ms)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long result = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);

	if (!result)
		result = epoll_wait(epoll, &event, 1, (int)ms);
	if (result > 0)
		result = event.events;
	close(epoll);
	return result;
}

static void run(char **word)
{
	const char *call = word[0];
	long number = word[2] ? (long)strtoul(word[2], NULL, 0) : 0;
	size_t length;
	long result;

	if (!strcmp(call, "signals")) {
		answer(set_signals(strtol(word[1], NULL, 0), number != 0), 0);
		return;
	}
	if (!strcmp(call, "open")) {
		*slot(word[1]) = open(word[2], (int)strtoul(word[3], NULL, 0));
		answer(*slot(word[1]) < 0 ? -1 : 0, 0);
		return;
	}

	int fd = *slot(word[1]);

	if (!strcmp(call, "close")) {
		answer(close(fd), 0);
	} else if (!strcmp(call, "dup2")) {
		/* A number of its own for the new name, as a program that dups over an old descriptor has. */
		int target = 100 + (word[2][0] - 'a');

		result = dup2(fd, target);
		*slot(word[2]) = target;
		answer(result < 0 ? -1 : 0, 0);
	} else if (!strcmp(call, "nonblock")) {
		answer(set_nonblock(fd, (int)number), 0);
	} else if (!strcmp(call, "read")) {
		result = read(fd, data, (size_t)number > MAX_DATA ? MAX_DATA : (size_t)number);
		answer(result, result > 0 ? (size_t)result : 0);
	} else if (!strcmp(call, "write")) {
		length = from_hex(word[2]);
		answer(write(fd, data, length), 0);
	} else if (!strcmp(call, "fill")) {
		for (length = 0; length < (size_t)number && length < MAX_DATA; length++)
			data[length] = (unsigned char)(length * 7 + length / 251);
		answer(write(fd, data, length), 0);
	} else if (!strcmp(call, "ioctl")) {
		answer(ioctl(fd, (unsigned long)number, strtoul(word[3], NULL, 0)), 0);
	} else if (!strcmp(call, "ioctlbuf")) {
		memset(data, 0, 4096);
		length = word[3][0] == '-' ? 0 : from_hex(word[3]);
		result = ioctl(fd, (unsigned long)number, data);
		answer(result, length > 0 ? length : 64);
	} else if (!strcmp(call, "poll")) {
		answer(do_poll(fd, (short)number, strtol(word[3], NULL, 0)), 0);
	} else if (!strcmp(call, "epoll")) {
		answer(do_epoll(fd, (unsigned int)number, strtol(word[3], NULL, 0)), 0);
	} else if (!strcmp(call, "select")) {
		answer(do_select(fd, word[2], strtol(word[3], NULL, 0)), 0);
	} else {
		fprintf(stderr, "calls: unknown call \"%s\"\n", call);
		exit(2);
	}
}

/* The next line of input; signals are for the calls, not for reading what they shall be. */
static char *next_line(void)
{
	sigset_t alarm, before;
	char *read;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &before);
	read = fgets(line, sizeof(line), stdin);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return read;
}

int main(void)
{
	while (next_line()) {
		char *word[MAX_WORDS] = { NULL };
		char *rest = line;
		int words = 0;

		while (words < MAX_WORDS && (word[words] = strtok_r(rest, " \n", &rest)))
			words++;
		if (words > 0)
			run(word);
	}
	return 0;
}
