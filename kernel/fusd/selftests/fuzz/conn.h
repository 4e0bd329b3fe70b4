/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile daemon's descriptors of /dev/fusd, a device each: begin.c makes them, serve.c serves them, daemon.c does what
 * it should not.
 */
#ifndef FUSD_CONN_H
#define FUSD_CONN_H

#include "messages.h"

struct fuz_conn {
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

extern struct fuz_conn fuz_conns[FUZ_CONNS];
extern uint32_t fuz_daemon_number;
extern unsigned char *fuz_room;	/* with a page behind it that is not there */

/* A thread that writes to a ring in use. */
void *fuz_scribble(void *argument);

/* A device as it should be, up to where it is to be; whatever the descriptor had before is ended. */
void fuz_begin(struct fuz *fuz, struct fuz_conn *conn);
void fuz_ended(struct fuz *fuz, struct fuz_conn *conn);
void fuz_unmap(struct fuz_conn *conn);
/* write(2), with its messages counted, as far as the kernel has looked at them. */
ssize_t fuz_tell(struct fuz *fuz, struct fuz_conn *conn, const unsigned char *at, size_t size);

void fuz_serve_message(struct fuz *fuz, struct fuz_conn *conn);
/* Whether a request is in the ring: then fuz_serve_slot() is due. */
bool fuz_has_slot(struct fuz_conn *conn);
void fuz_serve_slot(struct fuz *fuz, struct fuz_conn *conn);

#endif
