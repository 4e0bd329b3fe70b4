/* SPDX-License-Identifier: MIT */
/*
 * The memory that a descriptor of /dev/fusd shares with the kernel: requests and answers that need no system call. See
 * kernel/fusd/uapi/fusd.h from FUSD_RING on.
 */
#ifndef DEVLIFT_RING_H
#define DEVLIFT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct ring;

/* Maps the ring of @fd, which has so many slots of so many bytes. NULL with errno. */
struct ring *ring_map(int fd, unsigned int slots, unsigned int slot_size);
void ring_unmap(struct ring *ring);

/*
 * The next request, into memory of @room bytes: its length, or -errno, -EAGAIN when there is none. One that was taken
 * before and is not answered by now is taken to wait: its answer comes by write(2).
 */
long ring_take(struct ring *ring, void *into, size_t room);

/* There is a request that poll(2) does not know of. */
bool ring_keeps_one(const struct ring *ring);

/* poll(2) says that there is something, so read(2) is asked where the ring has nothing. */
void ring_told(struct ring *ring);

/* Puts the answer of the request that was taken last into its slot. false: it has to be written. */
bool ring_answer(struct ring *ring, const struct iovec *parts, size_t count);

/* Wakes those who sleep until their answers are there. How many of them went to sleep on this CPU, or negative. */
long ring_commit(struct ring *ring);

/* Whether requests are looked for without sleeping. */
void ring_awake(struct ring *ring, bool awake);

#endif
