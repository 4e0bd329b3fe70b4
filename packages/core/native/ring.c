// SPDX-License-Identifier: MIT
/*
 * Ring: see ring.h. Requests are copied out of their slots, so that one that waits keeps nothing there but its slot, and
 * that is given back when too many are held so. A struct ring lives as long as its link.
 *
 * What is not in a slot is read and written as without a ring: opens, closes, interrupts, what is too long, and each
 * answer that says what poll(2) says from now on, as answers in slots count in the order in which callers see them.
 */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../kernel/fusd/uapi/fusd.h"

/* So many sleepers are woken at once at the most: the others go on meanwhile. */
#define MOST_ANSWERS 64
/* So often, about a microsecond long, a daemon that does not sleep looks for more before it wakes anybody. */
#define LINGER 1000
#define NONE UINT32_MAX

struct ring {
	int fd;
	uint32_t slots, slot_size;
	size_t size;
	struct fusd_ring *shared;
	uint32_t taken;

	/* The request that was taken last, until it is answered. */
	uint32_t slot;
	struct fusd_head head;

	/* The ids of requests that wait and may have their slots still, by slot; 0: none. */
	uint64_t waiting[FUSD_RING_MOST_SLOTS];
	uint32_t waits;

	uint32_t uncommitted; /* answers whose callers sleep */
	bool awake;
	bool told;

	/* Ids rise. Of the message that was read last: what is posted with a lower one comes before what else there is. */
	uint64_t first_up_to;
	struct fusd_request message; /* kept until that is done */
	size_t message_length;	     /* 0: none is */
};

struct ring *ring_map(int fd, unsigned int slots, unsigned int slot_size)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->fd = fd;
	ring->slots = slots;
	ring->slot_size = slot_size;
	ring->slot = NONE;
	ring->size = FUSD_RING_SLOTS_AT + (size_t)slots * slot_size;
	ring->shared = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, FUSD_MAP_RING);
	if (ring->shared == MAP_FAILED) {
		free(ring);
		return NULL;
	}
	return ring;
}

void ring_unmap(struct ring *ring)
{
	if (!ring)
		return;
	munmap(ring->shared, ring->size);
	free(ring);
}

static uint8_t *slot_at(const struct ring *ring, uint32_t slot)
{
	return (uint8_t *)ring->shared + FUSD_RING_SLOTS_AT + (size_t)slot * ring->slot_size;
}

/* --- requests that wait --- */

/* Gives the slots of all that wait back. Those that are answered by now have none: the kernel says ENOENT. */
static void detach_all(struct ring *ring)
{
	struct fusd_head heads[FUSD_RING_MOST_SLOTS];
	size_t count = 0, done = 0;

	for (uint32_t slot = 0; slot < ring->slots; slot++) {
		if (ring->waiting[slot])
			heads[count++] = (struct fusd_head){
				.len = sizeof(*heads), .type = FUSD_DETACH, .id = ring->waiting[slot]
			};
		ring->waiting[slot] = 0;
	}
	ring->waits = 0;
	while (done < count) {
		long n = syscall(SYS_write, ring->fd, heads + done, (count - done) * sizeof(*heads));

		/* It stops at the first that is refused. */
		done += n > 0 ? (size_t)n / sizeof(*heads) : 1;
	}
}

static void set_aside(struct ring *ring)
{
	if (ring->slot == NONE)
		return;
	ring->waiting[ring->slot] = ring->head.id;
	ring->slot = NONE;
	if (++ring->waits > ring->slots / 2)
		detach_all(ring);
}

/* --- requests --- */

static bool any_posted(const struct ring *ring)
{
	return __atomic_load_n(&ring->shared->posted, __ATOMIC_ACQUIRE) != ring->taken;
}

static uint32_t next_slot(const struct ring *ring)
{
	return ring->shared->order[ring->taken % FUSD_RING_MOST_SLOTS];
}

/* Whether a request is posted that was made no later than the one with this id. */
static bool any_posted_up_to(const struct ring *ring, uint64_t id)
{
	uint32_t slot;

	if (!any_posted(ring))
		return false;
	slot = next_slot(ring);
	/* A slot that there is not is take_slot()'s to report. */
	return slot >= ring->slots || ((const struct fusd_head *)slot_at(ring, slot))->id <= id;
}

static long take_slot(struct ring *ring, void *into, size_t room)
{
	uint32_t slot = next_slot(ring);
	const struct fusd_request *request;
	size_t most = room < ring->slot_size ? room : ring->slot_size;
	size_t length;

	if (slot >= ring->slots)
		return -EPROTO;
	request = (const struct fusd_request *)slot_at(ring, slot);
	length = request->head.len;
	if (length < sizeof(*request) || length > most)
		return -EPROTO;
	memcpy(into, request, length);
	__atomic_store_n(&ring->shared->taken, ++ring->taken, __ATOMIC_RELEASE);
	if (ring->waiting[slot]) {
		/* Who had the slot was answered. */
		ring->waiting[slot] = 0;
		ring->waits--;
	}
	ring->slot = slot;
	ring->head = request->head;
	return (long)length;
}

static long read_message(struct ring *ring, void *into, size_t room)
{
	long n;

	do
		n = syscall(SYS_read, ring->fd, into, room);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * In the order in which requests were made, so that an INTERRUPT or RELEASE comes neither before its caller's request nor
 * after what others have asked for since. Long messages are not kept, but come at once: they have nothing to do with
 * what is posted, and what was posted before them is next.
 */
static long take_any(struct ring *ring, void *into, size_t room)
{
	bool any = any_posted(ring); /* before `messages` is looked at: those are older, then */
	long n;

	if (!ring->message_length && !any_posted_up_to(ring, ring->first_up_to) &&
	    (__atomic_load_n(&ring->shared->messages, __ATOMIC_RELAXED) || (ring->told && !any))) {
		ring->told = false;
		n = read_message(ring, into, room);
		if (n >= (long)sizeof(struct fusd_head)) {
			ring->first_up_to = ((const struct fusd_head *)into)->id;
			if (n > (long)sizeof(ring->message) || !any_posted_up_to(ring, ring->first_up_to))
				return n;
			memcpy(&ring->message, into, (size_t)n);
			ring->message_length = (size_t)n;
		} else if (n != -EAGAIN) {
			return n;
		}
		any = any_posted(ring);
	}
	ring->told = false;
	if (ring->message_length && !any_posted_up_to(ring, ring->first_up_to)) {
		n = (long)ring->message_length;
		memcpy(into, &ring->message, ring->message_length);
		ring->message_length = 0;
		return n;
	}
	return any ? take_slot(ring, into, room) : -EAGAIN;
}

long ring_take(struct ring *ring, void *into, size_t room)
{
	long n;

	set_aside(ring);
	if (room < sizeof(ring->message))
		return -EMSGSIZE;
	if (ring->uncommitted >= MOST_ANSWERS)
		ring_commit(ring);
	n = take_any(ring, into, room);
	if (n == -EAGAIN && ring->uncommitted && ring->awake) {
		/* Callers of another CPU run one after the other: who is next asks just now, and is woken with the others. */
		for (int looks = 0; looks < LINGER && !any_posted(ring); looks++)
			;
		n = take_any(ring, into, room);
	}
	if (n == -EAGAIN && ring->uncommitted) {
		long here = ring_commit(ring);

		n = take_any(ring, into, room);
		/* Who was woken on this CPU, and has not run yet, runs before we sleep: perhaps it asks again. */
		if (n == -EAGAIN && here > 0) {
			syscall(SYS_sched_yield);
			n = take_any(ring, into, room);
		}
	}
	return n;
}

bool ring_keeps_one(const struct ring *ring)
{
	return ring->message_length > 0;
}

void ring_told(struct ring *ring)
{
	ring->told = true;
}

/* --- answers --- */

bool ring_answer(struct ring *ring, const struct iovec *parts, size_t count)
{
	const struct fusd_head *head = parts[0].iov_base;
	struct fusd_slot *state;
	uint8_t *to;
	size_t at;

	if (ring->slot == NONE || parts[0].iov_len < sizeof(struct fusd_reply) || head->type != FUSD_REPLY ||
	    head->id != ring->head.id || (head->flags & FUSD_REPLY_EVENTS))
		return false;
	at = FUSD_RING_REPLY_AT(ring->head.len);
	if (at > ring->slot_size || head->len > ring->slot_size - at)
		return false;
	to = slot_at(ring, ring->slot) + at;
	for (size_t i = 0; i < count; i++) {
		memcpy(to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	state = &ring->shared->slot[ring->slot];
	/* Pairs with fusd_ring_look() of the module: one of the two sees what the other has written. */
	__atomic_store_n(&state->state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
	ring->uncommitted += __atomic_load_n(&state->wanted, __ATOMIC_SEQ_CST) != 0;
	ring->slot = NONE;
	return true;
}

long ring_commit(struct ring *ring)
{
	if (!ring->uncommitted)
		return 0;
	ring->uncommitted = 0;
	return syscall(SYS_ioctl, ring->fd, FUSD_IOC_COMMIT);
}

void ring_awake(struct ring *ring, bool awake)
{
	ring->awake = awake;
	__atomic_store_n(&ring->shared->awake, awake, __ATOMIC_RELAXED);
}
