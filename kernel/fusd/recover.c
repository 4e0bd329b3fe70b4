// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of requests when the daemon goes and the next one comes. All with dev->lock held. */
#include "internal.h"

/* Back to where it was in the order of requests. */
static void fusd_requeue(struct fusd_device *dev, struct fusd_req *req)
{
	struct fusd_req *other;

	hash_del(&req->sent_node);
	fusd_ring_leave(req);
	req->state = FUSD_REQ_QUEUED;
	req->reissued = true;
	/* The next daemon has said nothing of it. */
	WRITE_ONCE(req->waits, false);
	dev->counters.reissued++;
	list_for_each_entry(other, &dev->queue, node)
		if (other->id > req->id)
			break;
	/* Before @other, which is the list's head where there is none. */
	list_add_tail(&req->node, &other->node);
}

void fusd_requests_orphaned(struct fusd_device *dev)
{
	struct hlist_node *next_sent;
	struct fusd_req *req, *next;
	int bucket;

	lockdep_assert_held(&dev->lock);
	dev->generation++;
	list_for_each_entry_safe(req, next, &dev->queue, node) {
		if (req->op == FUSD_OP_RELEASE || req->op == FUSD_OP_RESTORE)
			fusd_req_finish(req, 0);
		else if (!dev->quiesced && dev->policy[req->op] == FUSD_POLICY_FAIL)
			fusd_req_finish(req, -EIO);
	}
	hash_for_each_safe(dev->sent, bucket, next_sent, req, sent_node) {
		/* What the daemon has answered is done. */
		if (fusd_take_from_slot(dev, req))
			continue;
		if (req->op == FUSD_OP_RELEASE || req->op == FUSD_OP_RESTORE)
			fusd_req_finish(req, 0);
		else if (req->interrupted)
			fusd_req_finish(req, -EINTR);
		else if (dev->policy[req->op] == FUSD_POLICY_REISSUE)
			fusd_requeue(dev, req);
		else
			fusd_req_finish(req, -EIO);
	}
	dev->restoring = 0;
}

void fusd_requests_fail(struct fusd_device *dev, s64 result)
{
	struct hlist_node *next_sent;
	struct fusd_req *req, *next;
	int bucket;

	lockdep_assert_held(&dev->lock);
	list_for_each_entry_safe(req, next, &dev->queue, node)
		fusd_req_finish(req, req->op == FUSD_OP_RELEASE ? 0 : result);
	hash_for_each_safe(dev->sent, bucket, next_sent, req, sent_node) {
		if (!fusd_take_from_slot(dev, req))
			fusd_req_finish(req, req->op == FUSD_OP_RELEASE ? 0 : result);
	}
}

void fusd_requests_restart(struct fusd_device *dev)
{
	struct fusd_req *req;

	lockdep_assert_held(&dev->lock);
	dev->state = FUSD_LIVE;
	dev->quiesced = false;
	list_for_each_entry(req, &dev->queue, node)
		WRITE_ONCE(req->started, jiffies);
	fusd_messages(dev);
}

void fusd_requests_of_dead(struct fusd_device *dev, const struct fusd_file *file)
{
	struct fusd_req *req, *next;

	lockdep_assert_held(&dev->lock);
	list_for_each_entry_safe(req, next, &dev->queue, node)
		if (req->file == file)
			fusd_req_finish(req, req->op == FUSD_OP_RELEASE ? 0 : file->dead);
}

void fusd_queue_restore(struct fusd_device *dev, struct fusd_req *req, struct fusd_file *file)
{
	lockdep_assert_held(&dev->lock);
	put_pid(req->tgid);
	put_pid(req->tid);
	req->file = fusd_file_get(file);
	file->generation = dev->generation;
	req->tgid = get_pid(file->tgid);
	req->tid = get_pid(file->tid);
	req->uid = file->uid;
	req->gid = file->gid;
	req->file_flags = file->filp ? file->filp->f_flags : 0;
	req->id = ++dev->last_id;
	req->state = FUSD_REQ_QUEUED;
	/* The list takes over the caller's reference. */
	list_add(&req->node, &dev->queue);
	dev->restoring++;
	dev->counters.requests++;
	fusd_messages(dev);
}
