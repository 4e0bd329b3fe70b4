// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: from the caller to the daemon and back. One is queued, sent, and done; its caller may
 * have left by then, and then its answer is dropped.
 */
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

struct fusd_req *fusd_req_new(struct fusd_file *file, u16 op)
{
	struct fusd_req *req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);

	if (!req)
		return ERR_PTR(-ENOMEM);
	refcount_set(&req->refs, 1);
	INIT_LIST_HEAD(&req->node);
	INIT_HLIST_NODE(&req->sent_node);
	INIT_LIST_HEAD(&req->interrupt_node);
	init_waitqueue_head(&req->wait);
	req->op = op;
	req->file = file ? fusd_file_get(file) : NULL;
	req->tgid = get_pid(task_tgid(current));
	req->tid = get_pid(task_pid(current));
	req->uid = current_fsuid();
	req->gid = current_fsgid();
	req->since = ktime_get();
	return req;
}

static void fusd_req_free(struct fusd_req *req)
{
	if (req->file)
		fusd_file_put(req->file);
	put_pid(req->tgid);
	put_pid(req->tid);
	kvfree(req->data);
	kvfree(req->answer);
	kfree(req);
}

void fusd_req_put(struct fusd_req *req)
{
	if (refcount_dec_and_test(&req->refs))
		fusd_req_free(req);
}

static LLIST_HEAD(fusd_garbage);

static void fusd_collect(struct work_struct *work)
{
	struct fusd_req *req, *next;

	llist_for_each_entry_safe(req, next, llist_del_all(&fusd_garbage), garbage_node)
		fusd_req_free(req);
}

static DECLARE_WORK(fusd_garbage_work, fusd_collect);

/* As fusd_req_put(), under a spinlock: what kvfree() does may sleep. */
static void fusd_req_put_atomic(struct fusd_req *req)
{
	if (refcount_dec_and_test(&req->refs) && llist_add(&req->garbage_node, &fusd_garbage))
		schedule_work(&fusd_garbage_work);
}

void fusd_requests_exit(void)
{
	flush_work(&fusd_garbage_work);
}

void fusd_reqs_free(struct list_head *requests)
{
	struct fusd_req *req, *next;

	list_for_each_entry_safe(req, next, requests, node) {
		list_del_init(&req->node);
		fusd_req_put(req);
	}
}

/* Gives up the reference of the list that the request is on. */
void fusd_req_finish(struct fusd_req *req, s64 result)
{
	lockdep_assert_held(&req->file->dev->lock);
	list_del_init(&req->node);
	hash_del(&req->sent_node);
	list_del_init(&req->interrupt_node);
	req->result = result;
	/* Pairs with the acquire in fusd_is_done(): the answer is read without the lock. */
	smp_store_release(&req->state, FUSD_REQ_DONE);
	wake_up(&req->wait);
	fusd_req_put_atomic(req);
}

static bool fusd_is_done(struct fusd_req *req)
{
	/* Pairs with the release in fusd_req_finish(). */
	return smp_load_acquire(&req->state) == FUSD_REQ_DONE;
}

static void fusd_enqueue(struct fusd_device *dev, struct fusd_req *req)
{
	lockdep_assert_held(&dev->lock);
	refcount_inc(&req->refs);
	req->id = ++dev->last_id;
	req->state = FUSD_REQ_QUEUED;
	req->started = jiffies;
	list_add_tail(&req->node, &dev->queue);
	dev->counters.requests++;
	wake_up(&dev->daemon_wait);
}

/* @return 0 when the request may wait for the daemon that there is, or the next */
static int fusd_admit(const struct fusd_device *dev, const struct fusd_req *req)
{
	if (dev->state == FUSD_DEAD || dev->state == FUSD_NEW)
		return -ENODEV;
	if (req->file->dead)
		return req->file->dead;
	if (fusd_has_daemon(dev))
		return 0;
	if (!dev->quiesced && dev->policy[req->op] == FUSD_POLICY_FAIL)
		return -EIO;
	if ((req->file_flags & O_NONBLOCK) && (req->op == FUSD_OP_READ || req->op == FUSD_OP_WRITE))
		return -EAGAIN;
	return 0;
}

static int fusd_submit(struct fusd_req *req)
{
	struct fusd_device *dev = req->file->dev;
	int err;

	spin_lock(&dev->lock);
	err = fusd_admit(dev, req);
	if (!err)
		fusd_enqueue(dev, req);
	spin_unlock(&dev->lock);
	return err;
}

void fusd_tell(struct fusd_req *req)
{
	struct fusd_device *dev = req->file->dev;

	req->flags |= FUSD_NO_REPLY;
	spin_lock(&dev->lock);
	/* Without a daemon there is nobody to tell, and the next one is not told of the file. */
	if (fusd_has_daemon(dev))
		fusd_enqueue(dev, req);
	spin_unlock(&dev->lock);
}

/* With dev->lock held. @return true when the daemon has not read it, so that it never will */
static bool fusd_withdraw(struct fusd_req *req)
{
	if (req->state != FUSD_REQ_QUEUED)
		return false;
	fusd_req_finish(req, -EINTR);
	return true;
}

/*
 * The caller leaves, or wants to. @for_good: it does not wait for the answer.
 * @return true when the caller is free
 */
static bool fusd_interrupt(struct fusd_req *req, bool for_good)
{
	struct fusd_device *dev = req->file->dev;
	bool gone = false;

	spin_lock(&dev->lock);
	if (req->state != FUSD_REQ_DONE) {
		gone = fusd_withdraw(req);
		if (!gone) {
			/* What a process that ends gives back is not cut short. */
			if (!req->interrupted && !req->exiting) {
				req->interrupted = true;
				req->started = jiffies;
				list_add_tail(&req->interrupt_node, &dev->interrupts);
				dev->counters.interrupts++;
				wake_up(&dev->daemon_wait);
			}
			req->abandoned |= for_good;
			gone = for_good;
		}
	}
	spin_unlock(&dev->lock);
	return gone;
}

/* Jiffies until the caller goes without an answer. */
static long fusd_time_left(const struct fusd_req *req)
{
	const struct fusd_device *dev = req->file->dev;
	unsigned int ms = READ_ONCE(req->interrupted) || req->exiting ? dev->interrupt_ms
								      : dev->deadline_ms;
	unsigned long end;

	if (!ms)
		return MAX_SCHEDULE_TIMEOUT;
	/*
	 * A request that waits for the next daemon has recover_ms; its own time begins anew with
	 * that daemon.
	 */
	if (!READ_ONCE(req->interrupted) && (READ_ONCE(req->waits) || !fusd_has_daemon(dev)))
		return msecs_to_jiffies(ms);
	end = READ_ONCE(req->started) + msecs_to_jiffies(ms);
	return time_before(jiffies, end) ? (long)(end - jiffies) : 0;
}

/* @return 0 when the request is done, or the error for a caller that goes without its answer */
static int fusd_wait(struct fusd_req *req)
{
	for (;;) {
		long left = fusd_time_left(req);
		long woken;

		if (fusd_is_done(req))
			return 0;
		if (!left) {
			int err = req->interrupted ? -EINTR : -ETIMEDOUT;

			if (fusd_interrupt(req, true))
				return err;
			continue;
		}
		if (req->exiting || req->interrupted)
			woken = wait_event_killable_timeout(req->wait, fusd_is_done(req), left);
		else
			woken = wait_event_interruptible_timeout(req->wait, fusd_is_done(req),
								 left);
		if (woken == -ERESTARTSYS && fusd_interrupt(req, fatal_signal_pending(current)))
			return -ERESTARTSYS;
	}
}

s64 fusd_call(struct fusd_req *req)
{
	struct fusd_waiting waiting;
	int err;

	err = fusd_waits(&waiting, req->file->dev);
	if (err)
		return err;
	err = fusd_submit(req);
	if (!err)
		err = fusd_wait(req);
	fusd_waits_no_more(&waiting);
	if (err)
		return err;
	/* Nothing was done: the call begins anew where the program wants that (SA_RESTART). */
	if (req->result == -EINTR && signal_pending(current))
		return -ERESTARTSYS;
	return req->result;
}

/* --- the daemon's side --- */

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

bool fusd_has_request(struct fusd_device *dev, struct fusd_conn *conn)
{
	bool has;

	spin_lock(&dev->lock);
	has = dev->conn != conn || dev->state == FUSD_DEAD || !list_empty(&dev->interrupts) ||
	      fusd_next(dev);
	spin_unlock(&dev->lock);
	return has;
}

static void fusd_describe(const struct fusd_req *req, const struct fusd_conn *conn, u16 type,
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
	struct fusd_req *req = list_first_entry_or_null(&dev->interrupts, struct fusd_req,
							interrupt_node);

	if (!req)
		return false;
	list_del_init(&req->interrupt_node);
	fusd_describe(req, conn, FUSD_OP_INTERRUPT, head);
	return true;
}

/* The daemon's buffer was bad: the request is the next one again. With dev->lock held. */
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
}

ssize_t fusd_send_next(struct fusd_device *dev, struct fusd_conn *conn, struct iov_iter *to)
{
	struct fusd_request head;
	struct fusd_req *req;
	ssize_t sent = -EAGAIN;
	bool copied;

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
		spin_unlock(&dev->lock);
		/* Lost to a bad buffer, it is not repeated: interrupt_ms stands behind it. */
		copied = copy_to_iter(&head, sizeof(head), to) == sizeof(head);
		return copied ? (ssize_t)sizeof(head) : -EFAULT;
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
	spin_unlock(&dev->lock);

	copied = copy_to_iter(&head, sizeof(head), to) == sizeof(head) &&
		 copy_to_iter(req->data, req->data_len, to) == req->data_len;

	spin_lock(&dev->lock);
	if (!copied)
		fusd_unsend(dev, req);
	else if ((req->flags & FUSD_NO_REPLY) && req->state == FUSD_REQ_SENT)
		fusd_req_finish(req, 0);
	spin_unlock(&dev->lock);
	fusd_req_put(req);
	return copied ? (ssize_t)head.head.len : -EFAULT;

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
 * Whether an answer is one to this request. Errors above MAX_USER_ERRNO are the kernel's own
 * (linux/errno.h).
 */
#define FUSD_MAX_USER_ERRNO 511

static bool fusd_reply_fits(const struct fusd_req *req, const struct fusd_reply *reply, size_t len)
{
	s64 result = reply->result;

	if (reply->head.flags & ~(FUSD_REPLY_EVENTS | FUSD_REPLY_RETRY) || reply->reserved)
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
	}
	if (reply->head.flags & FUSD_REPLY_EVENTS)
		file->events = (__force __poll_t)reply->events;
	if (req->op != FUSD_OP_RESTORE)
		return;
	if (reply->result < 0) {
		file->dead = reply->result;
		file->events = EPOLLERR | EPOLLHUP;
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
			   size_t len)
	__must_hold(&dev->lock)
{
	int err = 0;
	void *data;

	req->state = FUSD_REQ_ANSWERING;
	spin_unlock(&dev->lock);
	data = kvmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!data)
		err = -ENOMEM;
	else if (!copy_from_iter_full(data, len, from))
		err = -EFAULT;
	spin_lock(&dev->lock);
	if (req->state != FUSD_REQ_ANSWERING) {
		/* The device has ended meanwhile, and its callers with it. */
		kvfree(data);
		return -ENODEV;
	}
	req->state = FUSD_REQ_SENT;
	if (err) {
		kvfree(data);
		return err;
	}
	req->answer = data;
	req->answer_len = len;
	return 0;
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
		dev->counters.replies++;
		req->value = reply->value;
		req->reply_flags = reply->head.flags;
		fusd_reply_file(dev, req, reply);
		if (req->abandoned) {
			dev->counters.late++;
			if (req->op == FUSD_OP_OPEN && reply->result >= 0)
				late_open = req;
		}
		fusd_req_finish(req, reply->result);
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

/* --- the daemon goes, and the next one comes; all with dev->lock held --- */

/* Back to where it was in the order of requests. */
static void fusd_requeue(struct fusd_device *dev, struct fusd_req *req)
{
	struct fusd_req *other;

	hash_del(&req->sent_node);
	req->state = FUSD_REQ_QUEUED;
	req->reissued = true;
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
	list_for_each_entry_safe(req, next, &dev->queue, node) {
		if (req->op == FUSD_OP_RELEASE || req->op == FUSD_OP_RESTORE)
			fusd_req_finish(req, 0);
		else if (!dev->quiesced && dev->policy[req->op] == FUSD_POLICY_FAIL)
			fusd_req_finish(req, -EIO);
	}
	hash_for_each_safe(dev->sent, bucket, next_sent, req, sent_node) {
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
	hash_for_each_safe(dev->sent, bucket, next_sent, req, sent_node)
		fusd_req_finish(req, req->op == FUSD_OP_RELEASE ? 0 : result);
}

void fusd_requests_restart(struct fusd_device *dev)
{
	struct fusd_req *req;

	lockdep_assert_held(&dev->lock);
	dev->state = FUSD_LIVE;
	dev->quiesced = false;
	list_for_each_entry(req, &dev->queue, node)
		WRITE_ONCE(req->started, jiffies);
	wake_up(&dev->daemon_wait);
}

void fusd_queue_restore(struct fusd_device *dev, struct fusd_req *req, struct fusd_file *file)
{
	lockdep_assert_held(&dev->lock);
	put_pid(req->tgid);
	put_pid(req->tid);
	req->file = fusd_file_get(file);
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
	wake_up(&dev->daemon_wait);
}
