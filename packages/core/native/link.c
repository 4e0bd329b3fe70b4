// SPDX-License-Identifier: MIT
/*
 * Link: a descriptor that carries a message a call, /dev/fuse, /dev/cuse or /dev/fusd, and the memory of its requests and replies.
 * waiter.c waits for them. What a request costs is decided in these two; docs/performance.md has the figures.
 *
 * On the main loop, without a thread: when a request is there, it is read here, and the callback gets its length. It
 * answers, and gets the next, with one call each, until there is none.
 *
 * Lifetimes. A struct link is owned by its functions and its memory, as long as JavaScript can reach them, and from
 * start() to stop() by its thread's waiter; the last one frees it. A block of memory is mapped until its ArrayBuffer is
 * collected and the kernel is not asked to use it any more: even bytes that were transferred to another thread can be
 * written to safely.
 */
#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a result adds to a write's -errno. Below any -errno: MAX_ERRNO in linux/err.h is 4095. */
#define WRITE_FAILED (-4096L)

/* Room for a reply's front and a short tail; more goes as bytes of their own. */
#define REPLY_SIZE 4096
/* More than any request takes. */
#define MAX_REQUEST (2 * 1024 * 1024)
/* FUSD_RING_MOST_SLOTS */
#define MAX_SLOTS 256

struct block {
	struct block *next;
	struct link *link;
	void *base;
	size_t size;
	off_t kept_at; /* in the link's file of requests; 0: not there */
	bool collected;
};

/* --- memory --- */

static void block_free(struct block *block)
{
	struct block **place = &block->link->blocks;

	while (*place != block)
		place = &(*place)->next;
	*place = block->next;
	munmap(block->base, block->size);
	if (block->kept_at)
		fallocate(block->link->kept_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block->kept_at,
			  (off_t)block->size);
	free(block);
}

void link_put(struct link *link)
{
	if (--link->owners > 0)
		return;
	while (link->blocks)
		block_free(link->blocks);
	ring_unmap(link->ring);
	if (link->at_hand)
		munmap(link->at_hand, sizeof(*link->at_hand));
	if (link->kept_fd >= 0)
		close(link->kept_fd);
	free(link);
}

static void block_finalize(napi_env env, void *data, void *hint)
{
	struct block *block = hint;
	struct link *link = block->link;

	(void)env;
	(void)data;
	block->collected = true;
	if (block != link->request && block != link->reply)
		block_free(block);
	link_put(link);
}

/* At the end of the file of requests. MAP_FAILED: errno says why. */
static void *map_kept(struct link *link, struct block *block, size_t size)
{
	if (ftruncate(link->kept_fd, link->kept_end + (off_t)size) < 0)
		return MAP_FAILED;
	block->kept_at = link->kept_end;
	link->kept_end += (off_t)size;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, link->kept_fd, block->kept_at);
}

/* A new block as a Uint8Array; NULL with an exception pending. */
static napi_value block_new(napi_env env, struct link *link, size_t size, struct block **out)
{
	struct block *block = calloc(1, sizeof(*block));
	napi_value buffer, bytes;

	if (!block)
		return throw_errno(env, ENOMEM, "mmap", NULL);
	if (link->kept_fd >= 0)
		block->base = map_kept(link, block, size);
	else
		block->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block->base == MAP_FAILED) {
		free(block);
		return throw_errno(env, ENOMEM, "mmap", NULL);
	}
	block->size = size;
	block->link = link;
	block->next = link->blocks;
	link->blocks = block;
	if (napi_create_external_arraybuffer(env, block->base, size, block_finalize, block, &buffer) != napi_ok) {
		block_free(block);
		return throw_napi(env);
	}
	link->owners++;
	if (napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &bytes) != napi_ok)
		return throw_napi(env);
	*out = block;
	return bytes;
}

/* --- the two system calls of a request --- */

/*
 * Past the C library's wrappers: in a process with threads, as Node is, they make a cancellation point of each call.
 */
static long sys_read(int fd, void *base, size_t size)
{
	long n;

	do
		n = syscall(SYS_read, fd, base, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* 0 or WRITE_FAILED - errno. */
static long written(long n, size_t total)
{
	if (n < 0)
		return WRITE_FAILED - errno;
	return (size_t)n < total ? WRITE_FAILED - EIO : 0;
}

/* One stretch by write(2): the kernel looks up a page less, and copies no vector. */
static long sys_write(int fd, const void *base, size_t size)
{
	long n;

	do
		n = syscall(SYS_write, fd, base, size);
	while (n < 0 && errno == EINTR);
	return written(n, size);
}

static long sys_writev(int fd, const struct iovec *parts, int count)
{
	size_t total = 0;
	long n;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	do
		n = syscall(SYS_writev, fd, parts, count);
	while (n < 0 && errno == EINTR);
	return written(n, total);
}

long link_next_request(struct link *link)
{
	if (!link->request)
		return -EFAULT;
	if (link->ring)
		return ring_take(link->ring, link->request->base, link->request->size);
	return sys_read(link->fd, link->request->base, link->request->size);
}

bool link_keeps_one(const struct link *link)
{
	return link->ring && ring_keeps_one(link->ring);
}

void link_told(struct link *link)
{
	if (link->ring)
		ring_told(link->ring);
}

void link_commit(struct link *link)
{
	if (link->ring && !link->stopped)
		ring_commit(link->ring);
}

void link_awake(struct link *link, bool awake)
{
	if (link->ring)
		ring_awake(link->ring, awake);
}

/* The answer to its caller: by its slot, or written. 0 or WRITE_FAILED - errno. */
static long send_answer(struct link *link, const struct iovec *parts, int count)
{
	if (link->ring && ring_answer(link->ring, parts, (size_t)count))
		return 0;
	if (count == 1)
		return sys_write(link->fd, parts->iov_base, parts->iov_len);
	return sys_writev(link->fd, parts, count);
}

/* The link of a function, and the arguments that it was called with. NULL: an exception is pending. */
static struct link *link_of(napi_env env, napi_callback_info info, size_t argc, napi_value *argv)
{
	void *data;

	if (napi_get_cb_info(env, info, argc ? &argc : NULL, argv, NULL, &data) != napi_ok) {
		throw_napi(env);
		return NULL;
	}
	return data;
}

/* take(): bytes of the next request, or -errno */
static napi_value link_take(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);

	return link ? number(env, link_next_request(link)) : NULL;
}

/* How long the message in the reply's memory says that it is, less the bytes that come from elsewhere; or 0. */
static size_t front_length(const struct link *link, size_t elsewhere)
{
	uint32_t length = *(const uint32_t *)link->reply->base; /* struct fuse_out_header */

	return length >= elsewhere && length - elsewhere <= REPLY_SIZE ? length - elsewhere : 0;
}

static napi_value wrong_length(napi_env env)
{
	napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the reply does not have the length that it says");
	return NULL;
}

/* answer(): writes the reply, then does what take() does; WRITE_FAILED - errno when the write failed */
static napi_value link_answer(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);
	struct iovec part;
	long result;

	if (!link)
		return NULL;
	part.iov_base = link->reply->base;
	part.iov_len = front_length(link, 0);
	if (!part.iov_len)
		return wrong_length(env);
	result = send_answer(link, &part, 1);
	return number(env, result < 0 ? result : link_next_request(link));
}

/* answerWith(bytes): as answer(), with the message's last bytes from elsewhere */
static napi_value link_answer_with(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct iovec parts[2];
	long result;

	if (!link || !arg_bytes(env, argument, "bytes", &parts[1]))
		return NULL;
	parts[0].iov_base = link->reply->base;
	parts[0].iov_len = front_length(link, parts[1].iov_len);
	if (!parts[0].iov_len)
		return wrong_length(env);
	result = send_answer(link, parts, 2);
	return number(env, result < 0 ? result : link_next_request(link));
}

/* allocate(size): memory that use() takes */
static napi_value link_allocate(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct block *block;
	unsigned int size;

	if (!link || !arg_u32(env, argument, "size", &size))
		return NULL;
	if (size == 0 || size > MAX_REQUEST) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a request takes 1 byte to 2 MiB");
		return NULL;
	}
	return block_new(env, link, size, &block);
}

/* use(request): where requests are read into from now on */
static napi_value link_use(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct block *before, *block;
	struct iovec bytes;

	if (!link || !arg_bytes(env, argument, "request", &bytes))
		return NULL;
	for (block = link->blocks; block; block = block->next)
		if (block->base == bytes.iov_base && block->size == bytes.iov_len && block != link->reply)
			break;
	if (!block) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "request is not memory of this link");
		return NULL;
	}
	before = link->request;
	link->request = block;
	if (link->at_hand)
		*link->at_hand = (uint64_t)block->kept_at;
	if (before && before != block && before->collected)
		block_free(before);
	return NULL;
}

/* share(slots, size): requests and answers go through the ring of a descriptor of /dev/fusd that has been set up so */
static napi_value link_share(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct link *link = link_of(env, info, ARRAY_SIZE(argv), argv);
	unsigned int slots, size;

	if (!link || !arg_u32(env, argv[0], "slots", &slots) || !arg_u32(env, argv[1], "size", &size))
		return NULL;
	if (slots == 0 || slots > MAX_SLOTS || size == 0 || size > MAX_REQUEST) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a ring has 1 to 256 slots of at most 2 MiB");
		return NULL;
	}
	if (link->ring) {
		napi_throw_error(env, "ERR_INVALID_STATE", "a link has one ring");
		return NULL;
	}
	link->ring = ring_map(link->fd, slots, size);
	return link->ring ? NULL : throw_errno(env, errno, "mmap", NULL);
}

/*
 * keepIn(fd): from now on allocate() takes memory behind what the file has, and the file's first eight bytes say where in
 * it the request at hand is: what the kernel writes is there at once, also for who looks when this process is no more
 */
static napi_value link_keep_in(napi_env env, napi_callback_info info)
{
	long page = sysconf(_SC_PAGESIZE);
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	void *first;
	off_t end;
	int fd;

	if (!link || !arg_int(env, argument, "fd", &fd))
		return NULL;
	if (link->kept_fd >= 0) {
		napi_throw_error(env, "ERR_INVALID_STATE", "a link keeps its requests in one file");
		return NULL;
	}
	end = lseek(fd, 0, SEEK_END);
	if (end < page)
		return throw_errno(env, end < 0 ? errno : EINVAL, "lseek", NULL);
	first = mmap(NULL, sizeof(*link->at_hand), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (first == MAP_FAILED)
		return throw_errno(env, errno, "mmap", NULL);
	link->kept_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (link->kept_fd < 0) {
		munmap(first, sizeof(*link->at_hand));
		return throw_errno(env, errno, "fcntl", NULL);
	}
	link->at_hand = first;
	link->kept_end = (end + page - 1) / page * page;
	return NULL;
}

/* start(callback, spin): calls back with the length of each request that comes to be waited for, or with -errno */
static napi_value link_start(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct link *link = link_of(env, info, ARRAY_SIZE(argv), argv);
	napi_valuetype type;
	unsigned int spin_us;

	if (!link || !arg_u32(env, argv[1], "spin", &spin_us))
		return NULL;
	if (napi_typeof(env, argv[0], &type) != napi_ok || type != napi_function) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "callback must be a function");
		return NULL;
	}
	if (link->callback || link->stopped) {
		napi_throw_error(env, "ERR_INVALID_STATE", "a link is started once");
		return NULL;
	}
	link_wait(env, link, argv[0], spin_us);
	return NULL;
}

/* stop(): no callback comes after this */
static napi_value link_stop_method(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);

	if (link)
		link_stop(link);
	return NULL;
}

static void function_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	link_put(data);
}

static const struct function link_methods[] = {
	{ "take", link_take },
	{ "answer", link_answer },
	{ "answerWith", link_answer_with },
	{ "allocate", link_allocate },
	{ "use", link_use },
	{ "keepIn", link_keep_in },
	{ "share", link_share },
	{ "start", link_start },
	{ "stop", link_stop_method },
	{ NULL, NULL },
};

/* openLink(fd): the functions above, and `reply`, the memory of replies */
static napi_value open_link(napi_env env, napi_callback_info info)
{
	napi_value argument, self, member;
	size_t argc = 1;
	struct link *link;
	int fd;

	if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argument, "fd", &fd))
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return throw_errno(env, ENOMEM, "openLink", NULL);
	link->env = env;
	link->fd = fd;
	link->kept_fd = -1;
	link->owners = 1; /* this function, until it is done */
	member = block_new(env, link, REPLY_SIZE, &link->reply);
	if (!member)
		goto failed;
	if (napi_create_object(env, &self) != napi_ok ||
	    napi_set_named_property(env, self, "reply", member) != napi_ok)
		goto failed_napi;
	for (const struct function *row = link_methods; row->name; row++) {
		if (napi_create_function(env, row->name, NAPI_AUTO_LENGTH, row->call, link, &member) != napi_ok ||
		    napi_add_finalizer(env, member, link, function_finalize, NULL, NULL) != napi_ok)
			goto failed_napi;
		link->owners++;
		if (napi_set_named_property(env, self, row->name, member) != napi_ok)
			goto failed_napi;
	}
	link_put(link);
	return self;

failed_napi:
	throw_napi(env);
failed:
	link_put(link);
	return NULL;
}

const struct function link_functions[] = {
	{ "openLink", open_link },
	{ NULL, NULL },
};
