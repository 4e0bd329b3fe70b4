/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of this module, and who owns them.
 *
 * A fusd_conn is one open descriptor of /dev/fusd: a daemon. It owns a reference to its fusd_device
 * from CREATE or RECOVER on. A device without a daemon is an orphan, and ends with recover_ms;
 * while it can be opened it is on the list of devices, which owns a reference. A fusd_file is one
 * open file of a device, owned by its struct file and by its requests. A fusd_req is one call of a
 * program, owned by the caller that waits and by the list that it is on.
 *
 * Locks, outermost first: fusd_conn.mutex, fusd_devices_lock (a mutex), fusd_device.lock (a
 * spinlock), and fusd_deadlock_lock, under which nothing else is taken. fusd_req.copying is a mutex
 * that is taken with none of them, and under it none is.
 */
#ifndef _FUSD_INTERNAL_H
#define _FUSD_INTERNAL_H

#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uapi/fusd.h"

#define FUSD_DEFAULT_IO		SZ_1M
#define FUSD_MOST_IO		SZ_16M
#define FUSD_MOST_TABLE		SZ_256K
#define FUSD_MOST_AREAS		1024U
#define FUSD_DEFAULT_OPENS	65536U
#define FUSD_INTERRUPT_MS	10000U
#define FUSD_MOST_REGIONS	64U
/* A table's areas, and rounds of FUSD_REPLY_RETRY: no schema is that deep. */
#define FUSD_MOST_ROUNDS	64

#define FUSD_FEATURES (FUSD_FEATURE_RECOVERY | FUSD_FEATURE_REGIONS | FUSD_FEATURE_RING | \
		       FUSD_FEATURE_KEEP)

#define FUSD_POLL_DEFAULT (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)
/* What a daemon may say of a file. POLLNVAL, POLLFREE and epoll's flags are the kernel's own. */
#define FUSD_POLL_BITS ((__force u32)(FUSD_POLL_DEFAULT | EPOLLPRI | EPOLLERR | EPOLLHUP | \
				      EPOLLRDBAND | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP))

enum fusd_state {
	FUSD_NEW,	/* made, not started */
	FUSD_LIVE,
	FUSD_QUIESCED,	/* the daemon is there and gets no new requests */
	FUSD_ORPHAN,	/* without a daemon, waiting for the next */
	FUSD_RECOVERING,/* the next is there, and has not started */
	FUSD_RESTORING,	/* it has started, and is being told of the open files */
	FUSD_DEAD,
};

struct fusd_conn {
	struct mutex mutex;		/* the order of what a daemon asks for: CREATE to DESTROY */
	wait_queue_head_t wait;		/* for requests; here, as epoll(7) may come before CREATE */
	struct file *filp;
	struct fusd_device *dev;	/* set once, with release semantics */
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
	/* The thread that reads requests, for deadlock.c, under its lock. */
	struct hlist_node server_node;
	struct pid *server, *server_group;
	bool many_servers;
};

struct fusd_counters {
	u64 requests, replies, interrupts, late, reissued;
};

struct fusd_device {
	struct device dev;
	struct cdev cdev;
	struct list_head node;		/* fusd_devices, under fusd_devices_lock */
	bool added;			/* the node is there; fusd_devices_lock */
	char name[FUSD_NAME_MAX];
	u32 ops, flags, mode, max_io, max_opens;
	u32 deadline_ms, interrupt_ms, recover_ms;
	u8 policy[16];
	kuid_t uid;			/* of the node */
	kgid_t gid;
	kuid_t creator;			/* may RECOVER */
	bool privileged;		/* it had CAP_SYS_ADMIN */
	struct delayed_work expiry;	/* of an orphan */
	struct delayed_work news;	/* for who polls the status text */
	bool told;			/* nobody has read it since they were told */

	spinlock_t lock;		/* all that follows */
	enum fusd_state state;
	bool quiesced;			/* until the next daemon serves: everything is held */
	struct fusd_conn *conn;		/* the daemon; NULL for an orphan */
	u64 last_id;
	struct list_head queue;		/* requests that the daemon has not read, oldest first */
	struct list_head interrupts;	/* requests whose INTERRUPT it has not read */
	DECLARE_HASHTABLE(sent, 6);	/* requests that it has read, by id */
	DECLARE_HASHTABLE(files, 6);	/* open files, by id */
	u32 opens;			/* how many */
	u32 restoring;			/* RESTOREs without their reply */
	u32 generation;			/* of daemons */
	struct fusd_table_copy *table;
	struct fusd_ring_mem *ring;
	struct list_head regions;
	u32 region_count;
	struct file *kept[FUSD_KEEP_SLOTS];
	struct fusd_counters counters;
};

struct fusd_file {
	refcount_t refs;
	struct fusd_device *dev;
	u64 id;
	struct pid *tgid, *tid;		/* who opened it, for RESTORE */
	kuid_t uid;
	kgid_t gid;
	wait_queue_head_t wait;		/* pollers */
	struct fasync_struct *fasync;

	/* Under dev->lock. */
	struct hlist_node node;
	struct file *filp;		/* NULL when it is closed */
	bool opened;			/* a daemon knows it */
	u32 generation;			/* which: the device's then */
	u64 cookie;
	__poll_t events;
	/* -errno of every call, where the daemon could not restore it */
	int dead;
};

enum fusd_req_state {
	FUSD_REQ_NEW,
	FUSD_REQ_QUEUED,
	FUSD_REQ_SENT,
	FUSD_REQ_ANSWERING,	/* the daemon's answer is being copied */
	FUSD_REQ_DONE,
};

struct fusd_req {
	refcount_t refs;
	struct llist_node garbage_node;
	struct fusd_file *file;
	u16 op;
	u16 flags;		/* FUSD_NO_REPLY, FUSD_IOCTL_* */
	u32 file_flags, cmd, size, out_size;
	u64 offset, arg;
	struct pid *tgid, *tid;
	kuid_t uid;
	kgid_t gid;
	void *data;		/* what goes with it; kvfree(), unless it is in the ring's slot */
	u32 data_len;
	/* Instead of data and answer: the caller's own pages, see direct.c. */
	bool direct, to_caller;
	/* Whoever copies to or from the caller's pages has it, and who gives them back. */
	struct mutex copying;
	struct page **pages;	/* under copying; NULL when the caller has them back */
	unsigned int page_count, page_offset;
	struct fusd_ring_mem *ring;	/* where it has a slot */
	bool data_in_slot, answer_in_slot;
	bool slot_returned;	/* to the ring, by DETACH */
	int sleeps_on;		/* the CPU that its caller went to sleep on; READ_ONCE() */
	u32 slot;
	ktime_t since;		/* it was made */

	/*
	 * Under dev->lock; the caller reads the answer once it has seen DONE, with acquire
	 * semantics.
	 */
	struct list_head node;		/* dev->queue */
	struct hlist_node sent_node;	/* dev->sent */
	struct list_head interrupt_node;
	u64 id;
	enum fusd_req_state state;
	bool interrupted, abandoned, waits, reissued;
	bool posted;		/* in its slot, where the answer may come; detached, it is not */
	bool exiting;		/* the caller is: no signal frees it */
	bool may_retry;		/* FUSD_REPLY_RETRY is an answer */
	unsigned long started;	/* jiffies from which deadlines count */
	wait_queue_head_t wait;
	u16 reply_flags;
	s64 result;
	u64 value;
	void *answer;		/* kvfree(), unless it is in the ring's slot */
	u32 answer_len;
};

/* The module. */
extern struct class *fusd_class;
extern dev_t fusd_first_devt;
/* All work of the module's: unloading waits for it. */
extern struct workqueue_struct *fusd_workqueue;
#define FUSD_MINORS 65536

/* The daemon's side. */
extern const struct file_operations fusd_control_fops;

/* Devices. */
struct fusd_device *fusd_device_create(struct fusd_conn *conn, const struct fusd_create *msg);
struct fusd_device *fusd_device_recover(struct fusd_conn *conn, const struct fusd_recover *msg);
int fusd_device_start(struct fusd_device *dev);
int fusd_device_quiesce(struct fusd_device *dev);
/* The daemon has gone, or gives the device up for good. */
void fusd_device_leave(struct fusd_device *dev, struct fusd_conn *conn, bool for_good);
void fusd_device_end_all(void);
static inline bool fusd_has_daemon(const struct fusd_device *dev)
{
	return dev->state == FUSD_LIVE || dev->state == FUSD_QUIESCED ||
	       dev->state == FUSD_RESTORING;
}

/* Whether the driver has the operation. */
static inline bool fusd_wants(const struct fusd_device *dev, u16 op)
{
	return dev->ops & BIT(op);
}

static inline struct fusd_device *fusd_device_get(struct fusd_device *dev)
{
	get_device(&dev->dev);
	return dev;
}

static inline void fusd_device_put(struct fusd_device *dev)
{
	put_device(&dev->dev);
}

/* Requests. */
struct fusd_req *fusd_req_new(struct fusd_file *file, u16 op);
/*
 * Memory for @in bytes that go with the request, in the ring where there is room for them and for
 * @out bytes of its answer. @return NULL when there is none
 */
void *fusd_req_room(struct fusd_req *req, size_t in, size_t out);
void fusd_describe(const struct fusd_req *req, const struct fusd_conn *conn, u16 type,
		   struct fusd_request *out);
bool fusd_take_from_slot(struct fusd_device *dev, struct fusd_req *req);
/* With dev->lock held: tells the ring and poll(2) whether there is something for read(2). */
void fusd_messages(struct fusd_device *dev);
static inline void fusd_wake_daemon(struct fusd_device *dev)
{
	if (dev->conn && wq_has_sleeper(&dev->conn->wait))
		wake_up(&dev->conn->wait);
}

int fusd_req_detach(struct fusd_device *dev, u64 id);
void fusd_req_put(struct fusd_req *req);
/*
 * Asks the daemon and waits. @return the daemon's result, or -errno; the answer's data is in
 * req->answer
 */
s64 fusd_call(struct fusd_req *req);
/* Sends without waiting: FUSD_NO_REPLY. */
void fusd_tell(struct fusd_req *req);
/* Something for read(2), or an error; the same or something in the ring: for poll(2). */
bool fusd_has_message(struct fusd_device *dev, struct fusd_conn *conn);
bool fusd_has_request(struct fusd_device *dev, struct fusd_conn *conn);
ssize_t fusd_send_next(struct fusd_device *dev, struct fusd_conn *conn, struct iov_iter *to);
int fusd_take_reply(struct fusd_device *dev, struct fusd_conn *conn,
		    const struct fusd_reply *reply, struct iov_iter *data);
int fusd_req_waits(struct fusd_device *dev, u64 id);
/* With dev->lock held. */
void fusd_req_finish(struct fusd_req *req, s64 result);
void fusd_requests_orphaned(struct fusd_device *dev);
void fusd_requests_fail(struct fusd_device *dev, s64 result);
void fusd_requests_restart(struct fusd_device *dev);
/* Those of a file that could not be restored: the daemon does not know it. */
void fusd_requests_of_dead(struct fusd_device *dev, const struct fusd_file *file);
void fusd_queue_restore(struct fusd_device *dev, struct fusd_req *req, struct fusd_file *file);
void fusd_reqs_free(struct list_head *requests);

/* The caller's own pages. */
/* The next @len bytes of @iter. @return false where they are to go through a buffer */
bool fusd_direct_pin(struct fusd_req *req, const struct iov_iter *iter, size_t len,
		     bool to_caller);
/* Whether the next @size bytes are there, at a glance: false says nothing. */
bool fusd_is_writeable(const struct iov_iter *iter, size_t size);
/* The caller leaves: nobody looks at its memory from here on. */
void fusd_direct_unpin(struct fusd_req *req);
/* @return 0, -EFAULT, or -ENOENT where the caller has left */
int fusd_direct_copy(struct fusd_req *req, struct iov_iter *daemon, size_t len);

/* Open files. */
extern const struct file_operations fusd_file_fops;
/* A request of the caller's on its open file. */
struct fusd_req *fusd_req_on(struct file *filp, u16 op);
struct fusd_file *fusd_file_get(struct fusd_file *file);
void fusd_file_put(struct fusd_file *file);
int fusd_publish(struct fusd_device *dev, const struct fusd_publish *msg);
void fusd_file_wake(struct fusd_file *file, __poll_t wake);

/* Tables of ioctl commands. */
struct fusd_table_copy;
struct fusd_table_copy *fusd_table_take(const struct fusd_table *head, struct iov_iter *from);
void fusd_table_put(struct fusd_table_copy *table);
struct fusd_table_copy *fusd_table_get(struct fusd_device *dev);
const struct fusd_command *fusd_table_find(const struct fusd_table_copy *table, u32 cmd,
					   u8 model);

/* ioctl(2) */
long fusd_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
long fusd_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);

/* Deadlocks between daemons. */
struct fusd_waiting {
	struct hlist_node node;
	struct pid *thread;
	struct fusd_device *dev;
};

void fusd_serves(struct fusd_conn *conn);
void fusd_serves_no_more(struct fusd_conn *conn);
/* Whether the caller's process serves @dev. */
bool fusd_is_own(struct fusd_device *dev);
/* @return -EDEADLK where the caller would wait for itself; else fusd_waits_no_more() is due */
int fusd_waits(struct fusd_waiting *waiting, struct fusd_device *dev);
void fusd_waits_no_more(struct fusd_waiting *waiting);

/* Regions. */
int fusd_region_init(void);
void fusd_region_exit(void);
int fusd_region_add(struct fusd_device *dev, const struct fusd_region *msg);
void fusd_regions_free(struct fusd_device *dev);
/* @base is of the mapping that asks, in bytes */
int fusd_region_map(struct fusd_device *dev, struct vm_area_struct *vma, u64 base, bool daemon);

/* Descriptors for the next daemon. */
int fusd_keep(struct fusd_device *dev, const struct fusd_conn *conn, const struct fusd_keep *msg);
/* @return a new descriptor, or -errno */
int fusd_kept(struct fusd_device *dev, const struct fusd_conn *conn, unsigned long slot);
/* Of a device that has ended. */
void fusd_kept_free(struct fusd_device *dev);

/* The ring. */
struct fusd_ring_mem;
int fusd_ring_setup(struct fusd_device *dev, const struct fusd_ring_setup *msg);
int fusd_ring_map(struct fusd_device *dev, struct vm_area_struct *vma);
void fusd_ring_put(struct fusd_ring_mem *ring);
void *fusd_ring_reserve(struct fusd_req *req, size_t in, size_t out);
void fusd_ring_unreserve(struct fusd_req *req);
bool fusd_ring_is_answered(const struct fusd_req *req);
bool fusd_ring_look(struct fusd_req *req);
bool fusd_ring_reply(const struct fusd_req *req, struct fusd_reply *reply);
void *fusd_ring_reply_data(const struct fusd_req *req);
/* With dev->lock held. */
bool fusd_ring_post(struct fusd_device *dev, struct fusd_req *req);
void fusd_ring_leave(struct fusd_req *req);
void fusd_ring_detach(struct fusd_req *req);
/* @return how many were woken that went to sleep on this CPU */
int fusd_ring_commit(struct fusd_device *dev);
bool fusd_ring_has_request(struct fusd_device *dev);
void fusd_ring_tell(struct fusd_device *dev, bool messages);

/* Status. */
extern const struct attribute_group *fusd_groups[];
void fusd_status_init(struct fusd_device *dev);
void fusd_status_end(struct fusd_device *dev);
void fusd_status_news(struct fusd_device *dev);
/* With dev->lock held: the text is another now. Costs a look where nobody has read it. */
static inline void fusd_status_changed(struct fusd_device *dev)
{
	if (!READ_ONCE(dev->told))
		fusd_status_news(dev);
}

/* poll(2) of the attribute wakes. */
void fusd_device_notify(struct fusd_device *dev, const char *attribute);

#endif
