/* SPDX-License-Identifier: GPL-2.0-only */
/* What a hostile daemon says: each message into a buffer. Each gives its length. */
#ifndef FUSD_MESSAGES_H
#define FUSD_MESSAGES_H

#include "hostile.h"

#define FUZ_ROOM	(96 * 1024)	/* of any message, spoiled or not */
#define FUZ_KEPT	16

/* The requests that came last. */
struct fuz_kept {
	struct fusd_request of[FUZ_KEPT];
	uint32_t count;
};

/* Memfds that regions are made of, and what is kept; once in a daemon. */
void fuz_make_files(void);

size_t fuz_head_only(unsigned char *at, uint16_t type);
size_t fuz_creation(struct fuz *fuz, unsigned char *at, uint32_t name);
size_t fuz_recovery(struct fuz *fuz, unsigned char *at, uint32_t name);
size_t fuz_table(struct fuz *fuz, unsigned char *at);
size_t fuz_region(struct fuz *fuz, unsigned char *at);
size_t fuz_ring(struct fuz *fuz, unsigned char *at);
/* An answer to a request that may be one, of the plain bytes. */
size_t fuz_reply_to(struct fuz *fuz, unsigned char *at, const struct fusd_request *request);
/* Any message, about the requests that came; without a ring where `plain`. */
size_t fuz_message(struct fuz *fuz, unsigned char *at, const struct fuz_kept *kept, bool plain);
/* Spoils a message: a field, its length, or a part of it. */
size_t fuz_mutate(struct fuz *fuz, unsigned char *at, size_t size);

#endif
