// SPDX-License-Identifier: GPL-2.0-only
/* Memory that the daemon and programs map, and that outlives the daemon. */

#include <sys/wait.h>

#include "fusd-selftest.h"

#define PAGE	4096
#define SIZE	(4 * PAGE)
#define BOTH	(PROT_READ | PROT_WRITE)

static ssize_t region(struct fst_device *device, uint64_t offset, uint64_t size, uint32_t flags, int memory)
{
	struct fusd_region message = {
		.head = fst_head(FUSD_REGION, 0), .offset = offset, .size = size, .flags = flags, .fd = memory,
	};

	message.head.len = sizeof(message);
	return write(device->fd, &message, sizeof(message));
}

/* -1 with errno, as other calls, or the address. */
static char *map(int fd, off_t offset, size_t size, int protection)
{
	return mmap(NULL, size, protection, MAP_SHARED, fd, offset);
}

#define CHECK_MAP_ERR(call, wanted)	CHECK_ERR((call) == MAP_FAILED ? -1 : 0, wanted)

static char *mapped(int fd, off_t offset, size_t size, int protection)
{
	char *at = map(fd, offset, size, protection);

	CHECK_OK(at == MAP_FAILED ? -1 : 0);
	return at;
}

struct program {
	const char *path;
	int turns[2];	/* the other's turn, and ours */
};

static void pass(int fd)
{
	CHECK_EQ(write(fd, "x", 1), 1);
}

static void await(int fd)
{
	char byte;

	CHECK_EQ(read(fd, &byte, 1), 1);
}

static void shares(void *argument)
{
	const struct program *program = argument;
	int fd = CHECK_OK(open(program->path, O_RDWR));
	char *at = mapped(fd, 2 * PAGE, SIZE - PAGE, BOTH);	/* from the second page on */

	await(program->turns[0]);
	CHECK_EQ(at[0], 'd');
	at[1] = 'p';
	pass(program->turns[1]);
	/* It keeps what it has mapped when the file is closed. */
	CHECK_OK(close(fd));
	await(program->turns[0]);
	CHECK_EQ(at[2], 'e');
}

static void shared(void)
{
	int mine[2], its[2];
	struct fst_device device;

	CHECK_OK(pipe2(mine, O_CLOEXEC));
	CHECK_OK(pipe2(its, O_CLOEXEC));
	fst_device(&device, 0);
	CHECK_OK(region(&device, PAGE, SIZE, 0, -1));
	char *daemon = mapped(device.fd, FUSD_MAP_REGIONS + PAGE, SIZE, BOTH);
	for (size_t at = 0; at < SIZE; at++)
		CHECK_EQ(daemon[at], 0);
	struct program program = { device.path, { mine[0], its[1] } };
	pid_t pid = fst_fork(&device, shares, &program);
	daemon[PAGE] = 'd';
	pass(mine[1]);
	await(its[0]);
	CHECK_EQ(daemon[PAGE + 1], 'p');
	char *own = mapped(CHECK_OK(open(device.path, O_RDWR)), PAGE, SIZE, PROT_READ);
	CHECK_EQ(own[PAGE + 1], 'p');
	daemon[PAGE + 2] = 'e';
	/* The device ends, its memory does not. */
	CHECK_OK(munmap(daemon, SIZE));
	fst_gone(&device);
	pass(mine[1]);
	CHECK_EQ(fst_wait(pid), 0);
	CHECK_EQ(own[PAGE + 2], 'e');
}

static int sealed(size_t size, unsigned int seals)
{
	int memory = CHECK_OK(memfd_create("fst", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	CHECK_OK(ftruncate(memory, size));
	CHECK_OK(fcntl(memory, F_ADD_SEALS, seals));
	return memory;
}

static void memfd(void)
{
	struct fst_device device;
	int memory = sealed(SIZE, F_SEAL_SHRINK), other = sealed(SIZE, F_SEAL_GROW);

	fst_device(&device, 0);
	char *own = mapped(memory, 0, SIZE, BOTH);
	CHECK_OK(region(&device, 0, SIZE, 0, memory));
	CHECK_OK(close(memory));
	char *at = mapped(CHECK_OK(open(device.path, O_RDWR)), 0, SIZE, BOTH);
	at[SIZE - 1] = 'm';
	CHECK_EQ(own[SIZE - 1], 'm');
	/* Memory that could be taken away from under a program, files that are none, and less than is said. */
	CHECK_ERR(region(&device, SIZE, SIZE, 0, other), EPERM);
	CHECK_ERR(region(&device, SIZE, 2 * SIZE, 0, sealed(SIZE, F_SEAL_SHRINK)), EINVAL);
	CHECK_ERR(region(&device, SIZE, SIZE, 0, CHECK_OK(open("/proc/self/exe", O_RDONLY))), EINVAL);
	CHECK_ERR(region(&device, SIZE, SIZE, 0, device.fd), EINVAL);
	CHECK_ERR(region(&device, SIZE, SIZE, 0, 1000), EBADF);
	CHECK_ERR(region(&device, SIZE, SIZE, 0, -2), EINVAL);
	/* None of them is there. */
	CHECK_MAP_ERR(map(CHECK_OK(open(device.path, O_RDWR)), SIZE, PAGE, PROT_READ), ENODEV);
}

static void read_only(void)
{
	struct fst_device device;

	fst_device(&device, 0);
	CHECK_OK(region(&device, 0, SIZE, FUSD_REGION_READ_ONLY, -1));
	char *daemon = mapped(device.fd, FUSD_MAP_REGIONS, SIZE, BOTH);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_MAP_ERR(map(fd, 0, SIZE, BOTH), EACCES);
	CHECK_MAP_ERR(map(fd, 0, SIZE, PROT_WRITE), EACCES);
	char *at = mapped(fd, 0, SIZE, PROT_READ);
	CHECK_ERR(mprotect(at, SIZE, BOTH), EACCES);
	daemon[5] = 'r';
	CHECK_EQ(at[5], 'r');
	/* A copy of one's own may be written. */
	char *copy = mmap(NULL, SIZE, BOTH, MAP_PRIVATE, fd, 0);
	CHECK(copy != MAP_FAILED);
	copy[5] = 'c';
	CHECK_EQ(daemon[5], 'r');
	/* Who may not write the device may not write its memory. */
	fst_device(&device, 0);
	CHECK_OK(region(&device, 0, SIZE, 0, -1));
	CHECK_MAP_ERR(map(CHECK_OK(open(device.path, O_RDONLY)), 0, SIZE, BOTH), EACCES);
}

static void bounds(void)
{
	struct fst_device device;

	fst_device(&device, 0);
	CHECK_OK(region(&device, PAGE, SIZE, 0, -1));
	CHECK_OK(region(&device, PAGE + SIZE, PAGE, 0, -1));
	CHECK_ERR(region(&device, SIZE, PAGE, 0, -1), EEXIST);
	CHECK_ERR(region(&device, 0, 2 * PAGE, 0, -1), EEXIST);
	CHECK_ERR(region(&device, 0, 100 * PAGE, 0, -1), EEXIST);
	CHECK_ERR(region(&device, 0, 0, 0, -1), EINVAL);
	CHECK_ERR(region(&device, 100, PAGE, 0, -1), EINVAL);
	CHECK_ERR(region(&device, 0, 100, 0, -1), EINVAL);
	CHECK_ERR(region(&device, 0, PAGE, 4, -1), EINVAL);
	CHECK_ERR(region(&device, 0, -(uint64_t)PAGE, 0, -1), EINVAL);
	CHECK_ERR(region(&device, -(uint64_t)PAGE, 2 * PAGE, 0, -1), EINVAL);
	CHECK_ERR(region(&device, FUSD_MAP_REGIONS, PAGE, 0, -1), EINVAL);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_MAP_ERR(map(fd, 0, PAGE, PROT_READ), ENODEV);
	CHECK_MAP_ERR(map(fd, SIZE + 2 * PAGE, PAGE, PROT_READ), ENODEV);
	/* One mapping is of one region. */
	CHECK_MAP_ERR(map(fd, PAGE, SIZE + PAGE, PROT_READ), EINVAL);
	CHECK_MAP_ERR(map(fd, SIZE, 2 * PAGE, PROT_READ), EINVAL);
	CHECK_MAP_ERR(map(device.fd, FUSD_MAP_REGIONS, PAGE, PROT_READ), ENODEV);
	mapped(fd, SIZE, PAGE, PROT_READ);
	mapped(device.fd, FUSD_MAP_REGIONS + SIZE, PAGE, PROT_READ);
	/* As long as it is: touching its last byte is no SIGBUS. */
	mapped(fd, PAGE, SIZE, BOTH)[SIZE - 1] = 'x';
}

/* What mmap(2) has refused is not to be had by moving or remapping what it gave. */
static void no_way_round(void)
{
	struct fst_device device;

	fst_device(&device, 0);
	CHECK_OK(region(&device, 0, SIZE, 0, sealed(2 * SIZE, F_SEAL_SHRINK)));
	CHECK_OK(region(&device, SIZE, SIZE, FUSD_REGION_READ_ONLY, -1));
	int fd = CHECK_OK(open(device.path, O_RDWR));
	char *at = mapped(fd, 0, SIZE, BOTH);
	CHECK_MAP_ERR(mremap(at, SIZE, 2 * SIZE, MREMAP_MAYMOVE), EFAULT);
	CHECK_MAP_ERR(mremap(at, SIZE, SIZE + PAGE, 0), EFAULT);
	at = mapped(fd, SIZE, SIZE, PROT_READ);
	/* Makes a new mapping of the old one's file. */
	CHECK_OK(remap_file_pages(at, PAGE, 0, 1, 0));
	CHECK_ERR(mprotect(at, PAGE, BOTH), EACCES);
}

static void next_daemon(void)
{
	struct fusd_create create = fst_creation(FST_BIT(READ));
	struct fst_device device, next;
	struct fst_call call;
	char byte;

	create.recover_ms = 3600 * 1000;
	fst_create(&device, &create);
	/* Before START, too. */
	CHECK_OK(region(&device, 0, SIZE, 0, -1));
	fst_start(&device);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	char *at = mapped(fd, 0, SIZE, BOTH);
	at[7] = 'a';
	fst_gone(&device);
	at[8] = 'b';
	/* Also without any daemon. */
	CHECK_EQ(mapped(fd, 0, SIZE, BOTH)[8], 'b');
	CHECK_EQ(fst_recover(&next, device.name), 0);
	struct fusd_request restore = fst_next(&next, FUSD_OP_RESTORE);
	fst_done(&next, &restore, 0);
	char *daemon = mapped(next.fd, FUSD_MAP_REGIONS, SIZE, BOTH);
	CHECK(daemon[7] == 'a' && daemon[8] == 'b');
	daemon[9] = 'c';
	CHECK_EQ(at[9], 'c');
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request request = fst_next(&next, FUSD_OP_READ);
	fst_done(&next, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
}

/* What a daemon leaves to the next one is no program's. */
static void private(void)
{
	struct fst_device device, next;

	struct fusd_create create = fst_creation(FST_BIT(OPEN));
	create.recover_ms = 60000;
	fst_create(&device, &create);
	CHECK_OK(region(&device, 0, SIZE, 0, -1));
	CHECK_OK(region(&device, SIZE, SIZE, FUSD_REGION_PRIVATE, -1));
	fst_start(&device);
	mapped(device.fd, FUSD_MAP_REGIONS + SIZE, SIZE, BOTH)[5] = 'd';
	int fd = fst_open(&device, O_RDWR, 0, NULL);
	mapped(fd, 0, SIZE, BOTH);
	CHECK_MAP_ERR(map(fd, SIZE, SIZE, PROT_READ), ENODEV);
	CHECK_MAP_ERR(map(fd, SIZE, SIZE, BOTH), ENODEV);
	CHECK_MAP_ERR(map(fd, 0, 2 * SIZE, PROT_READ), EINVAL);
	fst_gone(&device);
	CHECK_MAP_ERR(map(fd, SIZE, SIZE, PROT_READ), ENODEV);
	CHECK_EQ(fst_recover(&next, device.name), 0);
	CHECK_EQ(mapped(next.fd, FUSD_MAP_REGIONS + SIZE, SIZE, BOTH)[5], 'd');
	CHECK_MAP_ERR(map(fd, SIZE, SIZE, PROT_READ), ENODEV);
}

static const struct fst_case cases[] = {
	{ "region: a daemon and two programs", shared },
	{ "region: a memfd of the daemon's", memfd },
	{ "region: read-only for programs", read_only },
	{ "region: bounds", bounds },
	{ "region: mremap and remap_file_pages give no more", no_way_round },
	{ "region: the next daemon has it, too", next_daemon },
	{ "region: the daemon's alone", private },
	{},
};

FST_MAIN(cases, NULL)
