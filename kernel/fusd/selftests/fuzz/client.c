// SPDX-License-Identifier: GPL-2.0-only
/* The hostile client of fuzz.c: two threads that share files and memory, part of which is not there at times. */

#include <sys/epoll.h>
#include <sys/uio.h>

#include "hostile.h"

#define FILES	8
#define LONG	16384	/* bytes: FUSD_DIRECT_FROM of the module's */

/* Descriptors, twice, and 1 more for those of a device whose answers are all of FUZ_ANSWER; -1: none. */
static int files[FILES] = { -1, -1, -1, -1, -1, -1, -1, -1 };
/* Memfds: one that structs are copied from, one that memory is copied to, through the kernel: pages may be missing. */
static int templates, letters, seen;
static unsigned char *seen_at;	/* the other, a page a thread */
static __thread uint32_t thread_number;

#define TEMPLATES	65536

static unsigned char *somewhere(struct fuz *fuz)
{
	return (unsigned char *)FUZ_ARENA + fuz_below(fuz, FUZ_ARENA_SIZE);
}

/*
 * Structs as the tables' types mostly have them, 16 bytes each: a pointer, a count, bits; or anything. The pointers' bytes
 * are of the allowed ones, too: half a pointer before ~0 looks like the kernel's.
 */
static void make_templates(struct fuz *fuz)
{
	for (int place = 0; place < TEMPLATES; place += 16) {
		uint64_t words[2] = { FUZ_ARENA + (fuz_below(fuz, FUZ_ARENA_SIZE) & 0x37f70), fuz_below(fuz, 12) };

		if (fuz_one_in(fuz, 2))
			words[1] |= (uint64_t)(fuz_number(fuz) & 0xffffff) << 32;
		if (fuz_one_in(fuz, 16))
			words[fuz_below(fuz, 2)] = fuz_number(fuz);
		if (pwrite(templates, words, 16, place) != 16)
			fuz_fail(fuz, "no memory");
	}
}

static void write_arena(struct fuz *fuz, unsigned char *at, size_t size)
{
	if (pread(templates, at, size, fuz_below(fuz, TEMPLATES - size) & ~15U) < 0 && errno != EFAULT)
		fuz_fail(fuz, "a memfd: %s", strerror(errno));
}

/* Another thread may take the pages away meanwhile. */
static void write_letters(struct fuz *fuz, unsigned char *at, size_t size)
{
	if (pread(letters, at, size, 0) < 0 && errno != EFAULT)
		fuz_fail(fuz, "a memfd: %s", strerror(errno));
}

static void change_pages(struct fuz *fuz)
{
	unsigned char *at = (unsigned char *)FUZ_ARENA + 4096 * fuz_below(fuz, 96);
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	bool for_writes = at >= (unsigned char *)FUZ_LETTERS;

	if (at + size > (unsigned char *)(for_writes ? FUZ_LETTERS + FUZ_LETTERS_SIZE : FUZ_LETTERS))
		return;
	if (fuz_one_in(fuz, 8))
		munmap(at, size);
	else if (fuz_one_in(fuz, 8))
		mprotect(at, size, PROT_READ);
	else if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
		return;
	else if (for_writes)
		write_letters(fuz, at, size);
	else
		write_arena(fuz, at, size);
}

/* A call's result. A file whose device has ended is no use. @return the result */
static long did(struct fuz *fuz, enum fuz_call call, int place, long result)
{
	int file = files[place];

	fuz_count(&fuz->shared->counts.calls[call], result >= 0);
	if (result < 0 && errno == ENODEV && file >= 0 &&
	    __atomic_compare_exchange_n(&files[place], &file, -1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		close(file / 2);
	return result;
}

/* Mostly one that is there. */
static uint32_t some_name(struct fuz *fuz)
{
	uint32_t live = fuz->shared->live, number = fuz_below(fuz, FUZ_NAMES);

	for (int tries = 0; tries < FUZ_NAMES && !(live >> number & 1); tries++)
		number = (number + 1) % FUZ_NAMES;
	return fuz_one_in(fuz, 32) ? fuz_below(fuz, FUZ_NAMES) : number;
}

static void open_one(struct fuz *fuz, int place)
{
	uint32_t number = some_name(fuz);
	char path[FUSD_NAME_MAX + 8] = "/dev/";
	int none = -1, fd;

	fuz_name(fuz, number, path + 5);
	fd = open(path, (fuz_one_in(fuz, 16) ? fuz_below(fuz, 3) : O_RDWR) |
		  (fuz_one_in(fuz, 8) ? O_NONBLOCK : 0) | (fuz_one_in(fuz, 2) ? O_CLOEXEC : 0));
	fuz_count(&fuz->shared->counts.calls[FUZ_OPEN], fd >= 0);
	if (fd < 0)
		usleep(500);
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
	if (did(fuz, FUZ_READ, place, got) < 0)
		got = 0;
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

static void control(struct fuz *fuz, int place, int fd)
{
	unsigned char *at = (unsigned char *)((uintptr_t)somewhere(fuz) & ~(fuz_one_in(fuz, 16) ? 0UL : 15UL));
	size_t size = fuz_one_in(fuz, 16) ? 4096 : 256;
	ssize_t got;

	write_arena(fuz, at, 128);
	if (fuz_one_in(fuz, 4))
		write_arena(fuz, somewhere(fuz), 128);
	did(fuz, FUZ_IOCTL, place,
	    ioctl(fd, fuz_one_in(fuz, 32) ? (uint32_t)fuz_number(fuz) : fuz_command(fuz_below(fuz, FUZ_COMMANDS)),
		  fuz_one_in(fuz, 32) ? (unsigned long)fuz_number(fuz) : (unsigned long)at));
	got = pwrite(seen, at, size, thread_number * 4096);
	if (got > 0)
		fuz_look(fuz, seen_at + thread_number * 4096, got, "an argument");
}

static void map(struct fuz *fuz, int fd)
{
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	off_t offset = fuz_one_in(fuz, 4) ? 1 << 20 : fuz_below(fuz, 16) * 4096;
	int protection = fuz_one_in(fuz, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
	unsigned char *at = mmap(NULL, size, protection, fuz_one_in(fuz, 4) ? MAP_PRIVATE : MAP_SHARED, fd, offset);
	void *more;

	fuz_count(&fuz->shared->counts.calls[FUZ_MMAP], at != MAP_FAILED);
	if (at == MAP_FAILED)
		return;
	if (pwrite(seen, at, 4096, thread_number * 4096) < 0 && errno != EFAULT)
		fuz_fail(fuz, "a memfd: %s", strerror(errno));
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

static void wait_for(struct fuz *fuz, int place, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | (fuz_one_in(fuz, 2) ? EPOLLET : 0) };
	struct pollfd polled = { .fd = fd, .events = POLLIN | POLLPRI };
	int epoll;

	if (fuz_one_in(fuz, 2)) {
		did(fuz, FUZ_POLL, place, poll(&polled, 1, fuz_below(fuz, 3)) > 0 ? 0 : -1);
		return;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	did(fuz, FUZ_POLL, place, epoll_wait(epoll, &event, 1, fuz_below(fuz, 3)) > 0 ? 0 : -1);
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

static void oddity(struct fuz *fuz, int fd)
{
	int copy;

	switch (fuz_below(fuz, 16)) {
	case 0:
		if (fork() == 0) {
			usleep(fuz_below(fuz, 2000));
			_exit(0);
		}
		break;
	case 1: case 2: case 3: case 4: case 5: case 6:
		/* Each close(2) is a FLUSH. */
		copy = dup(fd);
		if (copy >= 0)
			close(copy);
		break;
	case 7: case 8: case 9:
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, fuz_one_in(fuz, 2) ? O_ASYNC : fuz_one_in(fuz, 4) ? O_NONBLOCK : 0);
		break;
	default:
		look_at_status(fuz);
	}
}

static void close_one(struct fuz *fuz, int place, int file)
{
	if (__atomic_compare_exchange_n(&files[place], &file, -1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		fuz_count(&fuz->shared->counts.calls[FUZ_CLOSE], close(file / 2) == 0);
}

static ssize_t vectors(struct fuz *fuz, int fd)
{
	struct iovec parts[3];

	for (int i = 0; i < 3; i++)
		parts[i] = (struct iovec){ somewhere(fuz), fuz_below(fuz, fuz_one_in(fuz, 16) ? 100000 : 2000) };
	return fuz_one_in(fuz, 2) ? readv(fd, parts, 3) : preadv(fd, parts, 3, fuz_below(fuz, 10000));
}

/* Long enough to go straight between the two sides' memory, of which a part may not be there, or go meanwhile. */
static void long_one(struct fuz *fuz, int place, int fd)
{
	size_t size = LONG + fuz_below(fuz, 2 * LONG);

	if (fuz_one_in(fuz, 2))
		did(fuz, FUZ_LONG_READ, place, read(fd, (void *)(FUZ_ARENA + fuz_below(fuz, FUZ_ARENA_SIZE - size)), size));
	else
		did(fuz, FUZ_LONG_WRITE, place,
		    write(fd, (void *)(FUZ_LETTERS + fuz_below(fuz, FUZ_LETTERS_SIZE - size)), size));
}

static void act(struct fuz *fuz)
{
	int place = fuz_below(fuz, FILES);
	int file = files[place], fd = file / 2;
	char text[200];

	if (file < 0) {
		open_one(fuz, place);
		return;
	}
	switch (fuz_below(fuz, 32)) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		read_and_look(fuz, place, file);
		break;
	case 8: case 9: case 10: case 11: case 12: case 13:
		memset(text, 'w', sizeof(text));
		did(fuz, FUZ_WRITE, place, write(fd, text, fuz_below(fuz, sizeof(text))));
		break;
	case 14:
		did(fuz, FUZ_READ, place, vectors(fuz, fd));
		break;
	case 15:
		long_one(fuz, place, fd);
		break;
	case 16: case 17: case 18: case 19: case 20: case 21: case 22: case 23:
		control(fuz, place, fd);
		break;
	case 24:
		did(fuz, FUZ_LSEEK, place, lseek(fd, (off_t)fuz_number(fuz), fuz_below(fuz, 6)));
		break;
	case 25:
		did(fuz, FUZ_FSYNC, place, fuz_one_in(fuz, 2) ? fsync(fd) : fdatasync(fd));
		break;
	case 26:
		close_one(fuz, place, file);
		break;
	case 27:
		map(fuz, fd);
		break;
	case 28: case 29:
		wait_for(fuz, place, fd);
		break;
	case 30:
		change_pages(fuz);
		break;
	default:
		oddity(fuz, fd);
	}
}

static void *acting(void *argument)
{
	struct fuz fuz = *(struct fuz *)argument;

	fuz.random = fst_seed(fuz.random, 99);
	thread_number = 1;
	while (fuz_goes_on(&fuz))
		act(&fuz);
	return NULL;
}

void fuz_client(struct fuz *fuz)
{
	pthread_t thread;

	fuz_signals();
	templates = memfd_create("fuzz", MFD_CLOEXEC);
	letters = memfd_create("fuzz", MFD_CLOEXEC);
	seen = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(seen, 2 * 4096) < 0)
		fuz_fail(fuz, "a memfd: %s", strerror(errno));
	seen_at = mmap(NULL, 2 * 4096, PROT_READ, MAP_SHARED, seen, 0);
	if (seen_at == MAP_FAILED ||
	    mmap((void *)FUZ_ARENA, FUZ_ARENA_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ||
	    mmap((void *)FUZ_LETTERS, FUZ_LETTERS_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		fuz_fail(fuz, "no memory: %s", strerror(errno));
	memset((void *)FUZ_LETTERS, 'w', FUZ_LETTERS_SIZE);
	make_templates(fuz);
	if (pwrite(letters, (void *)FUZ_LETTERS, 4 * 4096, 0) != 4 * 4096)
		fuz_fail(fuz, "a memfd: %s", strerror(errno));
	for (size_t place = 0; place < FUZ_ARENA_SIZE; place += 4096)
		write_arena(fuz, (unsigned char *)FUZ_ARENA + place, 4096);
	pthread_create(&thread, NULL, acting, fuz);
	while (fuz_goes_on(fuz))
		act(fuz);
	pthread_join(thread, NULL);
}
