// SPDX-License-Identifier: GPL-2.0-only
/* The hostile client of fuzz.c: two threads that share files and memory, part of which is not there at times. */

#include <sys/epoll.h>
#include <sys/uio.h>

#include "hostile.h"

#define FILES	8

/* Descriptors, twice, and 1 more for those of a device whose answers are all of FUZ_ANSWER; -1: none. */
static int files[FILES] = { -1, -1, -1, -1, -1, -1, -1, -1 };
static int nothing;

static unsigned char *somewhere(struct fuz *fuz)
{
	return (unsigned char *)FUZ_ARENA + fuz_below(fuz, FUZ_ARENA_SIZE);
}

/* Numbers and pointers, as any of the tables' types may have them. Goes through the kernel: pages may be missing. */
static void write_arena(struct fuz *fuz)
{
	uint64_t words[16];
	uint32_t *halves = (uint32_t *)words;
	struct iovec from = { words, sizeof(words) }, to = { somewhere(fuz), sizeof(words) };

	for (int i = 0; i < 16; i++) {
		if (fuz_one_in(fuz, 3))
			words[i] = FUZ_ARENA + (fuz_below(fuz, FUZ_ARENA_SIZE) & 0x3ff7f);
		else
			halves[2 * i] = fuz_below(fuz, 100), halves[2 * i + 1] = fuz_one_in(fuz, 2) ? 0 : 0x10007000;
	}
	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

static void change_pages(struct fuz *fuz)
{
	unsigned char *at = (unsigned char *)FUZ_ARENA + 4096 * fuz_below(fuz, 64);
	size_t size = 4096 * (1 + fuz_below(fuz, 4));

	if (at + size > (unsigned char *)FUZ_ARENA + FUZ_ARENA_SIZE)
		return;
	if (fuz_one_in(fuz, 3))
		munmap(at, size);
	else if (fuz_one_in(fuz, 3))
		mprotect(at, size, PROT_READ);
	else
		mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void open_one(struct fuz *fuz, int place)
{
	uint32_t number = fuz_below(fuz, FUZ_NAMES);
	char path[FUSD_NAME_MAX + 8] = "/dev/";
	int none = -1, fd;

	fuz_name(fuz, number, path + 5);
	fd = open(path, (fuz_one_in(fuz, 4) ? fuz_below(fuz, 3) : O_RDWR) |
		  (fuz_one_in(fuz, 4) ? O_NONBLOCK : 0) | (fuz_one_in(fuz, 2) ? O_CLOEXEC : 0));
	if (fd < 0)
		usleep(200);
	else if (!__atomic_compare_exchange_n(&files[place], &none, 2 * fd + (number < FUZ_PLAIN), false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		close(fd);
}

/* Of a plain device every byte that was read is the daemon's, and no other byte has changed. */
static void read_and_look(struct fuz *fuz, int place, int file)
{
	unsigned char bytes[700];
	size_t size = fuz_below(fuz, sizeof(bytes)) + 1;
	int fd = file / 2;
	ssize_t got, i;
	bool strict;

	memset(bytes, FUZ_EMPTY, sizeof(bytes));
	got = fuz_one_in(fuz, 2) ? read(fd, bytes, size) : pread(fd, bytes, size, fuz_number(fuz) & 0x7fffffff);
	if (got < 0)
		got = 0;
	else
		fuz_count(&fuz->shared->calls);
	fuz_look(fuz, bytes, got, "what was read");
	/* The other thread may have opened another file in this place. */
	strict = (file & 1) && files[place] == file;
	for (i = 0; strict && i < got; i++)
		if (bytes[i] != FUZ_ANSWER)
			fuz_fail(fuz, "0x%x in what was read", bytes[i]);
	for (i = got; i < (ssize_t)sizeof(bytes); i++)
		if (bytes[i] != FUZ_EMPTY && bytes[i] != FUZ_ANSWER)
			fuz_fail(fuz, "0x%x behind what was read", bytes[i]);
}

static void control(struct fuz *fuz, int fd)
{
	static __thread unsigned char seen[4096];
	unsigned char *at = somewhere(fuz);
	struct iovec to = { seen, sizeof(seen) }, from = { at, sizeof(seen) };
	ssize_t got;

	for (int i = fuz_below(fuz, 4); i >= 0; i--)
		write_arena(fuz);
	if (ioctl(fd, fuz_one_in(fuz, 16) ? (uint32_t)fuz_number(fuz) : fuz_command(fuz_below(fuz, FUZ_COMMANDS)),
		  fuz_one_in(fuz, 16) ? (unsigned long)fuz_number(fuz) : (unsigned long)at) >= 0)
		fuz_count(&fuz->shared->calls);
	got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	if (got > 0)
		fuz_look(fuz, seen, got, "an argument");
}

static void map(struct fuz *fuz, int fd)
{
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	off_t offset = fuz_one_in(fuz, 4) ? 1 << 20 : fuz_below(fuz, 16) * 4096;
	int protection = fuz_one_in(fuz, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
	unsigned char *at = mmap(NULL, size, protection, fuz_one_in(fuz, 4) ? MAP_PRIVATE : MAP_SHARED, fd, offset);
	void *more;

	if (at == MAP_FAILED)
		return;
	fuz_count(&fuz->shared->calls);
	/* Through the kernel, as there may be no page. */
	if (write(nothing, at, size) < 0 && errno != EFAULT)
		fuz_fail(fuz, "/dev/null: %s", strerror(errno));
	switch (fuz_below(fuz, 5)) {
	case 0:
		more = mremap(at, size, size + 4096, MREMAP_MAYMOVE);
		if (more != MAP_FAILED)
			fuz_fail(fuz, "a mapping grows beyond its region");
		break;
	case 1:
		remap_file_pages(at, 4096, 0, fuz_below(fuz, 4), 0);
		break;
	case 2:
		mprotect(at, size, PROT_READ | PROT_WRITE);
		break;
	case 3:
		madvise(at, size, fuz_one_in(fuz, 2) ? MADV_DONTNEED : MADV_REMOVE);
		break;
	}
	munmap(at, size);
}

static void wait_for(struct fuz *fuz, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | (fuz_one_in(fuz, 2) ? EPOLLET : 0) };
	struct pollfd polled = { .fd = fd, .events = POLLIN | POLLPRI };
	int epoll;

	if (fuz_one_in(fuz, 2)) {
		poll(&polled, 1, fuz_below(fuz, 3));
		return;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	epoll_wait(epoll, &event, 1, fuz_below(fuz, 3));
	close(epoll);
}

static void look_at_status(struct fuz *fuz)
{
	static const char *const files[] = { "state", "opens", "requests", "counters" };
	char path[256], text[5000], name[FUSD_NAME_MAX];
	ssize_t got;
	int fd;

	fuz_name(fuz, fuz_below(fuz, FUZ_NAMES), name);
	*strchr(name, '/') = '!';
	snprintf(path, sizeof(path), "/sys/class/fusd/%s/%s", name, files[fuz_below(fuz, 4)]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, text, sizeof(text));
	for (ssize_t i = 0; i < got; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > 'z'))
			fuz_fail(fuz, "0x%x in %s", text[i], path);
	close(fd);
}

static void oddity(struct fuz *fuz, int place, int file)
{
	int fd = file / 2, copy;

	switch (fuz_below(fuz, 8)) {
	case 0:
		if (fork() == 0) {
			usleep(fuz_below(fuz, 2000));
			_exit(0);
		}
		break;
	case 1:
		copy = dup(fd);
		if (copy >= 0)
			close(copy);
		break;
	case 2:
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, fuz_one_in(fuz, 2) ? O_ASYNC : O_NONBLOCK);
		break;
	case 3:
		fsync(fd);
		break;
	case 4:
		lseek(fd, (off_t)fuz_number(fuz), fuz_below(fuz, 6));
		break;
	case 5:
		look_at_status(fuz);
		break;
	default:
		if (__atomic_compare_exchange_n(&files[place], &file, -1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			close(fd);
	}
}

static void vectors(struct fuz *fuz, int fd)
{
	struct iovec parts[3];

	for (int i = 0; i < 3; i++)
		parts[i] = (struct iovec){ somewhere(fuz), fuz_below(fuz, fuz_one_in(fuz, 16) ? 100000 : 3000) };
	if ((fuz_one_in(fuz, 2) ? readv(fd, parts, 3) : preadv(fd, parts, 3, fuz_below(fuz, 10000))) >= 0)
		fuz_count(&fuz->shared->calls);
}

static void act(struct fuz *fuz)
{
	int place = fuz_below(fuz, FILES);
	int file = files[place];
	char text[200];

	if (file < 0) {
		open_one(fuz, place);
		return;
	}
	switch (fuz_below(fuz, 20)) {
	case 0: case 1: case 2: case 3:
		read_and_look(fuz, place, file);
		break;
	case 4: case 5: case 6:
		memset(text, 'w', sizeof(text));
		if (write(file / 2, text, fuz_below(fuz, sizeof(text))) > 0)
			fuz_count(&fuz->shared->calls);
		break;
	case 7: case 8:
		vectors(fuz, file / 2);
		break;
	case 9: case 10: case 11: case 12: case 13:
		control(fuz, file / 2);
		break;
	case 14:
		map(fuz, file / 2);
		break;
	case 15:
		wait_for(fuz, file / 2);
		break;
	case 16: case 17: case 18:
		change_pages(fuz);
		break;
	default:
		oddity(fuz, place, file);
	}
}

static void *acting(void *argument)
{
	struct fuz fuz = *(struct fuz *)argument;

	fuz.random = fst_seed(fuz.random, 99);
	while (fuz_goes_on(&fuz))
		act(&fuz);
	return NULL;
}

void fuz_client(struct fuz *fuz)
{
	pthread_t thread;

	fuz_signals();
	nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (mmap((void *)FUZ_ARENA, FUZ_ARENA_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		fuz_fail(fuz, "no arena: %s", strerror(errno));
	pthread_create(&thread, NULL, acting, fuz);
	while (fuz_goes_on(fuz))
		act(fuz);
	pthread_join(thread, NULL);
}
