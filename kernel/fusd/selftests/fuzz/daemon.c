// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hostile daemon of fuzz.c: a few descriptors of /dev/fusd, each with what has come of its requests. It serves its
 * devices well enough that clients go on calling them, and does in between what no daemon should: messages.c.
 */

#include <sys/uio.h>

#include "messages.h"

struct conn {
	int fd;
	uint32_t name;
	bool served;		/* as far as we know: started, and not ended */
	bool plain;		/* of a device without a ring */
	bool claimed;		/* a device was to be had */
	unsigned char *ring;	/* NULL: none mapped */
	uint32_t slots, slot_size;
	uint32_t taken;		/* by our own account: what is in the ring may be anything */
	uint32_t idle;		/* how often in a row nothing was there where something should be */
	struct fuz_kept kept;
};

static struct conn conns[FUZ_CONNS];
static uint32_t daemon_number;
static unsigned char *room;	/* with a page behind it that is not there */
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

static void *scribble(void *argument)
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

static void ended(struct fuz *fuz, struct conn *conn)
{
	conn->served = false;
	__atomic_and_fetch(&fuz->shared->live, ~(1U << conn->name), __ATOMIC_RELAXED);
}

/* write(2), with its messages counted, as far as the kernel has looked at them. */
static ssize_t tell(struct fuz *fuz, struct conn *conn, const unsigned char *at, size_t size)
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
		if (head.type >= FUSD_CREATE && head.type <= FUSD_DETACH)
			kind = head.type - FUSD_CREATE;
		fuz_count(&fuz->shared->counts.messages[kind], good);
		place += head.len;
		if (!good)
			break;
		if (head.type == FUSD_START)
			conn->served = true;
		else if (head.type == FUSD_QUIESCE || head.type == FUSD_DESTROY)
			ended(fuz, conn);
	}
	return taken;
}

/* --- a device's beginning --- */

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

	if (tell(fuz, conn, (void *)&region, sizeof(region)) != sizeof(region))
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
	size_t size = fuz_ring(fuz, room);

	if (tell(fuz, conn, room, size) != (ssize_t)size)
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
static bool claim(struct fuz *fuz, struct conn *conn, uint32_t name)
{
	bool fresh = fuz_one_in(fuz, 2);
	size_t size;

	for (int tries = 0; tries < 2; tries++, fresh = !fresh) {
		size = fresh ? fuz_creation(fuz, room, name) : fuz_recovery(fuz, room, name);
		if (fuz_one_in(fuz, 16))
			size = fuz_mutate(fuz, room, size);
		if (tell(fuz, conn, room, size) == (ssize_t)size)
			return true;
	}
	return false;
}

/* A device as it should be, up to where it is to be. */
static void begin(struct fuz *fuz, struct conn *conn)
{
	uint32_t place = conn - conns, name = (place % 2) * FUZ_PLAIN + daemon_number * FUZ_CONNS / 2 + place / 2;
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
		size = fuz_table(fuz, room);
		if (tell(fuz, conn, room, size) == (ssize_t)size)
			break;
	}
	if (!conn->plain && !fuz_one_in(fuz, 4))
		new_ring(fuz, conn);
	if (fuz_one_in(fuz, 16))
		return;
	size = fuz_head_only(room, FUSD_START);
	if (tell(fuz, conn, room, size) != (ssize_t)size)
		return;
	if (conn->ring && fuz_one_in(fuz, 2)) {
		scribbled_size = FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size;
		scribbled = conn->ring;
	}
	__atomic_or_fetch(&fuz->shared->live, 1U << name, __ATOMIC_RELAXED);
}

/* --- its requests --- */

static void keep(struct conn *conn, const struct fusd_request *request)
{
	conn->kept.of[conn->kept.count++ % FUZ_KEPT] = *request;
}

static void inspect(struct fuz *fuz, const struct fusd_request *request, ssize_t got)
{
	struct fusd_request seen = *request;

	if ((ssize_t)request->head.len != got)
		fuz_fail(fuz, "a message of %u bytes in %zd", request->head.len, got);
	if (got < 1024 && room[got] != FUZ_EMPTY)
		fuz_fail(fuz, "bytes behind a message");
	fuz_look(fuz, room + sizeof(seen), got - sizeof(seen), "a request's bytes");
	/* LLSEEK's offset is signed, and FUSD_OP_WRITE's bytes are the client's. */
	seen.offset = 0;
	fuz_look(fuz, &seen, sizeof(seen), "a request");
	if (request->head.type == FUSD_OP_WRITE) {
		for (ssize_t i = sizeof(seen); i < got; i++)
			if (room[i] >= 0x80 && room[i] != 0xff)
				fuz_fail(fuz, "0x%x in what was written", room[i]);
	}
	if (request->head.type == FUSD_OP_INTERRUPT &&
	    (request->arg || request->offset || request->cmd || request->size || request->out_size))
		fuz_fail(fuz, "an INTERRUPT says more than it should");
}

/* @return whether a request has come */
static bool receive(struct fuz *fuz, struct conn *conn)
{
	size_t size = fuz_one_in(fuz, 8) ? fuz_below(fuz, FUZ_ROOM) : FUZ_ROOM - 128;
	/* Some ends in a page that is not there. */
	unsigned char *at = fuz_one_in(fuz, 32) ? room + FUZ_ROOM - fuz_below(fuz, 200) : room;
	struct iovec parts[2] = { { at, fuz_below(fuz, 100) } };
	struct fusd_request request;
	ssize_t got;

	parts[1] = (struct iovec){ at + parts[0].iov_len, size };
	if (at == room)
		memset(room, FUZ_EMPTY, 1024);
	got = fuz_one_in(fuz, 8) ? readv(conn->fd, parts, 2) : read(conn->fd, at, size);
	if (got < 0 && errno == ENODEV)
		ended(fuz, conn);
	/* What is longer than all of the room would be in the way of all others. */
	if (got < 0 && errno == EMSGSIZE && size == FUZ_ROOM - 128)
		begin(fuz, conn);
	if (got < (ssize_t)sizeof(request) || at != room)
		return false;
	memcpy(&request, room, sizeof(request));
	if (request.head.type > FUSD_OP_MAX)
		return false;
	inspect(fuz, &request, got);
	keep(conn, &request);
	return true;
}

/* A head about the request that came last. */
static void about(struct fuz *fuz, struct conn *conn, uint16_t type)
{
	struct fusd_head head = fst_head(type, conn->kept.of[(conn->kept.count - 1) % FUZ_KEPT].head.id);

	tell(fuz, conn, (void *)&head, sizeof(head));
}

static void serve_message(struct fuz *fuz, struct conn *conn)
{
	const struct fusd_request *request;
	ssize_t size = -1, taken = 0;

	if (!receive(fuz, conn)) {
		/* A ring whose account is spoiled beyond repair says for ever that something is there. */
		if (++conn->idle > 20)
			begin(fuz, conn);
		return;
	}
	conn->idle = 0;
	request = &conn->kept.of[(conn->kept.count - 1) % FUZ_KEPT];
	if (fuz_one_in(fuz, 16))
		about(fuz, conn, FUSD_WAIT);
	/* Some wait. One that is spoiled is mostly refused; then comes a better one. */
	for (int tries = fuz_one_in(fuz, 128) ? 2 : 0; tries < 2 && taken != size; tries++) {
		size = fuz_reply_to(fuz, room, request);
		if (!tries && fuz_one_in(fuz, 8))
			size = fuz_mutate(fuz, room, size);
		taken = tell(fuz, conn, room, size);
	}
	fuz_count(&fuz->shared->counts.answers[request->head.type], taken == size);
}

static bool has_slot(struct conn *conn)
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

static void serve_slot(struct fuz *fuz, struct conn *conn)
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
		size = fuz_reply_to(fuz, room, &request);
		tell(fuz, conn, room, size);
		return;
	}
	size = fuz_reply_to(fuz, room, &request);
	if (fuz_one_in(fuz, 8))
		fuz_mutate(fuz, room, size);
	else if (!fuz_one_in(fuz, 32))
		((struct fusd_reply *)room)->head.flags &= ~FUSD_REPLY_EVENTS;
	if (size > conn->slot_size - place)
		size = conn->slot_size - place;
	memcpy(at + place, room, size);
	head->slot[slot].state = fuz_one_in(fuz, 64) ? fuz_below(fuz, 4) : FUSD_SLOT_ANSWERED;
	if (!fuz_one_in(fuz, 64))
		ioctl(conn->fd, FUSD_IOC_COMMIT);
	if (fuz_one_in(fuz, 256))
		fuz_look(fuz, conn->ring, FUSD_RING_SLOTS_AT + conn->slots * conn->slot_size, "the ring");
}

/* Whatever is there of all devices; where nothing is, the clients get on. */
static void serve(struct fuz *fuz)
{
	struct pollfd polled[FUZ_CONNS];
	bool another = false;

	for (int i = 0; i < FUZ_CONNS; i++)
		polled[i] = (struct pollfd){ .fd = conns[i].served ? conns[i].fd : -1, .events = POLLIN };
	poll(polled, FUZ_CONNS, 20);
	for (int i = 0; i < FUZ_CONNS; i++) {
		struct conn *conn = &conns[i];

		if (!polled[i].revents || conn->fd != polled[i].fd)
			continue;
		if (another && !fuz_goes_on(fuz))
			return;
		another = true;
		if (polled[i].revents & POLLERR)
			ended(fuz, conn);
		else if (has_slot(conn) && !fuz_one_in(fuz, 8))
			serve_slot(fuz, conn);
		else
			serve_message(fuz, conn);
	}
}

/* --- what no daemon should do --- */

static void say(struct fuz *fuz, struct conn *conn)
{
	size_t size = 0;
	uint32_t count = fuz_one_in(fuz, 8) ? 1 + fuz_below(fuz, 3) : 1;

	while (count--) {
		size_t whole = fuz_message(fuz, room + size, &conn->kept, conn->plain), one = whole;

		if (fuz_one_in(fuz, 6))
			one = fuz_mutate(fuz, room + size, one);
		size += one;
		/* The bytes of a next one would be those that an answer which is cut off lacks. */
		if (one < whole || size > FUZ_ROOM / 2)
			break;
	}
	if (fuz_one_in(fuz, 16)) {
		struct iovec parts[2] = { { room, fuz_below(fuz, size + 1) } };

		parts[1] = (struct iovec){ room + parts[0].iov_len, size - parts[0].iov_len };
		/* Some of it is not there. */
		if (fuz_one_in(fuz, 4) && parts[1].iov_len)
			parts[1].iov_base = room + FUZ_ROOM - fuz_below(fuz, parts[1].iov_len);
		writev(conn->fd, parts, 2);
	} else {
		tell(fuz, conn, room, size);
	}
}

/* Somebody else has the descriptor, too, for a while, and uses it at the same time. */
static void be_two(struct fuz *fuz, struct conn *conn)
{
	if (fork() != 0)
		return;
	fuz->random = fst_seed(fuz->random, 55);
	for (int i = 0; i < FUZ_CONNS; i++)
		if (&conns[i] != conn && conns[i].fd >= 0)
			close(conns[i].fd);
	for (uint32_t i = fuz_below(fuz, 100); i && fuz_goes_on(fuz); i--) {
		struct pollfd polled = { .fd = conn->fd, .events = POLLIN };

		if (fuz_one_in(fuz, 3))
			say(fuz, conn);
		else if (poll(&polled, 1, 1) == 1)
			serve_message(fuz, conn);
	}
	_exit(0);
}

static void map(struct fuz *fuz, struct conn *conn)
{
	uint64_t at = fuz_one_in(fuz, 2) ? FUSD_MAP_REGIONS + fuz_below(fuz, 20) * 4096ULL : fuz_below(fuz, 20) * 4096ULL;
	size_t size = 4096 * (1 + fuz_below(fuz, 4));
	void *map = mmap(NULL, size, fuz_below(fuz, 4), fuz_one_in(fuz, 4) ? MAP_PRIVATE : MAP_SHARED, conn->fd, at);

	if (map == MAP_FAILED)
		return;
	mprotect(map, size, PROT_READ | PROT_WRITE);
	remap_file_pages(map, 4096, 0, fuz_below(fuz, 8), 0);
	munmap(map, size);
}

static void oddity(struct fuz *fuz, struct conn *conn)
{
	struct pollfd polled = { .fd = conn->fd, .events = POLLIN | POLLOUT };
	int copy;

	switch (fuz_below(fuz, 8)) {
	case 0:
		copy = dup(conn->fd);
		close(conn->fd);
		conn->fd = copy;
		break;
	case 1:
		be_two(fuz, conn);
		break;
	case 2:
		poll(&polled, 1, fuz_below(fuz, 2));
		break;
	case 3:
		ioctl(conn->fd, fuz_one_in(fuz, 2) ? FUSD_IOC_COMMIT : (unsigned int)fuz_number(fuz), 0);
		break;
	case 4:
		/* A blocking read, which a signal ends. */
		fcntl(conn->fd, F_SETFL, fuz_one_in(fuz, 4) ? 0 : O_NONBLOCK);
		break;
	case 5:
		unmap(conn);
		close(conn->fd);
		conn->fd = -1;
		ended(fuz, conn);
		break;
	default:
		map(fuz, conn);
	}
}

/* One that serves nobody comes first. */
static struct conn *next(struct fuz *fuz)
{
	uint32_t place = fuz_below(fuz, FUZ_CONNS);

	for (int tries = 1; tries < FUZ_CONNS && conns[place].served; tries++)
		place = (place + 1) % FUZ_CONNS;
	return &conns[place];
}

void fuz_daemon(struct fuz *fuz, uint32_t number)
{
	pthread_t thread;

	fuz_signals();
	fuz_make_memfds();
	daemon_number = number;
	room = mmap(NULL, FUZ_ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(room + FUZ_ROOM, 4096, PROT_NONE);
	for (int i = 0; i < FUZ_CONNS; i++)
		conns[i].fd = -1;
	pthread_create(&thread, NULL, scribble, fuz);
	while (fuz_goes_on(fuz)) {
		struct conn *conn = next(fuz);

		if (conn->fd < 0 || (!conn->served && !fuz_one_in(fuz, 8)) || fuz_one_in(fuz, 800))
			begin(fuz, conn);
		else if (fuz_one_in(fuz, 150))
			oddity(fuz, conn);
		else if (fuz_one_in(fuz, 8))
			say(fuz, conn);
		else
			serve(fuz);
	}
}
