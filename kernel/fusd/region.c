// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that programs and the daemon map. It is a file in the page cache, new or a memfd of the
 * daemon's, and a region owns a reference to it, as each mapping does by itself: none depends on
 * the daemon's address space.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <uapi/linux/fcntl.h>

#include "compat.h"
#include "internal.h"

struct fusd_map {
	struct list_head node; /* dev->regions, under dev->lock; only ever added to */
	u64 offset, size;
	struct file *file;	/* counted as one that is mapped for writing */
	/* what programs map: the same, or a read-only open of it; NULL where they may not */
	struct file *programs;
};

/* By its operations a memfd is told from other files: shmem's are not exported. */
static struct file *fusd_shmem;

int fusd_region_init(void)
{
	fusd_shmem = shmem_file_setup("fusd", 0, VM_NORESERVE);
	return PTR_ERR_OR_ZERO(fusd_shmem);
}

void fusd_region_exit(void)
{
	fput(fusd_shmem);
}

static struct file *fusd_region_file(const struct fusd_region *msg)
{
	struct file *file;
	int err = -EINVAL;

	if (msg->fd == -1) {
		file = shmem_file_setup("fusd", msg->size, 0);
		/* Nobody has sealed it. */
		if (!IS_ERR(file))
			err = mapping_map_writable(file->f_mapping);
		return file;
	}
	file = fget(msg->fd);
	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op != fusd_shmem->f_op)
		goto put;
	err = -EACCES;
	if (!(file->f_mode & FMODE_READ) ||
	    (!(msg->flags & FUSD_REGION_READ_ONLY) && !(file->f_mode & FMODE_WRITE)))
		goto put;
	/* A file that shrinks under a mapping is SIGBUS for programs. */
	err = -EPERM;
	if (!(SHMEM_I(file_inode(file))->seals & F_SEAL_SHRINK))
		goto put;
	err = -EINVAL;
	if (i_size_read(file_inode(file)) < msg->size)
		goto put;
	/*
	 * A mapping is made behind the back of what mmap(2) asks of F_SEAL_WRITE, so there must be
	 * no such seal, from here on to the region's end.
	 */
	err = mapping_map_writable(file->f_mapping);
	if (err)
		goto put;
	return file;

put:
	fput(file);
	return ERR_PTR(err);
}

static void fusd_region_free(struct fusd_map *region)
{
	if (!IS_ERR_OR_NULL(region->programs))
		fput(region->programs);
	if (!IS_ERR_OR_NULL(region->file)) {
		mapping_unmap_writable(region->file->f_mapping);
		fput(region->file);
	}
	kfree(region);
}

int fusd_region_add(struct fusd_device *dev, const struct fusd_region *msg)
{
	struct fusd_map *region, *other;
	int err = 0;

	if (msg->flags & ~(FUSD_REGION_READ_ONLY | FUSD_REGION_PRIVATE) || msg->fd < -1)
		return -EINVAL;
	if (!msg->size || !PAGE_ALIGNED(msg->size) || !PAGE_ALIGNED(msg->offset))
		return -EINVAL;
	if (msg->size > FUSD_MAP_REGIONS || msg->offset > FUSD_MAP_REGIONS - msg->size)
		return -EINVAL;
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->offset = msg->offset;
	region->size = msg->size;
	region->file = fusd_region_file(msg);
	err = PTR_ERR_OR_ZERO(region->file);
	if (err)
		goto free;
	/* That a file is read-only holds for remap_file_pages(2), too; a mapping's flags do not. */
	if (msg->flags & FUSD_REGION_PRIVATE)
		region->programs = NULL;
	else if (msg->flags & FUSD_REGION_READ_ONLY)
		region->programs = dentry_open(&region->file->f_path, O_RDONLY | O_LARGEFILE,
					       current_cred());
	else
		region->programs = get_file(region->file);
	err = PTR_ERR_OR_ZERO(region->programs);
	if (err)
		goto free;
	spin_lock(&dev->lock);
	list_for_each_entry(other, &dev->regions, node)
		if (msg->offset < other->offset + other->size &&
		    other->offset < msg->offset + msg->size)
			err = -EEXIST;
	if (!err && dev->region_count == FUSD_MOST_REGIONS)
		err = -ENOSPC;
	if (!err) {
		list_add_tail(&region->node, &dev->regions);
		dev->region_count++;
	}
	spin_unlock(&dev->lock);
	if (err)
		goto free;
	return 0;

free:
	fusd_region_free(region);
	return err;
}

void fusd_regions_free(struct fusd_device *dev)
{
	struct fusd_map *region, *next;

	list_for_each_entry_safe(region, next, &dev->regions, node)
		fusd_region_free(region);
}

int fusd_region_map(struct fusd_device *dev, struct vm_area_struct *vma, u64 base, bool daemon)
{
	u64 from = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 len = vma->vm_end - vma->vm_start;
	struct fusd_map *region, *found = NULL;
	struct file *file;

	if (from < base)
		return -ENODEV;
	from -= base;
	spin_lock(&dev->lock);
	list_for_each_entry(region, &dev->regions, node)
		if (from >= region->offset && from < region->offset + region->size)
			found = region;
	spin_unlock(&dev->lock);
	/* It stays: the device, which the caller has open, has it to its end. */
	if (!found || (!daemon && !found->programs))
		return -ENODEV;
	if (len > found->offset + found->size - from)
		return -EINVAL;
	file = daemon ? found->file : found->programs;
	if (vma->vm_flags & VM_SHARED && !(file->f_mode & FMODE_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		fusd_vm_flags_clear(vma, VM_MAYWRITE);
	}
	/* A memfd may be longer than its region. */
	fusd_vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_pgoff = (from - found->offset) >> PAGE_SHIFT;
	vma_set_file(vma, file);
	return vma->vm_file->f_op->mmap(vma->vm_file, vma);
}
