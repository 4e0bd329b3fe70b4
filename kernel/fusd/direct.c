// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long reads and writes go straight between the daemon's memory and the caller's own: its pages are
 * pinned from before the request is made until the caller leaves, answered or not, and copied to or
 * from once. Nobody else has a copy, so a request that is sent again is read again.
 *
 * The caller may unmap its memory meanwhile, which loses nothing but what it asked for, or write to
 * it, which nobody but the daemon sees. Pages that are pinned cannot be swapped out: as many as one
 * would have taken of ours, at the least, and charged to whoever has them.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "internal.h"

/* Below this a buffer costs less. */
#define FUSD_DIRECT_FROM SZ_16K
/* Pages of the daemon's that are pinned at a time, and copied while the caller cannot leave. */
#define FUSD_DIRECT_BATCH 32

bool fusd_direct_pin(struct fusd_req *req, const struct iov_iter *iter, size_t len, bool to_caller)
{
	unsigned long start;
	struct page **pages;
	int wanted, got;

	/* Vectors are rare, and of short pieces. */
	if (len < FUSD_DIRECT_FROM || !iter_is_ubuf(iter))
		return false;
	start = (unsigned long)iter->ubuf + iter->iov_offset;
	wanted = DIV_ROUND_UP(offset_in_page(start) + len, PAGE_SIZE);
	pages = kvmalloc_array(wanted, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return false;
	got = pin_user_pages_fast(start & PAGE_MASK, wanted, to_caller ? FOLL_WRITE : 0, pages);
	if (got < wanted) {
		/* Memory of a device, or not all there: as much as there is, by a buffer. */
		if (got > 0)
			unpin_user_pages(pages, got);
		kvfree(pages);
		return false;
	}
	req->pages = pages;
	req->page_count = wanted;
	req->page_offset = offset_in_page(start);
	req->to_caller = to_caller;
	req->direct = true;
	return true;
}

/* fault_in_iov_iter_writeable() takes the long way, with the lock of all the caller's memory. */
bool fusd_is_writeable(const struct iov_iter *iter, size_t size)
{
	unsigned long start;
	struct page *page;

	if (!iter_is_ubuf(iter))
		return false;
	start = (unsigned long)iter->ubuf + iter->iov_offset;
	if (offset_in_page(start) + size > PAGE_SIZE ||
	    get_user_pages_fast_only(start & PAGE_MASK, 1, FOLL_WRITE, &page) != 1)
		return false;
	put_page(page);
	return true;
}

void fusd_direct_unpin(struct fusd_req *req)
{
	struct page **pages;

	if (!req->direct)
		return;
	/* As long as one batch takes: whoever holds it touches nothing but pinned memory. */
	mutex_lock(&req->copying);
	pages = req->pages;
	req->pages = NULL;
	mutex_unlock(&req->copying);
	unpin_user_pages_dirty_lock(pages, req->page_count, req->to_caller);
	kvfree(pages);
}

/* Between the caller's bytes from @at on and those from @offset on of @pages. */
static int fusd_direct_move(struct fusd_req *req, size_t at, struct page **pages, size_t offset,
			    size_t len)
{
	int err = -ENOENT;

	mutex_lock(&req->copying);
	if (req->pages)
		err = 0;
	for (at += req->page_offset; !err && len;) {
		size_t part = min3(len, PAGE_SIZE - offset_in_page(at),
				   PAGE_SIZE - offset_in_page(offset));
		void *caller = kmap_local_page(req->pages[at / PAGE_SIZE]);
		void *daemon = kmap_local_page(pages[offset / PAGE_SIZE]);

		if (req->to_caller)
			memcpy(caller + offset_in_page(at), daemon + offset_in_page(offset), part);
		else
			memcpy(daemon + offset_in_page(offset), caller + offset_in_page(at), part);
		kunmap_local(daemon);
		kunmap_local(caller);
		at += part;
		offset += part;
		len -= part;
	}
	mutex_unlock(&req->copying);
	return err;
}

/*
 * The same with what cannot be pinned: memory of a device, or pages that the kernel has already
 * (io_uring). What is not there is faulted in without the lock, so that a daemon that lets a fault
 * wait holds nobody but itself.
 * @return bytes, or -errno
 */
static ssize_t fusd_direct_page(struct fusd_req *req, size_t at, struct iov_iter *daemon,
				size_t len)
{
	ssize_t copied = -ENOENT;
	size_t left;

	at += req->page_offset;
	len = min(len, PAGE_SIZE - offset_in_page(at));
	left = req->to_caller ? fault_in_iov_iter_readable(daemon, len)
			      : fault_in_iov_iter_writeable(daemon, len);
	if (left == len)
		return -EFAULT;
	mutex_lock(&req->copying);
	if (req->pages) {
		struct page *page = req->pages[at / PAGE_SIZE];

		pagefault_disable();
		copied = req->to_caller ? copy_page_from_iter_atomic(page, offset_in_page(at), len,
								     daemon)
					: copy_page_to_iter(page, offset_in_page(at), len, daemon);
		pagefault_enable();
	}
	mutex_unlock(&req->copying);
	return copied;
}

/* What is next of the daemon's memory, where it is user memory. @return bytes in one piece */
static size_t fusd_direct_piece(struct iov_iter *daemon, unsigned long *start)
{
	const struct iovec *part;

	if (iter_is_ubuf(daemon)) {
		*start = (unsigned long)daemon->ubuf + daemon->iov_offset;
		return iov_iter_count(daemon);
	}
	if (!iter_is_iovec(daemon))
		return 0;
	/* Past parts without bytes. */
	iov_iter_advance(daemon, 0);
	part = fusd_iter_iov(daemon);
	*start = (unsigned long)part->iov_base + daemon->iov_offset;
	return part->iov_len - daemon->iov_offset;
}

/* @return bytes, which are taken of the iterator, or -errno */
static ssize_t fusd_direct_batch(struct fusd_req *req, size_t at, struct iov_iter *daemon,
				 size_t len)
{
	struct page *pages[FUSD_DIRECT_BATCH];
	unsigned long start = 0;
	int wanted, got, err;

	len = min(len, fusd_direct_piece(daemon, &start));
	wanted = min_t(size_t, DIV_ROUND_UP(offset_in_page(start) + len, PAGE_SIZE),
		       FUSD_DIRECT_BATCH);
	if (!len)
		return 0;
	got = pin_user_pages_fast(start & PAGE_MASK, wanted, req->to_caller ? 0 : FOLL_WRITE,
				  pages);
	if (got <= 0)
		return 0;
	len = min(len, got * PAGE_SIZE - offset_in_page(start));
	err = fusd_direct_move(req, at, pages, offset_in_page(start), len);
	unpin_user_pages_dirty_lock(pages, got, !req->to_caller);
	if (err)
		return err;
	iov_iter_advance(daemon, len);
	return len;
}

/*
 * A daemon whose memory is bad may have read or given a part: it reads the request again, or
 * answers it again, as it likes.
 */
int fusd_direct_copy(struct fusd_req *req, struct iov_iter *daemon, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t copied = fusd_direct_batch(req, at, daemon, len - at);

		if (!copied)
			copied = fusd_direct_page(req, at, daemon, len - at);
		if (copied < 0)
			return copied;
		at += copied;
		if (fatal_signal_pending(current))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}
