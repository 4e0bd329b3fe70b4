// SPDX-License-Identifier: GPL-2.0-only
/*
 * Daemons that call each other's devices. A thread that serves a device by itself and waits for
 * another device can be what that other device waits for, at any distance: its call would never be
 * answered. A device that several threads serve is never the end of a thread's hope, so nothing is
 * said about it.
 */
#include <linux/hash.h>
#include <linux/rcupdate.h>

#include "internal.h"

#define FUSD_SERVER_BITS 6
#define FUSD_MOST_HOPS 4096

/* Who serves, by thread, and which of those wait for a device: rarely anybody. */
static DEFINE_HASHTABLE(fusd_servers, FUSD_SERVER_BITS);
static HLIST_HEAD(fusd_waitings);
static DEFINE_SPINLOCK(fusd_deadlock_lock);

void fusd_serves(struct fusd_conn *conn)
{
	struct pid *self = task_pid(current);

	/* Only a thread that reads changes this, and one that is its own equal needs no lock. */
	if (READ_ONCE(conn->server) == self || READ_ONCE(conn->many_servers))
		return;
	spin_lock(&fusd_deadlock_lock);
	if (!conn->server) {
		conn->server = get_pid(self);
		conn->server_group = get_pid(task_tgid(current));
		hash_add(fusd_servers, &conn->server_node, (unsigned long)self);
	} else if (conn->server != self) {
		conn->many_servers = true;
	}
	spin_unlock(&fusd_deadlock_lock);
}

void fusd_serves_no_more(struct fusd_conn *conn)
{
	spin_lock(&fusd_deadlock_lock);
	if (conn->server)
		hash_del(&conn->server_node);
	spin_unlock(&fusd_deadlock_lock);
	put_pid(conn->server);
	put_pid(conn->server_group);
}

bool fusd_is_own(struct fusd_device *dev)
{
	struct fusd_conn *conn;
	bool own = false;
	int bucket;

	spin_lock(&fusd_deadlock_lock);
	hash_for_each(fusd_servers, bucket, conn, server_node)
		own |= conn->dev == dev && conn->server_group == task_tgid(current);
	spin_unlock(&fusd_deadlock_lock);
	return own;
}

static bool fusd_is_server(struct pid *thread)
{
	struct fusd_conn *conn;

	hash_for_each_possible(fusd_servers, conn, server_node, (unsigned long)thread)
		if (conn->server == thread)
			return true;
	return false;
}

/* The thread without which @dev is not served. */
static struct pid *fusd_only_server(struct fusd_device *dev)
{
	struct fusd_conn *conn;
	int bucket;

	hash_for_each(fusd_servers, bucket, conn, server_node)
		if (conn->dev == dev && READ_ONCE(dev->conn) == conn && !conn->many_servers)
			return conn->server;
	return NULL;
}

static struct fusd_device *fusd_waited_for(struct pid *thread)
{
	struct fusd_waiting *waiting;

	hlist_for_each_entry(waiting, &fusd_waitings, node)
		if (waiting->thread == thread)
			return waiting->dev;
	return NULL;
}

int fusd_waits(struct fusd_waiting *waiting, struct fusd_device *dev)
{
	struct pid *self = task_pid(current);
	struct fusd_device *next = dev;
	struct pid *server;
	unsigned int hops = 0;
	int err = 0;

	INIT_HLIST_NODE(&waiting->node);
	/*
	 * Most callers serve nothing: they are found out without the lock. A thread adds itself, so
	 * it sees itself.
	 */
	if (hlist_empty(&fusd_servers[hash_min((unsigned long)self, FUSD_SERVER_BITS)]))
		return 0;
	spin_lock(&fusd_deadlock_lock);
	if (!fusd_is_server(self))
		goto unlock;
	waiting->thread = self;
	waiting->dev = dev;
	/*
	 * The threads that wait are in no circle, because whoever would have closed it was refused;
	 * but one can come about when a device gets another daemon meanwhile. That is no deadlock
	 * of this caller's.
	 */
	while (next && hops++ < FUSD_MOST_HOPS) {
		server = fusd_only_server(next);
		if (server == self) {
			err = -EDEADLK;
			goto unlock;
		}
		next = server ? fusd_waited_for(server) : NULL;
	}
	hlist_add_head(&waiting->node, &fusd_waitings);
unlock:
	spin_unlock(&fusd_deadlock_lock);
	return err;
}

void fusd_waits_no_more(struct fusd_waiting *waiting)
{
	if (hlist_unhashed(&waiting->node))
		return;
	spin_lock(&fusd_deadlock_lock);
	hlist_del_init(&waiting->node);
	spin_unlock(&fusd_deadlock_lock);
}
