// SPDX-License-Identifier: MIT
/* Memory for arguments. It is never given back: a case is short, and then its process ends. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "harness.h"

#ifdef X32
#define LOW MAP_32BIT
#else
#define LOW 0
#endif

enum { PAGE = 4096, ARENA = 1 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *arena;
static size_t used = ARENA;

static char *map(size_t size)
{
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | LOW, -1, 0);

	if (pages == MAP_FAILED)
		fail(PLACE, "mmap of %zu bytes: %s", size, errno_name(errno));
	return pages;
}

static size_t whole_pages(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

void *memory_new(size_t size)
{
	void *bytes;

	size = (size + 15) & ~(size_t)15;
	if (size > ARENA / 4)
		return map(whole_pages(size));
	pthread_mutex_lock(&lock);
	if (used + size > ARENA) {
		arena = map(ARENA);
		used = 0;
	}
	bytes = arena + used;
	used += size;
	pthread_mutex_unlock(&lock);
	return bytes;
}

void *memory_guarded(size_t size)
{
	size_t room = whole_pages(size ? size : 1);
	char *pages = map(room + PAGE);

	if (munmap(pages + room, PAGE) < 0 ||
	    /* Held as a hole: nothing that is mapped later may come there. */
	    mmap(pages + room, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		fail(PLACE, "munmap: %s", errno_name(errno));
	return pages + room - size;
}

void *memory_bad(void)
{
	return (char *)memory_guarded(PAGE) + PAGE;
}

void *memory_readonly(size_t size)
{
	char *pages = map(whole_pages(size));

	memset(pages, 0x11, whole_pages(size));
	if (mprotect(pages, whole_pages(size), PROT_READ) < 0)
		fail(PLACE, "mprotect: %s", errno_name(errno));
	return pages;
}
