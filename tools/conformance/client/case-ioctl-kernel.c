// SPDX-License-Identifier: MIT
/*
 * Ioctls that are not, or not only, the driver's: do_vfs_ioctl() in fs/ioctl.c answers some of every file, and of a
 * regular file some more. A device is to be like another one in this: /dev/null, which has no commands, and our node
 * without any.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include "ioctl-arguments.h"

enum { PAGE = 4096 };

static void close_on_exec(const struct test *t)
{
	int fd = dev(O_RDWR | (t->a ? O_CLOEXEC : 0));

	MUST(ioctl(fd, t->a ? FIONCLEX : FIOCLEX));
	GIVES(fcntl(fd, F_GETFD), t->a ? 0 : FD_CLOEXEC);
	SAME(counted(ACTS), 0);
}

static void nonblocking(const struct test *t)
{
	int fd = dev(O_RDONLY | (t->a ? O_NONBLOCK : 0)), *on = NEW(int);
	char *byte = memory_new(1);
	struct call *call;

	*on = !t->a;
	GIVES(IOCTL(fd, FIONBIO, on), 0);
	SAME(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), !t->a);
	if (t->a) {
		call = start_read(fd, 1);
		await_count(BLOCKED, 1);
		fill(1, 1);
		GIVES(finish(call), 1);
	} else {
		FAILS(io->read(fd, byte, 1), EAGAIN);
	}
}

static void bad_switch(const struct test *t)
{
	FAILS(IOCTL(dev(O_RDWR), (unsigned long)t->a, wrong_address(t->b, sizeof(int))), EFAULT);
}

/* The driver's own: how many bytes a read would get. */
static void bytes_to_read(const struct test *t)
{
	int fd = dev(O_RDWR), *count = NEW(int);

	(void)t;
	*count = -1;
	GIVES(IOCTL(fd, FIONREAD, count), 0);
	SAME(*count, 0);
	fill(123, 1);
	GIVES(IOCTL(fd, FIONREAD, count), 0);
	SAME(*count, 123);
	FAILS(IOCTL(fd, FIONREAD, memory_bad()), EFAULT);
}

static void as_dev_null(const struct test *t)
{
	char *ours = patterned(memory_new(PAGE), PAGE), *theirs = patterned(memory_new(PAGE), PAGE);
	int null = (int)MUST(io->open("/dev/null", O_RDWR)), bare = (int)MUST(dev_open("bare", O_RDWR));
	int result, error, expected;

	if (t->b == 0) {
		memset(ours, 0, PAGE);
		memset(theirs, 0, PAGE);
	}
	errno = 0;
	expected = IOCTL(null, (unsigned long)t->a, theirs);
	error = errno;
	errno = 0;
	result = IOCTL(bare, (unsigned long)t->a, ours);
	if (result < 0 && errno != error)
		fail(PLACE, "/dev/null: %s, ours: %s", errno_name(expected < 0 ? error : 0), errno_name(errno));
	SAME(result, expected);
	TRUE(!memcmp(ours, theirs, PAGE));
}

static const struct { const char *name; unsigned long number; long filled; } common[] = {
	{ "fioclex", FIOCLEX, 0 }, { "fionbio", FIONBIO, 0 }, { "fioasync-off", FIOASYNC, 0 }, { "fioasync-on", FIOASYNC, 1 },
	{ "figetbsz", FIGETBSZ, 0 }, { "getflags", FS_IOC_GETFLAGS, 0 }, { "setflags", FS_IOC_SETFLAGS, 0 },
	{ "fsgetxattr", FS_IOC_FSGETXATTR, 0 }, { "fiemap", FS_IOC_FIEMAP, 0 }, { "ficlonerange", FICLONERANGE, 1 },
	{ "tcgets", 0x5401, 0 }, { "tiocgwinsz", 0x5413, 0 }, { "blkgetsize", BLKGETSIZE, 0 },
	{ "fionread", FIONREAD, 0 }, { "fioqsize", 0x5460, 0 }, { "fibmap", FIBMAP, 0 },
};

CASES
{
	const unsigned n = NEEDS_DESCRIPTOR;

	add_with(close_on_exec, n, 0, 0, "ioctl/kernel/fioclex");
	add_with(close_on_exec, n, 1, 0, "ioctl/kernel/fionclex");
	add_with(nonblocking, n, 0, 0, "ioctl/kernel/fionbio-on");
	add_with(nonblocking, n, 1, 0, "ioctl/kernel/fionbio-off");
	add_with(bad_switch, n, FIONBIO, WRONG_NULL, "ioctl/kernel/fionbio-null");
	add_with(bad_switch, n, FIONBIO, WRONG_UNMAPPED, "ioctl/kernel/fionbio-unmapped");
	add_with(bad_switch, n, FIOASYNC, WRONG_UNMAPPED, "ioctl/kernel/fioasync-unmapped");
	add(bytes_to_read, NEEDS_NOTHING, "ioctl/kernel/fionread-of-the-driver");
	for (size_t i = 0; i < COUNT(common); i++)
		add_with(as_dev_null, n, (long)common[i].number, common[i].filled, "ioctl/as-dev-null/%s", common[i].name);
}
