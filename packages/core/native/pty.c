// SPDX-License-Identifier: MIT
/* openPty(): a new pseudoterminal, its master side open and its slave side named. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* openPty(): { master, slavePath } */
static napi_value open_pty(napi_env env, napi_callback_info info)
{
	const char *syscall = "posix_openpt";
	napi_value result, value;
	char slave[64]; /* "/dev/pts/" and a number */
	int master, err;

	(void)info;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return throw_errno(env, errno, syscall, "/dev/ptmx");

	syscall = "grantpt";
	if (grantpt(master) < 0)
		goto failed;
	syscall = "unlockpt";
	if (unlockpt(master) < 0)
		goto failed;
	syscall = "ptsname_r";
	err = ptsname_r(master, slave, sizeof(slave)); /* returns the error, unlike the others */
	if (err) {
		errno = err;
		goto failed;
	}

	if (napi_create_object(env, &result) != napi_ok || napi_create_int32(env, master, &value) != napi_ok ||
	    napi_set_named_property(env, result, "master", value) != napi_ok ||
	    napi_create_string_utf8(env, slave, NAPI_AUTO_LENGTH, &value) != napi_ok ||
	    napi_set_named_property(env, result, "slavePath", value) != napi_ok) {
		close(master);
		return throw_napi(env);
	}
	return result;

failed:
	err = errno;
	close(master);
	return throw_errno(env, err, syscall, NULL);
}

const struct function pty_functions[] = {
	{ "openPty", open_pty },
	{ NULL, NULL },
};
