// SPDX-License-Identifier: GPL-2.0-only
/* An open file of a device, and the calls that programs make on it, but for ioctl(2). */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

struct fusd_file *fusd_file_get(struct fusd_file *file)
{
	refcount_inc(&file->refs);
	return file;
}

void fusd_file_put(struct fusd_file *file)
{
	if (!refcount_dec_and_test(&file->refs))
		return;
	put_pid(file->tgid);
	put_pid(file->tid);
	fusd_device_put(file->dev);
	kfree(file);
}

/* The daemon and poll(2) do not find it from here on. */
static void fusd_file_forget(struct fusd_file *file)
{
	struct fusd_device *dev = file->dev;

	spin_lock(&dev->lock);
	if (!hlist_unhashed(&file->node)) {
		hash_del(&file->node);
		dev->opens--;
		fusd_status_changed(dev);
	}
	file->filp = NULL;
	spin_unlock(&dev->lock);
}

static struct fusd_file *fusd_file_new(struct fusd_device *dev, struct file *filp)
{
	struct fusd_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	int err = 0;

	if (!file)
		return ERR_PTR(-ENOMEM);
	refcount_set(&file->refs, 1);
	file->dev = fusd_device_get(dev);
	file->tgid = get_pid(task_tgid(current));
	file->tid = get_pid(task_pid(current));
	file->uid = current_fsuid();
	file->gid = current_fsgid();
	file->filp = filp;
	file->events = FUSD_POLL_DEFAULT;
	init_waitqueue_head(&file->wait);

	spin_lock(&dev->lock);
	if (dev->opens >= dev->max_opens) {
		err = -ENFILE;
	} else {
		file->id = ++dev->last_id;
		hash_add(dev->files, &file->node, file->id);
		dev->opens++;
		fusd_status_changed(dev);
	}
	spin_unlock(&dev->lock);
	if (err) {
		fusd_file_put(file);
		return ERR_PTR(err);
	}
	return file;
}

struct fusd_req *fusd_req_on(struct file *filp, u16 op)
{
	struct fusd_req *req = fusd_req_new(filp->private_data, op);

	if (!IS_ERR(req))
		req->file_flags = filp->f_flags;
	return req;
}

/* A call that says all with its request's fields. */
static s64 fusd_simple_call(struct file *filp, u16 op, u32 cmd, u64 offset)
{
	struct fusd_req *req = fusd_req_on(filp, op);
	s64 result;

	if (IS_ERR(req))
		return PTR_ERR(req);
	req->cmd = cmd;
	req->offset = offset;
	/* close(2) and flush of a process that ends: no signal can free it, so time does. */
	req->exiting = current->flags & PF_EXITING;
	result = fusd_call(req);
	fusd_req_put(req);
	return result;
}

static int fusd_open(struct inode *inode, struct file *filp)
{
	struct fusd_device *dev = container_of(inode->i_cdev, struct fusd_device, cdev);
	struct fusd_file *file = fusd_file_new(dev, filp);
	int err = 0;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!(dev->flags & FUSD_CREATE_SEEKABLE))
		stream_open(inode, filp);
	filp->private_data = file;
	if (fusd_wants(dev, FUSD_OP_OPEN)) {
		err = fusd_simple_call(filp, FUSD_OP_OPEN, 0, 0);
	} else {
		spin_lock(&dev->lock);
		file->opened = true;
		file->generation = dev->generation;
		if (dev->state == FUSD_DEAD)
			err = -ENODEV;
		spin_unlock(&dev->lock);
	}
	if (err) {
		fusd_file_forget(file);
		fusd_file_put(file);
	}
	return err;
}

/*
 * Nobody waits for the files of a process that was killed; and none can that ends and serves the
 * device itself: the thread that would answer has gone before.
 */
static bool fusd_closes_alone(struct fusd_device *dev)
{
	if (fatal_signal_pending(current))
		return true;
	return (current->flags & PF_EXITING) &&
	       ((current->signal->group_exit_code & 0x7f) || fusd_is_own(dev));
}

static int fusd_release(struct inode *inode, struct file *filp)
{
	struct fusd_file *file = filp->private_data;

	fusd_file_forget(file);
	if (fusd_wants(file->dev, FUSD_OP_RELEASE)) {
		if (fusd_closes_alone(file->dev)) {
			struct fusd_req *req = fusd_req_on(filp, FUSD_OP_RELEASE);

			if (!IS_ERR(req)) {
				fusd_tell(req);
				fusd_req_put(req);
			}
		} else {
			fusd_simple_call(filp, FUSD_OP_RELEASE, 0, 0);
		}
	}
	fusd_file_put(file);
	return 0;
}

/* One request of at most max_io bytes. @return bytes, or -errno */
static ssize_t fusd_read_some(struct file *filp, struct iov_iter *to, loff_t pos)
{
	struct fusd_file *file = filp->private_data;
	struct fusd_req *req = fusd_req_on(filp, FUSD_OP_READ);
	ssize_t result;
	size_t size;

	if (IS_ERR(req))
		return PTR_ERR(req);
	/* What the daemon gives away is to have a place: a bad buffer is found out before. */
	size = min_t(size_t, iov_iter_count(to), file->dev->max_io);
	req->size = size;
	req->offset = pos;
	if (!fusd_direct_pin(req, to, size, true)) {
		if (!fusd_is_writeable(to, size))
			req->size -= fault_in_iov_iter_writeable(to, size);
		fusd_req_room(req, 0, req->size);
	}
	result = req->size ? fusd_call(req) : -EFAULT;
	fusd_direct_unpin(req);
	if (result > 0 && req->direct) {
		iov_iter_advance(to, result);
	} else if (result > 0) {
		size_t copied = copy_to_iter(req->answer, result, to);

		result = copied ? (ssize_t)copied : -EFAULT;
	}
	fusd_req_put(req);
	return result;
}

static ssize_t fusd_write_some(struct file *filp, struct iov_iter *from, loff_t pos)
{
	struct fusd_file *file = filp->private_data;
	struct fusd_req *req = fusd_req_on(filp, FUSD_OP_WRITE);
	size_t len = min_t(size_t, iov_iter_count(from), file->dev->max_io);
	ssize_t result;

	if (IS_ERR(req))
		return PTR_ERR(req);
	req->offset = pos;
	if (fusd_direct_pin(req, from, len, false)) {
		req->data_len = len;
		result = fusd_call(req);
		fusd_direct_unpin(req);
		iov_iter_advance(from, len);
	} else if (!fusd_req_room(req, len, 0)) {
		result = -ENOMEM;
	} else {
		/* As far as it can be read, as pipes and ttys do. */
		req->data_len = copy_from_iter(req->data, len, from);
		result = req->data_len ? fusd_call(req) : -EFAULT;
	}
	fusd_req_put(req);
	return result;
}

static bool fusd_is_seekable(const struct file *filp)
{
	const struct fusd_file *file = filp->private_data;

	return file->dev->flags & FUSD_CREATE_SEEKABLE;
}

static ssize_t fusd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *filp = iocb->ki_filp;
	struct fusd_file *file = filp->private_data;
	bool seekable = fusd_is_seekable(filp);
	ssize_t done = 0;

	if (!fusd_wants(file->dev, FUSD_OP_READ))
		return -EINVAL;
	while (iov_iter_count(to)) {
		size_t wanted = min_t(size_t, iov_iter_count(to), file->dev->max_io);
		ssize_t some = fusd_read_some(filp, to, seekable ? iocb->ki_pos : 0);

		if (some < 0)
			return done ?: some;
		done += some;
		if (seekable)
			iocb->ki_pos += some;
		/* A stream has given what it has. */
		if (!seekable || some < wanted)
			break;
	}
	return done;
}

static ssize_t fusd_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *filp = iocb->ki_filp;
	struct fusd_file *file = filp->private_data;
	bool seekable = fusd_is_seekable(filp);
	ssize_t done = 0;

	if (!fusd_wants(file->dev, FUSD_OP_WRITE))
		return -EINVAL;
	while (iov_iter_count(from)) {
		size_t offered = min_t(size_t, iov_iter_count(from), file->dev->max_io);
		ssize_t some = fusd_write_some(filp, from, seekable ? iocb->ki_pos : 0);

		if (some < 0)
			return done ?: some;
		done += some;
		if (seekable)
			iocb->ki_pos += some;
		if (some < offered)
			break;
	}
	return done;
}

static loff_t fusd_llseek(struct file *filp, loff_t offset, int whence)
{
	struct fusd_file *file = filp->private_data;
	loff_t pos;

	if (!fusd_is_seekable(filp))
		return -ESPIPE;
	if (!fusd_wants(file->dev, FUSD_OP_LLSEEK))
		return no_seek_end_llseek(filp, offset, whence);
	/* The position is the kernel's, and SEEK_CUR is of it. */
	if (whence == SEEK_CUR) {
		if (check_add_overflow(filp->f_pos, offset, &pos) || pos < 0)
			return -EINVAL;
		offset = pos;
		whence = SEEK_SET;
	}
	pos = fusd_simple_call(filp, FUSD_OP_LLSEEK, whence, offset);
	if (pos >= 0)
		filp->f_pos = pos;
	return pos;
}

static int fusd_flush(struct file *filp, fl_owner_t id)
{
	struct fusd_file *file = filp->private_data;

	if (!fusd_wants(file->dev, FUSD_OP_FLUSH) || fusd_closes_alone(file->dev))
		return 0;
	return fusd_simple_call(filp, FUSD_OP_FLUSH, 0, 0);
}

static int fusd_fsync(struct file *filp, loff_t start, loff_t end, int datasync)
{
	struct fusd_file *file = filp->private_data;

	if (!fusd_wants(file->dev, FUSD_OP_FSYNC))
		return -EINVAL;
	return fusd_simple_call(filp, FUSD_OP_FSYNC, !!datasync, 0);
}

static int fusd_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct fusd_file *file = filp->private_data;

	return fusd_region_map(file->dev, vma, 0, false);
}

/* --- poll(2): what the daemon has published --- */

static __poll_t fusd_poll(struct file *filp, struct poll_table_struct *table)
{
	struct fusd_file *file = filp->private_data;
	struct fusd_device *dev = file->dev;
	__poll_t events;

	poll_wait(filp, &file->wait, table);
	spin_lock(&dev->lock);
	if (dev->state == FUSD_DEAD)
		events = EPOLLERR | EPOLLHUP;
	else if (!fusd_has_daemon(dev) && !file->dead)
		/* The next daemon says what there is; a call without poll(2) waits for it. */
		events = 0;
	else
		events = file->events;
	spin_unlock(&dev->lock);
	return events;
}

static int fusd_fasync(int fd, struct file *filp, int on)
{
	struct fusd_file *file = filp->private_data;

	return fasync_helper(fd, filp, on, &file->fasync);
}

void fusd_file_wake(struct fusd_file *file, __poll_t wake)
{
	if (!wake)
		return;
	wake_up_poll(&file->wait, wake);
	if (wake & (EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR))
		kill_fasync(&file->fasync, SIGIO, POLL_IN);
	if (wake & (EPOLLOUT | EPOLLWRNORM))
		kill_fasync(&file->fasync, SIGIO, POLL_OUT);
	if (wake & EPOLLPRI)
		kill_fasync(&file->fasync, SIGIO, POLL_PRI);
}

int fusd_publish(struct fusd_device *dev, const struct fusd_publish *msg)
{
	struct fusd_file *file;

	if ((msg->events | msg->wake) & ~FUSD_POLL_BITS)
		return -EINVAL;
	spin_lock(&dev->lock);
	hash_for_each_possible(dev->files, file, node, msg->file) {
		if (file->id != msg->file)
			continue;
		file->events = (__force __poll_t)msg->events;
		fusd_file_wake(file, (__force __poll_t)msg->wake);
		break;
	}
	spin_unlock(&dev->lock);
	/* A file that has just been closed is no mistake of the daemon's. */
	return 0;
}

const struct file_operations fusd_file_fops = {
	.owner = THIS_MODULE,
	.open = fusd_open,
	.release = fusd_release,
	.read_iter = fusd_read_iter,
	.write_iter = fusd_write_iter,
	.unlocked_ioctl = fusd_ioctl,
	.compat_ioctl = fusd_compat_ioctl,
	.llseek = fusd_llseek,
	.flush = fusd_flush,
	.fsync = fusd_fsync,
	.mmap = fusd_mmap,
	.poll = fusd_poll,
	.fasync = fusd_fasync,
};
