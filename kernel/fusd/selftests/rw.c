// SPDX-License-Identifier: GPL-2.0-only
/* read(2), write(2) and their kin, offsets, lseek(2), close(2), fsync(2); and what a daemon may answer. */

#include <sys/uio.h>

#include "fusd-selftest.h"

#define OPS	(FST_BIT(READ) | FST_BIT(WRITE))

static void device_of(struct fst_device *device, uint32_t ops, uint32_t flags, uint32_t max_io)
{
	struct fusd_create create = fst_creation(ops);

	create.flags = flags;
	create.max_io = max_io;
	fst_create(device, &create);
	fst_start(device);
}

static void reads(void)
{
	struct fst_device device;
	struct fst_call call;
	char text[16];

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDONLY | O_NONBLOCK));
	memset(text, '.', sizeof(text));
	fst_begin_read(&call, fd, text, 10);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	CHECK(request.head.id != 0);
	CHECK_EQ(request.head.flags, 0);
	CHECK(request.file != 0);
	CHECK_EQ(request.cookie, 0);
	CHECK_EQ(request.offset, 0);
	CHECK_EQ(request.arg, 0);
	CHECK_EQ(request.cmd, 0);
	CHECK_EQ(request.size, 10);
	CHECK_EQ(request.out_size, 0);
	CHECK_EQ(request.file_flags & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
	fst_give(&device, &request, "hello", 5);
	CHECK_EQ(fst_end(&call), 5);
	CHECK(!memcmp(text, "hello...........", 16));

	/* The flags are those of the call, the end of the file is 0, an error is the daemon's. */
	CHECK_OK(fcntl(fd, F_SETFL, 0));
	fst_begin_read(&call, fd, text, 10);
	request = fst_next(&device, FUSD_OP_READ);
	CHECK_EQ(request.file_flags & O_NONBLOCK, 0);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	fst_begin_read(&call, fd, text, 10);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, -EDOM);
	CHECK_ERR(fst_end(&call), EDOM);
	CHECK(!memcmp(text, "hello...........", 16));
	CHECK_ERR(write(fd, "x", 1), EBADF);
}

static void writes(void)
{
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_WRONLY | O_APPEND));
	fst_begin_write(&call, fd, "hello", 5);
	struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 5);
	CHECK_EQ(request.file_flags & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	CHECK(!memcmp(device.data, "hello", 5));
	fst_done(&device, &request, 3);
	CHECK_EQ(fst_end(&call), 3);
	char byte;
	CHECK_ERR(read(fd, &byte, 1), EBADF);
}

static void vectors(void)
{
	char one[3], two[4], three[5];
	struct iovec parts[3] = { { one, 3 }, { two, 4 }, { three, 5 } };
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin(&call, SYS_readv, fd, parts, 3, 0);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	CHECK_EQ(request.size, 12);
	fst_give(&device, &request, "abcdefghi", 9);
	CHECK_EQ(fst_end(&call), 9);
	CHECK(!memcmp(one, "abc", 3) && !memcmp(two, "defg", 4) && !memcmp(three, "hi", 2));

	memcpy(three, "hijkl", 5);
	fst_begin(&call, SYS_writev, fd, parts, 3, 0);
	request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 12);
	CHECK(!memcmp(device.data, "abcdefghijkl", 12));
	fst_done(&device, &request, 12);
	CHECK_EQ(fst_end(&call), 12);
}

/* A file of 100 bytes, each its offset. */
static void answer_seekable(struct fst_device *device, const struct fusd_request *request)
{
	unsigned char bytes[100];
	size_t left = request->offset < 100 ? 100 - request->offset : 0;

	if (request->size < left)
		left = request->size;
	if (request->head.type == FUSD_OP_LLSEEK) {
		CHECK(request->cmd == SEEK_SET || request->cmd == SEEK_END);
		fst_done(device, request, request->cmd == SEEK_END ? 100 + (int64_t)request->offset :
			 (int64_t)request->offset < 0 ? -EINVAL : (int64_t)request->offset);
		return;
	}
	for (size_t at = 0; at < left; at++)
		bytes[at] = request->offset + at;
	if (request->head.type == FUSD_OP_READ) {
		fst_give(device, request, bytes, left);
	} else {
		CHECK(!memcmp(device->data, bytes, left));
		fst_done(device, request, left ? (int64_t)left : -ENOSPC);
	}
}

static void offsets(void)
{
	struct fst_device device;
	unsigned char bytes[100];

	device_of(&device, OPS | FST_BIT(LLSEEK), FUSD_CREATE_SEEKABLE, 0);
	fst_serve(&device, answer_seekable);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_EQ(read(fd, bytes, 10), 10);
	CHECK_EQ(bytes[9], 9);
	CHECK_EQ(read(fd, bytes, 10), 10);
	CHECK_EQ(bytes[0], 10);
	CHECK_EQ(pread(fd, bytes, 10, 95), 5);
	CHECK_EQ(bytes[0], 95);
	CHECK_EQ(pread(fd, bytes, 10, 1LL << 40), 0);
	CHECK_EQ(write(fd, (unsigned char[]){ 20, 21, 22 }, 3), 3);
	CHECK_EQ(pwrite(fd, (unsigned char[]){ 7, 8 }, 2, 7), 2);
	CHECK_ERR(pwrite(fd, "x", 1, 100), ENOSPC);
	CHECK_EQ(read(fd, bytes, 1), 1);
	CHECK_EQ(bytes[0], 23);
	CHECK_EQ(lseek(fd, 50, SEEK_SET), 50);
	CHECK_EQ(read(fd, bytes, 1), 1);
	CHECK_EQ(bytes[0], 50);
	CHECK_EQ(lseek(fd, -1, SEEK_END), 99);
	CHECK_EQ(read(fd, bytes, 10), 1);
	CHECK_EQ(read(fd, bytes, 10), 0);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(pread(fd, bytes, 1, -1), EINVAL);
	/* The position is the open file's. */
	int same = CHECK_OK(dup(fd)), other = CHECK_OK(open(device.path, O_RDWR));
	CHECK_EQ(lseek(same, 30, SEEK_SET), 30);
	CHECK_EQ(read(fd, bytes, 1), 1);
	CHECK_EQ(bytes[0], 30);
	CHECK_EQ(read(other, bytes, 1), 1);
	CHECK_EQ(bytes[0], 0);
}

static void stream(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_ERR(lseek(fd, 0, SEEK_SET), ESPIPE);
	CHECK_ERR(pread(fd, &byte, 1, 0), ESPIPE);
	CHECK_ERR(pwrite(fd, &byte, 1, 0), ESPIPE);
	for (int times = 0; times < 2; times++) {
		fst_begin_read(&call, fd, &byte, 1);
		struct fusd_request request = fst_next(&device, FUSD_OP_READ);
		CHECK_EQ(request.offset, 0);
		fst_give(&device, &request, "x", 1);
		CHECK_EQ(fst_end(&call), 1);
	}
	/* A stream's read that waits holds nothing up: there is no position to lock. */
	struct fst_call other;
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request reading = fst_next(&device, FUSD_OP_READ);
	fst_begin_write(&other, fd, "x", 1);
	struct fusd_request writing = fst_next(&device, FUSD_OP_WRITE);
	fst_done(&device, &writing, 1);
	CHECK_EQ(fst_end(&other), 1);
	fst_done(&device, &reading, 0);
	CHECK_EQ(fst_end(&call), 0);
}

static void closing(void)
{
	struct fst_device device;
	struct fst_call call;
	uint64_t file;

	fst_device(&device, FST_BIT(OPEN) | FST_BIT(FLUSH) | FST_BIT(RELEASE));
	int fd = fst_open(&device, O_RDWR, 0x123456789abcdef0, &file);
	int same = CHECK_OK(dup(fd));
	/* Each close(2) is a FLUSH, and has its error; the last one is a RELEASE, too. */
	fst_begin_close(&call, same);
	struct fusd_request request = fst_next(&device, FUSD_OP_FLUSH);
	CHECK_EQ(request.file, file);
	CHECK_EQ(request.cookie, 0x123456789abcdef0);
	fst_done(&device, &request, -ENOSPC);
	CHECK_ERR(fst_end(&call), ENOSPC);
	fst_none(&device);
	fst_begin_close(&call, fd);
	request = fst_next(&device, FUSD_OP_FLUSH);
	fst_done(&device, &request, 0);
	request = fst_next(&device, FUSD_OP_RELEASE);
	CHECK_EQ(request.file, file);
	CHECK_EQ(request.cookie, 0x123456789abcdef0);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	fst_none(&device);
}

static void refused_open(void)
{
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, FST_BIT(OPEN) | FST_BIT(RELEASE));
	fst_begin_open(&call, device.path, O_WRONLY | O_EXCL | O_NONBLOCK);
	struct fusd_request request = fst_next(&device, FUSD_OP_OPEN);
	CHECK_EQ(request.file_flags & (O_ACCMODE | O_EXCL | O_NONBLOCK), O_WRONLY | O_EXCL | O_NONBLOCK);
	fst_done(&device, &request, -EBUSY);
	CHECK_ERR(fst_end(&call), EBUSY);
	/* What was never open is not released. */
	uint64_t first, second;
	int fd = fst_open(&device, O_RDWR, 1, &first);
	fst_open(&device, O_RDWR, 2, &second);
	CHECK(first != second && first != request.file && second != request.file);
	fst_begin_close(&call, fd);
	request = fst_next(&device, FUSD_OP_RELEASE);
	CHECK_EQ(request.file, first);
	CHECK_EQ(request.cookie, 1);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
}

static void syncing(void)
{
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS | FST_BIT(FSYNC));
	int fd = CHECK_OK(open(device.path, O_RDWR));
	for (int data = 0; data < 2; data++) {
		fst_begin(&call, data ? SYS_fdatasync : SYS_fsync, fd, 0, 0, 0);
		struct fusd_request request = fst_next(&device, FUSD_OP_FSYNC);
		CHECK_EQ(request.cmd, data);
		fst_done(&device, &request, data ? -EIO : 0);
		CHECK_EQ(fst_end(&call), -data);
	}
}

static unsigned char *pattern(size_t size, unsigned int seed)
{
	unsigned char *bytes = malloc(size);

	CHECK(bytes);
	for (size_t at = 0; at < size; at++)
		bytes[at] = at * 31 + (at >> 12) + seed;
	return bytes;
}

static void large(uint32_t size)
{
	unsigned char *bytes = pattern(size, 1), *got = calloc(1, size + 1);
	struct fst_device device;
	struct fusd_request request;
	struct fst_call call;

	device_of(&device, OPS, 0, size);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	/* Not on a page's border, all in one request. */
	fst_begin_read(&call, fd, got + 1, size);
	request = fst_next(&device, FUSD_OP_READ);
	CHECK_EQ(request.size, size);
	fst_give(&device, &request, bytes, size);
	CHECK_EQ(fst_end(&call), size);
	CHECK(!memcmp(got + 1, bytes, size));
	fst_begin_write(&call, fd, bytes + 1, size - 1);
	request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, size - 1);
	CHECK(!memcmp(device.data, bytes + 1, size - 1));
	fst_done(&device, &request, size - 1);
	CHECK_EQ(fst_end(&call), size - 1);
	/* One more than the device takes at once. A stream's read(2) is short; a write(2) goes on. */
	unsigned char *more = calloc(1, size + 1);
	fst_begin_write(&call, fd, more, size + 1);
	request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, size);
	fst_done(&device, &request, size);
	request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 1);
	fst_done(&device, &request, -ENOSPC);
	CHECK_EQ(fst_end(&call), size);
	fst_begin_read(&call, fd, more, size + 1);
	request = fst_next(&device, FUSD_OP_READ);
	CHECK_EQ(request.size, size);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
	fst_none(&device);
}

static void one_mib(void)
{
	large(1 << 20);
}

static void four_mib(void)
{
	large(4 << 20);
}

static void odd(void)
{
	large(4097);
}

static void default_io(void)
{
	unsigned char *bytes = calloc(1, 2 << 20);
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	fst_begin_write(&call, CHECK_OK(open(device.path, O_RDWR)), bytes, 2 << 20);
	struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 1 << 20);
	fst_done(&device, &request, 10);
	CHECK_EQ(fst_end(&call), 10);
}

static void answer_nothing(struct fst_device *device, const struct fusd_request *request)
{
	CHECK_EQ(request->size, 0);
	fst_done(device, request, 0);
}

static void zero_length(void)
{
	struct fst_device device;
	char byte = 'x';

	fst_device(&device, OPS);
	fst_serve(&device, answer_nothing);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	CHECK_EQ(read(fd, &byte, 0), 0);
	CHECK_EQ(write(fd, &byte, 0), 0);
	CHECK_EQ(byte, 'x');
}

static void bad_memory(void)
{
	char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fst_device device;
	struct fst_call call;

	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + 4096, 4096));
	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	/* What cannot be read of the program is nothing to tell the daemon. */
	CHECK_ERR(write(fd, pages + 4096, 10), EFAULT);
	fst_none(&device);
	/* What has no place to go to is not asked for; of what has some, so much. */
	CHECK_ERR(read(fd, pages + 4096, 10), EFAULT);
	fst_none(&device);
	fst_begin_read(&call, fd, pages + 4096 - 4, 10);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	CHECK_EQ(request.size, 4);
	fst_give(&device, &request, "0123", 4);
	CHECK_EQ(fst_end(&call), 4);
	/* The daemon's own. */
	struct fusd_reply reply = fst_answer(0, 4);
	reply.head.len = sizeof(reply) + 4;
	fst_begin_read(&call, fd, pages, 10);
	reply.head.id = fst_next(&device, FUSD_OP_READ).head.id;
	memcpy(pages + 4096 - sizeof(reply), &reply, sizeof(reply));
	CHECK_ERR(write(device.fd, pages + 4096 - sizeof(reply), sizeof(reply) + 4), EFAULT);
	CHECK_EQ(fst_reply(device.fd, &reply, "abcd", 4), sizeof(reply) + 4);
	CHECK_EQ(fst_end(&call), 4);
	/* A request that could not be given to the daemon is still there. */
	fst_begin_read(&call, fd, pages, 10);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	CHECK_ERR(read(device.fd, pages + 4096, 4096), EFAULT);
	request = fst_next(&device, FUSD_OP_READ);
	fst_done(&device, &request, 0);
	CHECK_EQ(fst_end(&call), 0);
}

static void bad_replies(void)
{
	struct fst_device device;
	struct fst_call call;
	char text[8];

	fst_device(&device, OPS | FST_BIT(IOCTL));
	int fd = CHECK_OK(open(device.path, O_RDWR));
	/* An answer that cannot be is refused, and the request is still to be answered. */
	fst_begin_read(&call, fd, text, 8);
	struct fusd_request request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id, 9);
	CHECK_ERR(fst_reply(device.fd, &reply, "123456789", 9), EINVAL);
	reply.result = 4;
	CHECK_ERR(fst_reply(device.fd, &reply, "12345", 5), EINVAL);
	CHECK_ERR(fst_reply(device.fd, &reply, "123", 3), EINVAL);
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	reply.result = -EIO;
	CHECK_ERR(fst_reply(device.fd, &reply, "123", 3), EINVAL);
	static const int64_t errors[] = { -4096, -512, -516, INT64_MIN, INT64_MAX };
	for (size_t at = 0; at < sizeof(errors) / sizeof(*errors); at++) {
		reply.result = errors[at];
		CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	}
	reply.result = 0;
	reply.reserved = 1;
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	reply.reserved = 0;
	reply.head.flags = 0x8000;
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	reply.head.flags = FUSD_REPLY_RETRY;
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	fst_give(&device, &request, "1234", 4);
	CHECK_EQ(fst_end(&call), 4);

	fst_begin_write(&call, fd, "1234", 4);
	request = fst_next(&device, FUSD_OP_WRITE);
	reply = fst_answer(request.head.id, 5);
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), EINVAL);
	reply.result = 4;
	CHECK_ERR(fst_reply(device.fd, &reply, "1234", 4), EINVAL);
	fst_done(&device, &request, 4);
	CHECK_EQ(fst_end(&call), 4);
}

static void unknown_replies(void)
{
	struct fst_device device;
	struct fst_call call;
	char byte;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin_read(&call, fd, &byte, 1);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	/* Numbers that no request has, and one of which the daemon cannot know yet. */
	struct fusd_request request;
	for (uint64_t id = 0; id < 64; id++) {
		struct fusd_reply reply = fst_answer(id, 0);

		CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), ENOENT);
	}
	request = fst_next(&device, FUSD_OP_READ);
	struct fusd_reply reply = fst_answer(request.head.id + 1000, 0);
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), ENOENT);
	fst_give(&device, &request, "x", 1);
	CHECK_EQ(fst_end(&call), 1);
	/* Twice. */
	reply = fst_answer(request.head.id, 0);
	CHECK_ERR(fst_reply(device.fd, &reply, NULL, 0), ENOENT);
	/* Ids are not used again. */
	fst_begin_read(&call, fd, &byte, 1);
	struct fusd_request next = fst_next(&device, FUSD_OP_READ);
	CHECK(next.head.id != request.head.id);
	fst_done(&device, &next, 0);
	CHECK_EQ(fst_end(&call), 0);
}

static void out_of_order(void)
{
	struct fusd_request requests[16];
	struct fst_device device;
	struct fst_call calls[16];
	unsigned char bytes[16];

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	for (int at = 0; at < 16; at++) {
		fst_begin_read(&calls[at], fd, &bytes[at], 1 + at);
		requests[at] = fst_next(&device, FUSD_OP_READ);
		CHECK_EQ(requests[at].size, 1 + at);
	}
	/* All answers in one write(2), the last request first. */
	unsigned char all[16 * (sizeof(struct fusd_reply) + 1)], *end = all;
	for (int at = 15; at >= 0; at--) {
		struct fusd_reply reply = fst_answer(requests[at].head.id, 1);

		reply.head.len = sizeof(reply) + 1;
		memcpy(end, &reply, sizeof(reply));
		end[sizeof(reply)] = 'a' + at;
		end += sizeof(reply) + 1;
	}
	fst_send(device.fd, all, sizeof(all));
	for (int at = 0; at < 16; at++) {
		CHECK_EQ(fst_end(&calls[at]), 1);
		CHECK_EQ(bytes[at], 'a' + at);
	}
}

static void short_buffer(void)
{
	unsigned char *bytes = pattern(5000, 2), *small = malloc(5000);
	struct fst_device device;
	struct fst_call call;

	fst_device(&device, OPS);
	int fd = CHECK_OK(open(device.path, O_RDWR));
	fst_begin_write(&call, fd, bytes, 5000);
	struct pollfd there = { .fd = device.fd, .events = POLLIN };
	CHECK_EQ(poll(&there, 1, -1), 1);
	static const size_t sizes[] = { 0, 1, 15, 16, 79, 80, 4096, 5000 };
	for (size_t at = 0; at < sizeof(sizes) / sizeof(*sizes); at++)
		CHECK_ERR(read(device.fd, small, sizes[at]), EMSGSIZE);
	struct fusd_request request = fst_next(&device, FUSD_OP_WRITE);
	CHECK_EQ(request.size, 5000);
	CHECK(!memcmp(device.data, bytes, 5000));
	fst_done(&device, &request, 5000);
	CHECK_EQ(fst_end(&call), 5000);
}

static const struct fst_case cases[] = {
	{ "rw: read, its flags, its end, its error", reads },
	{ "rw: write, and a short one", writes },
	{ "rw: readv and writev are one request each", vectors },
	{ "rw: offsets, pread, pwrite, lseek", offsets },
	{ "rw: a stream has no offsets", stream },
	{ "rw: FLUSH at each close, RELEASE at the last", closing },
	{ "rw: OPEN may refuse", refused_open },
	{ "rw: fsync and fdatasync", syncing },
	{ "rw: 4097 bytes in one request", odd },
	{ "rw: 1 MiB in one request", one_mib },
	{ "rw: 4 MiB in one request", four_mib },
	{ "rw: 1 MiB is the most where nothing else is said", default_io },
	{ "rw: reads and writes of nothing", zero_length },
	{ "rw: memory that is not there", bad_memory },
	{ "rw: answers that cannot be are EINVAL", bad_replies },
	{ "rw: answers to what was not asked are ENOENT", unknown_replies },
	{ "rw: answers in any order, in one write(2)", out_of_order },
	{ "rw: EMSGSIZE loses nothing", short_buffer },
	{},
};

FST_MAIN(cases, NULL)
