// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors that a daemon leaves to the next one: what it has claimed, and under way, on hardware
 * is there for it. A device owns a reference to each of these files, from KEEP to its own end.
 *
 * They are those of usbfs alone. A file that owns references to other files, or to memory in which
 * they are mapped, could lead back to this device's descriptor, and then neither would ever go: a
 * socket with a descriptor on its way, epoll, io_uring, and of character devices vhost, which has
 * all of its owner's memory. An open file of usbfs has a USB device, credentials and a pid.
 */
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/usb.h>

#include "compat.h"
#include "internal.h"

int fusd_keep(struct fusd_device *dev, const struct fusd_conn *conn, const struct fusd_keep *msg)
{
	struct file *file = NULL;
	int err = 0;

	if (!dev->recover_ms || msg->slot >= FUSD_KEEP_SLOTS || msg->fd < -1)
		return -EINVAL;
	if (msg->fd != -1) {
		file = fget(msg->fd);
		if (!file)
			return -EBADF;
		if (!S_ISCHR(file_inode(file)->i_mode) ||
		    imajor(file_inode(file)) != USB_DEVICE_MAJOR) {
			err = -EINVAL;
			goto put;
		}
	}
	/* What is in the slot, against other threads and the device's end. */
	spin_lock(&dev->lock);
	if (dev->conn == conn && dev->state != FUSD_DEAD)
		swap(dev->kept[array_index_nospec(msg->slot, FUSD_KEEP_SLOTS)], file);
	else
		err = -ENODEV;
	spin_unlock(&dev->lock);
put:
	/* What was there before; or, after an error, what was given. */
	if (file)
		fput(file);
	return err;
}

int fusd_kept(struct fusd_device *dev, const struct fusd_conn *conn, unsigned long slot)
{
	struct file *file = NULL;
	int fd;

	if (slot >= FUSD_KEEP_SLOTS)
		return -EINVAL;
	spin_lock(&dev->lock);
	if (dev->conn == conn)
		file = dev->kept[array_index_nospec(slot, FUSD_KEEP_SLOTS)];
	if (file)
		get_file(file);
	spin_unlock(&dev->lock);
	if (!file)
		return -ENOENT;
	fd = fusd_receive_fd(file, O_CLOEXEC);
	fput(file);
	return fd;
}

void fusd_kept_free(struct fusd_device *dev)
{
	unsigned int slot;

	for (slot = 0; slot < FUSD_KEEP_SLOTS; slot++) {
		struct file *file;

		spin_lock(&dev->lock);
		file = dev->kept[slot];
		dev->kept[slot] = NULL;
		spin_unlock(&dev->lock);
		if (file)
			fput(file);
	}
}
