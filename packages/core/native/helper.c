// SPDX-License-Identifier: MIT
/*
 * One step under another user's id, by a process of its own: so that the kernel checks it as that user's, whatever a path
 * means by then, and that a file system which never answers holds a process that can be killed, and no thread of ours.
 * The child is a copy of us that makes system calls and nothing else: no lock of ours is ever taken in it.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes of a file: less than a socket holds, so that the child does not wait for us to read them. */
#define MOST_BYTES 65536
/* Where the child has its end of the socket pair. */
#define ANSWER 0

enum step { CONNECT, READ };

struct job {
	enum step step;
	unsigned int uid, gid;
	int socket;
	char path[ARG_PATH_MAX];
};

/* What is in the helper's way of being seen as ours: descriptors, groups, and that its memory is ours. */
static int become(const struct job *job)
{
	/*
	 * The system calls themselves: those of the C library would tell all of our threads. No user may trace the child,
	 * nor does it outlive us; a change of ids unsays both.
	 */
	if (dup2(job->socket, ANSWER) < 0 || syscall(SYS_close_range, ANSWER + 1, ~0U, 0) ||
	    syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, job->gid, job->gid, job->gid) ||
	    syscall(SYS_setresuid, job->uid, job->uid, job->uid) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL))
		return errno;
	return 0;
}

static int send_descriptor(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(ANSWER, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return errno;
	return send_descriptor(fd);
}

static int read_from(const char *path)
{
	/* A FIFO must not make us wait, nor a terminal become ours. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char bytes[4096];
	struct stat stats;
	size_t left = MOST_BYTES;
	ssize_t n;

	if (fd < 0 || fstat(fd, &stats))
		return errno;
	if (!S_ISREG(stats.st_mode))
		return EINVAL;
	while (left > 0 && (n = read(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes))) != 0) {
		if (n < 0 || send(ANSWER, bytes, (size_t)n, MSG_NOSIGNAL) != n)
			return errno;
		left -= (size_t)n;
	}
	return 0;
}

static int run(const struct job *job)
{
	int err = become(job);

	if (err)
		return err;
	return job->step == CONNECT ? connect_to(job->path) : read_from(job->path);
}

/* @return its process id, and a pidfd in @pidfd; or -errno */
static long start_child(const struct job *job, int *pidfd)
{
	sigset_t all, before;
	long pid;
	int err;

	/* No handler of ours may run in it. What is blocked stays so, but for SIGKILL and SIGSTOP. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
	err = errno;
	if (pid == 0)
		syscall(SYS_exit_group, run(job));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -err : pid;
}

static bool set_number(napi_env env, napi_value object, const char *key, int value)
{
	napi_value number;

	return napi_create_int32(env, value, &number) == napi_ok &&
	       napi_set_named_property(env, object, key, number) == napi_ok;
}

/* helper(uid, gid, step, path): { pid, pidfd, socket } */
static napi_value helper(napi_env env, napi_callback_info info)
{
	napi_value argv[4], result;
	size_t argc = ARRAY_SIZE(argv);
	unsigned int step;
	int sockets[2], pidfd;
	struct job job;
	long pid;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok ||
	    napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	if (!arg_u32(env, argv[0], "uid", &job.uid) || !arg_u32(env, argv[1], "gid", &job.gid) ||
	    !arg_u32(env, argv[2], "step", &step) || !arg_path(env, argv[3], job.path))
		return NULL;
	/* To setresuid(2) and its like -1 means to leave it as it is. */
	if (job.uid == ~0U || job.gid == ~0U || step > READ) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "no such user, group or step");
		return NULL;
	}
	job.step = step;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return throw_errno(env, errno, "socketpair", NULL);
	job.socket = sockets[1];
	pid = start_child(&job, &pidfd);
	close(sockets[1]);
	if (pid < 0) {
		close(sockets[0]);
		return throw_errno(env, (int)-pid, "clone", NULL);
	}
	if (!set_number(env, result, "pid", (int)pid) || !set_number(env, result, "pidfd", pidfd) ||
	    !set_number(env, result, "socket", sockets[0]))
		return throw_napi(env);
	return result;
}

/* reap(pid): how a child of helper() has ended: its exit status, or 256 and the signal; -errno, -EAGAIN while it runs */
static napi_value reap(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	size_t argc = ARRAY_SIZE(argv);
	int pid, status;
	pid_t ended;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "pid", &pid))
		return NULL;
	ended = waitpid(pid, &status, WNOHANG);
	if (ended <= 0)
		return number(env, ended < 0 ? -errno : -EAGAIN);
	return number(env, WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status));
}

const struct function helper_functions[] = {
	{ "helper", helper },
	{ "reap", reap },
	{ NULL, NULL },
};
