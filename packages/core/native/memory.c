// SPDX-License-Identifier: MIT
/* shed(): what only the start of a process needed. */
#define _GNU_SOURCE
#include "addon.h"

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

const struct function memory_functions[] = {
	{ "shed", shed },
	{ NULL, NULL },
};
