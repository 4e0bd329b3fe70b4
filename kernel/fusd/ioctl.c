// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctl(2): what the command's argument leads to is copied from the caller's memory, each byte of
 * it once, sent as one request, and the answer is copied back. Lengths and pointers are taken of
 * the copy, which nobody else sees.
 *
 * A gathering belongs to one call. Its parts are areas of the caller's memory, in the order in
 * which uapi/fusd.h has them; its data are those that are read.
 */
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "table.h"

struct fusd_part {
	u64 base;
	u32 len, at; /* @at: of its bytes in data, when it is read */
	u32 type;
	u8 passing; /* FUSD_ARG_IN, _OUT, _INOUT */
};

struct fusd_gathering {
	const struct fusd_table_copy *table;
	u32 limit; /* bytes each way */
	u8 pointer_size;
	struct fusd_part *parts;
	u32 count, capacity;
	u8 *data;
	u32 in, out; /* bytes */
};

#define FUSD_FEW_PARTS 16

static bool fusd_is_read(const struct fusd_gathering *all, const struct fusd_part *part)
{
	/* Where there are links, the pointers and lengths are the caller's. */
	return (part->passing & FUSD_ARG_IN) || (all->table && all->table->types[part->type].links);
}

static int fusd_add_part(struct fusd_gathering *all, const struct fusd_part *part)
{
	if (all->count == FUSD_MOST_AREAS)
		return -ENOMEM;
	if (all->count == all->capacity) {
		u32 capacity = all->capacity ? 2 * all->capacity : FUSD_FEW_PARTS;
		struct fusd_part *parts =
			krealloc_array(all->parts, capacity, sizeof(*parts), GFP_KERNEL_ACCOUNT);

		if (!parts)
			return -ENOMEM;
		all->parts = parts;
		all->capacity = capacity;
	}
	all->parts[all->count++] = *part;
	return 0;
}

/* Copies the parts from number @from on, whose number is all->count by now. */
static int fusd_copy_parts(struct fusd_gathering *all, u32 from)
{
	u64 in = all->in, out = all->out;
	u8 *data;
	u32 i;

	for (i = from; i < all->count; i++) {
		const struct fusd_part *part = &all->parts[i];

		if (fusd_is_read(all, part))
			in += part->len;
		if (part->passing & FUSD_ARG_OUT)
			out += part->len;
	}
	if (in > all->limit || out > all->limit)
		return -ENOMEM;
	all->out = out;
	if (in == all->in)
		return 0;
	data = kvmalloc(in, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	if (all->in)
		memcpy(data, all->data, all->in);
	kvfree(all->data);
	all->data = data;
	for (i = from; i < all->count; i++) {
		struct fusd_part *part = &all->parts[i];

		if (!fusd_is_read(all, part))
			continue;
		part->at = all->in;
		if (copy_from_user(data + part->at, u64_to_user_ptr(part->base), part->len))
			return -EFAULT;
		all->in += part->len;
	}
	return 0;
}

static u64 fusd_field(const u8 *at, u8 size)
{
	u64 value = 0;

	/*
	 * Of x86-64's and arm64's byte order, as everything that pairs 64-bit kernels with 32-bit
	 * callers here.
	 */
	memcpy(&value, at, size);
	return le64_to_cpu((__force __le64)value);
}

/* @return how many items a link leads to, or -EINVAL */
static s64 fusd_count(const struct fusd_link *link, const u8 *item)
{
	u64 count;

	if (!link->count_size)
		return link->max;
	count = fusd_field(item + link->count_offset, link->count_size);
	/*
	 * A negative one has its highest bit set, which is more than any maximum once it is as wide
	 * as 64 bits.
	 */
	if (link->flags & FUSD_LINK_SIGNED && link->count_size < 8 &&
	    count >> (8 * link->count_size - 1))
		return -EINVAL;
	return count > link->max ? -EINVAL : (s64)count;
}

static u8 fusd_passing(const struct fusd_link *link, const u8 *item, const struct fusd_part *holder)
{
	if (link->mask_size && fusd_field(item + link->mask_offset, link->mask_size) & link->mask)
		return link->passing_if;
	return link->passing == FUSD_ARG_PARENT ? holder->passing : link->passing;
}

/* @place: of the item in its part, in bytes */
static int fusd_follow(struct fusd_gathering *all, const struct fusd_link *link, u32 holder,
		       u32 place)
{
	const struct fusd_part *part = &all->parts[holder];
	const u8 *item = all->data + part->at + place;
	struct fusd_part next = { .type = link->type, .passing = fusd_passing(link, item, part) };
	s64 count;
	u32 len;

	if (link->flags & FUSD_LINK_TAIL)
		next.base = part->base + place + link->offset;
	else
		next.base = fusd_field(item + link->offset, all->pointer_size);
	if (!next.base && link->flags & FUSD_LINK_NULLABLE)
		return 0;
	count = fusd_count(link, item);
	if (count < 0)
		return count;
	if (check_mul_overflow((u32)count, all->table->types[link->type].size, &len))
		return -ENOMEM;
	if (!len)
		return 0;
	if (!next.base)
		return -EFAULT;
	next.len = len;
	return fusd_add_part(all, &next);
}

static int fusd_follow_all(struct fusd_gathering *all, u32 holder)
{
	const struct fusd_type *type = &all->table->types[all->parts[holder].type];
	u32 len = all->parts[holder].len;
	u32 place, i;
	int err;

	if (!type->links)
		return 0;
	for (place = 0; place < len; place += type->size) {
		for (i = 0; i < type->links; i++) {
			err = fusd_follow(all, &all->table->links[type->link + i], holder, place);
			if (err)
				return err;
		}
		/* Links that lead to nothing are no parts, so there can be millions. */
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Level by level: the argument, what it leads to, and so on. */
static int fusd_gather(struct fusd_gathering *all, const struct fusd_command *command, u64 arg)
{
	struct fusd_part root = {
		.base = arg,
		.len = all->table->types[command->type].size,
		.type = command->type,
		.passing = command->passing,
	};
	u32 level = 0, next;
	int err;

	if (!arg)
		return -EFAULT;
	err = fusd_add_part(all, &root);
	while (!err && level < all->count) {
		next = all->count;
		err = fusd_copy_parts(all, level);
		for (; !err && level < next; level++)
			err = fusd_follow_all(all, level);
		cond_resched();
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

/* The areas that the daemon asks for, in the place of those of the round before. */
static int fusd_gather_again(struct fusd_gathering *all, const struct fusd_req *answered)
{
	u64 reads = answered->result, count = reads + answered->value, i;
	int err;

	all->count = 0;
	all->in = 0;
	all->out = 0;
	for (i = 0; i < count; i++) {
		const struct fusd_area *area = answered->answer + i * sizeof(*area);
		struct fusd_part part = { .passing = i < reads ? FUSD_ARG_IN : FUSD_ARG_OUT };
		/* The daemon may be writing there. */
		u64 len = READ_ONCE(area->len);

		if (len > all->limit)
			return -ENOMEM;
		if (!len)
			continue;
		part.base = READ_ONCE(area->base);
		part.len = len;
		err = fusd_add_part(all, &part);
		if (err)
			return err;
	}
	return fusd_copy_parts(all, 0);
}

static int fusd_scatter(const struct fusd_gathering *all, const struct fusd_req *req)
{
	u32 done = 0, i;

	for (i = 0; i < all->count && done < req->answer_len; i++) {
		const struct fusd_part *part = &all->parts[i];
		u32 len = min(part->len, req->answer_len - done);

		if (!(part->passing & FUSD_ARG_OUT))
			continue;
		if (copy_to_user(u64_to_user_ptr(part->base), req->answer + done, len))
			return -EFAULT;
		done += len;
	}
	return 0;
}

struct fusd_ioctl_call {
	struct file *filp;
	const struct fusd_command *command;
	u64 arg;
};

static struct fusd_req *fusd_ioctl_req(const struct fusd_ioctl_call *call,
				       struct fusd_gathering *all)
{
	struct fusd_req *req = fusd_req_on(call->filp, FUSD_OP_IOCTL);

	if (IS_ERR(req))
		return req;
	req->cmd = call->command->cmd;
	req->arg = call->arg;
	if (call->command->model == FUSD_MODEL_32)
		req->flags |= FUSD_IOCTL_32BIT;
	else if (call->command->model == FUSD_MODEL_X32)
		req->flags |= FUSD_IOCTL_32BIT | FUSD_IOCTL_X32;
	req->may_retry = call->command->passing == FUSD_ARG_RETRY;
	req->out_size = all->out;
	/* The links have been followed, so the bytes may be where the daemon can write to. */
	if (!fusd_req_room(req, all->in, all->out) && all->in) {
		fusd_req_put(req);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(req->data, all->data, all->in);
	return req;
}

static long fusd_ioctl_rounds(const struct fusd_ioctl_call *call, struct fusd_gathering *all)
{
	unsigned int round;

	for (round = 0; round < FUSD_MOST_ROUNDS; round++) {
		struct fusd_req *req = fusd_ioctl_req(call, all);
		long result;
		bool again;

		if (IS_ERR(req))
			return PTR_ERR(req);
		result = fusd_call(req);
		again = result >= 0 && (req->reply_flags & FUSD_REPLY_RETRY);
		if (again)
			result = fusd_gather_again(all, req);
		else if (result >= 0 && fusd_scatter(all, req))
			result = -EFAULT;
		fusd_req_put(req);
		if (!again || result)
			return result;
	}
	return -EIO;
}

/*
 * A daemon has its kernel read and write the memory of who calls ioctl(2), at addresses that are
 * the daemon's to choose. One without privilege may do that to whom it could ptrace(2).
 */
static bool fusd_may_gather(const struct fusd_device *dev)
{
	const struct cred *cred = current_cred();

	return dev->privileged ||
	       (uid_eq(cred->uid, dev->creator) && uid_eq(cred->euid, dev->creator) &&
		uid_eq(cred->suid, dev->creator) && current->mm &&
		__get_dumpable(current->mm->flags) == SUID_DUMP_USER);
}

static long fusd_do_ioctl(struct file *filp, unsigned int cmd, unsigned long arg, u8 model)
{
	struct fusd_file *file = filp->private_data;
	struct fusd_gathering all = {
		.limit = file->dev->max_io,
		.pointer_size = model == FUSD_MODEL_64 ? 8 : 4,
	};
	struct fusd_ioctl_call call = { .filp = filp, .arg = arg };
	struct fusd_table_copy *table;
	long result = -ENOTTY;

	if (!fusd_wants(file->dev, FUSD_OP_IOCTL))
		return -ENOTTY;
	if (!fusd_may_gather(file->dev))
		return -EACCES;
	table = fusd_table_get(file->dev);
	if (!table)
		return -ENOTTY;
	call.command = fusd_table_find(table, cmd, model);
	if (!call.command)
		goto put;
	result = 0;
	if (call.command->passing >= FUSD_ARG_IN && call.command->passing <= FUSD_ARG_INOUT) {
		all.table = table;
		result = fusd_gather(&all, call.command, arg);
	}
	if (!result)
		result = fusd_ioctl_rounds(&call, &all);
	kfree(all.parts);
	kvfree(all.data);
put:
	fusd_table_put(table);
	return result;
}

long fusd_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return fusd_do_ioctl(filp, cmd, arg, FUSD_MODEL_64);
}

long fusd_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	u8 model = FUSD_MODEL_32;

#ifdef CONFIG_X86_X32_ABI
	if (in_x32_syscall())
		model = FUSD_MODEL_X32;
#endif
	return fusd_do_ioctl(filp, cmd, (u32)arg, model);
}
