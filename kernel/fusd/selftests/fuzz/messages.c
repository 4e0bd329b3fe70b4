// SPDX-License-Identifier: GPL-2.0-only
/* What the hostile daemon says: see messages.h. It is mostly right, since what is wrong at once goes no further. */

#include "messages.h"

static int memfds[6];
/* Of usbfs, where there is a bus. */
static int usb;

void fuz_make_files(void)
{
	usb = open("/dev/bus/usb/001/001", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 6; i++) {
		memfds[i] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ftruncate(memfds[i], i * 8192) == 0 && i % 3)
			fcntl(memfds[i], F_ADD_SEALS, i == 5 ? F_SEAL_SHRINK | F_SEAL_WRITE : F_SEAL_SHRINK);
	}
}

size_t fuz_head_only(unsigned char *at, uint16_t type)
{
	struct fusd_head head = fst_head(type, 0);

	memcpy(at, &head, sizeof(head));
	return sizeof(head);
}

static uint32_t any_name(struct fuz *fuz)
{
	return fuz_below(fuz, FUZ_NAMES);
}

size_t fuz_creation(struct fuz *fuz, unsigned char *at, uint32_t name)
{
	static const uint32_t times[] = { 0, 1, 5, 20, 100, 500 };
	struct fusd_create create = {
		.head = { .len = sizeof(create), .type = FUSD_CREATE },
		.version = FUSD_VERSION,
		.ops = fuz_one_in(fuz, 16) ? fuz_number(fuz) & 0x1fe : 0x1fe,
		.flags = fuz_one_in(fuz, 8) ? 0 : FUSD_CREATE_SEEKABLE,
		.mode = 0666,
		/* A request that is longer than the daemon's room is in the way of the others. */
		.max_io = fuz_one_in(fuz, 4) ? 1 + fuz_number(fuz) % 8192 : FUZ_ROOM / 2,
		.max_opens = fuz_one_in(fuz, 8) ? fuz_below(fuz, 12) : 0,
		.deadline_ms = fuz_one_in(fuz, 4) ? times[fuz_below(fuz, 6)] : 100,
		.interrupt_ms = times[1 + fuz_below(fuz, 3)],
		.recover_ms = times[fuz_below(fuz, 6)],
	};

	for (int i = 0; i < 16; i++)
		create.policy[i] = fuz_below(fuz, 3);
	fuz_name(fuz, name, create.name);
	memcpy(at, &create, sizeof(create));
	return sizeof(create);
}

size_t fuz_recovery(struct fuz *fuz, unsigned char *at, uint32_t name)
{
	struct fusd_recover recover = {
		.head = { .len = sizeof(recover), .type = FUSD_RECOVER }, .version = FUSD_VERSION,
	};

	fuz_name(fuz, name, recover.name);
	memcpy(at, &recover, sizeof(recover));
	return sizeof(recover);
}

/* A link as clients fill their structs (write_arena in client.c): a pointer, a count, bits. Or one like none. */
static struct fusd_link link_to(struct fuz *fuz, uint32_t types, bool odd)
{
	static const uint8_t widths[] = { 0, 1, 2, 4, 8 };
	struct fusd_link link = {
		.type = types - 1 - (fuz_one_in(fuz, 32) ? fuz_below(fuz, types) : 0),
		.offset = odd ? fuz_below(fuz, 9) : 0,
		.max = fuz_one_in(fuz, 16) ? fuz_number(fuz) : 16 + fuz_below(fuz, 300),
		.count_offset = odd ? fuz_below(fuz, 9) : 8,
		.count_size = widths[odd ? fuz_below(fuz, 5) : 1 + fuz_below(fuz, 3)],
		.mask_offset = odd ? fuz_below(fuz, 9) : 12,
		.mask_size = fuz_one_in(fuz, 2) ? 0 : widths[fuz_below(fuz, odd ? 5 : 4)],
		.mask = fuz_number(fuz),
		.passing = fuz_one_in(fuz, 3) ? FUSD_ARG_PARENT : 1 + fuz_below(fuz, 3),
		.passing_if = 1 + fuz_below(fuz, 3),
		.flags = fuz_below(fuz, 8),
	};

	return link;
}

size_t fuz_table(struct fuz *fuz, unsigned char *at)
{
	uint32_t types = 1 + fuz_below(fuz, 6), links = fuz_below(fuz, 12), commands = FUZ_COMMANDS * 2;
	struct fusd_table head = {
		.head = { .type = FUSD_TABLE }, .commands = commands, .types = types, .links = links,
	};
	struct fusd_command *command = (void *)(at + sizeof(head));
	struct fusd_type *type = (void *)(command + commands);
	struct fusd_link *link = (void *)(type + types);
	bool odd = fuz_one_in(fuz, 4);

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
		type[i].size = i + 1 == types ? 1 + fuz_below(fuz, 8) : 16 + fuz_below(fuz, 5) * 16;
		if (odd && i + 1 < types)
			type[i].size += fuz_below(fuz, 16);
		/* The last leads nowhere; the links of the others may be the same. */
		if (links && i + 1 < types) {
			type[i].link = fuz_below(fuz, links);
			type[i].links = fuz_below(fuz, links - type[i].link) % 4;
		}
	}
	for (uint32_t i = 0; i < links; i++)
		link[i] = link_to(fuz, types, odd);
	return head.head.len;
}

size_t fuz_region(struct fuz *fuz, unsigned char *at)
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

static size_t keeping(struct fuz *fuz, unsigned char *at)
{
	struct fusd_keep keep = {
		.head = { .len = sizeof(keep), .type = FUSD_KEEP },
		.slot = fuz_below(fuz, 3),
		.fd = fuz_one_in(fuz, 4) ? memfds[fuz_below(fuz, 6)] : fuz_one_in(fuz, 2) ? usb : -1,
	};

	memcpy(at, &keep, sizeof(keep));
	return sizeof(keep);
}

size_t fuz_ring(struct fuz *fuz, unsigned char *at)
{
	struct fusd_ring_setup setup = {
		.head = { .len = sizeof(setup), .type = FUSD_RING },
		.slots = 1 + fuz_below(fuz, 8),
		.slot_size = 4096 * (1 + fuz_below(fuz, 2)),
	};

	memcpy(at, &setup, sizeof(setup));
	return sizeof(setup);
}

/* Areas of a client's memory for FUSD_REPLY_RETRY, behind the answer. @return their bytes */
static size_t retry(struct fuz *fuz, unsigned char *at, struct fusd_reply *reply)
{
	struct fusd_area *areas = (void *)at;
	uint32_t count;

	reply->head.flags |= FUSD_REPLY_RETRY;
	reply->result = fuz_below(fuz, 5);
	reply->value = fuz_below(fuz, 5);
	count = reply->result + reply->value;
	for (uint32_t i = 0; i < count; i++) {
		areas[i].base = FUZ_ARENA + fuz_below(fuz, FUZ_ARENA_SIZE);
		areas[i].len = fuz_one_in(fuz, 16) ? fuz_number(fuz) : fuz_below(fuz, 300);
	}
	return count * sizeof(*areas);
}

size_t fuz_reply_to(struct fuz *fuz, unsigned char *at, const struct fusd_request *request)
{
	struct fusd_reply reply = { .head = { .type = FUSD_REPLY, .id = request->head.id } };
	size_t size = 0;

	reply.value = fuz_number(fuz);
	if (fuz_one_in(fuz, 4)) {
		reply.head.flags = FUSD_REPLY_EVENTS;
		reply.events = fuz_number(fuz) & 0x5f;
	}
	if (fuz_one_in(fuz, 16) || request->head.type == FUSD_OP_INTERRUPT) {
		/* Without a byte that is not allowed: a client may see old answers in a ring's slot. */
		reply.result = -(int64_t)(fuz_one_in(fuz, 2) ? EPERM : 129 + fuz_below(fuz, 127));
	} else if (request->head.type == FUSD_OP_READ) {
		size = reply.result = fuz_below(fuz, request->size + 1);
	} else if (request->head.type == FUSD_OP_WRITE) {
		reply.result = fuz_below(fuz, request->size + 1);
	} else if (request->head.type == FUSD_OP_IOCTL && fuz_one_in(fuz, 8)) {
		size = retry(fuz, at + sizeof(reply), &reply);
	} else if (request->head.type == FUSD_OP_IOCTL) {
		size = fuz_below(fuz, request->out_size + 1);
		reply.result = fuz_below(fuz, 100);
	} else if (request->head.type == FUSD_OP_LLSEEK) {
		reply.result = fuz_below(fuz, 100000);
	}
	if (size > FUZ_ROOM / 4)
		size = reply.result = FUZ_ROOM / 4;
	if (!(reply.head.flags & FUSD_REPLY_RETRY))
		memset(at + sizeof(reply), FUZ_ANSWER, size);
	reply.head.len = sizeof(reply) + size;
	memcpy(at, &reply, sizeof(reply));
	return reply.head.len;
}

static const struct fusd_request *one_of(struct fuz *fuz, const struct fuz_kept *kept)
{
	static const struct fusd_request none = { .head = { .id = 12, .type = FUSD_OP_READ } };
	uint32_t count = kept->count < FUZ_KEPT ? kept->count : FUZ_KEPT;

	/* Mostly the newest. */
	if (!count)
		return &none;
	return &kept->of[fuz_one_in(fuz, 4) ? fuz_below(fuz, count) : (kept->count - 1) % FUZ_KEPT];
}

static size_t publication(struct fuz *fuz, unsigned char *at, const struct fuz_kept *kept)
{
	struct fusd_publish publish = {
		.head = { .len = sizeof(publish), .type = FUSD_PUBLISH },
		.file = one_of(fuz, kept)->file,
		.events = fuz_number(fuz) & (fuz_one_in(fuz, 4) ? 0x7f : 0x5f),
		.wake = fuz_number(fuz) & 0x1f,
	};

	memcpy(at, &publish, sizeof(publish));
	return sizeof(publish);
}

static size_t about(struct fuz *fuz, unsigned char *at, const struct fuz_kept *kept, uint16_t type)
{
	struct fusd_head head = fst_head(type, one_of(fuz, kept)->head.id);

	memcpy(at, &head, sizeof(head));
	return sizeof(head);
}

size_t fuz_message(struct fuz *fuz, unsigned char *at, const struct fuz_kept *kept, bool plain)
{
	switch (fuz_below(fuz, 64)) {
	case 0: return fuz_creation(fuz, at, any_name(fuz));
	case 1: return fuz_recovery(fuz, at, any_name(fuz));
	case 2: return fuz_table(fuz, at);
	case 3: case 4: return fuz_region(fuz, at);
	case 5: return plain ? fuz_head_only(at, FUSD_START) : fuz_ring(fuz, at);
	case 6: return fuz_head_only(at, FUSD_START);
	case 7: return fuz_head_only(at, FUSD_QUIESCE);
	case 8: return fuz_head_only(at, fuz_one_in(fuz, 2) ? FUSD_DESTROY : FUSD_START);
	case 9: case 10: return about(fuz, at, kept, FUSD_WAIT);
	case 11: case 12: return about(fuz, at, kept, FUSD_DETACH);
	case 13: return about(fuz, at, kept, fuz_number(fuz));
	case 14: case 15: case 16: case 17: return publication(fuz, at, kept);
	case 18: return keeping(fuz, at);
	default: return fuz_reply_to(fuz, at, one_of(fuz, kept));
	}
}

size_t fuz_mutate(struct fuz *fuz, unsigned char *at, size_t size)
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
