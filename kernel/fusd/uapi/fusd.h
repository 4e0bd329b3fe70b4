/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The protocol of /dev/fusd, by which a daemon serves character devices.
 *
 * One descriptor of /dev/fusd is one device. Everything is a message that begins with struct
 * fusd_head: read(2) gives one message of the kernel, write(2) takes one or more of the daemon,
 * back to back. Nothing here has a pointer, a long or padding: 32-bit daemons use the same bytes.
 * Numbers are of the machine's byte order.
 *
 * read(2) before START gives FUSD_INFO, as often as it is asked. A daemon then writes CREATE, any
 * number of TABLEs, and START, and from there on reads requests (FUSD_OP_*) and writes a REPLY to
 * each that wants one. A write(2) that fails has taken nothing of the message that is wrong; a
 * short count tells how much was taken before it.
 */
#ifndef _UAPI_FUSD_H
#define _UAPI_FUSD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FUSD_VERSION 1

#define FUSD_NAME_MAX 64

struct fusd_head {
	__u32 len;	/* of the whole message, this included */
	__u16 type;	/* enum fusd_message */
	__u16 flags;
	__u64 id;	/* of the request that is meant; 0 where there is none */
};

enum fusd_message {
	/* The kernel's: requests. All but INTERRUPT and those with FUSD_NO_REPLY want a REPLY. */
	FUSD_OP_OPEN = 1,
	FUSD_OP_RELEASE = 2,	/* the last close of an open file */
	FUSD_OP_READ = 3,
	FUSD_OP_WRITE = 4,
	FUSD_OP_IOCTL = 5,
	FUSD_OP_LLSEEK = 6,
	FUSD_OP_FLUSH = 7,	/* each close(2) */
	FUSD_OP_FSYNC = 8,
	FUSD_OP_RESTORE = 9,	/* after RECOVER: a file that is open */
	/* the caller of request `id` got a signal; the REPLY to that request is the answer */
	FUSD_OP_INTERRUPT = 10,
	FUSD_OP_MAX = 15,

	FUSD_INFO = 16,

	/* The daemon's. */
	FUSD_CREATE = 32,
	FUSD_TABLE = 33,
	FUSD_START = 34,	/* only a head */
	FUSD_REPLY = 35,
	FUSD_PUBLISH = 36,
	/* only a head: request `id` waits for good reason, its deadline does not count */
	FUSD_WAIT = 37,
	/* only a head: no new requests; they are held for the daemon that RECOVERs */
	FUSD_QUIESCE = 38,
	FUSD_RECOVER = 39,
	/* only a head: open files get ENODEV, the node goes; close(2) does that, too */
	FUSD_DESTROY = 40,
	FUSD_REGION = 41,
	FUSD_RING = 42,
	/* only a head: the daemon has read request `id` out of its slot, and answers by write(2) */
	FUSD_DETACH = 43,
	FUSD_KEEP = 44,
};

/* What may differ between modules of one version. */
#define FUSD_FEATURE_RECOVERY	(1ULL << 0)
#define FUSD_FEATURE_REGIONS	(1ULL << 1)
#define FUSD_FEATURE_RING	(1ULL << 2)
#define FUSD_FEATURE_KEEP	(1ULL << 3)

/* FUSD_INFO */
struct fusd_info {
	struct fusd_head head;
	__u32 version;
	__u32 max_io;		/* the most that CREATE may ask for, bytes */
	__u64 features;
	__u32 max_table;	/* bytes of a TABLE */
	__u32 max_areas;	/* of one ioctl */
	__u32 files;		/* open files of the device, after RECOVER */
	__u32 reserved;
};

/*
 * What happens to an operation's requests while there is no daemon, for devices with recover_ms.
 * Without recover_ms the device ends with its daemon.
 */
enum fusd_policy {
	FUSD_POLICY_FAIL = 0,	/* EIO at once, for those that the daemon had and for new ones */
	/* those that the daemon had get EIO: nothing is done twice; others wait */
	FUSD_POLICY_HOLD = 1,
	/* all wait; those that the daemon had are sent again, with FUSD_REISSUED */
	FUSD_POLICY_REISSUE = 2,
};

/* FUSD_CREATE, fusd_create.flags */
#define FUSD_CREATE_SEEKABLE	(1U << 0)	/* offsets count; without it the file is a stream */

struct fusd_create {
	struct fusd_head head;
	__u32 version;
	/* 1 << FUSD_OP_*: what is sent. Others get what a driver without the operation gives */
	__u32 ops;
	__u64 features;		/* that the daemon must have; EOPNOTSUPP where one is missing */
	__u32 flags;
	__u32 mode;		/* of the node, permission bits */
	__u32 uid;		/* in the daemon's user namespace */
	__u32 gid;
	/* bytes of one READ or WRITE and of an IOCTL's areas each way; 0: 1 MiB */
	__u32 max_io;
	__u32 max_opens;	/* open files, more get ENFILE; 0: 65536 */
	__u32 deadline_ms;	/* after which a request gets ETIMEDOUT, but see WAIT; 0: none */
	/* after which an interrupted caller is freed without an answer; 0: 10 s */
	__u32 interrupt_ms;
	__u32 recover_ms;	/* how long a device outlives its daemon; 0: not at all */
	__u32 reserved;
	__u8 policy[16];	/* enum fusd_policy by FUSD_OP_* */
	char name[FUSD_NAME_MAX];	/* under /dev, NUL-terminated */
};

/* FUSD_RECOVER: instead of CREATE. Then TABLEs, which replace the old ones, and START. */
struct fusd_recover {
	struct fusd_head head;
	__u32 version;
	__u32 reserved;
	char name[FUSD_NAME_MAX];
};

/* fusd_head.flags of requests */
#define FUSD_NO_REPLY	(1U << 0)
#define FUSD_REISSUED	(1U << 1)	/* an earlier daemon had it, and may have done it */
/* IOCTL: the caller's data model; neither: 64-bit */
#define FUSD_IOCTL_32BIT	(1U << 2)
#define FUSD_IOCTL_X32	(1U << 3)

struct fusd_request {
	struct fusd_head head;
	__u64 file;		/* the kernel's number of the open file, never given twice */
	__u64 cookie;		/* what the daemon called it in its answer to OPEN or RESTORE */
	__u64 offset;		/* READ, WRITE: the position; LLSEEK: what is asked for, signed */
	__u64 arg;		/* IOCTL: the argument as it was passed */
	__u32 file_flags;	/* O_* of open(2) as they are now, O_NONBLOCK among them */
	__u32 cmd;		/* IOCTL: the command; LLSEEK: whence; FSYNC: 1 for data alone */
	__u32 size;		/* READ: bytes wanted; else bytes that follow */
	__u32 out_size;		/* IOCTL: bytes that the answer may have */
	/* the calling process, in the daemon's namespaces, as the three below; 0: not in it */
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u32 gid;
};

/* fusd_head.flags of replies */
#define FUSD_REPLY_EVENTS	(1U << 0)	/* `events` counts, without waking anybody */
/*
 * IOCTL of a command whose row says FUSD_ARG_RETRY: ask again with these areas of the caller's
 * memory. `result` counts the struct fusd_area that follow: those to be read; `value` those after
 * them, to be written.
 */
#define FUSD_REPLY_RETRY	(1U << 1)

struct fusd_reply {
	struct fusd_head head;
	/* -errno; or bytes of READ and WRITE, the value of ioctl(2), the position of LLSEEK */
	__s64 result;
	__u64 value;		/* OPEN, RESTORE: the cookie */
	__u32 events;		/* poll(2) of this file from now on, POLL* bits */
	__u32 reserved;
};

struct fusd_area {
	__u64 base;
	__u64 len;
};

/*
 * FUSD_PUBLISH: what poll(2) says from now on. poll(2) never asks the daemon: say what has become
 * false before the reply that made it so (the same write(2) will do), and what has become true with
 * the bits to wake for.
 */
struct fusd_publish {
	struct fusd_head head;
	__u64 file;
	__u32 events;		/* POLL* bits */
	/* who waits for one of these is woken, edge-triggered, too, and gets SIGIO; 0: nobody */
	__u32 wake;
};

/*
 * FUSD_TABLE: the ioctl commands that exist, replacing what was there. Others are ENOTTY. After
 * this head come `commands` rows of struct fusd_command, `types` of fusd_type, `links` of
 * fusd_link.
 */
struct fusd_table {
	struct fusd_head head;
	__u32 commands;
	__u32 types;
	__u32 links;
	__u32 reserved;
};

enum fusd_model {
	FUSD_MODEL_64 = 0,
	FUSD_MODEL_32 = 1,
	FUSD_MODEL_X32 = 2,
};

/*
 * How an argument, or what a link leads to, is passed. IN is read of the caller, OUT is written to
 * it.
 */
enum fusd_passing {
	FUSD_ARG_NONE = 0,	/* the argument itself says it all: arg */
	FUSD_ARG_IN = 1,
	FUSD_ARG_OUT = 2,
	FUSD_ARG_INOUT = 3,
	/* commands: only the daemon knows which areas; see FUSD_REPLY_RETRY */
	FUSD_ARG_RETRY = 4,
	FUSD_ARG_PARENT = 5,	/* links: as what holds the link */
};

struct fusd_command {
	__u32 cmd;
	__u8 model;		/* enum fusd_model */
	__u8 passing;		/* enum fusd_passing */
	__u16 reserved;
	/* of what the argument points to, an index into the table's types; 0 where nothing */
	__u32 type;
	__u32 reserved2;
};

/*
 * A C type of fixed size, with the links in it. An area whose type has links is always read: they
 * are the caller's. An area of n items has its links item by item, in the table's order. The bytes
 * of an IOCTL request are its areas that are read, level by level: the argument, what its links
 * lead to in order, what the links of those lead to, and so on. Those of its answer are the areas
 * that are written, in the same order.
 */
struct fusd_type {
	__u32 size;		/* bytes, at least 1 */
	__u32 link;		/* the first of its links, an index into the table's links */
	__u32 links;		/* how many */
	__u32 reserved;
};

/* no pointer: the data is in the caller's memory from `offset` on */
#define FUSD_LINK_TAIL		(1U << 0)
#define FUSD_LINK_NULLABLE	(1U << 1)	/* NULL leads to nothing; else it is EFAULT */
#define FUSD_LINK_SIGNED	(1U << 2)	/* the count is; a negative one is EINVAL */

/*
 * A pointer is as wide as those of the command's data model, zero-extended. A count of 0 leads to
 * nothing.
 */
struct fusd_link {
	/* with mask_size: the passing is `passing_if` where the field has one of these bits */
	__u64 mask;
	__u32 offset;		/* in the item, of the pointer or the tail */
	/* of what it leads to; its index is higher than that of the type with the link */
	__u32 type;
	__u32 max;		/* items; or, where count_size is 0, how many there always are */
	__u32 count_offset;	/* of the field that counts; more than max is EINVAL */
	__u32 mask_offset;	/* of the field that the mask is for */
	__u8 count_size;	/* bytes of the field: 0, 1, 2, 4, 8 */
	__u8 mask_size;		/* the same */
	__u8 passing;		/* enum fusd_passing */
	__u8 passing_if;
	__u8 flags;		/* FUSD_LINK_* */
	__u8 reserved[7];
};

/*
 * FUSD_REGION: memory that programs mmap(2), owned by the device: it outlives the daemon. The
 * daemon maps it by mmap(2) of its descriptor, at FUSD_MAP_REGIONS + offset.
 */
#define FUSD_REGION_READ_ONLY	(1U << 0)	/* for programs */
/* programs cannot map it: what a daemon leaves to the next one */
#define FUSD_REGION_PRIVATE	(1U << 1)
#define FUSD_MAP_REGIONS	(1ULL << 40)

struct fusd_region {
	struct fusd_head head;
	__u64 offset;		/* where programs find it, in pages' bytes */
	__u64 size;
	__u32 flags;
	/*
	 * a memfd of the daemon's with F_SEAL_SHRINK and without F_SEAL_WRITE, all of which
	 * programs may come by (remap_file_pages(2)); or -1: new memory, zeroed
	 */
	__s32 fd;
};

/*
 * Errors of the daemon's calls.
 *
 * read(2): EMSGSIZE, the buffer is too small for the message, which stays; EAGAIN with O_NONBLOCK;
 * ENODEV after the end of the device.
 * write(2): EINVAL, a message that cannot be, or not now (a length that is not its kind's, a field
 * that has no such value, an unknown flag, reserved bytes that are not 0, the wrong stage, an
 * answer longer than was asked for or whose bytes are not as many as its result says, a result
 * below -511: those are the kernel's own); EFAULT; EOPNOTSUPP, a version or features that the
 * module has not; EEXIST, the name of CREATE; ENOENT, a REPLY or WAIT for what is no request, or a
 * name that RECOVER does not find; EBUSY, RECOVER of a device that has its daemon; EPERM, RECOVER
 * by another user, or CREATE without privilege; ENODEV after the end of the device.
 *
 * The answer to a request whose caller has gone is taken and dropped, once; a PUBLISH for a file
 * that has been closed, always: a daemon cannot know better.
 *
 * A name is relative, of printable characters but space and '!', without empty parts, "." and "..";
 * parts are folders. poll(2) of a file of which nothing was published is as that of a driver
 * without poll: ready to be read and written.
 */

/*
 * FUSD_RING, before START: memory that the daemon and the kernel share, through which most READs,
 * WRITEs and IOCTLs go without a read(2) and a write(2). Requests that are longer than a slot, or
 * come when all slots are taken, still come by read(2), as everything else does. The daemon maps
 * FUSD_RING_SLOTS_AT + slots * slot_size bytes at FUSD_MAP_RING.
 *
 * The kernel writes a request to the start of a slot, its state, the slot's number into `order` at
 * `posted` modulo FUSD_RING_MOST_SLOTS, and then `posted`. The daemon takes what is between
 * `taken` and `posted`, writing `taken`, and puts its answer, struct fusd_reply and data, into the
 * same slot at FUSD_RING_REPLY_AT(length of the request); its data begins right behind the struct.
 * Then it sets the state to FUSD_SLOT_ANSWERED, and where `wanted` is not 0 after that (a full
 * barrier between the two), calls ioctl(FUSD_IOC_COMMIT), once for all answers that it has by then.
 * Where nothing is posted and `messages` is 0 it waits by poll(2).
 *
 * An answer that is longer than its slot, or comes later, may be written by write(2) as any other;
 * one with FUSD_REPLY_EVENTS has to be, as callers take answers out of slots in any order.
 *
 * Ids rise in the order in which requests are made. Where `messages` is not 0 when `posted` has
 * been read, there may be an INTERRUPT that is older than what is posted; and read(2) may give
 * one, or a RELEASE, of a caller whose request is in a slot that was not looked at: it has an id
 * as low.
 */
#define FUSD_MAP_RING		0ULL
#define FUSD_RING_MOST_SLOTS	256
#define FUSD_RING_SLOTS_AT	8192
#define FUSD_RING_REPLY_AT(len)	(((len) + 63) & ~63)

struct fusd_ring_setup {
	struct fusd_head head;
	__u32 slots;		/* 1 to FUSD_RING_MOST_SLOTS */
	__u32 slot_size;	/* bytes, whole pages of 4096; all slots at most 16 MiB */
};

enum fusd_slot_state {
	FUSD_SLOT_FREE = 0,
	FUSD_SLOT_POSTED = 1,
	FUSD_SLOT_ANSWERED = 2,
};

struct fusd_slot {
	__u32 state;
	__u32 wanted;		/* the caller sleeps */
};

struct fusd_ring {
	/* The kernel's. */
	__u32 posted;		/* slots that were ever posted, modulo 2^32 */
	__u32 messages;		/* not 0: there is something for read(2) */
	__u32 reserved[14];
	/* The daemon's. */
	__u32 taken;		/* of those posted */
	__u32 awake;		/* not 0: it looks for requests without sleeping; so may callers */
	__u32 reserved2[14];
	__u32 order[FUSD_RING_MOST_SLOTS];
	struct fusd_slot slot[FUSD_RING_MOST_SLOTS];
};

/*
 * Wakes the callers whose answers are there, and gives how many of them had gone to sleep on the
 * CPU that this is called on. They are next there if the daemon has nothing else to do and lets
 * them (sched_yield(2)): what they ask for then is found without going to sleep for it.
 */
#define FUSD_IOC_COMMIT _IO('F', 1)

/*
 * FUSD_KEEP, of a device with recover_ms: a descriptor of usbfs (/dev/bus/usb), whose file the
 * device keeps open for the next daemon, with what is claimed and under way on it. What was in the
 * slot is let go.
 */
#define FUSD_KEEP_SLOTS	16

struct fusd_keep {
	struct fusd_head head;
	__u32 slot;
	__s32 fd;		/* -1: nothing */
};

/* Its argument is a slot: gives what is in it as a new descriptor, close-on-exec; or ENOENT. */
#define FUSD_IOC_KEPT _IO('F', 2)

#endif
