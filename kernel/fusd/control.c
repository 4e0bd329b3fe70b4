// SPDX-License-Identifier: GPL-2.0-only
/* /dev/fusd: the daemon's side. One descriptor is one device. */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "internal.h"

static struct fusd_device *fusd_conn_device(const struct fusd_conn *conn)
{
	/* Pairs with the release in fusd_conn_take(). */
	return smp_load_acquire(&conn->dev);
}

static int fusd_control_open(struct inode *inode, struct file *filp)
{
	struct fusd_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);

	if (!conn)
		return -ENOMEM;
	mutex_init(&conn->mutex);
	init_waitqueue_head(&conn->wait);
	INIT_HLIST_NODE(&conn->server_node);
	conn->filp = filp;
	conn->pid_ns = get_pid_ns(task_active_pid_ns(current));
	conn->user_ns = get_user_ns(filp->f_cred->user_ns);
	filp->private_data = conn;
	return stream_open(inode, filp);
}

static int fusd_control_release(struct inode *inode, struct file *filp)
{
	struct fusd_conn *conn = filp->private_data;

	fusd_serves_no_more(conn);
	if (conn->dev) {
		fusd_device_leave(conn->dev, conn, false);
		fusd_device_put(conn->dev);
	}
	put_pid_ns(conn->pid_ns);
	put_user_ns(conn->user_ns);
	kfree(conn);
	return 0;
}

/* --- messages of the daemon --- */

/* The rest of a message whose head is taken. @size is all of the struct. */
static int fusd_take(struct iov_iter *from, void *msg, size_t size)
{
	const struct fusd_head *head = msg;
	size_t rest = size - sizeof(*head);

	if (head->len < size)
		return -EINVAL;
	return copy_from_iter_full(msg + sizeof(*head), rest, from) ? 0 : -EFAULT;
}

/* The same for one that has nothing behind its struct. */
static int fusd_take_exactly(struct iov_iter *from, void *msg, size_t size)
{
	const struct fusd_head *head = msg;

	if (head->len != size || head->flags)
		return -EINVAL;
	return fusd_take(from, msg, size);
}

static int fusd_conn_take(struct fusd_conn *conn, struct fusd_device *dev)
{
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	/* Pairs with the acquire in fusd_conn_device(): the device is whole. */
	smp_store_release(&conn->dev, dev);
	return 0;
}

static int fusd_do_create(struct fusd_conn *conn, const struct fusd_head *head,
			  struct iov_iter *from)
{
	struct fusd_create msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	if (err)
		return err;
	return conn->dev ? -EINVAL : fusd_conn_take(conn, fusd_device_create(conn, &msg));
}

static int fusd_do_recover(struct fusd_conn *conn, const struct fusd_head *head,
			   struct iov_iter *from)
{
	struct fusd_recover msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	if (err)
		return err;
	return conn->dev ? -EINVAL : fusd_conn_take(conn, fusd_device_recover(conn, &msg));
}

static int fusd_do_table(struct fusd_device *dev, const struct fusd_head *head,
			 struct iov_iter *from)
{
	struct fusd_table msg = { .head = *head };
	struct fusd_table_copy *table, *old;
	int err = fusd_take(from, &msg, sizeof(msg));

	if (err)
		return err;
	table = fusd_table_take(&msg, from);
	if (IS_ERR(table))
		return PTR_ERR(table);
	spin_lock(&dev->lock);
	if (dev->state == FUSD_NEW || dev->state == FUSD_RECOVERING) {
		old = dev->table;
		dev->table = table;
	} else {
		err = -EINVAL;
		old = table;
	}
	spin_unlock(&dev->lock);
	fusd_table_put(old);
	return err;
}

static int fusd_do_region(struct fusd_device *dev, const struct fusd_head *head,
			  struct iov_iter *from)
{
	struct fusd_region msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	return err ?: fusd_region_add(dev, &msg);
}

static int fusd_do_ring(struct fusd_device *dev, const struct fusd_head *head,
			struct iov_iter *from)
{
	struct fusd_ring_setup msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	return err ?: fusd_ring_setup(dev, &msg);
}

static int fusd_do_keep(struct fusd_conn *conn, const struct fusd_head *head,
			struct iov_iter *from)
{
	struct fusd_keep msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	return err ?: fusd_keep(conn->dev, conn, &msg);
}

static int fusd_do_publish(struct fusd_device *dev, const struct fusd_head *head,
			   struct iov_iter *from)
{
	struct fusd_publish msg = { .head = *head };
	int err = fusd_take_exactly(from, &msg, sizeof(msg));

	return err ?: fusd_publish(dev, &msg);
}

static int fusd_do_reply(struct fusd_conn *conn, struct fusd_device *dev,
			 const struct fusd_head *head, struct iov_iter *from)
{
	struct fusd_reply msg = { .head = *head };
	int err = fusd_take(from, &msg, sizeof(msg));

	return err ?: fusd_take_reply(dev, conn, &msg, from);
}

/* What makes, starts or ends a device, one at a time. */
static int fusd_do_control(struct fusd_conn *conn, const struct fusd_head *head,
			   struct iov_iter *from)
{
	struct fusd_device *dev;

	lockdep_assert_held(&conn->mutex);
	if (head->type == FUSD_CREATE)
		return fusd_do_create(conn, head, from);
	if (head->type == FUSD_RECOVER)
		return fusd_do_recover(conn, head, from);
	dev = conn->dev;
	if (!dev)
		return -EINVAL;
	if (head->type == FUSD_TABLE)
		return fusd_do_table(dev, head, from);
	if (head->type == FUSD_REGION)
		return fusd_do_region(dev, head, from);
	if (head->type == FUSD_RING)
		return fusd_do_ring(dev, head, from);
	if (head->type == FUSD_KEEP)
		return fusd_do_keep(conn, head, from);
	if (head->len != sizeof(*head) || head->flags)
		return -EINVAL;
	switch (head->type) {
	case FUSD_START:
		return fusd_device_start(dev);
	case FUSD_QUIESCE:
		return fusd_device_quiesce(dev);
	case FUSD_DESTROY:
		fusd_device_leave(dev, conn, true);
		return 0;
	default:
		return -EINVAL;
	}
}

/* @return 0, or -errno with nothing of the message done */
static int fusd_do(struct fusd_conn *conn, const struct fusd_head *head, struct iov_iter *from)
{
	struct fusd_device *dev = fusd_conn_device(conn);
	int err;

	switch (head->type) {
	case FUSD_REPLY:
		return dev ? fusd_do_reply(conn, dev, head, from) : -EINVAL;
	case FUSD_PUBLISH:
		return dev ? fusd_do_publish(dev, head, from) : -EINVAL;
	case FUSD_WAIT:
		if (head->len != sizeof(*head) || head->flags)
			return -EINVAL;
		return dev ? fusd_req_waits(dev, head->id) : -EINVAL;
	case FUSD_DETACH:
		if (head->len != sizeof(*head) || head->flags)
			return -EINVAL;
		return dev ? fusd_req_detach(dev, head->id) : -EINVAL;
	default:
		if (mutex_lock_interruptible(&conn->mutex))
			return -ERESTARTSYS;
		err = fusd_do_control(conn, head, from);
		mutex_unlock(&conn->mutex);
		return err;
	}
}

static ssize_t fusd_control_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct fusd_conn *conn = iocb->ki_filp->private_data;
	ssize_t done = 0;

	while (iov_iter_count(from)) {
		size_t left = iov_iter_count(from);
		struct fusd_head head;
		int err;

		if (left < sizeof(head))
			err = -EINVAL;
		else if (!copy_from_iter_full(&head, sizeof(head), from))
			err = -EFAULT;
		else if (head.len < sizeof(head) || head.len > left)
			err = -EINVAL;
		else
			err = fusd_do(conn, &head, from);
		if (err)
			return done ?: err;
		done += head.len;
	}
	return done;
}

/* --- messages of the kernel --- */

static ssize_t fusd_read_info(struct fusd_device *dev, struct iov_iter *to)
{
	struct fusd_info info = {
		.head.len = sizeof(info),
		.head.type = FUSD_INFO,
		.version = FUSD_VERSION,
		.max_io = FUSD_MOST_IO,
		.features = FUSD_FEATURES,
		.max_table = FUSD_MOST_TABLE,
		.max_areas = FUSD_MOST_AREAS,
		.files = dev ? READ_ONCE(dev->opens) : 0,
	};

	if (iov_iter_count(to) < sizeof(info))
		return -EMSGSIZE;
	return copy_to_iter(&info, sizeof(info), to) == sizeof(info) ? (ssize_t)sizeof(info)
								     : -EFAULT;
}

static bool fusd_is_started(const struct fusd_device *dev)
{
	enum fusd_state state = READ_ONCE(dev->state);

	return state != FUSD_NEW && state != FUSD_RECOVERING;
}

static ssize_t fusd_control_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *filp = iocb->ki_filp;
	struct fusd_conn *conn = filp->private_data;
	struct fusd_device *dev = fusd_conn_device(conn);

	if (!dev || !fusd_is_started(dev))
		return fusd_read_info(dev, to);
	fusd_serves(conn);
	for (;;) {
		size_t room = iov_iter_count(to);
		ssize_t sent = fusd_send_next(dev, conn, to);

		if (sent == -ENOENT) {
			/* Its caller has left in the middle of it: the next one. */
			iov_iter_revert(to, room - iov_iter_count(to));
			continue;
		}
		if (sent != -EAGAIN || filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT)
			return sent;
		if (wait_event_interruptible_exclusive(conn->wait, fusd_has_message(dev, conn)))
			return -ERESTARTSYS;
	}
}

static __poll_t fusd_control_poll(struct file *filp, struct poll_table_struct *table)
{
	struct fusd_conn *conn = filp->private_data;
	struct fusd_device *dev = fusd_conn_device(conn);
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(filp, &conn->wait, table);
	if (!dev || !fusd_is_started(dev))
		return events | EPOLLIN | EPOLLRDNORM;
	if (fusd_has_request(dev, conn))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(dev->conn) != conn)
		events |= EPOLLERR;
	return events;
}

static int fusd_control_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct fusd_conn *conn = filp->private_data;
	struct fusd_device *dev = fusd_conn_device(conn);

	if (!dev)
		return -ENODEV;
	if (vma->vm_pgoff < FUSD_MAP_REGIONS >> PAGE_SHIFT)
		return vma->vm_pgoff ? -EINVAL : fusd_ring_map(dev, vma);
	return fusd_region_map(dev, vma, FUSD_MAP_REGIONS, true);
}

static long fusd_control_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct fusd_conn *conn = filp->private_data;
	struct fusd_device *dev = fusd_conn_device(conn);
	int here;

	if (cmd != FUSD_IOC_COMMIT && cmd != FUSD_IOC_KEPT)
		return -ENOTTY;
	if (!dev)
		return -EINVAL;
	if (cmd == FUSD_IOC_KEPT)
		return fusd_kept(dev, conn, arg);
	spin_lock(&dev->lock);
	here = fusd_ring_commit(dev);
	spin_unlock(&dev->lock);
	return here;
}

const struct file_operations fusd_control_fops = {
	.owner = THIS_MODULE,
	.open = fusd_control_open,
	.release = fusd_control_release,
	.read_iter = fusd_control_read,
	.write_iter = fusd_control_write,
	.poll = fusd_control_poll,
	.mmap = fusd_control_mmap,
	.unlocked_ioctl = fusd_control_ioctl,
	.compat_ioctl = fusd_control_ioctl,
};
