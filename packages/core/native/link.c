// SPDX-License-Identifier: MIT
/*
 * Link: a descriptor that takes a message a call, /dev/fuse or /dev/cuse, and the memory of its requests and replies,
 * named once so that each call passes numbers only.
 *
 * openLink(fd, reply) gives functions of its own, which find the struct link behind them without a lookup; the last one
 * that is collected frees it. The memory stays JavaScript's: a reference keeps it, and each call sees to it that it has
 * not been detached. Many small things here are worth nothing each and a tenth of a request together; the figures are
 * in docs/performance.md.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a result adds to a write's -errno; see io.c. */
#define WRITE_FAILED (-4096L)

/* Bytes in JavaScript's memory. */
struct memory {
	napi_ref buffer; /* an ArrayBuffer */
	struct iovec bytes;
};

struct link {
	int fd;
	int owners; /* functions that are not collected yet */
	struct memory request, reply;
};

static void link_put(napi_env env, void *data, void *hint)
{
	struct link *link = data;

	(void)hint;
	if (--link->owners > 0)
		return;
	if (link->request.buffer)
		napi_delete_reference(env, link->request.buffer);
	if (link->reply.buffer)
		napi_delete_reference(env, link->reply.buffer);
	free(link);
}

/* Names other bytes. false: an exception is pending, and the old ones are kept. */
static bool memory_set(napi_env env, struct memory *memory, napi_value value, const char *name)
{
	napi_value buffer;
	napi_ref reference;
	struct iovec bytes;

	if (!arg_bytes(env, value, name, &bytes))
		return false;
	if (napi_get_typedarray_info(env, value, NULL, NULL, NULL, &buffer, NULL) != napi_ok ||
	    napi_create_reference(env, buffer, 1, &reference) != napi_ok) {
		throw_napi(env);
		return false;
	}
	if (memory->buffer)
		napi_delete_reference(env, memory->buffer);
	*memory = (struct memory){ reference, bytes };
	return true;
}

static bool memory_is_there(napi_env env, const struct memory *memory)
{
	napi_value buffer;
	bool detached = true;

	if (napi_get_reference_value(env, memory->buffer, &buffer) == napi_ok &&
	    napi_is_detached_arraybuffer(env, buffer, &detached) == napi_ok && !detached)
		return true;
	napi_throw_type_error(env, "ERR_INVALID_STATE", "the memory of the link has been transferred away");
	return false;
}

/*
 * Past the C library's wrappers: in a process with threads, as Node is, they make a cancellation point of each call.
 */
static long sys_read(int fd, const struct iovec *bytes)
{
	long n;

	do
		n = syscall(SYS_read, fd, bytes->iov_base, bytes->iov_len);
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
static long sys_write(int fd, const struct iovec *bytes)
{
	long n;

	do
		n = syscall(SYS_write, fd, bytes->iov_base, bytes->iov_len);
	while (n < 0 && errno == EINTR);
	return written(n, bytes->iov_len);
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

/* take(): bytes of the next request, or -errno */
static napi_value link_take(napi_env env, napi_callback_info info)
{
	struct link *link;
	void *data;

	if (napi_get_cb_info(env, info, NULL, NULL, NULL, &data) != napi_ok)
		return throw_napi(env);
	link = data;
	if (!memory_is_there(env, &link->request))
		return NULL;
	return number(env, sys_read(link->fd, &link->request.bytes));
}

/*
 * answer(length[, bytes]): writes so much of the reply's memory, and the bytes after it, then does what take() does;
 * WRITE_FAILED - errno when the write failed
 */
static napi_value link_answer(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	size_t argc = ARRAY_SIZE(argv);
	struct link *link;
	struct iovec parts[2];
	unsigned int length;
	void *data;
	long result;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, &data) != napi_ok)
		return throw_napi(env);
	link = data;
	if (!arg_u32(env, argv[0], "length", &length) || (argc > 1 && !arg_bytes(env, argv[1], "bytes", &parts[1])) ||
	    !memory_is_there(env, &link->reply) || !memory_is_there(env, &link->request))
		return NULL;
	if (length > link->reply.bytes.iov_len) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a reply is no longer than its memory");
		return NULL;
	}
	parts[0] = (struct iovec){ link->reply.bytes.iov_base, length };
	result = argc > 1 ? sys_writev(link->fd, parts, 2) : sys_write(link->fd, &parts[0]);
	return number(env, result < 0 ? result : sys_read(link->fd, &link->request.bytes));
}

/* use(request): where requests are read into from now on */
static napi_value link_use(napi_env env, napi_callback_info info)
{
	napi_value argument;
	size_t argc = 1;
	struct link *link;
	void *data;

	if (napi_get_cb_info(env, info, &argc, &argument, NULL, &data) != napi_ok)
		return throw_napi(env);
	link = data;
	memory_set(env, &link->request, argument, "request");
	return NULL;
}

static const struct function link_methods[] = {
	{ "take", link_take },
	{ "answer", link_answer },
	{ "use", link_use },
	{ NULL, NULL },
};

/* openLink(fd, request, reply): { take, answer, use } */
static napi_value open_link(napi_env env, napi_callback_info info)
{
	napi_value argv[3], self, method;
	size_t argc = ARRAY_SIZE(argv);
	struct link *link;
	int fd;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd))
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return throw_errno(env, ENOMEM, "openLink", NULL);
	link->fd = fd;
	link->owners = 1; /* this function, until it is done */
	if (!memory_set(env, &link->request, argv[1], "request") || !memory_set(env, &link->reply, argv[2], "reply"))
		goto failed;
	if (napi_create_object(env, &self) != napi_ok)
		goto failed_napi;
	for (const struct function *row = link_methods; row->name; row++) {
		if (napi_create_function(env, row->name, NAPI_AUTO_LENGTH, row->call, link, &method) != napi_ok ||
		    napi_add_finalizer(env, method, link, link_put, NULL, NULL) != napi_ok)
			goto failed_napi;
		link->owners++;
		if (napi_set_named_property(env, self, row->name, method) != napi_ok)
			goto failed_napi;
	}
	link_put(env, link, NULL);
	return self;

failed_napi:
	throw_napi(env);
failed:
	link_put(env, link, NULL);
	return NULL;
}

const struct function link_functions[] = {
	{ "openLink", open_link },
	{ NULL, NULL },
};
