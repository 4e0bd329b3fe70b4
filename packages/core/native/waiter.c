// SPDX-License-Identifier: MIT
/*
 * All links of a thread, and its event loop, are waited for at once, in the loop's prepare phase, with poll(2): libuv's
 * own descriptor is one of those polled. A descriptor that is in libuv's epoll set instead costs each request a wake-up
 * of that set, whether somebody sleeps or not, and a turn of the whole loop when somebody does. uv_backend_fd() and
 * uv_backend_timeout() are made for those who wait in libuv's place; when anything but a request is due, the loop goes
 * on, and an idle handle keeps it from sleeping by itself.
 */
#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "uv_poll.h"

/* One turn of spinning in vain, after which timers and other descriptors have theirs. */
#define SPIN_SLICE_NS 100000
/* And of spinning while requests come: to look at the others is a system call. */
#define BUSY_SLICE_NS 500000
/* How long being woken may take: a request that came so much later than the spinning would have lasted still counts. */
#define WAKE_UP_NS 100000

struct waiter {
	napi_env env;
	struct uv_loop_s *loop;
	uv_handle_t *prepare, *idle;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	struct link *links; /* the started ones, by ->next */
	struct pollfd *fds; /* libuv's, and room for each link's */
	size_t count;
	bool closing;
};

/* This thread's, while it has a started link. */
static _Thread_local struct waiter *the_waiter;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What a handler throws must end in 'uncaughtException': there is no JavaScript below us that could catch it. */
static void throw_on(napi_env env)
{
	napi_value error;
	bool pending = false;

	if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
}

/*
 * Hands a request, or -errno, to JavaScript, which goes on until there is no other. process.nextTick() and microtasks
 * have their turn when that is done, and not before: the callback scope is opened and closed when the answer is out.
 */
static void serve(struct waiter *waiter, struct link *link, long result)
{
	napi_env env = waiter->env;
	napi_value callback, global, argument;
	napi_handle_scope scope;
	napi_callback_scope ticks;

	if (result <= 0 && result != -ENOENT)
		link->ended = true; /* the same would be there again at once */
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	if (napi_get_reference_value(env, link->callback, &callback) == napi_ok &&
	    napi_get_global(env, &global) == napi_ok && napi_create_int32(env, (int32_t)result, &argument) == napi_ok &&
	    napi_call_function(env, global, callback, 1, &argument, NULL) == napi_pending_exception)
		throw_on(env);
	/* JavaScript may have stopped before it had asked for all that there is. */
	link_commit(link);
	if (napi_open_callback_scope(env, NULL, waiter->context, &ticks) == napi_ok) {
		napi_close_callback_scope(env, ticks);
		throw_on(env);
	}
	napi_close_handle_scope(env, scope);
	if (link->spin_ns)
		link->idle_since = now_ns();
}

/* Takes and hands over what there is. @returns whether there was anything */
static bool serve_if_any(struct waiter *waiter, struct link *link)
{
	long result = link_next_request(link);

	if (result == -EAGAIN)
		return false;
	serve(waiter, link, result);
	return true;
}

/* Something else than a request has to have its turn now. */
static bool loop_is_due(struct waiter *waiter)
{
	struct pollfd backend = { .fd = uv_backend_fd(waiter->loop), .events = POLLIN };

	uv_update_time(waiter->loop);
	return uv_backend_timeout(waiter->loop) == 0 || poll(&backend, 1, 0) > 0;
}

static void set_spinning(struct link *link, bool spinning)
{
	if (spinning != link->spinning)
		link_awake(link, spinning);
	link->spinning = spinning;
}

/* Looks for requests without sleeping, where they have lately come fast enough. @returns whether one came */
static bool spin(struct waiter *waiter)
{
	int64_t start = now_ns(), now = start;
	bool spinning = true;

	while (spinning && now - start < SPIN_SLICE_NS) {
		spinning = false;
		for (struct link *link = waiter->links; link; link = link->next) {
			if (!link->spinning || link->ended)
				continue;
			if (serve_if_any(waiter, link))
				return true;
			set_spinning(link, now - link->idle_since < link->spin_ns);
			spinning |= link->spinning;
		}
		now = now_ns();
	}
	return false;
}

static bool any_spinning(const struct waiter *waiter)
{
	for (const struct link *link = waiter->links; link; link = link->next)
		if (link->spinning && !link->ended)
			return true;
	return false;
}

/* One sleep, and what it ended with. @returns false when the loop is to go on */
static bool wait_once(struct waiter *waiter)
{
	int timeout = uv_backend_timeout(waiter->loop);
	size_t count = 1;
	bool served = false, kept = false;
	int n;

	waiter->fds[0] = (struct pollfd){ .fd = uv_backend_fd(waiter->loop), .events = POLLIN };
	for (struct link *link = waiter->links; link; link = link->next) {
		link->place = link->ended ? 0 : count;
		if (!link->ended)
			waiter->fds[count++] = (struct pollfd){ .fd = link->fd, .events = POLLIN };
		kept |= !link->ended && link_keeps_one(link);
	}
	n = poll(waiter->fds, count, kept ? 0 : timeout);
	if (n < 0)
		return errno == EINTR;
	for (struct link *next, *link = waiter->links; link && (n > 0 || kept); link = next) {
		bool ready = link->place && (waiter->fds[link->place].revents || link_keeps_one(link));
		int64_t asleep = link->spin_ns ? now_ns() - link->idle_since : 0;

		link->owners++; /* it, and any other, may be stopped meanwhile */
		if (ready)
			link_told(link);
		if (ready && !link->stopped && serve_if_any(waiter, link)) {
			served = true;
			set_spinning(link, link->spin_ns && asleep < link->spin_ns + WAKE_UP_NS);
		}
		next = link->next;
		link_put(link);
	}
	uv_update_time(waiter->loop);
	return served && timeout != 0 && !waiter->fds[0].revents;
}

static void on_idle(uv_handle_t *idle)
{
	(void)idle;
}

static void on_prepare(uv_handle_t *prepare)
{
	struct waiter *waiter = uv_handle_get_data(prepare);
	int64_t checked = 0;
	bool go_on = true;

	uv_idle_stop(waiter->idle);
	while (go_on && !waiter->closing) {
		if (!any_spinning(waiter)) {
			go_on = wait_once(waiter);
		} else if (!spin(waiter) || now_ns() - checked > BUSY_SLICE_NS) {
			go_on = !loop_is_due(waiter);
			checked = now_ns();
		}
	}
	if (!waiter->closing)
		uv_idle_start(waiter->idle, on_idle);
}

static void on_waiter_closed(uv_handle_t *handle)
{
	struct waiter *waiter = uv_handle_get_data(handle);

	*(handle == waiter->prepare ? &waiter->prepare : &waiter->idle) = NULL;
	free(handle);
	if (waiter->prepare || waiter->idle)
		return;
	napi_async_destroy(waiter->env, waiter->context);
	napi_remove_async_cleanup_hook(waiter->hook); /* waiter->env may be gone from here on */
	free(waiter->fds);
	free(waiter);
}

static void waiter_close(struct waiter *waiter)
{
	waiter->closing = true;
	the_waiter = NULL;
	uv_close(waiter->prepare, on_waiter_closed);
	uv_close(waiter->idle, on_waiter_closed);
}

void link_stop(struct link *link)
{
	struct waiter *waiter = the_waiter;
	struct link **place;

	if (!link->callback)
		return;
	for (place = &waiter->links; *place != link; place = &(*place)->next)
		;
	*place = link->next;
	waiter->count--;
	napi_delete_reference(link->env, link->callback);
	link->callback = NULL;
	link->stopped = true;
	if (!waiter->links)
		waiter_close(waiter);
	link_put(link);
}

static void on_teardown(napi_async_cleanup_hook_handle hook, void *data)
{
	struct waiter *waiter = data;

	(void)hook;
	while (waiter->links)
		link_stop(waiter->links);
}

/* This thread's waiter; NULL with an exception pending. */
static struct waiter *waiter_get(napi_env env)
{
	struct waiter *waiter = the_waiter;
	napi_value name;

	if (waiter)
		return waiter;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return throw_errno(env, ENOMEM, "start", NULL), NULL;
	waiter->env = env;
	waiter->prepare = malloc(uv_handle_size(UV_PREPARE));
	waiter->idle = malloc(uv_handle_size(UV_IDLE));
	if (!waiter->prepare || !waiter->idle || napi_get_uv_event_loop(env, &waiter->loop) != napi_ok ||
	    napi_create_string_utf8(env, "DEVLIFT_LINK", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_async_init(env, NULL, name, &waiter->context) != napi_ok ||
	    napi_add_async_cleanup_hook(env, on_teardown, waiter, &waiter->hook) != napi_ok) {
		if (waiter->context)
			napi_async_destroy(env, waiter->context);
		free(waiter->prepare);
		free(waiter->idle);
		free(waiter);
		throw_napi(env);
		return NULL;
	}
	uv_prepare_init(waiter->loop, waiter->prepare);
	uv_idle_init(waiter->loop, waiter->idle);
	uv_handle_set_data(waiter->prepare, waiter);
	uv_handle_set_data(waiter->idle, waiter);
	uv_prepare_start(waiter->prepare, on_prepare);
	the_waiter = waiter;
	return waiter;
}

void link_wait(napi_env env, struct link *link, napi_value callback, unsigned int spin_us)
{
	struct waiter *waiter = waiter_get(env);
	struct pollfd *fds;

	if (!waiter)
		return;
	fds = realloc(waiter->fds, (waiter->count + 2) * sizeof(*fds));
	if (fds)
		waiter->fds = fds;
	if (!fds || napi_create_reference(env, callback, 1, &link->callback) != napi_ok) {
		if (!waiter->links)
			waiter_close(waiter);
		throw_napi(env);
		return;
	}
	link->spin_ns = (int64_t)spin_us * 1000;
	link->next = waiter->links;
	link->owners++;
	waiter->links = link;
	waiter->count++;
}
