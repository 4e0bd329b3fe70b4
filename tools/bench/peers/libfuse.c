// SPDX-License-Identifier: MIT
/*
 * A server on libfuse 3's low-level interface: libfuse fuse|cuse PATH memory|page single|multi
 * "fuse": PATH is a file, and the root of the mount on it is a regular file with direct I/O. "cuse": PATH is /dev/NAME.
 * Prints "ready" when it is about to serve. It answers as directly as the library lets it: fuse_reply_buf() and no
 * splicing.
 */
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <cuse_lowlevel.h>
#include <errno.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol.h"
#include "page.h"

static char bytes[BENCH_MAX];
static bool turns_pages;

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = { .st_ino = ino, .st_mode = S_IFREG | 0600, .st_nlink = 1 };

	(void)fi;
	fuse_reply_attr(req, &st, 3600);
}

static void do_open(fuse_req_t req, struct fuse_file_info *fi)
{
	int handle = page_open();

	if (handle < 0) {
		fuse_reply_err(req, ENFILE);
		return;
	}
	fi->fh = (uint64_t)handle;
	fi->direct_io = 1;
	fi->nonseekable = 1;
	fuse_reply_open(req, fi);
}

static void do_release(fuse_req_t req, struct fuse_file_info *fi)
{
	page_close(fi->fh);
	fuse_reply_err(req, 0);
}

static void answer_reader(uintptr_t reader)
{
	fuse_reply_buf((fuse_req_t)reader, bytes, 1);
}

static void tell_poller(uintptr_t poller)
{
	struct fuse_pollhandle *handle = (struct fuse_pollhandle *)poller;

	fuse_lowlevel_notify_poll(handle);
	fuse_pollhandle_destroy(handle);
}

static void do_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)off;
	if (!turns_pages)
		fuse_reply_buf(req, bytes, size < BENCH_MAX ? size : BENCH_MAX);
	else if (page_read(fi->fh, (uintptr_t)req))
		fuse_reply_buf(req, bytes, 1);
}

static void do_write(fuse_req_t req, const char *data, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)data;
	(void)off;
	(void)fi;
	fuse_reply_write(req, size);
	if (turns_pages)
		page_turn(answer_reader, tell_poller);
}

static void do_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct file *file = &files[fi->fh];
	unsigned int ready = POLLOUT;

	pthread_mutex_lock(&page_lock);
	if (!turns_pages || file->seen != page)
		ready |= POLLIN;
	if (ph) {
		if (file->poller)
			fuse_pollhandle_destroy((struct fuse_pollhandle *)file->poller);
		file->poller = (uintptr_t)ph;
	}
	pthread_mutex_unlock(&page_lock);
	fuse_reply_poll(req, ready);
}

/* I2C_RDWR as a CUSE server gets it: each round brings what the one before asked for. */
static void nested(fuse_req_t req, void *arg, const char *in, size_t in_size, size_t out_size)
{
	const struct i2c_rdwr_ioctl_data *argument = (const void *)in;
	const struct i2c_msg *messages = (const void *)(in + sizeof(*argument));
	struct iovec ins[2 + I2C_RDWR_IOCTL_MAX_MSGS], outs[I2C_RDWR_IOCTL_MAX_MSGS];
	size_t in_count = 0, out_count = 0, fixed = sizeof(*argument);
	static __thread char reply[8192];

	ins[in_count++] = (struct iovec){ arg, sizeof(*argument) };
	if (in_size == 0)
		goto retry;
	if (argument->nmsgs > I2C_RDWR_IOCTL_MAX_MSGS) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	fixed += argument->nmsgs * sizeof(*messages);
	ins[in_count++] = (struct iovec){ argument->msgs, argument->nmsgs * sizeof(*messages) };
	if (in_size == sizeof(*argument))
		goto retry;
	for (uint32_t i = 0; i < argument->nmsgs; i++) {
		struct iovec area = { messages[i].buf, messages[i].len };

		if (messages[i].len > sizeof(reply)) {
			fuse_reply_err(req, EINVAL);
			return;
		}
		if (messages[i].flags & I2C_M_RD)
			outs[out_count++] = area;
		else
			ins[in_count++] = area;
	}
	if (in_size == fixed && out_size == 0)
		goto retry;
	if (out_size > sizeof(reply)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	memset(reply, messages[0].addr, out_size);
	fuse_reply_ioctl(req, (int)argument->nmsgs, reply, out_size);
	return;
retry:
	fuse_reply_ioctl_retry(req, ins, in_count, outs, out_count);
}

static void ioctl_of(fuse_req_t req, unsigned int cmd, void *arg, unsigned int flags, const void *in, size_t in_size,
		     size_t out_size)
{
	struct bench_flat flat;
	struct iovec area = { arg, sizeof(flat) };

	if (cmd == I2C_RDWR) {
		nested(req, arg, in, in_size, out_size);
	} else if (cmd != BENCH_FLAT) {
		fuse_reply_err(req, ENOTTY);
	} else if (in_size < sizeof(flat)) {
		if (flags & FUSE_IOCTL_UNRESTRICTED)
			fuse_reply_ioctl_retry(req, &area, 1, &area, 1);
		else
			fuse_reply_err(req, EINVAL);
	} else {
		memcpy(&flat, in, sizeof(flat));
		flat.words[0]++;
		fuse_reply_ioctl(req, 0, &flat, sizeof(flat));
	}
}

static void do_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg, struct fuse_file_info *fi,
		     unsigned int flags, const void *in, size_t in_size, size_t out_size)
{
	(void)ino;
	(void)fi;
	ioctl_of(req, cmd, arg, flags, in, in_size, out_size);
}

static void cuse_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi, unsigned int flags,
		       const void *in, size_t in_size, size_t out_size)
{
	(void)fi;
	ioctl_of(req, (unsigned int)cmd, arg, flags, in, in_size, out_size);
}

static void fuse_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	do_open(req, fi);
}

static void fuse_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	do_release(req, fi);
}

static void fuse_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)ino;
	do_read(req, size, off, fi);
}

static void fuse_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)ino;
	do_write(req, data, size, off, fi);
}

static void fuse_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	(void)ino;
	do_poll(req, fi, ph);
}

static const struct fuse_lowlevel_ops fuse_operations = {
	.getattr = do_getattr,
	.open = fuse_open,
	.release = fuse_release,
	.read = fuse_read,
	.write = fuse_write,
	.ioctl = do_ioctl,
	.poll = fuse_poll,
};

static void ready(void *unused)
{
	(void)unused;
	puts("ready");
	fflush(stdout);
}

static const struct cuse_lowlevel_ops cuse_operations = {
	.init_done = ready,
	.open = do_open,
	.release = do_release,
	.read = do_read,
	.write = do_write,
	.ioctl = cuse_ioctl,
	.poll = do_poll,
};

static int serve_cuse(char *program, const char *path, bool multi)
{
	char name[256];
	const char *info[] = { name };
	struct cuse_info ci = { .dev_info_argc = 1, .dev_info_argv = info, .flags = CUSE_UNRESTRICTED_IOCTL };
	char foreground[] = "-f", single[] = "-s";
	char *argv[] = { program, foreground, single, NULL };

	snprintf(name, sizeof(name), "DEVNAME=%s", path + strlen("/dev/"));
	return cuse_lowlevel_main(multi ? 2 : 3, argv, &ci, &cuse_operations, NULL);
}

static int serve_fuse(char *program, const char *path, bool multi)
{
	char *argv[] = { program, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &fuse_operations, sizeof(fuse_operations), NULL);
	int result;

	if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, path))
		return 1;
	ready(NULL);
	if (multi) {
		struct fuse_loop_config *config = fuse_loop_cfg_create();

		result = fuse_session_loop_mt(session, config);
		fuse_loop_cfg_destroy(config);
	} else {
		result = fuse_session_loop(session);
	}
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	return result < 0;
}

int main(int argc, char **argv)
{
	bool multi;

	if (argc != 5) {
		fprintf(stderr, "usage: %s fuse|cuse PATH memory|page single|multi\n", argv[0]);
		return 2;
	}
	turns_pages = !strcmp(argv[3], "page");
	multi = !strcmp(argv[4], "multi");
	return strcmp(argv[1], "cuse") ? serve_fuse(argv[0], argv[2], multi) : serve_cuse(argv[0], argv[2], multi);
}
