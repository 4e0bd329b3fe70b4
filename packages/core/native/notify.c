// SPDX-License-Identifier: MIT
/*
 * Being told of opens and closes of a file (inotify), telling the service manager (sd_notify), and who is at the other end
 * of a socket.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* inotifyOpen(path, mask): a descriptor */
static napi_value inotify_open(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	size_t argc = ARRAY_SIZE(argv);
	char path[ARG_PATH_MAX];
	unsigned int mask;
	int fd, err;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_path(env, argv[0], path) || !arg_u32(env, argv[1], "mask", &mask))
		return NULL;

	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return throw_errno(env, errno, "inotify_init1", NULL);
	if (inotify_add_watch(fd, path, mask) < 0) {
		err = errno;
		close(fd);
		return throw_errno(env, err, "inotify_add_watch", path);
	}
	result = number(env, fd);
	if (!result)
		close(fd);
	return result;
}

/* The address that NOTIFY_SOCKET names: a path, or a name in the abstract namespace behind an '@' (sd_notify(3)). */
static bool notify_address(const char *name, struct sockaddr_un *address, socklen_t *length)
{
	size_t n = strlen(name);
	bool abstract = name[0] == '@';

	if (n + !abstract > sizeof(address->sun_path))
		return false;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, n);
	if (abstract)
		address->sun_path[0] = '\0';
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
	return true;
}

/* sdNotify(path, message, fd): undefined; the descriptor goes along (SCM_RIGHTS) unless it is -1 */
static napi_value sd_notify(napi_env env, napi_callback_info info)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .align = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	napi_value argv[3];
	size_t argc = ARRAY_SIZE(argv);
	char path[ARG_PATH_MAX];
	struct sockaddr_un address;
	struct iovec text;
	struct msghdr message = { .msg_name = &address, .msg_iov = &text, .msg_iovlen = 1 };
	int fd, given, err;
	ssize_t sent;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_path(env, argv[0], path) || !arg_bytes(env, argv[1], "message", &text) ||
	    !arg_int(env, argv[2], "fd", &given))
		return NULL;
	if (!notify_address(path, &address, &message.msg_namelen))
		return throw_errno(env, ENAMETOOLONG, "sendto", path);
	if (given != -1) {
		memcpy(CMSG_DATA(&control.align), &given, sizeof(given));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return throw_errno(env, errno, "socket", NULL);
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	err = errno;
	close(fd);
	return sent < 0 ? throw_errno(env, err, "sendto", path) : NULL;
}

static bool set_number(napi_env env, napi_value object, const char *key, long value)
{
	napi_value property = number(env, value);

	return property && napi_set_named_property(env, object, key, property) == napi_ok;
}

/* peer(fd): { pid, uid, gid } */
static napi_value peer(napi_env env, napi_callback_info info)
{
	napi_value argv[1], result;
	size_t argc = ARRAY_SIZE(argv);
	struct ucred who;
	socklen_t length = sizeof(who);
	int fd;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd))
		return NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
		return throw_errno(env, errno, "getsockopt", NULL);
	if (napi_create_object(env, &result) != napi_ok || !set_number(env, result, "pid", who.pid) ||
	    !set_number(env, result, "uid", who.uid) || !set_number(env, result, "gid", who.gid))
		return throw_napi(env);
	return result;
}

const struct function notify_functions[] = {
	{ "inotifyOpen", inotify_open },
	{ "sdNotify", sd_notify },
	{ "peer", peer },
	{ NULL, NULL },
};
