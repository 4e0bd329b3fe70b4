/* SPDX-License-Identifier: MIT */
/*
 * devlift.node: the few system calls a daemon needs that neither Node nor an npm package offers.
 *
 * Conventions. A function that JavaScript calls often returns its result as a number, -errno on failure, and
 * allocates nothing. One that is called rarely throws an Error with code, errno and syscall, as Node's own do.
 * An argument of the wrong type throws a TypeError, one out of range a RangeError; none of them can crash.
 * The addon keeps no state of its own, so it loads in any number of threads.
 */
#ifndef DEVLIFT_ADDON_H
#define DEVLIFT_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* One row of an exported table of functions; a table ends with an empty row. */
struct function {
	const char *name;
	napi_callback call;
};

extern const struct function io_functions[];
extern const struct function pty_functions[];
extern const struct function notify_functions[];
extern const struct function mount_functions[];
extern const struct function link_functions[];
extern const struct function memory_functions[];
extern const struct function map_functions[];
extern const struct function helper_functions[];

napi_status watch_init(napi_env env, napi_value exports);

/*
 * Each of these reads one argument. false: it was not what it has to be, and an exception is pending.
 */
bool arg_int(napi_env env, napi_value value, const char *name, int *out);
bool arg_u32(napi_env env, napi_value value, const char *name, unsigned int *out);
bool arg_bytes(napi_env env, napi_value value, const char *name, struct iovec *out);

/* Longest path that arg_path() takes, with its NUL: PATH_MAX of linux/limits.h. */
#define ARG_PATH_MAX 4096

bool arg_path(napi_env env, napi_value value, char path[ARG_PATH_MAX]);

/* The number as JavaScript sees it; a count of the kernel's never exceeds 31 bits (MAX_RW_COUNT). */
napi_value number(napi_env env, long value);

/* Throws what Node throws for a failed system call; @path may be NULL. Always NULL, to be returned. */
napi_value throw_errno(napi_env env, int errnum, const char *syscall, const char *path);

/* Throws for a failure of Node-API itself, unless an exception is pending already. Always NULL. */
napi_value throw_napi(napi_env env);

#endif
