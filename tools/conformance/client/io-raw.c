// SPDX-License-Identifier: MIT
/*
 * The system calls without libc's wrappers. With -DX32 they are x32's: numbers with bit 30 set, and those above 512
 * (arch/x86/entry/syscalls/syscall_64.tbl) for calls whose structs have pointers or longs in them.
 */
#include <sys/syscall.h>
#include "harness.h"
#include "internal.h"

#ifdef X32
#define NUMBER(name, own) (0x40000000 | (own))
/* struct compat_iovec. */
struct area { uint32_t base, length; };
#else
#define NUMBER(name, own) SYS_##name
struct area { void *base; size_t length; };
#endif

static const struct area *areas_of(const struct iovec *given, int count)
{
	struct area *areas;

	/* A count that no kernel takes must get there as it is. */
	if (count <= 0 || count > 2048)
		return memory_bad();
	areas = memory_new(sizeof(*areas) * (size_t)count);
	for (int i = 0; i < count; i++) {
#ifdef X32
		areas[i].base = PTR(given[i].iov_base);
		areas[i].length = (uint32_t)given[i].iov_len;
#else
		areas[i].base = given[i].iov_base;
		areas[i].length = given[i].iov_len;
#endif
	}
	return areas;
}

long raw_getpid(void)
{
	return syscall(NUMBER(getpid, 39));
}

static int raw_open(const char *path, int flags)
{
	return (int)syscall(NUMBER(open, 2), path, flags, 0600);
}

static int raw_close(int fd)
{
	return (int)syscall(NUMBER(close, 3), fd);
}

static ssize_t raw_read(int fd, void *buffer, size_t count)
{
	return syscall(NUMBER(read, 0), fd, buffer, count);
}

static ssize_t raw_write(int fd, const void *buffer, size_t count)
{
	return syscall(NUMBER(write, 1), fd, buffer, count);
}

static ssize_t raw_readv(int fd, const struct iovec *areas, int count)
{
	return syscall(NUMBER(readv, 515), fd, areas_of(areas, count), count);
}

static ssize_t raw_writev(int fd, const struct iovec *areas, int count)
{
	return syscall(NUMBER(writev, 516), fd, areas_of(areas, count), count);
}

static ssize_t raw_pread(int fd, void *buffer, size_t count, off_t offset)
{
#ifdef __i386__
	return syscall(SYS_pread64, fd, buffer, count, offset, offset < 0 ? -1 : 0);
#else
	return syscall(NUMBER(pread64, 17), fd, buffer, count, offset);
#endif
}

static ssize_t raw_pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
#ifdef __i386__
	return syscall(SYS_pwrite64, fd, buffer, count, offset, offset < 0 ? -1 : 0);
#else
	return syscall(NUMBER(pwrite64, 18), fd, buffer, count, offset);
#endif
}

static int raw_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	return (int)syscall(NUMBER(ioctl, 514), fd, request, argument);
}

static int raw_poll(struct pollfd *fds, nfds_t count, int ms)
{
	return (int)syscall(NUMBER(poll, 7), fds, count, ms);
}

static int raw_setfl(int fd, int flags)
{
#ifdef __i386__
	return (int)syscall(SYS_fcntl64, fd, F_SETFL, flags);
#else
	return (int)syscall(NUMBER(fcntl, 72), fd, F_SETFL, flags);
#endif
}

const struct io io_raw = {
	.open = raw_open,
	.close = raw_close,
	.read = raw_read,
	.write = raw_write,
	.readv = raw_readv,
	.writev = raw_writev,
	.pread = raw_pread,
	.pwrite = raw_pwrite,
	.ioctl = raw_ioctl,
	.poll = raw_poll,
	.setfl = raw_setfl,
};
