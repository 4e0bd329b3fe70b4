// SPDX-License-Identifier: GPL-2.0-only
/* /sys/class/fusd/NAME/: what a device is doing. */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "internal.h"

static const char *const fusd_op_names[] = {
	[FUSD_OP_OPEN] = "open",   [FUSD_OP_RELEASE] = "release", [FUSD_OP_READ] = "read",
	[FUSD_OP_WRITE] = "write", [FUSD_OP_IOCTL] = "ioctl",	  [FUSD_OP_LLSEEK] = "llseek",
	[FUSD_OP_FLUSH] = "flush", [FUSD_OP_FSYNC] = "fsync",	  [FUSD_OP_RESTORE] = "restore",
};

static const char *const fusd_state_names[] = {
	[FUSD_NEW] = "new",
	[FUSD_LIVE] = "live",
	[FUSD_QUIESCED] = "quiesced",
	[FUSD_ORPHAN] = "orphan",
	[FUSD_RECOVERING] = "recovering",
	[FUSD_RESTORING] = "restoring",
	[FUSD_DEAD] = "dead",
};

static struct fusd_device *fusd_of(struct device *device)
{
	return container_of(device, struct fusd_device, dev);
}

/* poll(2) of this file tells of changes. */
static ssize_t state_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct fusd_device *dev = fusd_of(device);

	return sysfs_emit(buf, "%s\n", fusd_state_names[READ_ONCE(dev->state)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t opens_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(fusd_of(device)->opens));
}
static DEVICE_ATTR_RO(opens);

static int fusd_emit_req(char *buf, int at, const struct fusd_req *req, const char *where)
{
	return sysfs_emit_at(buf, at, "%llu %s %s pid %d age %lld ms\n", req->id,
			     fusd_op_names[req->op], where, pid_vnr(req->tgid),
			     ktime_ms_delta(ktime_get(), req->since));
}

/* A line a request, those that the daemon has first; as many as fit a page. */
static int fusd_emit_requests(char *buf, int at, struct fusd_device *dev)
{
	struct fusd_req *req;
	int bucket, len = 0;

	spin_lock(&dev->lock);
	hash_for_each(dev->sent, bucket, req, sent_node)
		len += fusd_emit_req(buf, at + len, req, req->abandoned ? "abandoned" : "sent");
	list_for_each_entry(req, &dev->queue, node)
		len += fusd_emit_req(buf, at + len, req, "queued");
	spin_unlock(&dev->lock);
	return len;
}

static ssize_t requests_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return fusd_emit_requests(buf, 0, fusd_of(device));
}
static DEVICE_ATTR_RO(requests);

static int fusd_emit_counters(char *buf, int at, struct fusd_device *dev)
{
	struct fusd_counters all;
	int len;

	spin_lock(&dev->lock);
	all = dev->counters;
	spin_unlock(&dev->lock);
	len = sysfs_emit_at(buf, at, "requests %llu\nreplies %llu\n", all.requests, all.replies);
	len += sysfs_emit_at(buf, at + len, "interrupts %llu\n", all.interrupts);
	len += sysfs_emit_at(buf, at + len, "late %llu\nreissued %llu\n", all.late, all.reissued);
	return len;
}

static ssize_t counters_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return fusd_emit_counters(buf, 0, fusd_of(device));
}
static DEVICE_ATTR_RO(counters);

/* All of it. poll(2) of this file tells that it is another, ten times a second at the most. */
static ssize_t status_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct fusd_device *dev = fusd_of(device);
	int len;

	/* Before the text is made: what changes meanwhile is news. */
	spin_lock(&dev->lock);
	WRITE_ONCE(dev->told, false);
	spin_unlock(&dev->lock);
	len = sysfs_emit(buf, "state %s\nopens %u\n", fusd_state_names[READ_ONCE(dev->state)],
			 READ_ONCE(dev->opens));
	len += fusd_emit_counters(buf, len, dev);
	len += fusd_emit_requests(buf, len, dev);
	return len;
}
static DEVICE_ATTR_RO(status);

static void fusd_tell_news(struct work_struct *work)
{
	struct fusd_device *dev = container_of(to_delayed_work(work), struct fusd_device, news);

	fusd_device_notify(dev, "status");
	fusd_device_put(dev);
}

void fusd_status_init(struct fusd_device *dev)
{
	INIT_DELAYED_WORK(&dev->news, fusd_tell_news);
	dev->told = true;
}

void fusd_status_news(struct fusd_device *dev)
{
	lockdep_assert_held(&dev->lock);
	WRITE_ONCE(dev->told, true);
	/* Of a device that has ended the file is gone, and nobody would wait for the work. */
	if (dev->state == FUSD_DEAD)
		return;
	/* One that is pending has its reference. */
	fusd_device_get(dev);
	if (!queue_delayed_work(fusd_workqueue, &dev->news, HZ / 10))
		fusd_device_put(dev);
}

/* The device is dead: no news any more. */
void fusd_status_end(struct fusd_device *dev)
{
	if (cancel_delayed_work_sync(&dev->news))
		fusd_device_put(dev);
}

static struct attribute *fusd_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_opens.attr,
	&dev_attr_requests.attr,
	&dev_attr_counters.attr,
	&dev_attr_status.attr,
	NULL,
};

static const struct attribute_group fusd_group = {
	.attrs = fusd_attrs,
};

const struct attribute_group *fusd_groups[] = {
	&fusd_group,
	NULL,
};
