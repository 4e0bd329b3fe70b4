// SPDX-License-Identifier: GPL-2.0-only
/* The harness: see fusd-selftest.h. */

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "fusd-selftest.h"

/* Emulated machines are slow; nothing here should take more than a second or two on them. */
#define CASE_MS		20000
#define KILLED_MS	10000

/* Whoever fails says so here; the end of a case's last process closes it, too. */
static int failed_fd = -1;

long long fst_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void fst_fail(const char *file, int line, const char *format, ...)
{
	char text[512], message[640];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(message, sizeof(message), "# %s:%d: %s\n", file, line, text);
	if (write(STDOUT_FILENO, message, strlen(message)) < 0 || write(failed_fd, "x", 1) < 0)
		_exit(2);
	_exit(1);
}

void fst_check_eq(const char *file, int line, const char *what, long long got, long long wanted)
{
	int error = errno;

	if (got != wanted)
		fst_fail(file, line, "%s is %lld (0x%llx), not %lld (0x%llx)%s%s", what, got, got, wanted, wanted,
			 got == -1 ? ": " : "", got == -1 ? strerror(error) : "");
}

long long fst_check_ok(const char *file, int line, const char *what, long long got)
{
	if (got == -1)
		fst_fail(file, line, "%s: %s", what, strerror(errno));
	return got;
}

void fst_check_err(const char *file, int line, const char *what, long long got, int wanted)
{
	int error = errno;

	if (got != -1)
		fst_fail(file, line, "%s is %lld, not %s", what, got, strerrorname_np(wanted));
	if (error != wanted)
		fst_fail(file, line, "%s is %s, not %s", what, strerrorname_np(error), strerrorname_np(wanted));
}

/* Whether it ended within the time. */
static bool ended(pid_t pid, int ms, int *status)
{
	long long until = fst_now() + ms;

	while (waitpid(pid, status, WNOHANG) == 0) {
		if (fst_now() > until)
			return false;
		usleep(1000);
	}
	return true;
}

/* Whether somebody said that the case failed, until the last of its processes has ended. */
static bool failed(int failures)
{
	struct pollfd saying = { .fd = failures, .events = POLLIN };
	long long until = fst_now() + KILLED_MS;
	bool said = false;
	char byte;

	do {
		if (fst_now() > until) {
			printf("# SIGKILL does not end all of its processes\n");
			return true;
		}
		poll(&saying, 1, 10);
		said |= read(failures, &byte, 1) == 1;
	} while (saying.revents != POLLHUP);
	return said;
}

static bool run_case(const struct fst_case *one)
{
	long long until = fst_now() + CASE_MS;
	bool reaped = false, late = false;
	struct pollfd saying = { .events = POLLIN };
	int failures[2], status = 0;
	pid_t pid;

	if (pipe2(failures, O_CLOEXEC | O_NONBLOCK))
		return false;
	failed_fd = failures[1];
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		close(failures[0]);
		one->run();
		_exit(0);
	}
	setpgid(pid, pid);
	close(failures[1]);
	saying.fd = failures[0];
	do {
		poll(&saying, 1, 5);
		reaped = waitpid(pid, &status, WNOHANG) == pid;
		late = fst_now() > until;
	} while (!(saying.revents & POLLIN) && !reaped && !late);
	if (late)
		printf("# no end after %d s\n", CASE_MS / 1000);
	else if (reaped && WIFSIGNALED(status))
		printf("# ended by %s\n", strsignal(WTERMSIG(status)));
	kill(-pid, SIGKILL);
	if (!reaped && !ended(pid, KILLED_MS, &status))
		printf("# SIGKILL does not end it\n");
	bool said = failed(failures[0]);

	close(failures[0]);
	return reaped && !said && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool chosen(char **names, const char *name)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strstr(name, *names))
			return true;
	return false;
}

int fst_main(char **argv, const struct fst_case *cases, const struct fst_role *roles)
{
	unsigned int count = 0, number = 0, bad = 0;
	const struct fst_case *one;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argv[1] && argv[2] && !strcmp(argv[1], "--role")) {
		failed_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		for (; roles && roles->name; roles++)
			if (!strcmp(roles->name, argv[2]))
				return roles->run(argv + 3);
		return 2;
	}
	for (one = cases; one->name; one++)
		count += chosen(argv + 1, one->name);
	printf("TAP version 14\n1..%u\n", count);
	for (one = cases; one->name; one++) {
		if (!chosen(argv + 1, one->name))
			continue;
		bool passed = run_case(one);

		bad += !passed;
		printf("%sok %u - %s\n", passed ? "" : "not ", ++number, one->name);
	}
	return bad != 0;
}

struct fusd_head fst_head(uint16_t type, uint64_t id)
{
	return (struct fusd_head){ .len = sizeof(struct fusd_head), .type = type, .id = id };
}

int fst_control(void)
{
	return CHECK_OK(open("/dev/fusd", O_RDWR | O_CLOEXEC));
}

void fst_send(int fd, const void *message, size_t size)
{
	ssize_t sent = CHECK_OK(write(fd, message, size));

	CHECK_EQ(sent, size);
}

void fst_send_head(int fd, uint16_t type, uint64_t id)
{
	struct fusd_head head = fst_head(type, id);

	fst_send(fd, &head, sizeof(head));
}

struct fusd_create fst_creation(uint32_t ops)
{
	static unsigned int number;
	struct fusd_create create = {
		.head = fst_head(FUSD_CREATE, 0),
		.version = FUSD_VERSION,
		.ops = ops,
		.mode = 0666,
	};

	create.head.len = sizeof(create);
	snprintf(create.name, sizeof(create.name), "fst%d-%u", getpid(), number++);
	return create;
}

static void named(struct fst_device *device, const char *name)
{
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	snprintf(device->path, sizeof(device->path), "/dev/%s", name);
	device->room = 64 * 1024;
	device->message = malloc(device->room);
	CHECK(device->message);
}

void fst_create(struct fst_device *device, const struct fusd_create *create)
{
	named(device, create->name);
	device->fd = fst_control();
	fst_send(device->fd, create, sizeof(*create));
}

void fst_start(struct fst_device *device)
{
	fst_send_head(device->fd, FUSD_START, 0);
}

void fst_device(struct fst_device *device, uint32_t ops)
{
	struct fusd_create create = fst_creation(ops);

	fst_create(device, &create);
	fst_start(device);
}

int fst_recover(struct fst_device *device, const char *name)
{
	struct fusd_recover recover = { .head = fst_head(FUSD_RECOVER, 0), .version = FUSD_VERSION };

	named(device, name);
	device->fd = fst_control();
	recover.head.len = sizeof(recover);
	snprintf(recover.name, sizeof(recover.name), "%s", name);
	if (write(device->fd, &recover, sizeof(recover)) != sizeof(recover))
		return -1;
	fst_start(device);
	return 0;
}

void fst_allow_unprivileged(bool allowed)
{
	int fd = CHECK_OK(open("/sys/module/fusd/parameters/unprivileged", O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, allowed ? "1" : "0", 1), 1);
	CHECK_OK(close(fd));
	CHECK_OK(chmod("/dev/fusd", allowed ? 0666 : 0600));
}

void fst_gone(struct fst_device *device)
{
	CHECK_OK(close(device->fd));
	device->fd = -1;
}

struct fusd_request fst_next(struct fst_device *device, uint16_t type)
{
	struct fusd_request request;
	ssize_t size = read(device->fd, device->message, device->room);

	while (size < 0 && errno == EMSGSIZE) {
		device->room *= 4;
		device->message = realloc(device->message, device->room);
		CHECK(device->message);
		size = read(device->fd, device->message, device->room);
	}
	CHECK_OK(size);
	memset(&request, 0, sizeof(request));
	CHECK((size_t)size >= sizeof(request.head));
	memcpy(&request, device->message,
	       (size_t)size < sizeof(request) ? (size_t)size : sizeof(request));
	CHECK_EQ(request.head.len, size);
	if (type)
		CHECK_EQ(request.head.type, type);
	/* An INTERRUPT may be a head alone. */
	if (request.head.type != FUSD_OP_INTERRUPT)
		CHECK_EQ(size, sizeof(request) + (request.head.type == FUSD_OP_READ ? 0 : request.size));
	device->data = device->message + sizeof(request);
	return request;
}

void fst_none(struct fst_device *device)
{
	struct pollfd there = { .fd = device->fd, .events = POLLIN };

	CHECK_EQ(poll(&there, 1, 0), 0);
}

struct fusd_reply fst_answer(uint64_t id, int64_t result)
{
	struct fusd_reply reply = { .head = fst_head(FUSD_REPLY, id), .result = result };

	reply.head.len = sizeof(reply);
	return reply;
}

ssize_t fst_reply(int fd, const struct fusd_reply *reply, const void *data, size_t size)
{
	unsigned char *message = malloc(sizeof(*reply) + size);
	ssize_t sent;
	int error;

	CHECK(message);
	memcpy(message, reply, sizeof(*reply));
	if (size)
		memcpy(message + sizeof(*reply), data, size);
	((struct fusd_reply *)message)->head.len = sizeof(*reply) + size;
	sent = write(fd, message, sizeof(*reply) + size);
	error = errno;
	free(message);
	errno = error;
	return sent;
}

void fst_give_result(struct fst_device *device, const struct fusd_request *request, int64_t result,
		     const void *data, size_t size)
{
	struct fusd_reply reply = fst_answer(request->head.id, result);

	CHECK_EQ(fst_reply(device->fd, &reply, data, size), sizeof(reply) + size);
}

void fst_give(struct fst_device *device, const struct fusd_request *request, const void *data, size_t size)
{
	fst_give_result(device, request, size, data, size);
}

void fst_done(struct fst_device *device, const struct fusd_request *request, int64_t result)
{
	if (!(request->head.flags & FUSD_NO_REPLY))
		fst_give_result(device, request, result, NULL, 0);
}

void fst_publish(struct fst_device *device, uint64_t file, uint32_t events, uint32_t wake)
{
	struct fusd_publish publish = {
		.head = fst_head(FUSD_PUBLISH, 0), .file = file, .events = events, .wake = wake,
	};

	publish.head.len = sizeof(publish);
	fst_send(device->fd, &publish, sizeof(publish));
}

struct served {
	struct fst_device *device;
	fst_server answer;
};

static void *serving(void *argument)
{
	struct served served = *(struct served *)argument;
	struct pollfd there = { .fd = served.device->fd, .events = POLLIN };

	free(argument);
	while (poll(&there, 1, -1) == 1 && there.revents == POLLIN) {
		struct fusd_request request = fst_next(served.device, 0);

		served.answer(served.device, &request);
	}
	return NULL;
}

void fst_serve(struct fst_device *device, fst_server answer)
{
	struct served *served = malloc(sizeof(*served));
	pthread_t thread;

	CHECK(served);
	*served = (struct served){ device, answer };
	CHECK_EQ(pthread_create(&thread, NULL, serving, served), 0);
	pthread_detach(thread);
}

static void *calling(void *argument)
{
	struct fst_call *call = argument;
	const long *with = call->arguments;

	call->tid = gettid();
	pthread_barrier_wait(&call->started);
	call->result = syscall(call->number, with[0], with[1], with[2], with[3]);
	call->error = errno;
	return NULL;
}

void fst_begin_long(struct fst_call *call, long number, long a, long b, long c, long d)
{
	*call = (struct fst_call){ .number = number, .arguments = { a, b, c, d } };
	pthread_barrier_init(&call->started, NULL, 2);
	CHECK_EQ(pthread_create(&call->thread, NULL, calling, call), 0);
	pthread_barrier_wait(&call->started);
}

long long fst_end(struct fst_call *call)
{
	CHECK_EQ(pthread_join(call->thread, NULL), 0);
	errno = call->error;
	return call->result;
}

int fst_open(struct fst_device *device, int flags, uint64_t cookie, uint64_t *file)
{
	struct fst_call call;

	fst_begin_open(&call, device->path, flags);
	struct fusd_request request = fst_next(device, FUSD_OP_OPEN);
	struct fusd_reply reply = fst_answer(request.head.id, 0);

	reply.value = cookie;
	CHECK_EQ(fst_reply(device->fd, &reply, NULL, 0), sizeof(reply));
	if (file)
		*file = request.file;
	return CHECK_OK(fst_end(&call));
}

pid_t fst_fork(struct fst_device *device, void (*run)(void *), void *argument)
{
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		if (device)
			close(device->fd);
		run(argument);
		_exit(0);
	}
	return pid;
}

int fst_wait(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

const char *fst_twin(void)
{
	static char path[4096];
	ssize_t size = CHECK_OK(readlink("/proc/self/exe", path, sizeof(path) - 1));
	char *width;

	path[size] = 0;
	/* .../64/NAME, .../32/NAME */
	width = strrchr(path, '/');
	CHECK(width && width - path > 2);
	memcpy(width - 2, sizeof(long) == 8 ? "32" : "64", 2);
	return path;
}

int fst_run_twin(const char *role, const char *argument)
{
	pid_t pid = CHECK_OK(fork());
	int status;

	if (pid == 0) {
		execl(fst_twin(), "twin", "--role", role, argument, (char *)NULL);
		fst_fail(__FILE__, __LINE__, "%s: %s", fst_twin(), strerror(errno));
	}
	status = fst_wait(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void fst_wait_asleep(pid_t tid)
{
	char path[64], line[256];
	char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	do {
		int fd = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
		ssize_t size = CHECK_OK(read(fd, line, sizeof(line) - 1));

		close(fd);
		line[size] = 0;
		state = strrchr(line, ')');
		CHECK(state && state[1]);
	} while ((state[2] != 'S' && state[2] != 'D') && usleep(1000) == 0);
}

volatile sig_atomic_t fst_signals;

static void counting(int signal)
{
	(void)signal;
	fst_signals++;
}

void fst_handle(int signal, int flags)
{
	struct sigaction action = { .sa_handler = counting, .sa_flags = flags };

	CHECK_OK(sigaction(signal, &action, NULL));
}
