/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of ioctl commands that the selftests upload, row by row. */
#ifndef FUSD_TABLES_H
#define FUSD_TABLES_H

#include "fusd-selftest.h"

#define FST_ROWS	16

struct fst_table {
	struct fusd_table head;
	struct fusd_command commands[FST_ROWS];
	struct fusd_type types[FST_ROWS];
	struct fusd_link links[FST_ROWS];
};

/* The model of programs of this width. */
#define FST_MODEL	(sizeof(long) == 8 ? FUSD_MODEL_64 : FUSD_MODEL_32)

/* Each gives the index of the new row. */
uint32_t fst_command(struct fst_table *table, uint32_t cmd, uint8_t passing, uint32_t type);
uint32_t fst_type(struct fst_table *table, uint32_t size);
/* Links of a type are added one after the other, with no other type's between them. */
struct fusd_link *fst_link(struct fst_table *table, uint32_t type, uint32_t to, uint32_t offset);
/* The write(2) of it, in the form of the protocol. */
ssize_t fst_upload(int fd, const struct fst_table *table);

#endif
