// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module is there: /dev/fusd is a misc character device, and while it is
 * open the module stays.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* include/uapi/linux/major.h */
#define MISC_MAJOR 10

static int points, failures;

static void point(int good, const char *name)
{
	if (!good) {
		printf("# errno %d\n", errno);
		failures++;
	}
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, name);
}

int main(void)
{
	struct stat st = { 0 };
	int fd;

	printf("TAP version 13\n1..4\n");
	point(stat("/dev/fusd", &st) == 0 && S_ISCHR(st.st_mode),
	      "/dev/fusd is a character device");
	point(major(st.st_rdev) == MISC_MAJOR, "it is a misc device");

	fd = open("/dev/fusd", O_RDWR | O_CLOEXEC);
	point(fd >= 0, "it opens");

	errno = 0;
	point(syscall(SYS_delete_module, "fusd", O_NONBLOCK) < 0 &&
	      errno == EWOULDBLOCK,
	      "the module is not unloaded while it is open");
	return failures > 0;
}
