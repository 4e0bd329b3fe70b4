// SPDX-License-Identifier: GPL-2.0-only
/* What a hostile daemon does with the requests of its devices, by plain messages and by the ring: see conn.h. */

#include <sys/uio.h>

#include "conn.h"

static void keep(struct fuz_conn *conn, const struct fusd_request *request)
{
	conn->kept.of[conn->kept.count++ % FUZ_KEPT] = *request;
}

static void inspect(struct fuz *fuz, const struct fusd_request *request, ssize_t got)
{
	struct fusd_request seen = *request;

	if ((ssize_t)request->head.len != got)
		fuz_fail(fuz, "a message of %u bytes in %zd", request->head.len, got);
	if (got < 1024 && fuz_room[got] != FUZ_EMPTY)
		fuz_fail(fuz, "bytes behind a message");
	fuz_look(fuz, fuz_room + sizeof(seen), got - sizeof(seen), "a request's bytes");
	/* LLSEEK's offset is signed, and FUSD_OP_WRITE's bytes are the client's. */
	seen.offset = 0;
	fuz_look(fuz, &seen, sizeof(seen), "a request");
	if (request->head.type == FUSD_OP_WRITE) {
		for (ssize_t i = sizeof(seen); i < got; i++)
			if (fuz_room[i] >= 0x80 && fuz_room[i] != 0xff)
				fuz_fail(fuz, "0x%x in what was written", fuz_room[i]);
	}
	if (request->head.type == FUSD_OP_INTERRUPT &&
	    (request->arg || request->offset || request->cmd || request->size || request->out_size))
		fuz_fail(fuz, "an INTERRUPT says more than it should");
}

/* @return whether a request has come */
static bool receive(struct fuz *fuz, struct fuz_conn *conn)
{
	size_t size = fuz_one_in(fuz, 8) ? fuz_below(fuz, FUZ_ROOM) : FUZ_ROOM - 128;
	/* Some ends in a page that is not there. */
	unsigned char *at = fuz_one_in(fuz, 32) ? fuz_room + FUZ_ROOM - fuz_below(fuz, 200) : fuz_room;
	struct iovec parts[2] = { { at, fuz_below(fuz, 100) } };
	struct fusd_request request;
	ssize_t got;

	parts[1] = (struct iovec){ at + parts[0].iov_len, size };
	if (at == fuz_room)
		memset(fuz_room, FUZ_EMPTY, 1024);
	got = fuz_one_in(fuz, 8) ? readv(conn->fd, parts, 2) : read(conn->fd, at, size);
	if (got < 0 && errno == ENODEV)
		fuz_ended(fuz, conn);
	/* What is longer than all of the room would be in the way of all others. */
	if (got < 0 && errno == EMSGSIZE && size == FUZ_ROOM - 128)
		fuz_begin(fuz, conn);
	if (got < (ssize_t)sizeof(request) || at != fuz_room)
		return false;
	memcpy(&request, fuz_room, sizeof(request));
	if (request.head.type > FUSD_OP_MAX)
		return false;
	inspect(fuz, &request, got);
	keep(conn, &request);
	return true;
}

/* A head about the request that came last. */
static void about(struct fuz *fuz, struct fuz_conn *conn, uint16_t type)
{
	struct fusd_head head = fst_head(type, conn->kept.of[(conn->kept.count - 1) % FUZ_KEPT].head.id);

	fuz_tell(fuz, conn, (void *)&head, sizeof(head));
}

void fuz_serve_message(struct fuz *fuz, struct fuz_conn *conn)
{
	const struct fusd_request *request;
	ssize_t size = -1, taken = 0;

	if (!receive(fuz, conn)) {
		/* A ring whose account is spoiled beyond repair says for ever that something is there. */
		if (++conn->idle > 20)
			fuz_begin(fuz, conn);
		return;
	}
	conn->idle = 0;
	request = &conn->kept.of[(conn->kept.count - 1) % FUZ_KEPT];
	if (fuz_one_in(fuz, 16))
		about(fuz, conn, FUSD_WAIT);
	/* Some wait. One that is spoiled is mostly refused; then comes a better one. */
	for (int tries = fuz_one_in(fuz, 128) ? 2 : 0; tries < 2 && taken != size; tries++) {
		size = fuz_reply_to(fuz, fuz_room, request);
		if (!tries && fuz_one_in(fuz, 8))
			size = fuz_mutate(fuz, fuz_room, size);
		taken = fuz_tell(fuz, conn, fuz_room, size);
	}
	fuz_count(&fuz->shared->counts.answers[request->head.type], taken == size);
}

bool fuz_has_slot(struct fuz_conn *conn)
{
	struct fusd_ring *head = (void *)conn->ring;
	uint32_t posted;

	if (!head)
		return false;
	posted = head->posted;
	if (posted - conn->taken > conn->slots)
		conn->taken = posted;
	head->taken = conn->taken;
	return posted != conn->taken;
}

void fuz_serve_slot(struct fuz *fuz, struct fuz_conn *conn)
{
	struct fusd_ring *head = (void *)conn->ring;
	uint32_t slot = head->order[conn->taken % FUSD_RING_MOST_SLOTS] % conn->slots;
	unsigned char *at = conn->ring + FUSD_RING_SLOTS_AT + slot * conn->slot_size;
	struct fusd_request request;
	uint32_t place;
	size_t size;

	memcpy(&request, at, sizeof(request));
	head->taken = ++conn->taken;
	keep(conn, &request);
	fuz_count(&fuz->shared->counts.slots,
		  request.head.type >= FUSD_OP_READ && request.head.type <= FUSD_OP_IOCTL);
	if (fuz_one_in(fuz, 128))
		return;
	place = FUSD_RING_REPLY_AT(request.head.len) % (conn->slot_size - 128);
	if (request.size > 4096)
		request.size = 4096;
	if (request.out_size > 4096)
		request.out_size = 4096;
	if (fuz_one_in(fuz, 16)) {
		about(fuz, conn, fuz_one_in(fuz, 4) ? FUSD_WAIT : FUSD_DETACH);
		size = fuz_reply_to(fuz, fuz_room, &request);
		fuz_tell(fuz, conn, fuz_room, size);
		return;
	}
	size = fuz_reply_to(fuz, fuz_room, &request);
	if (fuz_one_in(fuz, 8))
		fuz_mutate(fuz, fuz_room, size);
	else if (!fuz_one_in(fuz, 32))
		((struct fusd_reply *)fuz_room)->head.flags &= ~FUSD_REPLY_EVENTS;
	if (size > conn->slot_size - place)
		size = conn->slot_size - place;
	memcpy(at + place, fuz_room, size);
	head->slot[slot].state = fuz_one_in(fuz, 64) ? fuz_below(fuz, 4) : FUSD_SLOT_ANSWERED;
	if (!fuz_one_in(fuz, 64))
		ioctl(conn->fd, FUSD_IOC_COMMIT);
	if (fuz_one_in(fuz, 256))
		fuz_look(fuz, conn->ring, FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size, "the ring");
}
