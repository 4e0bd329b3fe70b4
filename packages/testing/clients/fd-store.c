// SPDX-License-Identifier: MIT
/*
 * fd-store SOCKET COMMAND...: of a service manager what keeps descriptors (sd_notify(3), sd_listen_fds(3)), where there is
 * no systemd. Runs COMMAND, whose standard output is ours, and is told by lines on standard input:
 *
 *     start       starts it, with the descriptors that are kept
 *     signal N    sends it a signal
 *
 * It says what happens in lines that begin with '#': "#kept NAME", "#forgot NAME", "#ready", "#exited STATUS" (128 + n: by a signal).
 * As systemd does, it hears what a process has said before it hears of its end. At the end of the input it kills it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64
#define FIRST_FD 3
#define TEXT 4096

static struct {
	char name[256];
	int fd;
} kept[MOST];
static int count;
static pid_t child;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void forget(const char *name)
{
	for (int i = 0; i < count;) {
		if (strcmp(kept[i].name, name)) {
			i++;
			continue;
		}
		close(kept[i].fd);
		kept[i] = kept[--count];
		printf("#forgot %s\n", name);
	}
}

static void keep(const char *name, int fd)
{
	if (count == MOST) {
		close(fd);
		return;
	}
	snprintf(kept[count].name, sizeof(kept[count].name), "%s", name);
	kept[count++].fd = fd;
	printf("#kept %s\n", name);
}

/* One message. false: there is none. */
static bool hear(int socket)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char text[TEXT + 1], name[256] = "stored";
	struct iovec data = { text, TEXT };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	bool stores = false, removes = false;
	struct cmsghdr *header;
	int fd = -1;
	ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return false;
	text[n] = '\0';
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		stores |= !strcmp(line, "FDSTORE=1");
		removes |= !strcmp(line, "FDSTOREREMOVE=1");
		if (!strcmp(line, "READY=1"))
			puts("#ready");
		if (!strncmp(line, "FDNAME=", 7))
			snprintf(name, sizeof(name), "%s", line + 7);
	}
	if (removes)
		forget(name);
	if (stores && fd >= 0)
		keep(name, fd);
	else if (fd >= 0)
		close(fd);
	return true;
}

static void run(char *const *command)
{
	char number[16], names[MOST * 257] = "";
	int high[MOST];

	for (int i = 0; i < count; i++) {
		high[i] = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, FIRST_FD + MOST);
		strcat(strcat(names, i ? ":" : ""), kept[i].name);
	}
	for (int i = 0; i < count; i++)
		dup2(high[i], FIRST_FD + i);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%d", count);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	execvp(command[0], command);
	fail(command[0]);
}

static void start(char *const *command)
{
	sigset_t none;

	sigemptyset(&none);
	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child)
		return;
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	run(command);
}

static void reap(int socket)
{
	int status;

	if (!child || waitpid(child, &status, WNOHANG) != child)
		return;
	child = 0;
	while (hear(socket))
		;
	printf("#exited %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct signalfd_siginfo info;
	struct pollfd fds[3];
	char line[256];
	sigset_t ended;
	int number;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	fds[0].fd = STDIN_FILENO;
	fds[1].fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fds[2].fd = signalfd(-1, &ended, SFD_CLOEXEC);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (bind(fds[1].fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(argv[1]);
	setenv("NOTIFY_SOCKET", argv[1], 1);
	setenv("FDSTORE", "64", 1);
	for (int i = 0; i < 3; i++)
		fds[i].events = POLLIN;
	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			fail("poll");
		if (fds[1].revents)
			hear(fds[1].fd);
		if (fds[2].revents && read(fds[2].fd, &info, sizeof(info)) > 0)
			reap(fds[1].fd);
		if (!fds[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (!strcmp(line, "start\n"))
			start(argv + 2);
		else if (sscanf(line, "signal %d", &number) == 1 && child)
			kill(child, number);
	}
	if (child)
		kill(child, SIGKILL);
	unlink(argv[1]);
	return 0;
}
