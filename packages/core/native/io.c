// SPDX-License-Identifier: MIT
/* read, writev and ioctl. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Parts of one message: a FUSE reply is a header and what the driver gave. */
#define MAX_PARTS 16

static long do_read(int fd, const struct iovec *buffer)
{
	ssize_t n;

	do
		n = read(fd, buffer->iov_base, buffer->iov_len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static long do_writev(int fd, const struct iovec *parts, size_t count)
{
	ssize_t n;

	do
		n = writev(fd, parts, (int)count);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * Arguments of a call whose first ones are @fixed in number and whose others are the parts of a message. Takes
 * them all before it looks into any, and runs no JavaScript after that: no getter can pull memory from under us.
 */
static bool parts_args(napi_env env, napi_callback_info info, napi_value *argv, size_t fixed, size_t *count)
{
	size_t argc = fixed + MAX_PARTS;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) {
		throw_napi(env);
		return false;
	}
	if (argc > fixed + MAX_PARTS) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a message has at most 16 parts");
		return false;
	}
	*count = argc > fixed ? argc - fixed : 0;
	return true;
}

static bool parts_bytes(napi_env env, const napi_value *argv, size_t count, struct iovec *parts)
{
	for (size_t i = 0; i < count; i++)
		if (!arg_bytes(env, argv[i], "part", &parts[i]))
			return false;
	return true;
}

/* read(fd, buffer): bytes or -errno */
static napi_value io_read(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	size_t argc = ARRAY_SIZE(argv);
	struct iovec buffer;
	int fd;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd) || !arg_bytes(env, argv[1], "buffer", &buffer))
		return NULL;
	return number(env, do_read(fd, &buffer));
}

/* writev(fd, ...parts): bytes or -errno */
static napi_value io_writev(napi_env env, napi_callback_info info)
{
	napi_value argv[1 + MAX_PARTS];
	struct iovec parts[MAX_PARTS];
	size_t count;
	int fd;

	if (!parts_args(env, info, argv, 1, &count) || !arg_int(env, argv[0], "fd", &fd) ||
	    !parts_bytes(env, argv + 1, count, parts))
		return NULL;
	return number(env, do_writev(fd, parts, count));
}

/* An ioctl's third argument as the word that the kernel gets. */
static bool ioctl_word(napi_env env, napi_value value, unsigned long *out)
{
	uint64_t word;
	double d;
	bool lossless;

	if (napi_get_value_bigint_uint64(env, value, &word, &lossless) == napi_ok) {
		*out = (unsigned long)word;
		return true;
	}
	if (napi_get_value_double(env, value, &d) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "arg must be a number, a bigint or a Uint8Array");
		return false;
	}
	if (!(d >= -0x1p53 && d <= 0x1p53) || d != (double)(int64_t)d) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "arg must be a safe integer");
		return false;
	}
	*out = (unsigned long)(int64_t)d;
	return true;
}

/*
 * The kernel knows how much it copies, we do not: a number need not encode it, as TCGETS does not. So a small
 * argument goes through memory that is large enough for whatever a command's number could encode, and one that is
 * shorter than its number says is refused.
 */
static napi_value ioctl_bytes(napi_env env, int fd, unsigned int request, const struct iovec *arg)
{
	uint8_t bounce[1 << _IOC_SIZEBITS];
	int n;

	if (_IOC_DIR(request) != _IOC_NONE && arg->iov_len < _IOC_SIZE(request)) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "arg is shorter than the request number says");
		return NULL;
	}
	if (arg->iov_len > sizeof(bounce)) {
		n = ioctl(fd, request, arg->iov_base);
		return number(env, n < 0 ? -errno : n);
	}

	memset(bounce, 0, sizeof(bounce));
	if (arg->iov_len)
		memcpy(bounce, arg->iov_base, arg->iov_len);
	n = ioctl(fd, request, bounce);
	if (n < 0)
		n = -errno;
	if (arg->iov_len)
		memcpy(arg->iov_base, bounce, arg->iov_len);
	return number(env, n);
}

/* ioctl(fd, request, arg): the call's result or -errno */
static napi_value io_ioctl(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	size_t argc = ARRAY_SIZE(argv);
	unsigned int request;
	unsigned long word;
	struct iovec arg;
	bool array;
	int fd, n;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd) || !arg_u32(env, argv[1], "request", &request))
		return NULL;
	if (napi_is_typedarray(env, argv[2], &array) != napi_ok)
		return throw_napi(env);
	if (array)
		return arg_bytes(env, argv[2], "arg", &arg) ? ioctl_bytes(env, fd, request, &arg) : NULL;

	if (!ioctl_word(env, argv[2], &word))
		return NULL;
	n = ioctl(fd, request, word);
	return number(env, n < 0 ? -errno : n);
}

const struct function io_functions[] = {
	{ "read", io_read },
	{ "writev", io_writev },
	{ "ioctl", io_ioctl },
	{ NULL, NULL },
};
