// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: from the caller to the daemon and back. One is queued, sent, and done; its caller may
 * have left by then, and then its answer is dropped.
 */
#include <linux/llist.h>
#include <linux/mm.h>
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
	mutex_init(&req->copying);
	req->op = op;
	req->file = file ? fusd_file_get(file) : NULL;
	req->tgid = get_pid(task_tgid(current));
	req->tid = get_pid(task_pid(current));
	req->uid = current_fsuid();
	req->gid = current_fsgid();
	req->since = ktime_get();
	return req;
}

void *fusd_req_room(struct fusd_req *req, size_t in, size_t out)
{
	req->data = fusd_ring_reserve(req, in, out);
	req->data_in_slot = req->data;
	if (!req->data && in)
		req->data = kvmalloc(in, GFP_KERNEL_ACCOUNT);
	req->data_len = in;
	return req->data;
}

static void fusd_req_free(struct fusd_req *req)
{
	if (req->file)
		fusd_file_put(req->file);
	put_pid(req->tgid);
	put_pid(req->tid);
	if (!req->data_in_slot)
		kvfree(req->data);
	if (!req->answer_in_slot)
		kvfree(req->answer);
	fusd_ring_unreserve(req);
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
		queue_work(fusd_workqueue, &fusd_garbage_work);
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
	fusd_ring_leave(req);
	req->result = result;
	fusd_status_changed(req->file->dev);
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

static bool fusd_is_there(struct fusd_req *req)
{
	/* While the daemon answers by write(2), what its slot says does not end the wait. */
	return fusd_is_done(req) ||
	       (READ_ONCE(req->state) == FUSD_REQ_SENT && fusd_ring_is_answered(req));
}

static void fusd_enqueue(struct fusd_device *dev, struct fusd_req *req)
{
	lockdep_assert_held(&dev->lock);
	refcount_inc(&req->refs);
	req->id = ++dev->last_id;
	req->started = jiffies;
	dev->counters.requests++;
	fusd_status_changed(dev);
	if (fusd_ring_post(dev, req)) {
		req->state = FUSD_REQ_SENT;
		hash_add(dev->sent, &req->sent_node, req->id);
		/* A daemon that looks at its ring is not on the queue. */
		fusd_wake_daemon(dev);
	} else {
		req->state = FUSD_REQ_QUEUED;
		list_add_tail(&req->node, &dev->queue);
		fusd_messages(dev);
	}
}

/* Whether the daemon that there is has been told of the file; an earlier one may have been. */
static bool fusd_is_known(const struct fusd_device *dev, const struct fusd_file *file)
{
	return fusd_has_daemon(dev) && file->generation == dev->generation;
}

/* @return 0 when the request may wait for the daemon that there is, or the next */
static int fusd_admit(const struct fusd_device *dev, const struct fusd_req *req)
{
	if (dev->state == FUSD_DEAD || dev->state == FUSD_NEW)
		return -ENODEV;
	if (req->file->dead)
		return req->file->dead;
	/* The next daemon is not told of a file that is closed by then. */
	if (req->op == FUSD_OP_RELEASE && !fusd_is_known(dev, req->file))
		return -EIO;
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
	if (fusd_is_known(dev, req->file))
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

/* With dev->lock held: what close(2) leaves to the daemon is told, whoever waits for it or not. */
static void fusd_release_alone(struct fusd_req *req)
{
	if (req->state == FUSD_REQ_QUEUED)
		req->flags |= FUSD_NO_REPLY;
	else
		req->abandoned = true;
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
	/* An answer in the slot counts: nobody would look for it there any more. */
	if (req->state != FUSD_REQ_DONE && req->op == FUSD_OP_RELEASE) {
		fusd_release_alone(req);
		gone = true;
	} else if (req->state != FUSD_REQ_DONE && !fusd_take_from_slot(dev, req)) {
		gone = fusd_withdraw(req);
		if (!gone) {
			/* What a process that ends gives back is not cut short. */
			if (!req->interrupted && !req->exiting) {
				req->interrupted = true;
				req->started = jiffies;
				list_add_tail(&req->interrupt_node, &dev->interrupts);
				dev->counters.interrupts++;
				fusd_messages(dev);
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
	bool leaves = READ_ONCE(req->interrupted) || req->exiting;
	unsigned int ms = leaves ? dev->interrupt_ms : dev->deadline_ms;
	unsigned long end;

	/* No signal reaches a process that ends, so how long it takes is not the daemon's alone. */
	if (req->exiting)
		ms = min(ms, FUSD_INTERRUPT_MS);
	if (!ms)
		return MAX_SCHEDULE_TIMEOUT;
	/*
	 * A request that waits for the next daemon has recover_ms; its own time begins anew with
	 * that daemon.
	 */
	if (!leaves && (READ_ONCE(req->waits) || !fusd_has_daemon(dev)))
		return msecs_to_jiffies(ms);
	end = READ_ONCE(req->started) + msecs_to_jiffies(ms);
	return time_before(jiffies, end) ? (long)(end - jiffies) : 0;
}

/* @return 0 when the request is done, or the error for a caller that goes without its answer */
static int fusd_wait(struct fusd_req *req)
{
	struct fusd_device *dev = req->file->dev;

	for (;;) {
		long left = fusd_time_left(req);
		long woken;

		if (fusd_ring_look(req)) {
			spin_lock(&dev->lock);
			fusd_take_from_slot(dev, req);
			spin_unlock(&dev->lock);
		}
		if (fusd_is_done(req))
			return 0;
		if (!left) {
			int err = req->interrupted ? -EINTR : -ETIMEDOUT;

			if (fusd_interrupt(req, true))
				return err;
			continue;
		}
		if (req->exiting || req->interrupted)
			woken = wait_event_killable_timeout(req->wait, fusd_is_there(req), left);
		else
			woken = wait_event_interruptible_timeout(req->wait, fusd_is_there(req),
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
