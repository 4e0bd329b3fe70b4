// SPDX-License-Identifier: MIT
/* Mounting and unmounting, and taking the descriptor that fusermount3 opened and mounted for us. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

static bool arg_text(napi_env env, napi_value value, const char *name, char text[ARG_PATH_MAX])
{
	size_t length;

	if (napi_get_value_string_utf8(env, value, text, ARG_PATH_MAX, &length) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", name);
		return false;
	}
	if (length == ARG_PATH_MAX - 1 || strlen(text) != length) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", name);
		return false;
	}
	return true;
}

/* mount(source, target, type, flags, data): undefined */
static napi_value mount_mount(napi_env env, napi_callback_info info)
{
	napi_value argv[5];
	size_t argc = ARRAY_SIZE(argv);
	char source[ARG_PATH_MAX], target[ARG_PATH_MAX], type[ARG_PATH_MAX], data[ARG_PATH_MAX];
	unsigned int flags;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_text(env, argv[0], "source must be a string without a NUL", source) ||
	    !arg_path(env, argv[1], target) ||
	    !arg_text(env, argv[2], "type must be a string without a NUL", type) ||
	    !arg_u32(env, argv[3], "flags", &flags) ||
	    !arg_text(env, argv[4], "data must be a string without a NUL", data))
		return NULL;
	if (mount(source, target, type, flags, data) < 0)
		return throw_errno(env, errno, "mount", target);
	return NULL;
}

/* umount2(target, flags): undefined */
static napi_value mount_umount2(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	size_t argc = ARRAY_SIZE(argv);
	char target[ARG_PATH_MAX];
	unsigned int flags;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_path(env, argv[0], target) || !arg_u32(env, argv[1], "flags", &flags))
		return NULL;
	if (umount2(target, (int)flags) < 0)
		return throw_errno(env, errno, "umount2", target);
	return NULL;
}

/* [fd, fd]; where that cannot be made, they are closed */
static napi_value two_numbers(napi_env env, const int fds[2])
{
	napi_value result, value;

	if (napi_create_array_with_length(env, 2, &result) != napi_ok)
		goto failed;
	for (unsigned int i = 0; i < 2; i++)
		if (napi_create_int32(env, fds[i], &value) != napi_ok ||
		    napi_set_element(env, result, i, value) != napi_ok)
			goto failed;
	return result;

failed:
	close(fds[0]);
	close(fds[1]);
	return throw_napi(env);
}

/* socketPair(): [fd, fd] */
static napi_value mount_socket_pair(napi_env env, napi_callback_info info)
{
	int fds[2];

	(void)info;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return throw_errno(env, errno, "socketpair", NULL);
	return two_numbers(env, fds);
}

/* pipe(): [read, write] */
static napi_value mount_pipe(napi_env env, napi_callback_info info)
{
	int fds[2];

	(void)info;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return throw_errno(env, errno, "pipe2", NULL);
	/* Of its end alone: the reader is another program, which may know nothing of it. */
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	return two_numbers(env, fds);
}

/* receiveFd(fd): the descriptor that came in one message (SCM_RIGHTS), or -errno; never waits */
static napi_value mount_receive_fd(napi_env env, napi_callback_info info)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header;
	napi_value argv[1];
	size_t argc = ARRAY_SIZE(argv);
	int fd, received;
	ssize_t n;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd))
		return NULL;
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return number(env, -errno);

	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return number(env, -ENOMSG);
	memcpy(&received, CMSG_DATA(header), sizeof(received));
	return number(env, received);
}

const struct function mount_functions[] = {
	{ "mount", mount_mount },
	{ "umount2", mount_umount2 },
	{ "socketPair", mount_socket_pair },
	{ "pipe", mount_pipe },
	{ "receiveFd", mount_receive_fd },
	{ NULL, NULL },
};
