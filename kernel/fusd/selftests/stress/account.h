/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of stress.c share: the account of every call, in memory that outlives them, and what all of them
 * know of the device.
 */
#ifndef FUSD_ACCOUNT_H
#define FUSD_ACCOUNT_H

#include "fusd-rounds.h"

#define STR_CLIENTS	8
#define STR_CALLS	(1 << 16)	/* of a client's in one round */
#define STR_BYTES	40000		/* of a call's; some fit a slot, some do not */
#define STR_SLOTS	4
#define STR_PAGE	4096		/* of the region, a client's */
#define STR_LIMIT_MS	30000

enum str_outcome { STR_NEVER, STR_PENDING, STR_FINE, STR_FAILED };

/* One call: what its client says of it, and what the daemons do. */
struct str_entry {
	uint8_t op, outcome;
	uint8_t begun, again;	/* by requests without and with FUSD_REISSUED */
	uint8_t done, answered;
};

struct str_account {
	struct str_entry calls[STR_CLIENTS][STR_CALLS];
	uint32_t used[STR_CLIENTS];
	uint32_t increments[STR_CLIENTS];	/* of the client's word in the region */
	uint32_t steps, die_at;			/* of the daemon that is there */
	uint32_t reissued;
	bool itself, stop;
	uint8_t policy[16];
};

/* The argument of ioctl(2). */
struct str_nested {
	uint32_t client, number, in_count, out_count;
	unsigned char *in, *out;
};

#define STR_NESTED	_IOWR('S', 1, struct str_nested)

/* One round: the same in all of its processes. */
struct str_stage {
	struct str_account *account;
	char name[FUSD_NAME_MAX], path[FUSD_NAME_MAX + 8];
	int dying[2], stopping[2];	/* pipes: the daemon's to be killed, and to end well */
};

extern struct str_stage str_stage;

/* The bytes of a call, either way. */
void str_fill(unsigned char *at, size_t size, uint32_t client, uint32_t number);
void str_check(const unsigned char *at, size_t size, uint32_t client, uint32_t number);

/* A call's offset says which it is. */
static inline uint64_t str_position(uint32_t client, uint32_t number)
{
	return (uint64_t)client << 40 | (uint64_t)number << 8;
}

/* A daemon, to its end; it tells `ready` by a byte that it is there. The first makes the device. */
void str_daemon(bool first, bool ring, int ready) __attribute__((noreturn));

void str_client(uint32_t client, uint64_t random) __attribute__((noreturn));
/* What a client does, by others, too. */
int str_open(void);
void str_increment(int fd, uint32_t client);

#endif
