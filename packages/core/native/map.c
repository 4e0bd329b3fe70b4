// SPDX-License-Identifier: MIT
/*
 * Memory that is shared with programs, or with the next daemon: mmap(2) of a descriptor as an ArrayBuffer. The mapping is the buffer's, and goes
 * when that is collected, or its thread ends; the descriptor may be closed before.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static bool arg_size(napi_env env, napi_value value, const char *name, uint64_t *out)
{
	char message[64];
	double d;

	if (napi_get_value_double(env, value, &d) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "offset, length and size must be numbers");
		return false;
	}
	if (!(d >= 0 && d <= 0x1p53) || d != (double)(uint64_t)d) {
		snprintf(message, sizeof(message), "%s must be a safe integer from 0", name);
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
		return false;
	}
	*out = (uint64_t)d;
	return true;
}

/* An optional argument: undefined is 0. */
static bool arg_address(napi_env env, napi_value value, uint64_t *out)
{
	napi_valuetype type;
	bool lossless;

	*out = 0;
	if (napi_typeof(env, value, &type) != napi_ok || type == napi_undefined)
		return true;
	if (napi_get_value_bigint_uint64(env, value, out, &lossless) != napi_ok || !lossless ||
	    *out != (uintptr_t)*out) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "address must be a bigint that is one here");
		return false;
	}
	return true;
}

static void unmap(napi_env env, void *memory, void *length)
{
	(void)env;
	munmap(memory, (size_t)(uintptr_t)length);
}

/*
 * map(fd, offset, length, address): an ArrayBuffer, shared, to be read and written. With an address it is there, where
 * nothing else may be, and in memory, so that the kernel never waits for a page of it
 */
static napi_value map(napi_env env, napi_callback_info info)
{
	napi_value argv[4], buffer;
	size_t argc = ARRAY_SIZE(argv);
	uint64_t offset, length, address;
	int flags = MAP_SHARED;
	void *memory;
	int fd;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argv[0], "fd", &fd) || !arg_size(env, argv[1], "offset", &offset) ||
	    !arg_size(env, argv[2], "length", &length) || !arg_address(env, argv[3], &address))
		return NULL;
	if (address)
		flags |= MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_LOCKED;
	memory = mmap((void *)(uintptr_t)address, length, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);
	if (memory == MAP_FAILED)
		return throw_errno(env, errno, "mmap", NULL);
	if (napi_create_external_arraybuffer(env, memory, length, unmap, (void *)(uintptr_t)length, &buffer) !=
	    napi_ok) {
		munmap(memory, length);
		return throw_napi(env);
	}
	return buffer;
}

/* memoryFile(name, size): a descriptor of so many zeroes in memory, memfd_create(2) */
static napi_value memory_file(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	size_t argc = ARRAY_SIZE(argv);
	char name[ARG_PATH_MAX];
	uint64_t size;
	int fd, err;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_path(env, argv[0], name) || !arg_size(env, argv[1], "size", &size))
		return NULL;
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return throw_errno(env, errno, "memfd_create", NULL);
	if (ftruncate(fd, (off_t)size) < 0) {
		err = errno;
		close(fd);
		return throw_errno(env, err, "ftruncate", NULL);
	}
	result = number(env, fd);
	if (!result)
		close(fd);
	return result;
}

/* pageSize(): bytes */
static napi_value page_size(napi_env env, napi_callback_info info)
{
	(void)info;
	return number(env, sysconf(_SC_PAGESIZE));
}

const struct function map_functions[] = {
	{ "map", map },
	{ "memoryFile", memory_file },
	{ "pageSize", page_size },
	{ NULL, NULL },
};
