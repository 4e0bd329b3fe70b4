// SPDX-License-Identifier: GPL-2.0-only
/*
 * A daemon's table of ioctl commands: copied and checked once, and read-only from then on. Every
 * index in it is in its range, links lead to types further on (so that what they lead to has an
 * end), and every field is inside its struct.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"
#include "table.h"

static int fusd_compare_commands(const void *left, const void *right)
{
	const struct fusd_command *a = left, *b = right;

	if (a->model != b->model)
		return a->model < b->model ? -1 : 1;
	if (a->cmd != b->cmd)
		return a->cmd < b->cmd ? -1 : 1;
	return 0;
}

const struct fusd_command *fusd_table_find(const struct fusd_table_copy *table, u32 cmd, u8 model)
{
	u32 low = 0, high = table->head.commands;
	const struct fusd_command wanted = { .cmd = cmd, .model = model };

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		int order = fusd_compare_commands(&wanted, &table->commands[middle]);

		if (!order)
			return &table->commands[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool fusd_width_ok(u8 width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

static bool fusd_inside(u32 offset, u32 width, u32 size)
{
	return width <= size && offset <= size - width;
}

static bool fusd_link_ok(const struct fusd_table_copy *table, const struct fusd_link *link,
			 u32 holder)
{
	u32 size = table->types[holder].size;

	if (link->flags & ~(FUSD_LINK_TAIL | FUSD_LINK_NULLABLE | FUSD_LINK_SIGNED))
		return false;
	if (memchr_inv(link->reserved, 0, sizeof(link->reserved)))
		return false;
	if (link->type <= holder || link->type >= table->head.types)
		return false;
	if (link->passing < FUSD_ARG_IN || link->passing > FUSD_ARG_PARENT ||
	    link->passing == FUSD_ARG_RETRY)
		return false;
	if (link->count_size && !(fusd_width_ok(link->count_size) &&
				  fusd_inside(link->count_offset, link->count_size, size)))
		return false;
	if (link->mask_size) {
		if (!fusd_width_ok(link->mask_size) ||
		    !fusd_inside(link->mask_offset, link->mask_size, size))
			return false;
		if (link->passing_if < FUSD_ARG_IN || link->passing_if > FUSD_ARG_INOUT)
			return false;
	}
	/*
	 * Of the two widths of a pointer, what fits at all; fusd_models_ok() looks at the one that
	 * is meant.
	 */
	return fusd_inside(link->offset, link->flags & FUSD_LINK_TAIL ? 0 : 4, size);
}

static bool fusd_types_ok(const struct fusd_table_copy *table)
{
	u32 i, j;

	for (i = 0; i < table->head.types; i++) {
		const struct fusd_type *type = &table->types[i];

		if (!type->size || type->size > FUSD_MOST_IO || type->reserved)
			return false;
		if (type->links > table->head.links || type->link > table->head.links - type->links)
			return false;
		for (j = 0; j < type->links; j++)
			if (!fusd_link_ok(table, &table->links[type->link + j], i))
				return false;
		/* Types may share links: there is more to look at than the table has bytes. */
		cond_resched();
	}
	return true;
}

static bool fusd_commands_ok(const struct fusd_table_copy *table)
{
	u32 i;

	for (i = 0; i < table->head.commands; i++) {
		const struct fusd_command *command = &table->commands[i];
		bool points = command->passing >= FUSD_ARG_IN && command->passing <= FUSD_ARG_INOUT;

		if (command->model > FUSD_MODEL_X32 || command->passing > FUSD_ARG_RETRY)
			return false;
		if (command->reserved || command->reserved2)
			return false;
		if (points ? command->type >= table->head.types : command->type != 0)
			return false;
		if (i && !fusd_compare_commands(command, command - 1))
			return false;
	}
	return true;
}

/* Pointers of each type that a 64-bit caller's command reaches are 8 bytes wide. */
static bool fusd_pointers_ok(const struct fusd_table_copy *table)
{
	unsigned long *reached = bitmap_zalloc(table->head.types, GFP_KERNEL);
	bool ok = true;
	u32 i, j;

	if (!reached)
		return false;
	for (i = 0; i < table->head.commands; i++) {
		const struct fusd_command *command = &table->commands[i];

		if (command->model == FUSD_MODEL_64 && command->passing >= FUSD_ARG_IN &&
		    command->passing <= FUSD_ARG_INOUT)
			__set_bit(command->type, reached);
	}
	for (i = 0; ok && i < table->head.types; i++) {
		const struct fusd_type *type = &table->types[i];

		if (!test_bit(i, reached))
			continue;
		for (j = 0; ok && j < type->links; j++) {
			const struct fusd_link *link = &table->links[type->link + j];

			ok = link->flags & FUSD_LINK_TAIL ||
			     fusd_inside(link->offset, 8, type->size);
			__set_bit(link->type, reached);
		}
		cond_resched();
	}
	bitmap_free(reached);
	return ok;
}

/* @head is taken, @from stands behind it */
struct fusd_table_copy *fusd_table_take(const struct fusd_table *head, struct iov_iter *from)
{
	struct fusd_table_copy *table;
	size_t commands, types, links, size = head->head.len - sizeof(*head);
	int err = -EINVAL;

	if (head->head.len > FUSD_MOST_TABLE || head->head.flags || head->reserved)
		return ERR_PTR(-EINVAL);
	if (head->commands > size || head->types > size || head->links > size)
		return ERR_PTR(-EINVAL);
	commands = head->commands * sizeof(struct fusd_command);
	types = head->types * sizeof(struct fusd_type);
	links = head->links * sizeof(struct fusd_link);
	if (commands + types + links != size)
		return ERR_PTR(-EINVAL);

	table = kvzalloc(struct_size(table, rows, size), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	refcount_set(&table->refs, 1);
	table->head = *head;
	table->commands = (void *)table->rows;
	table->types = (void *)table->rows + commands;
	table->links = (void *)table->rows + commands + types;
	if (!copy_from_iter_full(table->rows, size, from)) {
		err = -EFAULT;
		goto free;
	}
	sort(table->commands, head->commands, sizeof(struct fusd_command), fusd_compare_commands,
	     NULL);
	if (!fusd_types_ok(table) || !fusd_commands_ok(table) || !fusd_pointers_ok(table))
		goto free;
	return table;

free:
	kvfree(table);
	return ERR_PTR(err);
}

struct fusd_table_copy *fusd_table_get(struct fusd_device *dev)
{
	struct fusd_table_copy *table;

	spin_lock(&dev->lock);
	table = dev->table;
	if (table)
		refcount_inc(&table->refs);
	spin_unlock(&dev->lock);
	return table;
}

void fusd_table_put(struct fusd_table_copy *table)
{
	if (table && refcount_dec_and_test(&table->refs))
		kvfree(table);
}
