// SPDX-License-Identifier: MIT
/*
 * The system calls as messages to a kernel in memory (../memory/server.ts). A thread has a connection of its own. While
 * its call is under way the daemon asks for pieces of our memory, and changes them, as a kernel would; a signal for the
 * thread goes to the daemon as an interrupt, and the call ends when the daemon says so.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "harness.h"
#include "internal.h"

enum op { OP_OPEN = 1, OP_CLOSE, OP_READ, OP_WRITE, OP_IOCTL, OP_POLL, OP_SETFL, OP_INTERRUPT, OP_DATA };
enum kind { KIND_RETURN, KIND_PEEK, KIND_POKE };
enum { PAGE = 4096, MAX_COUNT = 0x7ffff000 };

struct request {
	uint32_t length, op, process, tid, uid, gid;
	int64_t a, b, c;
};

struct answer {
	uint32_t length, kind;
	int64_t value;
	uint64_t address, size;
};

const char *memory_socket;
static __thread int own_socket = -1;
static __thread pid_t own_process;
static pthread_key_t closing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_socket(void *value)
{
	close((int)(intptr_t)value - 1);
}

static void make_key(void)
{
	pthread_key_create(&closing, close_socket);
}

static int connection(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (own_socket >= 0 && own_process == getpid())
		return own_socket;
	own_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	own_process = getpid();
	strncpy(address.sun_path, memory_socket, sizeof(address.sun_path) - 1);
	if (own_socket < 0 || connect(own_socket, (void *)&address, sizeof(address)) < 0)
		fail(PLACE, "no daemon at %s: %s", memory_socket, errno_name(errno));
	pthread_once(&once, make_key);
	/* A thread's end closes its connection. */
	pthread_setspecific(closing, (void *)(intptr_t)(own_socket + 1));
	return own_socket;
}

static void transfer(bool sending, void *bytes, size_t count)
{
	char *at = bytes;

	while (count > 0) {
		ssize_t done = sending ? send(own_socket, at, count, MSG_NOSIGNAL) : recv(own_socket, at, count, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			fail(PLACE, "the daemon is gone: %s", done < 0 ? errno_name(errno) : "end of file");
		at += done;
		count -= (size_t)done;
	}
}

static void say(enum op op, int64_t a, int64_t b, int64_t c, const void *payload, size_t length)
{
	struct request request = {
		.length = (uint32_t)length, .op = op, .process = (uint32_t)getpid(), .tid = (uint32_t)gettid(),
		.uid = geteuid(), .gid = getegid(), .a = a, .b = b, .c = c,
	};

	transfer(true, &request, sizeof(request));
	if (length > 0)
		transfer(true, (void *)payload, length);
}

/* Copies by the kernel, which finds out what is mapped. */
static bool copy(bool writing, void *ours, uint64_t address, size_t count)
{
	struct iovec local = { ours, count };
	struct iovec remote = { (void *)(uintptr_t)address, count };

	if (sizeof(void *) == 4 && address > UINT_MAX)
		return false;
	return (size_t)(writing ? process_vm_writev : process_vm_readv)(getpid(), &local, 1, &remote, 1, 0) == count;
}

/* How many of the bytes are there, from the start on, by pages: as many as a kernel would pin. */
static size_t accessible(const void *start, size_t count, bool writing)
{
	uintptr_t at = (uintptr_t)start;
	size_t good = 0;
	char byte;

	while (good < count) {
		size_t step = PAGE - (at + good) % PAGE;

		if (!copy(false, &byte, at + good, 1) || (writing && !copy(true, &byte, at + good, 1)))
			break;
		good += step < count - good ? step : count - good;
	}
	return good;
}

static void answer_peek(const struct answer *asked)
{
	void *bytes = malloc(asked->size + 1);

	if (bytes && copy(false, bytes, asked->address, asked->size))
		say(OP_DATA, 0, 0, 0, bytes, asked->size);
	else
		say(OP_DATA, EFAULT, 0, 0, NULL, 0);
	free(bytes);
}

static void answer_poke(const struct answer *asked)
{
	void *bytes = malloc(asked->length + 1);

	transfer(false, bytes, asked->length);
	say(OP_DATA, copy(true, bytes, asked->address, asked->length) ? 0 : EFAULT, 0, 0, NULL, 0);
	free(bytes);
}

struct output {
	void *bytes;
	size_t room;
};

/* One call from its message to its result. */
static long call(const struct request *r, const void *payload, struct output out)
{
	struct answer answer;
	sigset_t all, before;
	long result;

	connection();
	/* A signal that comes from now on is for the call, so it must not be handled before we wait. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	say(r->op, r->a, r->b, r->c, payload, r->length);
	for (;;) {
		struct pollfd waiting = { .fd = own_socket, .events = POLLIN };

		if (ppoll(&waiting, 1, NULL, &before) < 0) {
			say(OP_INTERRUPT, 0, 0, 0, NULL, 0);
			continue;
		}
		transfer(false, &answer, sizeof(answer));
		if (answer.kind == KIND_PEEK)
			answer_peek(&answer);
		else if (answer.kind == KIND_POKE)
			answer_poke(&answer);
		else
			break;
	}
	if (answer.length > out.room)
		fail(PLACE, "%u bytes came for a buffer of %zu", answer.length, out.room);
	transfer(false, out.bytes, answer.length);
	result = (long)answer.value;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

static long simple(enum op op, int64_t a, int64_t b)
{
	return call(&(struct request){ .op = op, .a = a, .b = b }, NULL, (struct output){ 0 });
}

static int memory_open(const char *path, int flags)
{
	struct request r = { .op = OP_OPEN, .a = flags, .length = (uint32_t)strlen(path) };

	return (int)call(&r, path, (struct output){ 0 });
}

static int memory_close(int fd)
{
	return (int)simple(OP_CLOSE, fd, 0);
}

static ssize_t error(int number)
{
	errno = number;
	return -1;
}

/* By way of memory of our own: the caller's may be gone by the time that the bytes are there. */
static ssize_t memory_read(int fd, void *buffer, size_t count)
{
	struct request r = { .op = OP_READ, .a = fd };
	size_t good;
	ssize_t got;
	char *bytes;

	if ((ssize_t)count < 0)
		return error(EINVAL);
	if (count > MAX_COUNT)
		count = MAX_COUNT;
	good = accessible(buffer, count, true);
	if (good == 0 && count > 0)
		return simple(OP_READ, fd, 0) < 0 ? -1 : error(EFAULT);
	r.b = (int64_t)good;
	bytes = malloc(good + 1);
	got = call(&r, NULL, (struct output){ bytes, good });
	if (got > 0 && !copy(true, bytes, (uintptr_t)buffer, (size_t)got))
		got = error(EFAULT);
	free(bytes);
	return got;
}

static ssize_t memory_write(int fd, const void *buffer, size_t count)
{
	struct request r = { .op = OP_WRITE, .a = fd };
	size_t good;
	ssize_t done;
	char *bytes;

	if ((ssize_t)count < 0)
		return error(EINVAL);
	if (count > MAX_COUNT)
		count = MAX_COUNT;
	good = accessible(buffer, count, false);
	if (good == 0 && count > 0)
		return simple(OP_WRITE, fd, 0) < 0 ? -1 : error(EFAULT);
	r.length = (uint32_t)good;
	bytes = malloc(good + 1);
	done = good == 0 || copy(false, bytes, (uintptr_t)buffer, good) ? call(&r, bytes, (struct output){ 0 }) : error(EFAULT);
	free(bytes);
	return done;
}

static ssize_t total(const struct iovec *areas, int count)
{
	ssize_t sum = 0;

	if (count < 0 || count > IOV_MAX)
		return error(EINVAL);
	for (int i = 0; i < count; i++) {
		if ((ssize_t)areas[i].iov_len < 0)
			return error(EINVAL);
		sum += (ssize_t)areas[i].iov_len;
	}
	return sum;
}

static ssize_t memory_readv(int fd, const struct iovec *areas, int count)
{
	ssize_t size = total(areas, count), got, left;
	char *bytes, *at;

	if (size < 0)
		return -1;
	bytes = malloc((size_t)size + 1);
	got = memory_read(fd, bytes, (size_t)size);
	at = bytes;
	left = got;
	for (int i = 0; i < count && left > 0; i++) {
		size_t part = areas[i].iov_len < (size_t)left ? areas[i].iov_len : (size_t)left;

		memcpy(areas[i].iov_base, at, part);
		at += part;
		left -= (ssize_t)part;
	}
	free(bytes);
	return got;
}

static ssize_t memory_writev(int fd, const struct iovec *areas, int count)
{
	ssize_t size = total(areas, count), done;
	char *bytes, *at;

	if (size < 0)
		return -1;
	at = bytes = malloc((size_t)size + 1);
	for (int i = 0; i < count; i++) {
		memcpy(at, areas[i].iov_base, areas[i].iov_len);
		at += areas[i].iov_len;
	}
	done = memory_write(fd, bytes, (size_t)size);
	free(bytes);
	return done;
}

/* CUSE has no offsets: fs/fuse/cuse.c passes 0. */
static ssize_t memory_pread(int fd, void *buffer, size_t count, off_t offset)
{
	return offset < 0 ? error(EINVAL) : memory_read(fd, buffer, count);
}

static ssize_t memory_pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
	return offset < 0 ? error(EINVAL) : memory_write(fd, buffer, count);
}

static int memory_ioctl(int fd, unsigned long request, uintptr_t argument)
{
#if defined(X32)
	const uint32_t model = 2;
#elif defined(__i386__)
	const uint32_t model = 1;
#else
	const uint32_t model = 0;
#endif
	struct request r = {
		.op = OP_IOCTL, .a = fd, .b = (uint32_t)request, .c = (int64_t)(ptr_t)argument, .length = sizeof(model),
	};

	return (int)call(&r, &model, (struct output){ 0 });
}

static int memory_poll(struct pollfd *fds, nfds_t count, int ms)
{
	size_t size = count * sizeof(*fds);
	struct request r = { .op = OP_POLL, .a = ms, .length = (uint32_t)size };

	return (int)call(&r, fds, (struct output){ fds, size });
}

static int memory_setfl(int fd, int flags)
{
	return (int)simple(OP_SETFL, fd, flags);
}

const struct io io_memory = {
	.open = memory_open,
	.close = memory_close,
	.read = memory_read,
	.write = memory_write,
	.readv = memory_readv,
	.writev = memory_writev,
	.pread = memory_pread,
	.pwrite = memory_pwrite,
	.ioctl = memory_ioctl,
	.poll = memory_poll,
	.setfl = memory_setfl,
};
