// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's side of a request: how it is given out, and how its answer comes back. */
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "internal.h"

static bool fusd_may_send(const struct fusd_device *dev, const struct fusd_req *req)
{
	return dev->state == FUSD_LIVE ||
	       (dev->state == FUSD_RESTORING && req->op == FUSD_OP_RESTORE);
}

static struct fusd_req *fusd_next(struct fusd_device *dev)
{
	struct fusd_req *req = list_first_entry_or_null(&dev->queue, struct fusd_req, node);

	return req && fusd_may_send(dev, req) ? req : NULL;
}

/* There is something for read(2), or no more. */
void fusd_messages(struct fusd_device *dev)
{
	bool any = !list_empty(&dev->interrupts) || fusd_next(dev);

	fusd_ring_tell(dev, any);
	if (any)
		fusd_wake_daemon(dev);
}

/* With dev->lock held. */
static bool fusd_is_readable(struct fusd_device *dev, const struct fusd_conn *conn)
{
	return dev->conn != conn || dev->state == FUSD_DEAD || !list_empty(&dev->interrupts) ||
	       fusd_next(dev);
}

bool fusd_has_message(struct fusd_device *dev, struct fusd_conn *conn)
{
	bool has;

	spin_lock(&dev->lock);
	has = fusd_is_readable(dev, conn);
	spin_unlock(&dev->lock);
	return has;
}

bool fusd_has_request(struct fusd_device *dev, struct fusd_conn *conn)
{
	bool has;

	spin_lock(&dev->lock);
	has = fusd_is_readable(dev, conn) || fusd_ring_has_request(dev);
	spin_unlock(&dev->lock);
	return has;
}

void fusd_describe(const struct fusd_req *req, const struct fusd_conn *conn, u16 type,
		   struct fusd_request *out)
{
	const struct fusd_file *file = req->file;

	*out = (struct fusd_request){
		.head.len = sizeof(*out),
		.head.type = type,
		.head.id = req->id,
		.file = file->id,
		.cookie = file->cookie,
		.file_flags = req->file_flags,
		.pid = pid_nr_ns(req->tgid, conn->pid_ns),
		.tid = pid_nr_ns(req->tid, conn->pid_ns),
		.uid = from_kuid_munged(conn->user_ns, req->uid),
		.gid = from_kgid_munged(conn->user_ns, req->gid),
	};
	if (type == FUSD_OP_INTERRUPT)
		return;
	out->head.len += req->data_len;
	out->head.flags = req->flags | (req->reissued ? FUSD_REISSUED : 0);
	out->offset = req->offset;
	out->arg = req->arg;
	out->cmd = req->cmd;
	out->size = req->op == FUSD_OP_READ ? req->size : req->data_len;
	out->out_size = req->out_size;
}

/* With dev->lock held. @return whether there is an INTERRUPT, which is taken then */
static bool fusd_next_interrupt(struct fusd_device *dev, struct fusd_conn *conn,
				struct fusd_request *head)
{
	struct fusd_req *req =
		list_first_entry_or_null(&dev->interrupts, struct fusd_req, interrupt_node);

	if (!req)
		return false;
	list_del_init(&req->interrupt_node);
	fusd_describe(req, conn, FUSD_OP_INTERRUPT, head);
	return true;
}

/*
 * The daemon's buffer was bad: the request is the next one again; or its caller has left meanwhile.
 * With dev->lock held.
 */
static void fusd_unsend(struct fusd_device *dev, struct fusd_req *req)
{
	if (req->state != FUSD_REQ_SENT)
		return;
	hash_del(&req->sent_node);
	if (req->abandoned) {
		fusd_req_finish(req, -EINTR);
		return;
	}
	list_del_init(&req->interrupt_node);
	req->interrupted = false;
	req->state = FUSD_REQ_QUEUED;
	list_add(&req->node, &dev->queue);
	fusd_messages(dev);
}

ssize_t fusd_send_next(struct fusd_device *dev, struct fusd_conn *conn, struct iov_iter *to)
{
	struct fusd_request head;
	struct fusd_req *req;
	ssize_t sent = -EAGAIN;

	spin_lock(&dev->lock);
	if (dev->conn != conn || dev->state == FUSD_DEAD) {
		sent = -ENODEV;
		goto unlock;
	}
	if (iov_iter_count(to) < sizeof(head)) {
		sent = -EMSGSIZE;
		goto unlock;
	}
	if (fusd_next_interrupt(dev, conn, &head)) {
		fusd_messages(dev);
		spin_unlock(&dev->lock);
		/* Lost to a bad buffer, it is not repeated: interrupt_ms stands behind it. */
		sent = copy_to_iter(&head, sizeof(head), to);
		return sent == sizeof(head) ? sent : -EFAULT;
	}
	req = fusd_next(dev);
	if (!req)
		goto unlock;
	fusd_describe(req, conn, req->op, &head);
	if (iov_iter_count(to) < head.head.len) {
		sent = -EMSGSIZE;
		goto unlock;
	}
	list_del_init(&req->node);
	req->state = FUSD_REQ_SENT;
	hash_add(dev->sent, &req->sent_node, req->id);
	refcount_inc(&req->refs);
	fusd_messages(dev);
	spin_unlock(&dev->lock);

	sent = head.head.len;
	if (copy_to_iter(&head, sizeof(head), to) != sizeof(head))
		sent = -EFAULT;
	else if (req->direct)
		sent = fusd_direct_copy(req, to, req->data_len) ?: sent;
	else if (copy_to_iter(req->data, req->data_len, to) != req->data_len)
		sent = -EFAULT;

	spin_lock(&dev->lock);
	if (sent < 0)
		fusd_unsend(dev, req);
	else if ((req->flags & FUSD_NO_REPLY) && req->state == FUSD_REQ_SENT)
		fusd_req_finish(req, 0);
	spin_unlock(&dev->lock);
	fusd_req_put(req);
	return sent;

unlock:
	spin_unlock(&dev->lock);
	return sent;
}

static struct fusd_req *fusd_find_sent(struct fusd_device *dev, u64 id)
{
	struct fusd_req *req;

	lockdep_assert_held(&dev->lock);
	hash_for_each_possible(dev->sent, req, sent_node, id)
		if (req->id == id)
			return req;
	return NULL;
}

int fusd_req_waits(struct fusd_device *dev, u64 id)
{
	struct fusd_req *req;

	spin_lock(&dev->lock);
	req = fusd_find_sent(dev, id);
	if (req)
		WRITE_ONCE(req->waits, true);
	spin_unlock(&dev->lock);
	return req ? 0 : -ENOENT;
}

/*
 * The daemon keeps the request and gives its slot back. The bytes are copied for the daemon that
 * may be asked again; the slot's number means another request's from here on.
 */
int fusd_req_detach(struct fusd_device *dev, u64 id)
{
	struct fusd_req *req;
	void *data = NULL;
	int err = -ENOENT;

	spin_lock(&dev->lock);
	req = fusd_find_sent(dev, id);
	if (req && req->posted)
		refcount_inc(&req->refs);
	else
		req = NULL;
	spin_unlock(&dev->lock);
	if (!req)
		return -ENOENT;
	if (req->data_len) {
		data = kvmalloc(req->data_len, GFP_KERNEL_ACCOUNT);
		if (!data) {
			err = -ENOMEM;
			goto put;
		}
		memcpy(data, req->data, req->data_len);
	}
	spin_lock(&dev->lock);
	if (req->state == FUSD_REQ_SENT && req->posted) {
		req->data = data;
		req->data_in_slot = false;
		fusd_ring_detach(req);
		data = NULL;
		err = 0;
	}
	spin_unlock(&dev->lock);
	kvfree(data);
put:
	fusd_req_put(req);
	return err;
}

/*
 * Whether an answer is one to this request. Errors above MAX_USER_ERRNO are the kernel's own
 * (linux/errno.h).
 */
#define FUSD_MAX_USER_ERRNO 510

static bool fusd_reply_fits(const struct fusd_req *req, const struct fusd_reply *reply, size_t len)
{
	s64 result = reply->result;

	if (reply->head.flags & ~(FUSD_REPLY_EVENTS | FUSD_REPLY_RETRY) || reply->reserved)
		return false;
	if (reply->head.flags & FUSD_REPLY_EVENTS && reply->events & ~FUSD_POLL_BITS)
		return false;
	if (reply->head.flags & FUSD_REPLY_RETRY)
		return req->may_retry && result >= 0 && result <= FUSD_MOST_AREAS &&
		       reply->value <= FUSD_MOST_AREAS &&
		       len == (result + reply->value) * sizeof(struct fusd_area);
	if (result < 0)
		return result >= -FUSD_MAX_USER_ERRNO && !len;
	switch (req->op) {
	case FUSD_OP_READ:
		return result <= req->size && len == result;
	case FUSD_OP_WRITE:
		return result <= req->data_len && !len;
	case FUSD_OP_IOCTL:
		return result <= INT_MAX && len <= req->out_size;
	case FUSD_OP_LLSEEK:
		return !len;
	default:
		return !result && !len;
	}
}

/* With dev->lock held: what an answer says of the file. */
static void fusd_reply_file(struct fusd_device *dev, struct fusd_req *req,
			    const struct fusd_reply *reply)
{
	struct fusd_file *file = req->file;

	if ((req->op == FUSD_OP_OPEN || req->op == FUSD_OP_RESTORE) && reply->result >= 0) {
		file->cookie = reply->value;
		file->opened = true;
		file->generation = dev->generation;
	}
	if (reply->head.flags & FUSD_REPLY_EVENTS)
		file->events = (__force __poll_t)reply->events;
	if (req->op != FUSD_OP_RESTORE)
		return;
	if (reply->result < 0) {
		file->dead = reply->result;
		file->events = EPOLLERR | EPOLLHUP;
		fusd_requests_of_dead(dev, file);
	}
	fusd_file_wake(file, file->events);
	if (!--dev->restoring)
		fusd_requests_restart(dev);
}

/*
 * Copies the answer's data while the request is neither sent nor done. Called and returns with
 * dev->lock held.
 */
static int fusd_reply_data(struct fusd_device *dev, struct fusd_req *req, struct iov_iter *from,
			   size_t len) __must_hold(&dev->lock)
{
	size_t after = iov_iter_count(from) - len;
	void *data = NULL;
	int err = 0;

	req->state = FUSD_REQ_ANSWERING;
	spin_unlock(&dev->lock);
	if (req->direct) {
		err = fusd_direct_copy(req, from, len);
		if (err == -ENOENT) {
			/* The caller has left meanwhile: taken, and dropped. */
			iov_iter_advance(from, iov_iter_count(from) - after);
			err = 0;
		}
	} else {
		data = kvmalloc(len, GFP_KERNEL_ACCOUNT);
		if (!data)
			err = -ENOMEM;
		else if (!copy_from_iter_full(data, len, from))
			err = -EFAULT;
	}
	spin_lock(&dev->lock);
	if (req->state != FUSD_REQ_ANSWERING) {
		/* The device has ended meanwhile, and its callers with it. */
		kvfree(data);
		return -ENODEV;
	}
	req->state = FUSD_REQ_SENT;
	if (err) {
		kvfree(data);
		/* Its slot counts again. */
		wake_up(&req->wait);
		return err;
	}
	req->answer = data;
	req->answer_len = data ? len : 0;
	return 0;
}

/* With dev->lock held: the request is answered, whatever way the answer came. */
static void fusd_answered(struct fusd_device *dev, struct fusd_req *req,
			  const struct fusd_reply *reply)
{
	dev->counters.replies++;
	if (req->abandoned)
		dev->counters.late++;
	req->value = reply->value;
	req->reply_flags = reply->head.flags;
	fusd_reply_file(dev, req, reply);
	fusd_req_finish(req, reply->result);
}

/* With dev->lock held. @return true when the request's answer was in its slot: it is done now */
bool fusd_take_from_slot(struct fusd_device *dev, struct fusd_req *req)
{
	struct fusd_reply reply;

	/* Else the daemon has answered by write(2), too. */
	if (req->state != FUSD_REQ_SENT || !fusd_ring_is_answered(req))
		return false;
	/* Callers take answers in any order, so the last word on poll(2) would be any of them. */
	if (!fusd_ring_reply(req, &reply) || reply.head.flags & FUSD_REPLY_EVENTS ||
	    !fusd_reply_fits(req, &reply, reply.head.len - sizeof(reply))) {
		fusd_req_finish(req, -EIO);
		return true;
	}
	req->answer = fusd_ring_reply_data(req);
	req->answer_in_slot = true;
	req->answer_len = reply.head.len - sizeof(reply);
	fusd_answered(dev, req, &reply);
	return true;
}

int fusd_take_reply(struct fusd_device *dev, struct fusd_conn *conn, const struct fusd_reply *reply,
		    struct iov_iter *from)
{
	size_t len = reply->head.len - sizeof(*reply);
	struct fusd_req *late_open = NULL;
	struct fusd_req *req;
	int err = 0;

	spin_lock(&dev->lock);
	if (dev->conn != conn) {
		err = -ENODEV;
		goto unlock;
	}
	req = fusd_find_sent(dev, reply->head.id);
	if (!req || req->state != FUSD_REQ_SENT) {
		err = -ENOENT;
		goto unlock;
	}
	if (!fusd_reply_fits(req, reply, len)) {
		err = -EINVAL;
		goto unlock;
	}
	refcount_inc(&req->refs);
	if (len && !req->abandoned)
		err = fusd_reply_data(dev, req, from, len);
	else
		iov_iter_advance(from, len);
	if (!err) {
		if (req->abandoned && req->op == FUSD_OP_OPEN && reply->result >= 0)
			late_open = req;
		fusd_answered(dev, req, reply);
	}
	spin_unlock(&dev->lock);
	if (late_open) {
		/* Nobody has this file: it is closed again. */
		struct fusd_req *release = fusd_req_new(late_open->file, FUSD_OP_RELEASE);

		if (!IS_ERR(release)) {
			fusd_tell(release);
			fusd_req_put(release);
		}
	}
	fusd_req_put(req);
	return err;

unlock:
	spin_unlock(&dev->lock);
	return err;
}
