// SPDX-License-Identifier: MIT
/* Entry point, arguments and errors; see addon.h. */
#include "addon.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "uv_poll.h"

static bool throw_type(napi_env env, const char *name, const char *expected)
{
	char message[128];

	snprintf(message, sizeof(message), "%s must be %s", name, expected);
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

static bool throw_range(napi_env env, const char *name, const char *expected)
{
	char message[128];

	snprintf(message, sizeof(message), "%s must be %s", name, expected);
	napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
	return false;
}

/* napi_get_value_int32() would make 0 of NaN, and 0 is a descriptor; so go by the double. */
static bool arg_integer(napi_env env, napi_value value, const char *name, double *out)
{
	if (napi_get_value_double(env, value, out) != napi_ok)
		return throw_type(env, name, "a number");
	return true;
}

bool arg_int(napi_env env, napi_value value, const char *name, int *out)
{
	double d;

	if (!arg_integer(env, value, name, &d))
		return false;
	if (!(d >= INT_MIN && d <= INT_MAX) || d != (int)d)
		return throw_range(env, name, "a 32-bit integer");
	*out = (int)d;
	return true;
}

bool arg_u32(napi_env env, napi_value value, const char *name, unsigned int *out)
{
	double d;

	if (!arg_integer(env, value, name, &d))
		return false;
	if (!(d >= 0 && d <= UINT_MAX) || d != (unsigned int)d)
		return throw_range(env, name, "an unsigned 32-bit integer");
	*out = (unsigned int)d;
	return true;
}

bool arg_bytes(napi_env env, napi_value value, const char *name, struct iovec *out)
{
	napi_typedarray_type type;

	if (napi_get_typedarray_info(env, value, &type, &out->iov_len, &out->iov_base, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array)
		return throw_type(env, name, "a Uint8Array");
	return true;
}

bool arg_path(napi_env env, napi_value value, char path[ARG_PATH_MAX])
{
	size_t length;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
		return throw_type(env, "path", "a string");
	if (length >= ARG_PATH_MAX)
		return throw_range(env, "path", "shorter than 4096 bytes");
	if (napi_get_value_string_utf8(env, value, path, ARG_PATH_MAX, &length) != napi_ok) {
		throw_napi(env);
		return false;
	}
	if (length == 0 || strlen(path) != length)
		return throw_range(env, "path", "a non-empty string without a NUL");
	return true;
}

napi_value number(napi_env env, long value)
{
	napi_value result = NULL;

	if (napi_create_int64(env, value, &result) != napi_ok)
		return throw_napi(env);
	return result;
}

napi_value throw_napi(napi_env env)
{
	const napi_extended_error_info *info = NULL;
	bool pending = false;

	napi_get_last_error_info(env, &info);
	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_error(env, "ERR_NAPI",
				 info && info->error_message ? info->error_message : "Node-API call failed");
	return NULL;
}

static napi_status set_string(napi_env env, napi_value object, const char *key, const char *text)
{
	napi_value value;
	napi_status status;

	status = napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
	if (status != napi_ok)
		return status;
	return napi_set_named_property(env, object, key, value);
}

napi_value throw_errno(napi_env env, int errnum, const char *syscall, const char *path)
{
	char message[ARG_PATH_MAX + 256];
	char code[32];
	char reason[128];
	napi_value text, error, value;

	uv_err_name_r(-errnum, code, sizeof(code));
	uv_strerror_r(-errnum, reason, sizeof(reason));
	if (path)
		snprintf(message, sizeof(message), "%s: %s, %s '%s'", code, reason, syscall, path);
	else
		snprintf(message, sizeof(message), "%s: %s, %s", code, reason, syscall);

	if (napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
	    napi_create_error(env, NULL, text, &error) != napi_ok ||
	    napi_create_int32(env, -errnum, &value) != napi_ok ||
	    napi_set_named_property(env, error, "errno", value) != napi_ok ||
	    set_string(env, error, "code", code) != napi_ok ||
	    set_string(env, error, "syscall", syscall) != napi_ok ||
	    (path && set_string(env, error, "path", path) != napi_ok) ||
	    napi_throw(env, error) != napi_ok)
		return throw_napi(env);
	return NULL;
}

static napi_status export_functions(napi_env env, napi_value exports, const struct function *row)
{
	napi_status status = napi_ok;
	napi_value function;

	for (; status == napi_ok && row->name; row++) {
		status = napi_create_function(env, row->name, NAPI_AUTO_LENGTH, row->call, NULL, &function);
		if (status == napi_ok)
			status = napi_set_named_property(env, exports, row->name, function);
	}
	return status;
}

NAPI_MODULE_INIT()
{
	if (export_functions(env, exports, io_functions) != napi_ok ||
	    export_functions(env, exports, pty_functions) != napi_ok ||
	    export_functions(env, exports, notify_functions) != napi_ok ||
	    export_functions(env, exports, mount_functions) != napi_ok ||
	    export_functions(env, exports, link_functions) != napi_ok ||
	    export_functions(env, exports, memory_functions) != napi_ok ||
	    export_functions(env, exports, map_functions) != napi_ok ||
	    export_functions(env, exports, helper_functions) != napi_ok ||
	    watch_init(env, exports) != napi_ok)
		return throw_napi(env);
	return exports;
}
