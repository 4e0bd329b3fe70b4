// SPDX-License-Identifier: GPL-2.0-only
/* The tables of ioctl commands: see fusd-tables.h. */

#include "fusd-tables.h"

uint32_t fst_command(struct fst_table *table, uint32_t cmd, uint8_t passing, uint32_t type)
{
	CHECK(table->head.commands < FST_ROWS);
	table->commands[table->head.commands] = (struct fusd_command){
		.cmd = cmd, .model = FST_MODEL, .passing = passing, .type = type,
	};
	return table->head.commands++;
}

uint32_t fst_type(struct fst_table *table, uint32_t size)
{
	CHECK(table->head.types < FST_ROWS);
	table->types[table->head.types].size = size;
	return table->head.types++;
}

struct fusd_link *fst_link(struct fst_table *table, uint32_t type, uint32_t to, uint32_t offset)
{
	struct fusd_link *link = &table->links[table->head.links];

	CHECK(table->head.links < FST_ROWS);
	if (!table->types[type].links)
		table->types[type].link = table->head.links;
	CHECK_EQ(table->types[type].link + table->types[type].links, table->head.links);
	table->types[type].links++;
	table->head.links++;
	*link = (struct fusd_link){ .type = to, .offset = offset, .max = 1, .passing = FUSD_ARG_PARENT };
	return link;
}

ssize_t fst_upload(int fd, const struct fst_table *table)
{
	size_t commands = table->head.commands * sizeof(*table->commands);
	size_t types = table->head.types * sizeof(*table->types);
	size_t links = table->head.links * sizeof(*table->links);
	unsigned char message[sizeof(*table)];
	struct fusd_table head = table->head;

	head.head = fst_head(FUSD_TABLE, 0);
	head.head.len = sizeof(head) + commands + types + links;
	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), table->commands, commands);
	memcpy(message + sizeof(head) + commands, table->types, types);
	memcpy(message + sizeof(head) + commands + types, table->links, links);
	return write(fd, message, head.head.len);
}
