// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that a daemon and the kernel share. A ring lives as long as its device uses it, and as
 * a request is in one of its slots; its pages as long as somebody maps them.
 *
 * The daemon can write all of it at any time. So the kernel keeps its own account of slots, copies
 * what it decides by before it looks at it, and takes from a slot nothing but the answer's bytes.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

static unsigned int spin_us = 20;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "How long a caller looks for its answer before it sleeps, daemon awake");

struct fusd_ring_mem {
	refcount_t refs;
	u32 slots, slot_size;
	struct fusd_ring *shared; /* vmalloc_user(); the slots follow at FUSD_RING_SLOTS_AT */
	unsigned long *used; /* which slots have a request; atomic bits */
	u32 posted; /* under dev->lock */
	/* What is in the slots, under dev->lock. Those that are not posted yet are not here. */
	struct fusd_req *req[FUSD_RING_MOST_SLOTS];
};

static struct fusd_ring_mem *fusd_ring_new(const struct fusd_ring_setup *msg)
{
	struct fusd_ring_mem *ring;
	u64 size = (u64)msg->slots * msg->slot_size;

	BUILD_BUG_ON(sizeof(struct fusd_ring) > FUSD_RING_SLOTS_AT);
	if (!msg->slots || msg->slots > FUSD_RING_MOST_SLOTS)
		return ERR_PTR(-EINVAL);
	if (!msg->slot_size || !PAGE_ALIGNED(msg->slot_size) || size > FUSD_MOST_IO)
		return ERR_PTR(-EINVAL);
	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ring->refs, 1);
	ring->slots = msg->slots;
	ring->slot_size = msg->slot_size;
	ring->used = bitmap_zalloc(msg->slots, GFP_KERNEL_ACCOUNT);
	/* Zeroed. */
	ring->shared = vmalloc_user(FUSD_RING_SLOTS_AT + size);
	if (!ring->used || !ring->shared) {
		fusd_ring_put(ring);
		return ERR_PTR(-ENOMEM);
	}
	return ring;
}

void fusd_ring_put(struct fusd_ring_mem *ring)
{
	if (!ring || !refcount_dec_and_test(&ring->refs))
		return;
	vfree(ring->shared);
	bitmap_free(ring->used);
	kfree(ring);
}

int fusd_ring_setup(struct fusd_device *dev, const struct fusd_ring_setup *msg)
{
	struct fusd_ring_mem *ring = fusd_ring_new(msg);
	int err = 0;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	spin_lock(&dev->lock);
	if (dev->state != FUSD_NEW && dev->state != FUSD_RECOVERING)
		err = -EINVAL;
	else if (dev->ring)
		err = -EEXIST;
	else
		dev->ring = ring;
	spin_unlock(&dev->lock);
	if (err)
		fusd_ring_put(ring);
	return err;
}

int fusd_ring_map(struct fusd_device *dev, struct vm_area_struct *vma)
{
	struct fusd_ring_mem *ring;
	int err;

	spin_lock(&dev->lock);
	ring = dev->ring;
	if (ring)
		refcount_inc(&ring->refs);
	spin_unlock(&dev->lock);
	if (!ring)
		return -ENODEV;
	/* Its pages have counts of their own. */
	err = remap_vmalloc_range(vma, ring->shared, 0);
	fusd_ring_put(ring);
	return err;
}

static void *fusd_slot_at(const struct fusd_req *req)
{
	return (void *)req->ring->shared + FUSD_RING_SLOTS_AT +
	       (size_t)req->slot * req->ring->slot_size;
}

static struct fusd_slot *fusd_slot_of(const struct fusd_req *req)
{
	return &req->ring->shared->slot[req->slot];
}

static u32 fusd_reply_at(const struct fusd_req *req)
{
	return FUSD_RING_REPLY_AT((u32)sizeof(struct fusd_request) + req->data_len);
}

/* @return where @in bytes of data are to go, or NULL: there is no slot for this request */
void *fusd_ring_reserve(struct fusd_req *req, size_t in, size_t out)
{
	struct fusd_device *dev = req->file->dev;
	size_t size = FUSD_RING_REPLY_AT(sizeof(struct fusd_request) + in) +
		      sizeof(struct fusd_reply) + out;
	struct fusd_ring_mem *ring;
	u32 slot;

	spin_lock(&dev->lock);
	ring = dev->state == FUSD_LIVE ? dev->ring : NULL;
	if (ring && size <= ring->slot_size)
		refcount_inc(&ring->refs);
	else
		ring = NULL;
	spin_unlock(&dev->lock);
	if (!ring)
		return NULL;
	for (;;) {
		slot = find_first_zero_bit(ring->used, ring->slots);
		if (slot >= ring->slots) {
			fusd_ring_put(ring);
			return NULL;
		}
		if (!test_and_set_bit_lock(slot, ring->used))
			break;
	}
	req->ring = ring;
	req->slot = slot;
	return fusd_slot_at(req) + sizeof(struct fusd_request);
}

/* Gives the slot up, or the memory of one that the daemon has left. */
void fusd_ring_unreserve(struct fusd_req *req)
{
	if (!req->ring)
		return;
	if (!req->slot_returned)
		clear_bit_unlock(req->slot, req->ring->used);
	fusd_ring_put(req->ring);
	req->ring = NULL;
}

/* With dev->lock held. @return false when the request goes the other way */
bool fusd_ring_post(struct fusd_device *dev, struct fusd_req *req)
{
	struct fusd_ring_mem *ring = req->ring;
	struct fusd_request head;
	struct fusd_slot *slot;

	lockdep_assert_held(&dev->lock);
	if (!ring || ring != dev->ring || dev->state != FUSD_LIVE)
		return false;
	fusd_describe(req, dev->conn, req->op, &head);
	memcpy(fusd_slot_at(req), &head, sizeof(head));
	slot = fusd_slot_of(req);
	WRITE_ONCE(slot->wanted, 0);
	WRITE_ONCE(slot->state, FUSD_SLOT_POSTED);
	ring->req[req->slot] = req;
	WRITE_ONCE(req->posted, true);
	WRITE_ONCE(ring->shared->order[ring->posted % FUSD_RING_MOST_SLOTS], req->slot);
	ring->posted++;
	/* The daemon reads the slot when it has seen `posted`. */
	smp_store_release(&ring->shared->posted, ring->posted);
	return true;
}

/* With dev->lock held: the request's bytes stay where they are, and the slot says nothing of it. */
void fusd_ring_leave(struct fusd_req *req)
{
	if (!req->posted)
		return;
	req->ring->req[req->slot] = NULL;
	WRITE_ONCE(req->posted, false);
}

/* The same, and the slot is another request's from here on. */
void fusd_ring_detach(struct fusd_req *req)
{
	fusd_ring_leave(req);
	req->slot_returned = true;
	clear_bit_unlock(req->slot, req->ring->used);
}

bool fusd_ring_is_answered(const struct fusd_req *req)
{
	if (!READ_ONCE(req->posted))
		return false;
	/* Pairs with the daemon's release of the state: the answer is read after it. */
	return smp_load_acquire(&fusd_slot_of(req)->state) == FUSD_SLOT_ANSWERED;
}

/* The answer's head, copied. @return false when it does not fit its slot */
bool fusd_ring_reply(const struct fusd_req *req, struct fusd_reply *reply)
{
	u32 at = fusd_reply_at(req);

	memcpy(reply, fusd_slot_at(req) + at, sizeof(*reply));
	/* The copy is what is looked at, whatever the compiler would rather do. */
	barrier();
	return reply->head.type == FUSD_REPLY && reply->head.id == req->id &&
	       reply->head.len >= sizeof(*reply) && reply->head.len <= req->ring->slot_size - at;
}

void *fusd_ring_reply_data(const struct fusd_req *req)
{
	return fusd_slot_at(req) + fusd_reply_at(req) + sizeof(struct fusd_reply);
}

/*
 * The caller looks for its answer, as long as the daemon says that it does the same for requests.
 * Then it says that it sleeps. @return true when the answer is there
 */
bool fusd_ring_look(struct fusd_req *req)
{
	struct fusd_slot *slot;
	u64 end;

	if (!READ_ONCE(req->posted))
		return false;
	slot = fusd_slot_of(req);
	if (READ_ONCE(req->ring->shared->awake) && spin_us) {
		end = local_clock() + min(spin_us, 1000U) * NSEC_PER_USEC;
		while (!fusd_ring_is_answered(req)) {
			if (need_resched() || signal_pending(current) || local_clock() >= end)
				break;
			cpu_relax();
		}
	}
	if (fusd_ring_is_answered(req))
		return true;
	WRITE_ONCE(req->sleeps_on, raw_smp_processor_id());
	WRITE_ONCE(slot->wanted, 1);
	/* Pairs with the daemon's between the state and `wanted`: one of the two sees the other. */
	smp_mb();
	return fusd_ring_is_answered(req);
}

/* With dev->lock held: wakes those whose answers are there, and ends those who have left. */
int fusd_ring_commit(struct fusd_device *dev)
{
	struct fusd_ring_mem *ring = dev->ring;
	int here = 0;
	u32 slot;

	lockdep_assert_held(&dev->lock);
	if (!ring)
		return 0;
	for (slot = 0; slot < ring->slots; slot++) {
		struct fusd_req *req = ring->req[slot];

		if (!req || !fusd_ring_is_answered(req))
			continue;
		if (req->abandoned) {
			fusd_take_from_slot(dev, req);
		} else if (wq_has_sleeper(&req->wait)) {
			here += READ_ONCE(req->sleeps_on) == smp_processor_id();
			wake_up(&req->wait);
		}
	}
	return here;
}

/* With dev->lock held: what poll(2) of the daemon, and its ring, say. */
bool fusd_ring_has_request(struct fusd_device *dev)
{
	lockdep_assert_held(&dev->lock);
	return dev->ring && READ_ONCE(dev->ring->shared->taken) != dev->ring->posted;
}

void fusd_ring_tell(struct fusd_device *dev, bool messages)
{
	lockdep_assert_held(&dev->lock);
	if (dev->ring)
		WRITE_ONCE(dev->ring->shared->messages, messages);
}
