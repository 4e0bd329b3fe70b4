// SPDX-License-Identifier: GPL-2.0-only
/* A device from CREATE to its end, with one daemon after the other. */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "internal.h"

static bool unprivileged;
module_param(unprivileged, bool, 0644);
MODULE_PARM_DESC(unprivileged, "Who may open /dev/fusd may make devices as /dev/user/UID/NAME");

static LIST_HEAD(fusd_devices);
/* The list of devices, their names, and which of them are added. */
static DEFINE_MUTEX(fusd_devices_lock);
static DEFINE_IDA(fusd_minors);

static char *fusd_devnode(fusd_devnode_device *device, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct fusd_device *dev = container_of(device, struct fusd_device, dev);

	if (mode)
		*mode = dev->mode;
	if (uid)
		*uid = dev->uid;
	if (gid)
		*gid = dev->gid;
	return NULL;
}

static void fusd_device_release(struct device *device)
{
	struct fusd_device *dev = container_of(device, struct fusd_device, dev);

	fusd_table_put(dev->table);
	fusd_regions_free(dev);
	fusd_ring_put(dev->ring);
	ida_free(&fusd_minors, MINOR(dev->dev.devt) - MINOR(fusd_first_devt));
	kfree(dev);
}

static const struct device_type fusd_device_type = {
	.name = "fusd",
	.devnode = fusd_devnode,
	.release = fusd_device_release,
};

/*
 * A path below /dev without anything that a shell, sysfs or a path walk would take for something
 * else.
 */
static bool fusd_name_ok(const char *name)
{
	const char *part = name;
	const char *c;

	if (strnlen(name, FUSD_NAME_MAX) == FUSD_NAME_MAX)
		return false;
	for (c = name;; c++) {
		if (*c == '/' || !*c) {
			size_t len = c - part;

			if (!len || (len == 1 && part[0] == '.') ||
			    (len == 2 && part[0] == '.' && part[1] == '.'))
				return false;
			if (!*c)
				return true;
			part = c + 1;
		} else if (*c <= ' ' || *c >= 0x7f || *c == '!') {
			return false;
		}
	}
}

static bool fusd_privileged(const struct fusd_conn *conn)
{
	/* Of who opened the descriptor: whoever writes to it may have been tricked. */
	return file_ns_capable(conn->filp, &init_user_ns, CAP_SYS_ADMIN);
}

/* What a daemon without privilege may make, where it may make anything. */
static bool fusd_may_create(const struct fusd_conn *conn, const struct fusd_device *dev)
{
	const struct cred *cred = conn->filp->f_cred;
	char prefix[24];

	if (dev->privileged)
		return true;
	/* Who asks is who opened the descriptor, so that the groups are of the same user. */
	if (!READ_ONCE(unprivileged) || !uid_eq(dev->uid, cred->euid) ||
	    !uid_eq(current_euid(), cred->euid))
		return false;
	if (!in_egroup_p(dev->gid))
		return false;
	scnprintf(prefix, sizeof(prefix), "user/%u/", from_kuid(&init_user_ns, cred->euid));
	return strstarts(dev->name, prefix);
}

static int fusd_check_create(const struct fusd_create *msg)
{
	const u32 ops = BIT(FUSD_OP_OPEN) | BIT(FUSD_OP_RELEASE) | BIT(FUSD_OP_READ) |
			BIT(FUSD_OP_WRITE) | BIT(FUSD_OP_IOCTL) | BIT(FUSD_OP_LLSEEK) |
			BIT(FUSD_OP_FLUSH) | BIT(FUSD_OP_FSYNC);
	unsigned int i;

	if (msg->version != FUSD_VERSION)
		return -EOPNOTSUPP;
	if (msg->features & ~FUSD_FEATURES)
		return -EOPNOTSUPP;
	if (msg->ops & ~ops || msg->flags & ~FUSD_CREATE_SEEKABLE || msg->mode & ~0777U ||
	    msg->reserved)
		return -EINVAL;
	if (msg->max_io > FUSD_MOST_IO || !fusd_name_ok(msg->name))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(msg->policy); i++)
		if (msg->policy[i] > FUSD_POLICY_REISSUE)
			return -EINVAL;
	return 0;
}

static struct fusd_device *fusd_device_alloc(void)
{
	struct fusd_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int minor;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&fusd_minors, FUSD_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(dev);
		return ERR_PTR(minor);
	}
	device_initialize(&dev->dev);
	dev->dev.devt = MKDEV(MAJOR(fusd_first_devt), MINOR(fusd_first_devt) + minor);
	dev->dev.class = fusd_class;
	dev->dev.type = &fusd_device_type;
	dev->dev.groups = fusd_groups;
	cdev_init(&dev->cdev, &fusd_file_fops);
	dev->cdev.owner = THIS_MODULE;
	INIT_LIST_HEAD(&dev->node);
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->queue);
	INIT_LIST_HEAD(&dev->interrupts);
	hash_init(dev->sent);
	hash_init(dev->files);
	INIT_LIST_HEAD(&dev->regions);
	fusd_status_init(dev);
	return dev;
}

static struct fusd_device *fusd_find(const char *name)
{
	struct fusd_device *dev;

	lockdep_assert_held(&fusd_devices_lock);
	list_for_each_entry(dev, &fusd_devices, node)
		if (!strcmp(dev->name, name))
			return dev;
	return NULL;
}

/* Takes a device that has ended off the list, and its node away. */
static void fusd_device_end(struct fusd_device *dev)
{
	bool listed;

	mutex_lock(&fusd_devices_lock);
	listed = !list_empty(&dev->node);
	list_del_init(&dev->node);
	if (dev->added)
		cdev_device_del(&dev->cdev, &dev->dev);
	dev->added = false;
	mutex_unlock(&fusd_devices_lock);
	fusd_status_end(dev);
	fusd_kept_free(dev);
	if (listed)
		fusd_device_put(dev);
}

/* With dev->lock held: from now on everybody gets an error. */
static void fusd_device_dies(struct fusd_device *dev, s64 result)
{
	struct fusd_file *file;
	int bucket;

	lockdep_assert_held(&dev->lock);
	dev->state = FUSD_DEAD;
	fusd_requests_fail(dev, result);
	hash_for_each(dev->files, bucket, file, node)
		fusd_file_wake(file, EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP);
}

static void fusd_expired(struct work_struct *work)
{
	struct fusd_device *dev = container_of(to_delayed_work(work), struct fusd_device, expiry);
	bool expired;

	spin_lock(&dev->lock);
	expired = dev->state == FUSD_ORPHAN;
	if (expired)
		fusd_device_dies(dev, -EIO);
	spin_unlock(&dev->lock);
	if (expired)
		fusd_device_end(dev);
	fusd_device_put(dev);
}

void fusd_device_notify(struct fusd_device *dev, const char *attribute)
{
	mutex_lock(&fusd_devices_lock);
	if (dev->added)
		sysfs_notify(&dev->dev.kobj, NULL, attribute);
	mutex_unlock(&fusd_devices_lock);
}

static void fusd_state_changed(struct fusd_device *dev)
{
	fusd_device_notify(dev, "state");
	spin_lock(&dev->lock);
	fusd_status_changed(dev);
	spin_unlock(&dev->lock);
}

struct fusd_device *fusd_device_create(struct fusd_conn *conn, const struct fusd_create *msg)
{
	struct fusd_device *dev;
	int err;

	err = fusd_check_create(msg);
	if (err)
		return ERR_PTR(err);
	dev = fusd_device_alloc();
	if (IS_ERR(dev))
		return dev;
	INIT_DELAYED_WORK(&dev->expiry, fusd_expired);
	strscpy(dev->name, msg->name, sizeof(dev->name));
	dev->ops = msg->ops;
	dev->flags = msg->flags;
	dev->mode = msg->mode;
	dev->max_io = msg->max_io ?: FUSD_DEFAULT_IO;
	dev->max_opens = msg->max_opens ?: FUSD_DEFAULT_OPENS;
	dev->deadline_ms = msg->deadline_ms;
	dev->interrupt_ms = msg->interrupt_ms ?: FUSD_INTERRUPT_MS;
	dev->recover_ms = msg->recover_ms;
	memcpy(dev->policy, msg->policy, sizeof(dev->policy));
	dev->uid = make_kuid(conn->user_ns, msg->uid);
	dev->gid = make_kgid(conn->user_ns, msg->gid);
	dev->creator = conn->filp->f_cred->euid;
	dev->privileged = fusd_privileged(conn);
	dev->conn = conn;
	err = -EINVAL;
	if (!uid_valid(dev->uid) || !gid_valid(dev->gid))
		goto put;
	err = -EPERM;
	if (!fusd_may_create(conn, dev))
		goto put;
	err = dev_set_name(&dev->dev, "%s", dev->name);
	if (err)
		goto put;

	mutex_lock(&fusd_devices_lock);
	if (fusd_find(dev->name)) {
		mutex_unlock(&fusd_devices_lock);
		err = -EEXIST;
		goto put;
	}
	list_add_tail(&fusd_device_get(dev)->node, &fusd_devices);
	mutex_unlock(&fusd_devices_lock);
	return dev;

put:
	fusd_device_put(dev);
	return ERR_PTR(err);
}

struct fusd_device *fusd_device_recover(struct fusd_conn *conn, const struct fusd_recover *msg)
{
	struct fusd_device *dev;
	int err = 0;

	if (msg->version != FUSD_VERSION)
		return ERR_PTR(-EOPNOTSUPP);
	if (msg->reserved || !fusd_name_ok(msg->name))
		return ERR_PTR(-EINVAL);
	mutex_lock(&fusd_devices_lock);
	dev = fusd_find(msg->name);
	if (dev)
		fusd_device_get(dev);
	mutex_unlock(&fusd_devices_lock);
	if (!dev)
		return ERR_PTR(-ENOENT);

	if (!fusd_privileged(conn) && !uid_eq(dev->creator, conn->filp->f_cred->euid)) {
		fusd_device_put(dev);
		return ERR_PTR(-EPERM);
	}
	spin_lock(&dev->lock);
	if (dev->state == FUSD_ORPHAN) {
		dev->state = FUSD_RECOVERING;
		dev->conn = conn;
	} else {
		err = dev->state == FUSD_DEAD ? -ENOENT : -EBUSY;
	}
	spin_unlock(&dev->lock);
	if (err) {
		fusd_device_put(dev);
		return ERR_PTR(err);
	}
	if (cancel_delayed_work_sync(&dev->expiry))
		fusd_device_put(dev);
	fusd_state_changed(dev);
	return dev;
}

/* The open files, for the next daemon: what it is told before anything else. */
static int fusd_restore(struct fusd_device *dev)
{
	struct fusd_file *file;
	LIST_HEAD(requests);
	int bucket;
	u32 made = 0;

	/*
	 * Allocated without the lock: files go meanwhile, and come where nobody is asked to open
	 * them.
	 */
	spin_lock(&dev->lock);
	while (made < dev->opens) {
		struct fusd_req *req;

		spin_unlock(&dev->lock);
		req = fusd_req_new(NULL, FUSD_OP_RESTORE);
		if (IS_ERR(req)) {
			fusd_reqs_free(&requests);
			return PTR_ERR(req);
		}
		list_add(&req->node, &requests);
		made++;
		spin_lock(&dev->lock);
	}
	dev->state = FUSD_RESTORING;
	dev->restoring = 0;
	hash_for_each(dev->files, bucket, file, node) {
		struct fusd_req *req;

		if (!file->opened)
			continue;
		req = list_first_entry(&requests, struct fusd_req, node);
		list_del_init(&req->node);
		fusd_queue_restore(dev, req, file);
	}
	if (!dev->restoring)
		fusd_requests_restart(dev);
	spin_unlock(&dev->lock);
	fusd_reqs_free(&requests);
	return 0;
}

int fusd_device_start(struct fusd_device *dev)
{
	int err = 0;

	spin_lock(&dev->lock);
	switch (dev->state) {
	case FUSD_NEW:
		dev->state = FUSD_LIVE;
		break;
	case FUSD_RECOVERING:
		err = 1;
		break;
	default:
		err = -EINVAL;
	}
	spin_unlock(&dev->lock);
	if (err < 0)
		return err;
	if (err) {
		err = fusd_restore(dev);
	} else {
		mutex_lock(&fusd_devices_lock);
		err = cdev_device_add(&dev->cdev, &dev->dev);
		dev->added = !err;
		mutex_unlock(&fusd_devices_lock);
		if (err) {
			/* A cdev that could not be added cannot be added again. */
			spin_lock(&dev->lock);
			fusd_device_dies(dev, -ENODEV);
			spin_unlock(&dev->lock);
			fusd_device_end(dev);
		}
	}
	fusd_state_changed(dev);
	return err;
}

int fusd_device_quiesce(struct fusd_device *dev)
{
	int err = 0;

	spin_lock(&dev->lock);
	if (dev->state != FUSD_LIVE || !dev->recover_ms)
		err = -EINVAL;
	else
		dev->state = FUSD_QUIESCED;
	dev->quiesced |= !err;
	spin_unlock(&dev->lock);
	if (!err)
		fusd_state_changed(dev);
	return err;
}

void fusd_device_leave(struct fusd_device *dev, struct fusd_conn *conn, bool for_good)
{
	struct fusd_ring_mem *ring;
	bool orphan;

	spin_lock(&dev->lock);
	if (dev->conn != conn) {
		spin_unlock(&dev->lock);
		return;
	}
	dev->conn = NULL;
	/* The next daemon makes its own; requests in this one keep it. */
	ring = dev->ring;
	dev->ring = NULL;
	orphan = !for_good && dev->recover_ms && dev->state != FUSD_NEW &&
		 dev->state != FUSD_DEAD;
	if (orphan) {
		dev->state = FUSD_ORPHAN;
		fusd_requests_orphaned(dev);
	} else {
		fusd_device_dies(dev, -ECONNABORTED);
	}
	spin_unlock(&dev->lock);
	wake_up_all(&conn->wait);
	fusd_ring_put(ring);
	if (!orphan) {
		fusd_device_end(dev);
		return;
	}
	/* One that is still pending has its reference. */
	if (mod_delayed_work(fusd_workqueue, &fusd_device_get(dev)->expiry,
			     msecs_to_jiffies(dev->recover_ms)))
		fusd_device_put(dev);
	fusd_state_changed(dev);
}

void fusd_device_end_all(void)
{
	for (;;) {
		struct fusd_device *dev;

		mutex_lock(&fusd_devices_lock);
		dev = list_first_entry_or_null(&fusd_devices, struct fusd_device, node);
		if (dev)
			fusd_device_get(dev);
		mutex_unlock(&fusd_devices_lock);
		if (!dev)
			break;
		if (cancel_delayed_work_sync(&dev->expiry))
			fusd_device_put(dev);
		spin_lock(&dev->lock);
		fusd_device_dies(dev, -EIO);
		spin_unlock(&dev->lock);
		fusd_device_end(dev);
		fusd_device_put(dev);
	}
	ida_destroy(&fusd_minors);
}
