// SPDX-License-Identifier: GPL-2.0-only
/*
 * The beginning and the end of a hostile daemon's devices, and the thread that writes to the ring of one of them while
 * it is in use: see conn.h.
 */

#include "conn.h"

struct fuz_conn fuz_conns[FUZ_CONNS];
uint32_t fuz_daemon_number;
unsigned char *fuz_room;

/* What the thread writes to, now. */
static unsigned char *volatile scribbled;
static volatile size_t scribbled_size;

static void scribble_once(struct fuz *fuz, unsigned char *ring)
{
	struct fusd_ring *head = (struct fusd_ring *)ring;

	switch (fuz_below(fuz, 8)) {
	case 0:
		head->taken = fuz_one_in(fuz, 2) ? head->posted : fuz_number(fuz);
		break;
	case 1:
		head->awake = fuz_below(fuz, 2);
		break;
	case 2:
		head->slot[fuz_below(fuz, 8)].state = fuz_below(fuz, 4);
		break;
	case 3:
		head->slot[fuz_below(fuz, 8)].wanted = fuz_below(fuz, 2);
		break;
	case 4:
		head->posted = fuz_number(fuz);
		break;
	default:
		*(uint32_t *)(ring + (fuz_below(fuz, scribbled_size) & ~3U)) = fuz_number(fuz);
	}
}

void *fuz_scribble(void *argument)
{
	struct fuz fuz = *(struct fuz *)argument;

	fuz.random = fst_seed(fuz.random, 77);
	while (fuz.shared->operations < fuz.shared->limit) {
		unsigned char *ring = scribbled;

		if (ring)
			scribble_once(&fuz, ring);
		/* There must be some that it leaves alone, and others are to get on. */
		if (!ring || fuz_one_in(&fuz, 16))
			usleep(fuz_below(&fuz, 1000));
	}
	return NULL;
}

void fuz_ended(struct fuz *fuz, struct fuz_conn *conn)
{
	conn->served = false;
	__atomic_and_fetch(&fuz->shared->live, ~(1U << conn->name), __ATOMIC_RELAXED);
}

ssize_t fuz_tell(struct fuz *fuz, struct fuz_conn *conn, const unsigned char *at, size_t size)
{
	ssize_t taken = write(conn->fd, at, size);
	struct fusd_head head;
	size_t place = 0;
	bool good = true;

	while (good && place < size) {
		uint32_t kind = FUZ_MESSAGES - 1;

		memset(&head, 0, sizeof(head));
		memcpy(&head, at + place, size - place < sizeof(head) ? size - place : sizeof(head));
		good = head.len >= sizeof(head) && (int64_t)place + head.len <= taken;
		if (head.type >= FUSD_CREATE && head.type <= FUSD_KEEP)
			kind = head.type - FUSD_CREATE;
		fuz_count(&fuz->shared->counts.messages[kind], good);
		place += head.len;
		if (!good)
			break;
		if (head.type == FUSD_START)
			conn->served = true;
		else if (head.type == FUSD_QUIESCE || head.type == FUSD_DESTROY)
			fuz_ended(fuz, conn);
	}
	return taken;
}

void fuz_unmap(struct fuz_conn *conn)
{
	if (!conn->ring)
		return;
	if (scribbled == conn->ring)
		scribbled = NULL;
	/* The thread may be writing there still: other memory takes its place. */
	mmap(conn->ring, FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	conn->ring = NULL;
}

static void restart(struct fuz *fuz, struct fuz_conn *conn)
{
	unsigned char info[sizeof(struct fusd_info) + 16];
	struct fusd_info *seen = (void *)info;

	if (conn->fd >= 0) {
		fuz_unmap(conn);
		close(conn->fd);
	}
	memset(conn, 0, sizeof(*conn));
	conn->fd = open("/dev/fusd", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (conn->fd < 0)
		fuz_fail(fuz, "/dev/fusd: %s", strerror(errno));
	memset(info, FUZ_EMPTY, sizeof(info));
	if (read(conn->fd, info, sizeof(info)) != sizeof(*seen) || seen->head.len != sizeof(*seen) ||
	    seen->head.flags || seen->head.id || seen->files || seen->reserved || info[sizeof(*seen)] != FUZ_EMPTY)
		fuz_fail(fuz, "INFO is not what it must be");
}

static void is_zero(struct fuz *fuz, const unsigned char *at, size_t size, const char *what)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			fuz_fail(fuz, "%s is not zeroed at %zu: 0x%x", what, i, at[i]);
}

static void new_region(struct fuz *fuz, struct fuz_conn *conn)
{
	struct fusd_region region = {
		.head = { .len = sizeof(region), .type = FUSD_REGION }, .offset = 1 << 20, .size = 4 * 4096, .fd = -1,
	};
	unsigned char *at;

	if (fuz_tell(fuz, conn, (void *)&region, sizeof(region)) != sizeof(region))
		return;
	at = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, conn->fd, FUSD_MAP_REGIONS + region.offset);
	if (at == MAP_FAILED)
		fuz_fail(fuz, "a region is not mapped: %s", strerror(errno));
	is_zero(fuz, at, region.size, "a new region");
	memset(at, 0x22, region.size);
	munmap(at, region.size);
}

static void new_ring(struct fuz *fuz, struct fuz_conn *conn)
{
	struct fusd_ring_setup *setup = (void *)fuz_room;
	size_t size = fuz_ring(fuz, fuz_room);

	if (fuz_tell(fuz, conn, fuz_room, size) != (ssize_t)size)
		return;
	size = FUSD_RING_SLOTS_AT + setup->slots * setup->slot_size;
	conn->slots = setup->slots;
	conn->slot_size = setup->slot_size;
	conn->ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, conn->fd, FUSD_MAP_RING);
	if (conn->ring == MAP_FAILED)
		fuz_fail(fuz, "the ring is not mapped: %s", strerror(errno));
	is_zero(fuz, conn->ring, size, "a new ring");
}

/* CREATE or RECOVER, whichever of them the device wants. */
static bool claim(struct fuz *fuz, struct fuz_conn *conn, uint32_t name)
{
	bool fresh = fuz_one_in(fuz, 2);
	size_t size;

	for (int tries = 0; tries < 2; tries++, fresh = !fresh) {
		size = fresh ? fuz_creation(fuz, fuz_room, name) : fuz_recovery(fuz, fuz_room, name);
		if (fuz_one_in(fuz, 16))
			size = fuz_mutate(fuz, fuz_room, size);
		if (fuz_tell(fuz, conn, fuz_room, size) == (ssize_t)size)
			return true;
	}
	return false;
}

void fuz_begin(struct fuz *fuz, struct fuz_conn *conn)
{
	uint32_t place = conn - fuz_conns, name = (place % 2) * FUZ_PLAIN + fuz_daemon_number * FUZ_CONNS / 2 + place / 2;
	size_t size;

	/* Now and then one that somebody else has, or might; and where somebody else has ours. */
	if ((conn->fd >= 0 && !conn->claimed) || fuz_one_in(fuz, 16))
		name = fuz_below(fuz, FUZ_NAMES);
	restart(fuz, conn);
	conn->name = name;
	conn->plain = name < FUZ_PLAIN;
	conn->claimed = claim(fuz, conn, name);
	if (!conn->claimed)
		return;
	if (fuz_one_in(fuz, 4))
		new_region(fuz, conn);
	for (int tries = 0; tries < 4; tries++) {
		size = fuz_table(fuz, fuz_room);
		if (fuz_tell(fuz, conn, fuz_room, size) == (ssize_t)size)
			break;
	}
	if (!conn->plain && !fuz_one_in(fuz, 4))
		new_ring(fuz, conn);
	if (fuz_one_in(fuz, 16))
		return;
	size = fuz_head_only(fuz_room, FUSD_START);
	if (fuz_tell(fuz, conn, fuz_room, size) != (ssize_t)size)
		return;
	if (conn->ring && fuz_one_in(fuz, 2)) {
		scribbled_size = FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size;
		scribbled = conn->ring;
	}
	__atomic_or_fetch(&fuz->shared->live, 1U << name, __ATOMIC_RELAXED);
}
