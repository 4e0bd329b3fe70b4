/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of ioctl commands, as table.c has checked it. Owned by its device and by the ioctls that
 * it is followed for.
 */
#ifndef _FUSD_TABLE_H
#define _FUSD_TABLE_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "uapi/fusd.h"

struct fusd_table_copy {
	refcount_t refs;
	struct fusd_table head;
	struct fusd_command *commands;	/* sorted by model and number */
	struct fusd_type *types;
	struct fusd_link *links;
	u8 rows[] __aligned(8);
};

#endif
