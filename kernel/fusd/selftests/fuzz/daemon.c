// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hostile daemon of fuzz.c: a few descriptors of /dev/fusd, each with what it has come by of its requests. What it
 * does is mostly nearly right, since what is wrong at once goes no further.
 */

#include <sys/uio.h>

#include "hostile.h"

#define CONNS		4
#define KEPT		16
#define ROOM		(96 * 1024)
#define RING_MOST	(FUSD_RING_SLOTS_AT + 8 * 8192)

struct conn {
	int fd;
	uint32_t slots, slot_size;
	unsigned char *ring;	/* NULL: none mapped */
	struct fusd_request kept[KEPT];
	uint32_t count;
	bool plain;
};

static struct conn conns[CONNS];
static unsigned char *room;	/* with a page behind it that is not there */
static int memfds[6];
/* What the thread writes to, now. */
static unsigned char *volatile scribbled;
static volatile size_t scribbled_size;

static void *scribble(void *argument)
{
	struct fuz fuz = *(struct fuz *)argument;

	fuz.random = fst_seed(fuz.random, 77);
	while (fuz.shared->operations < fuz.shared->limit) {
		unsigned char *ring = scribbled;
		struct fusd_ring *head = (struct fusd_ring *)ring;

		if (!ring) {
			usleep(100);
			continue;
		}
		switch (fuz_below(&fuz, 8)) {
		case 0:
			head->taken = fuz_one_in(&fuz, 2) ? head->posted : fuz_number(&fuz);
			break;
		case 1:
			head->awake = fuz_below(&fuz, 2);
			break;
		case 2:
			head->slot[fuz_below(&fuz, 8)].state = fuz_below(&fuz, 4);
			break;
		case 3:
			head->slot[fuz_below(&fuz, 8)].wanted = fuz_below(&fuz, 2);
			break;
		case 4:
			head->posted = fuz_number(&fuz);
			break;
		default:
			*(uint32_t *)(ring + (fuz_below(&fuz, scribbled_size) & ~3U)) = fuz_number(&fuz);
		}
		/* There must be some that it leaves alone. */
		if (fuz_one_in(&fuz, 64))
			usleep(fuz_below(&fuz, 500));
	}
	return NULL;
}

/* --- messages: each into a buffer, its length --- */

static size_t head_only(struct fuz *fuz, unsigned char *at, uint16_t type)
{
	struct fusd_head head = fst_head(type, 0);

	(void)fuz;
	memcpy(at, &head, sizeof(head));
	return sizeof(head);
}

static size_t creation(struct fuz *fuz, unsigned char *at)
{
	static const uint32_t times[] = { 0, 1, 5, 20, 100, 500 };
	struct fusd_create create = {
		.head = { .len = sizeof(create), .type = FUSD_CREATE },
		.version = FUSD_VERSION,
		.ops = fuz_one_in(fuz, 4) ? fuz_number(fuz) & 0x1fe : 0x1fe,
		.flags = fuz_below(fuz, 2),
		.mode = 0666,
		.max_io = fuz_one_in(fuz, 2) ? 0 : fuz_number(fuz) % FUSD_RING_SLOTS_AT,
		.max_opens = fuz_below(fuz, 12),
		.deadline_ms = times[1 + fuz_below(fuz, 4)],
		.interrupt_ms = times[1 + fuz_below(fuz, 3)],
		.recover_ms = times[fuz_below(fuz, 6)],
	};

	for (int i = 0; i < 16; i++)
		create.policy[i] = fuz_below(fuz, 3);
	fuz_name(fuz, fuz_below(fuz, FUZ_NAMES), create.name);
	memcpy(at, &create, sizeof(create));
	return sizeof(create);
}

static size_t recovery(struct fuz *fuz, unsigned char *at)
{
	struct fusd_recover recover = {
		.head = { .len = sizeof(recover), .type = FUSD_RECOVER }, .version = FUSD_VERSION,
	};

	fuz_name(fuz, fuz_below(fuz, FUZ_NAMES), recover.name);
	memcpy(at, &recover, sizeof(recover));
	return sizeof(recover);
}

static size_t table(struct fuz *fuz, unsigned char *at)
{
	static const uint8_t widths[] = { 0, 1, 2, 4, 8 };
	uint32_t types = 1 + fuz_below(fuz, 6), links = fuz_below(fuz, 12), commands = FUZ_COMMANDS * 2;
	struct fusd_table head = {
		.head = { .type = FUSD_TABLE }, .commands = commands, .types = types, .links = links,
	};
	struct fusd_command *command = (void *)(at + sizeof(head));
	struct fusd_type *type = (void *)(command + commands);
	struct fusd_link *link = (void *)(type + types);

	head.head.len = (unsigned char *)(link + links) - at;
	memcpy(at, &head, sizeof(head));
	memset(command, 0, head.head.len - sizeof(head));
	for (uint32_t i = 0; i < commands; i++) {
		command[i].cmd = fuz_command(i / 2);
		command[i].model = i % 2;
		command[i].passing = fuz_below(fuz, 5);
		if (command[i].passing >= FUSD_ARG_IN && command[i].passing <= FUSD_ARG_INOUT)
			command[i].type = fuz_below(fuz, types);
	}
	for (uint32_t i = 0; i < types; i++) {
		type[i].size = i + 1 == types ? 1 + fuz_below(fuz, 8) : 16 + fuz_below(fuz, 64);
		/* The last leads nowhere; the links of the others may be the same. */
		if (links && i + 1 < types) {
			type[i].link = fuz_below(fuz, links);
			type[i].links = fuz_below(fuz, links - type[i].link) % 4;
		}
	}
	for (uint32_t i = 0; i < links; i++) {
		link[i].type = types - 1 - (fuz_one_in(fuz, 32) ? fuz_below(fuz, types) : 0);
		link[i].offset = fuz_below(fuz, 9);
		link[i].max = fuz_one_in(fuz, 8) ? fuz_number(fuz) : 1 + fuz_below(fuz, 300);
		link[i].count_offset = fuz_below(fuz, 9);
		link[i].count_size = widths[fuz_below(fuz, 5)];
		link[i].mask_offset = fuz_below(fuz, 9);
		link[i].mask_size = fuz_one_in(fuz, 2) ? 0 : widths[fuz_below(fuz, 5)];
		link[i].mask = fuz_number(fuz);
		link[i].passing = 1 + fuz_below(fuz, 3);
		if (fuz_one_in(fuz, 3))
			link[i].passing = FUSD_ARG_PARENT;
		link[i].passing_if = 1 + fuz_below(fuz, 3);
		link[i].flags = fuz_below(fuz, 8);
	}
	return head.head.len;
}

static size_t region(struct fuz *fuz, unsigned char *at)
{
	struct fusd_region region = {
		.head = { .len = sizeof(region), .type = FUSD_REGION },
		.offset = fuz_below(fuz, 16) * 4096ULL,
		.size = (1 + fuz_below(fuz, 4)) * 4096ULL,
		.flags = fuz_below(fuz, 2),
		.fd = fuz_one_in(fuz, 2) ? -1 : memfds[fuz_below(fuz, 6)],
	};

	memcpy(at, &region, sizeof(region));
	return sizeof(region);
}

static size_t ring(struct fuz *fuz, unsigned char *at)
{
	struct fusd_ring_setup setup = {
		.head = { .len = sizeof(setup), .type = FUSD_RING },
		.slots = 1 + fuz_below(fuz, 8),
		.slot_size = 4096 * (1 + fuz_below(fuz, 2)),
	};

	memcpy(at, &setup, sizeof(setup));
	return sizeof(setup);
}

/* An answer to a request that may be one, of the plain bytes. */
static size_t reply_to(struct fuz *fuz, unsigned char *at, const struct fusd_request *request)
{
	struct fusd_reply reply = { .head = { .type = FUSD_REPLY, .id = request->head.id } };
	size_t size = 0;

	reply.value = fuz_number(fuz);
	if (fuz_one_in(fuz, 4)) {
		reply.head.flags = FUSD_REPLY_EVENTS;
		reply.events = fuz_number(fuz) & 0x7f;
	}
	if (fuz_one_in(fuz, 8)) {
		reply.result = -(int64_t)fuz_below(fuz, 256);
	} else if (request->head.type == FUSD_OP_READ) {
		size = reply.result = fuz_below(fuz, request->size + 1);
	} else if (request->head.type == FUSD_OP_WRITE) {
		reply.result = fuz_below(fuz, request->size + 1);
	} else if (request->head.type == FUSD_OP_IOCTL && fuz_one_in(fuz, 3)) {
		struct fusd_area *areas = (void *)(at + sizeof(reply));

		reply.head.flags |= FUSD_REPLY_RETRY;
		reply.result = fuz_below(fuz, 5);
		reply.value = fuz_below(fuz, 5);
		size = (reply.result + reply.value) * sizeof(*areas);
		for (uint32_t i = 0; i < reply.result + reply.value; i++) {
			areas[i].base = FUZ_ARENA + fuz_below(fuz, FUZ_ARENA_SIZE);
			areas[i].len = fuz_one_in(fuz, 8) ? fuz_number(fuz) : fuz_below(fuz, 300);
		}
	} else if (request->head.type == FUSD_OP_IOCTL) {
		size = fuz_below(fuz, request->out_size + 1);
		reply.result = fuz_below(fuz, 100);
	} else if (request->head.type == FUSD_OP_LLSEEK) {
		reply.result = fuz_below(fuz, 100000);
	}
	if (size > ROOM / 4)
		size = ROOM / 4;
	if (!(reply.head.flags & FUSD_REPLY_RETRY))
		memset(at + sizeof(reply), FUZ_ANSWER, size);
	reply.head.len = sizeof(reply) + size;
	memcpy(at, &reply, sizeof(reply));
	return reply.head.len;
}

static const struct fusd_request *kept(struct fuz *fuz, const struct conn *conn)
{
	static const struct fusd_request none = { .head = { .id = 12, .type = FUSD_OP_READ } };
	uint32_t count = conn->count < KEPT ? conn->count : KEPT;

	/* Mostly the newest. */
	if (!count)
		return &none;
	return &conn->kept[fuz_one_in(fuz, 4) ? fuz_below(fuz, count) : (conn->count - 1) % KEPT];
}

static size_t publication(struct fuz *fuz, unsigned char *at, const struct conn *conn)
{
	struct fusd_publish publish = {
		.head = { .len = sizeof(publish), .type = FUSD_PUBLISH },
		.file = kept(fuz, conn)->file,
		.events = fuz_number(fuz) & 0x7f,
		.wake = fuz_number(fuz) & 0x1f,
	};

	memcpy(at, &publish, sizeof(publish));
	return sizeof(publish);
}

static size_t about(struct fuz *fuz, unsigned char *at, const struct conn *conn, uint16_t type)
{
	struct fusd_head head = fst_head(type, kept(fuz, conn)->head.id);

	memcpy(at, &head, sizeof(head));
	return sizeof(head);
}

static size_t message(struct fuz *fuz, unsigned char *at, const struct conn *conn)
{
	switch (fuz_below(fuz, 64)) {
	case 0: return creation(fuz, at);
	case 1: return recovery(fuz, at);
	case 2: return table(fuz, at);
	case 3: case 4: return region(fuz, at);
	case 5: return conn->plain ? head_only(fuz, at, FUSD_START) : ring(fuz, at);
	case 6: return head_only(fuz, at, FUSD_START);
	case 7: return head_only(fuz, at, fuz_one_in(fuz, 4) ? FUSD_QUIESCE : FUSD_START);
	case 8: return head_only(fuz, at, fuz_one_in(fuz, 16) ? FUSD_DESTROY : FUSD_START);
	case 9: case 10: return about(fuz, at, conn, FUSD_WAIT);
	case 11: case 12: return about(fuz, at, conn, FUSD_DETACH);
	case 13: return about(fuz, at, conn, fuz_number(fuz));
	case 14: case 15: case 16: case 17: return publication(fuz, at, conn);
	default: return reply_to(fuz, at, kept(fuz, conn));
	}
}

/* Spoils a message: a field, its length, or a part of it. @return how long it is now */
static size_t mutate(struct fuz *fuz, unsigned char *at, size_t size)
{
	uint64_t number = fuz_number(fuz);
	uint32_t width = 1U << fuz_below(fuz, 4), place = fuz_below(fuz, size) & ~(width - 1);

	switch (fuz_below(fuz, 6)) {
	case 0:
		memcpy(at, &number, 4);	/* its length */
		return size;
	case 1:
		return fuz_below(fuz, size + 1);
	case 2:
		memset(at + size, 0, 64);
		((struct fusd_head *)at)->len = size + 1 + fuz_below(fuz, 63);
		return ((struct fusd_head *)at)->len;
	default:
		/* The bytes of an answer stay what a client may see. */
		if (place + width <= size && (place < sizeof(struct fusd_reply) || at[4] != FUSD_REPLY))
			memcpy(at + place, &number, width);
		return size;
	}
}

/* --- what it does with a descriptor --- */

static void unmap(struct conn *conn)
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

static void restart(struct fuz *fuz, struct conn *conn)
{
	unsigned char info[sizeof(struct fusd_info) + 16];
	struct fusd_info *seen = (void *)info;

	if (conn->fd >= 0) {
		unmap(conn);
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

static void new_region(struct fuz *fuz, struct conn *conn)
{
	struct fusd_region region = {
		.head = { .len = sizeof(region), .type = FUSD_REGION }, .offset = 1 << 20, .size = 4 * 4096, .fd = -1,
	};
	unsigned char *at;

	if (write(conn->fd, &region, sizeof(region)) != sizeof(region))
		return;
	at = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, conn->fd, FUSD_MAP_REGIONS + region.offset);
	if (at == MAP_FAILED)
		fuz_fail(fuz, "a region is not mapped: %s", strerror(errno));
	is_zero(fuz, at, region.size, "a new region");
	memset(at, 0x22, region.size);
	munmap(at, region.size);
}

static void new_ring(struct fuz *fuz, struct conn *conn)
{
	struct fusd_ring_setup *setup = (void *)room;
	size_t size;

	ring(fuz, room);
	if (write(conn->fd, room, sizeof(*setup)) != sizeof(*setup))
		return;
	size = FUSD_RING_SLOTS_AT + setup->slots * setup->slot_size;
	conn->slots = setup->slots;
	conn->slot_size = setup->slot_size;
	conn->ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, conn->fd, FUSD_MAP_RING);
	if (conn->ring == MAP_FAILED)
		fuz_fail(fuz, "the ring is not mapped: %s", strerror(errno));
	is_zero(fuz, conn->ring, size, "a new ring");
}

/* A device as it should be, up to where it is to be. */
static void begin(struct fuz *fuz, struct conn *conn)
{
	bool fresh = fuz_one_in(fuz, 2);
	size_t size;

	restart(fuz, conn);
	size = fresh ? creation(fuz, room) : recovery(fuz, room);
	if (fuz_one_in(fuz, 16))
		size = mutate(fuz, room, size);
	if (write(conn->fd, room, size) != (ssize_t)size)
		return;
	size = fresh ? offsetof(struct fusd_create, name) : offsetof(struct fusd_recover, name);
	conn->plain = room[size + strlen((char *)room + size) - 1] < 'a' + FUZ_PLAIN;
	if (fuz_one_in(fuz, 4))
		new_region(fuz, conn);
	for (int tries = 0; tries < 3; tries++) {
		size = table(fuz, room);
		if (write(conn->fd, room, size) == (ssize_t)size)
			break;
	}
	if (!conn->plain && !fuz_one_in(fuz, 4))
		new_ring(fuz, conn);
	if (!fuz_one_in(fuz, 16)) {
		size = head_only(fuz, room, FUSD_START);
		if (write(conn->fd, room, size) == (ssize_t)size && conn->ring && fuz_one_in(fuz, 2)) {
			scribbled_size = FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size;
			scribbled = conn->ring;
		}
	}
}

static void keep(struct fuz *fuz, struct conn *conn, const struct fusd_request *request)
{
	fuz_count(&fuz->shared->requests);
	conn->kept[conn->count++ % KEPT] = *request;
}

/* @return whether a request has come */
static bool receive(struct fuz *fuz, struct conn *conn)
{
	size_t size = fuz_one_in(fuz, 4) ? fuz_below(fuz, ROOM) : ROOM - 1;
	/* Some ends in a page that is not there. */
	unsigned char *at = fuz_one_in(fuz, 16) ? room + ROOM - fuz_below(fuz, 200) : room;
	struct iovec parts[2] = { { at, fuz_below(fuz, 100) } };
	struct fusd_request request;
	ssize_t got;

	parts[1] = (struct iovec){ at + parts[0].iov_len, size };
	if (at == room)
		memset(room, FUZ_EMPTY, 4096);
	got = fuz_one_in(fuz, 8) ? readv(conn->fd, parts, 2) : read(conn->fd, at, size);
	if (got < (ssize_t)sizeof(request) || at != room)
		return false;
	memcpy(&request, room, sizeof(request));
	if ((ssize_t)request.head.len != got)
		fuz_fail(fuz, "a message of %u bytes in %zd", request.head.len, got);
	if (got < 4096 && room[got] != FUZ_EMPTY)
		fuz_fail(fuz, "bytes behind a message");
	if (request.head.type > FUSD_OP_MAX)
		return false;
	/* LLSEEK's offset is signed, and FUSD_OP_WRITE's bytes are the client's. */
	fuz_look(fuz, room + sizeof(request), got - sizeof(request), "a request's bytes");
	request.offset = 0;
	fuz_look(fuz, &request, sizeof(request), "a request");
	if (request.head.type == FUSD_OP_WRITE) {
		for (ssize_t i = sizeof(request); i < got; i++)
			if (room[i] >= 0x80 && room[i] != 0xff)
				fuz_fail(fuz, "0x%x in what was written", room[i]);
	}
	if (request.head.type == FUSD_OP_INTERRUPT &&
	    (request.arg || request.offset || request.cmd || request.size || request.out_size))
		fuz_fail(fuz, "an INTERRUPT says more than it should");
	keep(fuz, conn, &request);
	return true;
}

static void serve_message(struct fuz *fuz, struct conn *conn)
{
	struct pollfd polled = { .fd = conn->fd, .events = POLLIN };
	size_t size;

	/* Where there is nothing to do, the clients get on. */
	if (poll(&polled, 1, fuz_one_in(fuz, 4)) != 1 || !receive(fuz, conn) || fuz_one_in(fuz, 6))
		return;
	size = reply_to(fuz, room, &conn->kept[(conn->count - 1) % KEPT]);
	if (fuz_one_in(fuz, 8))
		size = mutate(fuz, room, size);
	if (write(conn->fd, room, size) == (ssize_t)size)
		fuz_count(&fuz->shared->answers);
}

static void serve_slot(struct fuz *fuz, struct conn *conn)
{
	struct fusd_ring *head = (void *)conn->ring;
	uint32_t slot = head->order[head->taken % FUSD_RING_MOST_SLOTS] % conn->slots;
	unsigned char *at = conn->ring + FUSD_RING_SLOTS_AT + slot * conn->slot_size;
	struct fusd_request request;
	uint32_t place;
	size_t size;

	memcpy(&request, at, sizeof(request));
	keep(fuz, conn, &request);
	place = FUSD_RING_REPLY_AT(request.head.len) % (conn->slot_size - 128);
	if (request.size > 4096)
		request.size = 4096;
	if (request.out_size > 4096)
		request.out_size = 4096;
	size = reply_to(fuz, room, &request);
	if (fuz_one_in(fuz, 4))
		mutate(fuz, room, size);
	if (size > conn->slot_size - place)
		size = conn->slot_size - place;
	memcpy(at + place, room, size);
	head->taken++;
	if (!fuz_one_in(fuz, 8))
		head->slot[slot].state = FUSD_SLOT_ANSWERED;
	if (!fuz_one_in(fuz, 8))
		ioctl(conn->fd, FUSD_IOC_COMMIT);
	if (fuz_one_in(fuz, 64))
		fuz_look(fuz, conn->ring, FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size, "the ring");
}

static void say(struct fuz *fuz, struct conn *conn)
{
	size_t size = 0;
	uint32_t count = fuz_one_in(fuz, 8) ? 1 + fuz_below(fuz, 3) : 1;

	while (count--) {
		size_t whole = message(fuz, room + size, conn), one = whole;

		if (fuz_one_in(fuz, 6))
			one = mutate(fuz, room + size, one);
		size += one;
		/* The bytes of a next one would be those that an answer which is cut off lacks. */
		if (one < whole || size > ROOM / 2)
			break;
	}
	if (fuz_one_in(fuz, 16)) {
		struct iovec parts[2] = { { room, fuz_below(fuz, size + 1) } };

		parts[1] = (struct iovec){ room + parts[0].iov_len, size - parts[0].iov_len };
		/* Some of it is not there. */
		if (fuz_one_in(fuz, 4) && parts[1].iov_len)
			parts[1].iov_base = room + ROOM - fuz_below(fuz, parts[1].iov_len);
		writev(conn->fd, parts, 2);
	} else if (write(conn->fd, room, size) == (ssize_t)size) {
		fuz_count(&fuz->shared->answers);
	}
}

static void oddity(struct fuz *fuz, struct conn *conn)
{
	uint64_t at = fuz_one_in(fuz, 2) ? FUSD_MAP_REGIONS + fuz_below(fuz, 20) * 4096ULL : fuz_below(fuz, 20) * 4096ULL;
	struct pollfd polled = { .fd = conn->fd, .events = POLLIN | POLLOUT };
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	void *map;
	int copy;

	switch (fuz_below(fuz, 8)) {
	case 0:
		copy = dup(conn->fd);
		close(conn->fd);
		conn->fd = copy;
		return;
	case 1:
		/* Somebody else has it, too, for a while. */
		if (fork() == 0) {
			usleep(fuz_below(fuz, 3000));
			_exit(0);
		}
		return;
	case 2:
		poll(&polled, 1, fuz_below(fuz, 2));
		return;
	case 3:
		ioctl(conn->fd, fuz_one_in(fuz, 2) ? FUSD_IOC_COMMIT : (unsigned int)fuz_number(fuz), 0);
		return;
	case 4:
		/* A blocking read, which a signal ends. */
		fcntl(conn->fd, F_SETFL, fuz_one_in(fuz, 4) ? 0 : O_NONBLOCK);
		return;
	case 5:
		close(conn->fd);
		conn->fd = -1;
		return;
	default:
		map = mmap(NULL, size, fuz_below(fuz, 4), fuz_one_in(fuz, 4) ? MAP_PRIVATE : MAP_SHARED, conn->fd, at);
		if (map == MAP_FAILED)
			return;
		mprotect(map, size, PROT_READ | PROT_WRITE);
		remap_file_pages(map, 4096, 0, fuz_below(fuz, 8), 0);
		munmap(map, size);
	}
}

void fuz_daemon(struct fuz *fuz)
{
	pthread_t thread;

	fuz_signals();
	room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(room + ROOM, 4096, PROT_NONE);
	for (int i = 0; i < 6; i++) {
		memfds[i] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ftruncate(memfds[i], i * 8192) == 0 && i % 3)
			fcntl(memfds[i], F_ADD_SEALS, i == 5 ? F_SEAL_SHRINK | F_SEAL_WRITE : F_SEAL_SHRINK);
	}
	for (int i = 0; i < CONNS; i++)
		conns[i].fd = -1;
	pthread_create(&thread, NULL, scribble, fuz);
	while (fuz_goes_on(fuz)) {
		struct conn *conn = &conns[fuz_below(fuz, CONNS)];

		if (conn->fd < 0 || fuz_one_in(fuz, 1500)) {
			begin(fuz, conn);
			continue;
		}
		if (conn->ring && ((struct fusd_ring *)conn->ring)->taken != ((struct fusd_ring *)conn->ring)->posted &&
		    !fuz_one_in(fuz, 4))
			serve_slot(fuz, conn);
		else if (fuz_one_in(fuz, 200))
			oddity(fuz, conn);
		else if (fuz_one_in(fuz, 4))
			say(fuz, conn);
		else
			serve_message(fuz, conn);
	}
}
