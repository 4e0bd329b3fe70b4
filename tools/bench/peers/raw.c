// SPDX-License-Identifier: MIT
/*
 * A server on the bare protocol of linux/fuse.h: raw fuse|cuse PATH memory|page
 * What C can do at best: a blocking read of a request, a switch, a writev of the answer, nothing else.
 * Prints "ready" when it is about to serve; ends, and takes its mount along, on SIGTERM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../protocol.h"
#include "page.h"

static int fd;
static bool turns_pages;
static const char *device_name; /* of a CUSE device */
static const char *mount_point; /* of a FUSE mount */
static char bytes[BENCH_MAX];
static char request[BENCH_MAX + 4096] __attribute__((aligned(8)));

static void send_parts(uint64_t unique, int error, struct iovec *parts, int count)
{
	struct fuse_out_header header = { .error = error, .unique = unique };

	parts[0] = (struct iovec){ &header, sizeof(header) };
	for (int i = 0; i < count; i++)
		header.len += (uint32_t)parts[i].iov_len;
	if (writev(fd, parts, count) < 0 && errno != ENOENT)
		perror("raw: writev");
}

static void answer(uint64_t unique, const void *data, size_t size)
{
	struct iovec parts[2] = { { 0 }, { (void *)data, size } };

	send_parts(unique, 0, parts, 2);
}

static void refuse(uint64_t unique, int errnum)
{
	struct iovec parts[1];

	send_parts(unique, -errnum, parts, 1);
}

static void answer_reader(uintptr_t reader)
{
	answer(reader, bytes, 1);
}

static void tell_poller(uintptr_t poller)
{
	struct fuse_notify_poll_wakeup_out out = { poller };
	struct iovec parts[2] = { { 0 }, { &out, sizeof(out) } };

	send_parts(0, FUSE_NOTIFY_POLL, parts, 2);
}

static void answer_ioctl(uint64_t unique, int result, const void *out, size_t size)
{
	struct fuse_ioctl_out head = { .result = result };
	struct iovec parts[3] = { { 0 }, { &head, sizeof(head) }, { (void *)out, size } };

	send_parts(unique, 0, parts, 3);
}

static void retry_ioctl(uint64_t unique, const struct fuse_ioctl_iovec *areas, uint32_t ins, uint32_t outs)
{
	struct fuse_ioctl_out head = { .flags = FUSE_IOCTL_RETRY, .in_iovs = ins, .out_iovs = outs };
	struct iovec parts[3] = { { 0 }, { &head, sizeof(head) }, { (void *)areas, (ins + outs) * sizeof(*areas) } };

	send_parts(unique, 0, parts, 3);
}

static void nested(uint64_t unique, const struct fuse_ioctl_in *in, const char *data)
{
	const struct i2c_rdwr_ioctl_data *argument = (const void *)data;
	const struct i2c_msg *messages = (const void *)(data + sizeof(*argument));
	struct fuse_ioctl_iovec areas[2 + I2C_RDWR_IOCTL_MAX_MSGS];
	uint32_t ins = 0, outs = 0;
	size_t fixed = sizeof(*argument);

	areas[ins++] = (struct fuse_ioctl_iovec){ in->arg, sizeof(*argument) };
	if (in->in_size == 0) {
		retry_ioctl(unique, areas, ins, outs);
		return;
	}
	if (argument->nmsgs > I2C_RDWR_IOCTL_MAX_MSGS) {
		refuse(unique, EINVAL);
		return;
	}
	fixed += argument->nmsgs * sizeof(*messages);
	areas[ins++] = (struct fuse_ioctl_iovec){ (uintptr_t)argument->msgs, argument->nmsgs * sizeof(*messages) };
	if (in->in_size == sizeof(*argument)) {
		retry_ioctl(unique, areas, ins, outs);
		return;
	}
	if (in->in_size == fixed && in->out_size == 0) {
		for (int written = 1; written >= 0; written--) {
			for (uint32_t i = 0; i < argument->nmsgs; i++) {
				if (((messages[i].flags & I2C_M_RD) == 0) != written)
					continue;
				areas[ins + outs] = (struct fuse_ioctl_iovec){ (uintptr_t)messages[i].buf, messages[i].len };
				*(written ? &ins : &outs) += 1;
			}
		}
		retry_ioctl(unique, areas, ins, outs);
		return;
	}
	if (in->out_size > sizeof(bytes)) {
		refuse(unique, EINVAL);
		return;
	}
	memset(bytes, messages[0].addr, in->out_size);
	answer_ioctl(unique, (int)argument->nmsgs, bytes, in->out_size);
}

static void do_ioctl(uint64_t unique, const struct fuse_ioctl_in *in)
{
	const struct fuse_ioctl_iovec areas[2] = { { in->arg, sizeof(struct bench_flat) },
						   { in->arg, sizeof(struct bench_flat) } };
	const char *data = (const char *)(in + 1);
	struct bench_flat flat;

	if (in->cmd == I2C_RDWR) {
		nested(unique, in, data);
	} else if (in->cmd != BENCH_FLAT) {
		refuse(unique, ENOTTY);
	} else if (in->in_size < sizeof(flat)) {
		retry_ioctl(unique, areas, 1, 1);
	} else {
		memcpy(&flat, data, sizeof(flat));
		flat.words[0]++;
		answer_ioctl(unique, 0, &flat, sizeof(flat));
	}
}

static void do_poll(uint64_t unique, const struct fuse_poll_in *in)
{
	struct file *file = &files[in->fh];
	struct fuse_poll_out out = { .revents = POLLOUT };

	if (!turns_pages || file->seen != page)
		out.revents |= POLLIN;
	if (in->flags & FUSE_POLL_SCHEDULE_NOTIFY)
		file->poller = in->kh;
	answer(unique, &out, sizeof(out));
}

static void do_open(uint64_t unique)
{
	int handle = page_open();
	struct fuse_open_out out = { .fh = (uint64_t)handle, .open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE };

	if (handle < 0)
		refuse(unique, ENFILE);
	else
		answer(unique, &out, sizeof(out));
}

static void do_init(uint64_t unique, const struct fuse_init_in *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION < in->minor ? FUSE_KERNEL_MINOR_VERSION : in->minor,
		.max_readahead = in->max_readahead,
		.max_write = BENCH_MAX,
		/* A client's buffer of 128 KiB that is not aligned is a page more than the kernel's default takes. */
		.flags = FUSE_MAX_PAGES,
		.max_pages = BENCH_MAX / 4096 + 1,
	};

	answer(unique, &out, sizeof(out));
}

static void do_cuse_init(uint64_t unique)
{
	struct cuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.flags = CUSE_UNRESTRICTED_IOCTL,
		.max_read = BENCH_MAX,
		.max_write = BENCH_MAX,
	};
	char info[256];
	struct iovec parts[3] = { { 0 }, { &out, sizeof(out) }, { info, 0 } };

	parts[2].iov_len = 1 + (size_t)snprintf(info, sizeof(info), "DEVNAME=%s", device_name);
	send_parts(unique, 0, parts, 3);
}

static void handle(const struct fuse_in_header *header)
{
	const void *in = header + 1;

	switch (header->opcode) {
	case FUSE_READ: {
		const struct fuse_read_in *read_in = in;

		if (!turns_pages)
			answer(header->unique, bytes, read_in->size < BENCH_MAX ? read_in->size : BENCH_MAX);
		else if (page_read(read_in->fh, header->unique))
			answer(header->unique, bytes, 1);
		break;
	}
	case FUSE_WRITE: {
		struct fuse_write_out out = { .size = ((const struct fuse_write_in *)in)->size };

		answer(header->unique, &out, sizeof(out));
		if (turns_pages)
			page_turn(answer_reader, tell_poller);
		break;
	}
	case FUSE_IOCTL:
		do_ioctl(header->unique, in);
		break;
	case FUSE_POLL:
		do_poll(header->unique, in);
		break;
	case FUSE_OPEN:
		do_open(header->unique);
		break;
	case FUSE_RELEASE:
		page_close(((const struct fuse_release_in *)in)->fh);
		refuse(header->unique, 0);
		break;
	case FUSE_GETATTR: {
		struct fuse_attr_out out = { .attr_valid = 3600,
					     .attr = { .ino = 1, .mode = S_IFREG | 0600, .nlink = 1 } };

		answer(header->unique, &out, sizeof(out));
		break;
	}
	case FUSE_INIT:
		do_init(header->unique, in);
		break;
	case CUSE_INIT:
		do_cuse_init(header->unique);
		break;
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	default:
		refuse(header->unique, ENOSYS);
	}
}

static void end(int signal)
{
	(void)signal;
	if (mount_point)
		umount2(mount_point, MNT_DETACH);
	_exit(0);
}

static bool start(bool is_cuse, const char *path)
{
	char mount_options[128];

	fd = open(is_cuse ? "/dev/cuse" : "/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (is_cuse) {
		device_name = path + strlen("/dev/");
		return true;
	}
	snprintf(mount_options, sizeof(mount_options), "fd=%d,rootmode=100000,user_id=0,group_id=0", fd);
	if (mount("bench-raw", path, "fuse", MS_NOSUID | MS_NODEV, mount_options))
		return false;
	mount_point = path;
	return true;
}

int main(int argc, char **argv)
{
	bool told = false;

	if (argc != 4) {
		fprintf(stderr, "usage: %s fuse|cuse PATH memory|page\n", argv[0]);
		return 2;
	}
	turns_pages = !strcmp(argv[3], "page");
	signal(SIGTERM, end);
	if (!start(!strcmp(argv[1], "cuse"), argv[2])) {
		perror("raw: no device");
		return 1;
	}
	for (;;) {
		ssize_t n = read(fd, request, sizeof(request));

		if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
			end(0);
		if (n < 0)
			continue;
		handle((const struct fuse_in_header *)request);
		if (!told) {
			puts("ready");
			fflush(stdout);
			told = true;
		}
	}
}
