// SPDX-License-Identifier: MIT
/* Memory of processes: a look into another one's, and what only the start of ours needed. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/*
 * Programs' code that is mapped from a file and cannot have been written to: unmapping its pages loses nothing, as they
 * stay in the page cache and come back by a soft fault each when they are run again. By /proc/self/maps (proc(5)):
 * "START-END PERMISSIONS OFFSET DEVICE INODE PATH". Code that was moved into anonymous memory (node --use-largepages)
 * has no inode, and is left alone.
 */
static void shed_code(FILE *maps)
{
	unsigned long start, end, inode;
	char permissions[5], line[4352]; /* a path of PATH_MAX, and the rest */

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s %*x %*s %lu", &start, &end, permissions, &inode) != 4)
			continue;
		if (inode != 0 && !strcmp(permissions, "r-xp"))
			madvise((void *)start, end - start, MADV_DONTNEED);
	}
}

/* shed(): undefined */
static napi_value shed(napi_env env, napi_callback_info info)
{
	FILE *maps = fopen("/proc/self/maps", "re");

	(void)env;
	(void)info;
	if (maps) {
		shed_code(maps);
		fclose(maps);
	}
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return NULL;
}

/* peek(pid, address, bytes): fills the bytes from there; how many were read, or -errno (process_vm_readv(2)) */
static napi_value peek(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	size_t argc = ARRAY_SIZE(argv);
	struct iovec local, remote;
	bool lossless;
	uint64_t address;
	ssize_t n;
	int pid;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "pid", &pid))
		return NULL;
	if (napi_get_value_bigint_uint64(env, argv[1], &address, &lossless) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "address must be a bigint");
		return NULL;
	}
	if (!arg_bytes(env, argv[2], "bytes", &local))
		return NULL;
	remote = (struct iovec){ (void *)(uintptr_t)address, local.iov_len };
	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	return number(env, n < 0 ? -errno : n);
}

const struct function memory_functions[] = {
	{ "peek", peek },
	{ "shed", shed },
	{ NULL, NULL },
};
