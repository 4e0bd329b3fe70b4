// SPDX-License-Identifier: MIT
/* The system calls as libc makes them. */
#include "harness.h"

static int do_open(const char *path, int flags)
{
	return open(path, flags, 0600);
}

static int do_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	return ioctl(fd, request, argument);
}

static int do_setfl(int fd, int flags)
{
	return fcntl(fd, F_SETFL, flags);
}

const struct io io_libc = {
	.open = do_open,
	.close = close,
	.read = read,
	.write = write,
	.readv = readv,
	.writev = writev,
	.pread = pread,
	.pwrite = pwrite,
	.ioctl = do_ioctl,
	.poll = poll,
	.setfl = do_setfl,
};
