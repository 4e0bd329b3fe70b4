// SPDX-License-Identifier: GPL-2.0-only
/* The daemons of stress.c, one after the other. Each counts its steps, and dies at the one that it was told. */

#include "account.h"
#include "fusd-tables.h"

#define SLOT_SIZE	8192
#define RING_SIZE	(FUSD_RING_SLOTS_AT + STR_SLOTS * SLOT_SIZE)
#define MOST_FILES	64
#define OPS		(FST_BIT(OPEN) | FST_BIT(RELEASE) | FST_BIT(READ) | FST_BIT(WRITE) | FST_BIT(IOCTL))

struct daemon {
	struct fst_device device;
	struct fusd_ring *ring;	/* NULL: plain messages */
	uint64_t files[MOST_FILES];
};

static void step(void)
{
	if (++str_stage.account->steps != str_stage.account->die_at)
		return;
	if (str_stage.account->itself)
		kill(getpid(), SIGKILL);
	CHECK_EQ(write(str_stage.dying[1], "x", 1), 1);
}

static void replace_file(struct daemon *daemon, uint64_t from, uint64_t to)
{
	for (int i = 0; i < MOST_FILES; i++) {
		if (daemon->files[i] == from) {
			daemon->files[i] = to;
			return;
		}
	}
	/* Only a RELEASE may be of a file that this daemon was not told of: it was closed before. */
	CHECK(!to);
}

/* Which call a request is. */
static struct str_entry *entry_of(const struct fusd_request *request, const unsigned char *data, uint32_t *client,
			      uint32_t *number)
{
	uint32_t words[2] = { request->offset >> 40, request->offset >> 8 };

	if (request->head.type == FUSD_OP_IOCTL)
		memcpy(words, data, sizeof(words));
	*client = words[0];
	*number = words[1];
	CHECK(*client < STR_CLIENTS && *number < STR_CALLS);
	return &str_stage.account->calls[*client][*number];
}

/* Does what is asked for. The answer's bytes go to `out`, of which as many as are asked for fit. */
static struct fusd_reply serve(struct daemon *daemon, const struct fusd_request *request, const unsigned char *data,
			       unsigned char *out)
{
	struct fusd_reply reply = fst_answer(request->head.id, 0);
	struct str_nested nested;
	uint32_t client, number;
	struct str_entry *entry;

	step();
	switch (request->head.type) {
	case FUSD_OP_OPEN:
	case FUSD_OP_RESTORE:
		replace_file(daemon, 0, request->file);
		if (request->head.type == FUSD_OP_RESTORE)
			CHECK_EQ(request->cookie, ~request->file);
		reply.value = ~request->file;
		return reply;
	case FUSD_OP_RELEASE:
		replace_file(daemon, request->file, 0);
		return reply;
	}
	CHECK_EQ(request->cookie, ~request->file);
	entry = entry_of(request, data, &client, &number);
	if (request->head.flags & FUSD_REISSUED) {
		CHECK_EQ(str_stage.account->policy[request->head.type], FUSD_POLICY_REISSUE);
		entry->again++;
	} else {
		entry->begun++;
	}
	step();
	switch (request->head.type) {
	case FUSD_OP_WRITE:
		str_check(data, request->size, client, number);
		reply.result = request->size;
		break;
	case FUSD_OP_READ:
		str_fill(out, request->size, client, number);
		reply.result = request->size;
		reply.head.len += request->size;
		break;
	case FUSD_OP_IOCTL:
		memcpy(&nested, data, sizeof(nested));
		CHECK_EQ(request->size, sizeof(nested) + nested.in_count);
		CHECK_EQ(request->out_size, sizeof(nested) + nested.out_count);
		str_check(data + sizeof(nested), nested.in_count, client, number);
		memcpy(out, &nested, sizeof(nested));
		str_fill(out + sizeof(nested), nested.out_count, client, number);
		reply.result = number;
		reply.head.len += request->out_size;
		break;
	default:
		CHECK(false);
	}
	entry->done++;
	step();
	return reply;
}

/* Once the kernel has the answer, the client must have it. */
static void answered(const struct fusd_request *request, const unsigned char *data)
{
	uint32_t client, number;

	if (request->head.type >= FUSD_OP_READ && request->head.type <= FUSD_OP_IOCTL)
		entry_of(request, data, &client, &number)->answered++;
	step();
}

static void serve_message(struct daemon *daemon)
{
	static unsigned char out[sizeof(struct fusd_reply) + sizeof(struct str_nested) + STR_BYTES];
	struct fusd_request request = fst_next(&daemon->device, 0);
	struct fusd_reply reply;

	CHECK(request.head.type != FUSD_OP_INTERRUPT);
	str_stage.account->reissued += !!(request.head.flags & FUSD_REISSUED);
	reply = serve(daemon, &request, daemon->device.data, out + sizeof(reply));
	if (request.head.flags & FUSD_NO_REPLY)
		return;
	memcpy(out, &reply, sizeof(reply));
	fst_send(daemon->device.fd, out, reply.head.len);
	answered(&request, daemon->device.data);
}

static void serve_slot(struct daemon *daemon)
{
	struct fusd_ring *ring = daemon->ring;
	uint32_t number = ring->order[ring->taken % FUSD_RING_MOST_SLOTS];
	unsigned char *slot = (unsigned char *)ring + FUSD_RING_SLOTS_AT + number * SLOT_SIZE;
	struct fusd_reply reply;
	struct fusd_request request;
	uint32_t client, call;
	struct str_entry *entry;
	unsigned char *out;

	CHECK(number < STR_SLOTS);
	__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	memcpy(&request, slot, sizeof(request));
	str_stage.account->reissued += !!(request.head.flags & FUSD_REISSUED);
	entry = entry_of(&request, slot + sizeof(request), &client, &call);
	out = slot + FUSD_RING_REPLY_AT(request.head.len);
	reply = serve(daemon, &request, slot + sizeof(request), out + sizeof(reply));
	memcpy(out, &reply, sizeof(reply));
	__atomic_store_n(&ring->slot[number].state, FUSD_SLOT_ANSWERED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->slot[number].wanted, __ATOMIC_SEQ_CST))
		CHECK_OK(ioctl(daemon->device.fd, FUSD_IOC_COMMIT));
	/* The slot may be the next request's by now. */
	entry->answered++;
	step();
}

static void upload(int fd)
{
	struct fst_table table = {};
	uint32_t argument = fst_type(&table, sizeof(struct str_nested)), byte = fst_type(&table, 1);
	struct fusd_link *link = fst_link(&table, argument, byte, offsetof(struct str_nested, in));

	link->max = STR_BYTES;
	link->count_offset = offsetof(struct str_nested, in_count);
	link->count_size = 4;
	link->passing = FUSD_ARG_IN;
	link->flags = FUSD_LINK_NULLABLE;
	link = fst_link(&table, argument, byte, offsetof(struct str_nested, out));
	link->max = STR_BYTES;
	link->count_offset = offsetof(struct str_nested, out_count);
	link->count_size = 4;
	link->passing = FUSD_ARG_OUT;
	fst_command(&table, STR_NESTED, FUSD_ARG_INOUT, argument);
	CHECK(fst_upload(fd, &table) > 0);
}

static void make_region(int fd)
{
	struct fusd_region region = { .head = fst_head(FUSD_REGION, 0), .size = STR_CLIENTS * STR_PAGE, .fd = -1 };

	region.head.len = sizeof(region);
	fst_send(fd, &region, sizeof(region));
}

static void map_ring(struct daemon *daemon)
{
	struct fusd_ring_setup setup = { .head = fst_head(FUSD_RING, 0), .slots = STR_SLOTS, .slot_size = SLOT_SIZE };

	setup.head.len = sizeof(setup);
	fst_send(daemon->device.fd, &setup, sizeof(setup));
	daemon->ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, daemon->device.fd, FUSD_MAP_RING);
	CHECK(daemon->ring != MAP_FAILED);
}

/* The first daemon makes the device, the others take it over. Tells by a byte that it is there. */
static void begin(struct daemon *daemon, bool first, bool ring, int ready)
{
	struct fusd_create create = fst_creation(OPS);
	struct fusd_recover recover = { .head = fst_head(FUSD_RECOVER, 0), .version = FUSD_VERSION };

	strcpy(create.name, str_stage.name);
	create.flags = FUSD_CREATE_SEEKABLE;
	create.recover_ms = 3600 * 1000;
	memcpy(create.policy, str_stage.account->policy, sizeof(create.policy));
	if (first) {
		fst_create(&daemon->device, &create);
		make_region(daemon->device.fd);
	} else {
		daemon->device = (struct fst_device){ .fd = fst_control(), .room = 65536, .message = malloc(65536) };
		recover.head.len = sizeof(recover);
		strcpy(recover.name, str_stage.name);
		fst_send(daemon->device.fd, &recover, sizeof(recover));
		step();
	}
	upload(daemon->device.fd);
	if (ring)
		map_ring(daemon);
	step();
	fst_start(&daemon->device);
	CHECK_EQ(write(ready, "x", 1), 1);
}

void str_daemon(bool first, bool ring, int ready)
{
	struct daemon daemon = {};
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = str_stage.stopping[0], .events = POLLIN } };
	bool stop = false;

	begin(&daemon, first, ring, ready);
	fds[0].fd = daemon.device.fd;
	while (!stop) {
		if (daemon.ring && __atomic_load_n(&daemon.ring->posted, __ATOMIC_ACQUIRE) != daemon.ring->taken) {
			serve_slot(&daemon);
		} else if (daemon.ring && __atomic_load_n(&daemon.ring->messages, __ATOMIC_ACQUIRE)) {
			serve_message(&daemon);
		} else {
			CHECK_OK(poll(fds, 2, -1));
			if (!daemon.ring && fds[0].revents)
				serve_message(&daemon);
			stop = !fds[0].revents && fds[1].revents;
		}
	}
	for (int i = 0; i < MOST_FILES; i++)
		CHECK_EQ(daemon.files[i], 0);
	fst_send_head(daemon.device.fd, FUSD_DESTROY, 0);
	_exit(0);
}
