// SPDX-License-Identifier: MIT
/*
 * Link: a descriptor that carries a message a call, /dev/fuse or /dev/cuse, the memory of its requests and replies, and
 * the wait for them. What a request costs is decided here; docs/performance.md has the figures.
 *
 * On the main loop, without a thread: when a request is there, it is read here, and the callback gets its length. It
 * answers, and gets the next, with one call each, until there is none.
 *
 * Lifetimes. A struct link is owned by its functions and its memory, as long as JavaScript can reach them, and from
 * start() to stop() by its thread's waiter; the last one frees it. A block of memory is mapped until its ArrayBuffer is
 * collected and the kernel is not asked to use it any more: even bytes that were transferred to another thread can be
 * written to safely.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "uv_poll.h"

/* What a result adds to a write's -errno. Below any -errno: MAX_ERRNO in linux/err.h is 4095. */
#define WRITE_FAILED (-4096L)

/* Room for a reply's front and a short tail; more goes as bytes of their own. */
#define REPLY_SIZE 4096
/* More than any request takes. */
#define MAX_REQUEST (2 * 1024 * 1024)

/* One turn of spinning, after which timers and other descriptors have theirs. */
#define SPIN_SLICE_NS 50000
/* How long being woken may take: a request that came so much later than the spinning would have lasted still counts. */
#define WAKE_UP_NS 100000

struct block {
	struct block *next;
	struct link *link;
	void *base;
	size_t size;
	bool collected;
};

struct link {
	napi_env env;
	int fd;
	int owners;
	struct block *blocks, *request, *reply;

	/* From start() to stop(). */
	napi_ref callback;
	struct link *next;
	size_t place;  /* in the waiter's fds; 0: not waited for */
	bool ended;    /* reading gives an error for good */
	bool stopped;

	/* Spinning: for how long, whether now, and since when there was no request. */
	int64_t spin_ns, idle_since;
	bool spinning;
};

/* --- memory --- */

static void block_free(struct block *block)
{
	struct block **place = &block->link->blocks;

	while (*place != block)
		place = &(*place)->next;
	*place = block->next;
	munmap(block->base, block->size);
	free(block);
}

static void link_put(struct link *link)
{
	if (--link->owners > 0)
		return;
	while (link->blocks)
		block_free(link->blocks);
	free(link);
}

static void block_finalize(napi_env env, void *data, void *hint)
{
	struct block *block = hint;
	struct link *link = block->link;

	(void)env;
	(void)data;
	block->collected = true;
	if (block != link->request && block != link->reply)
		block_free(block);
	link_put(link);
}

/* A new block as a Uint8Array; NULL with an exception pending. */
static napi_value block_new(napi_env env, struct link *link, size_t size, struct block **out)
{
	struct block *block = calloc(1, sizeof(*block));
	napi_value buffer, bytes;

	if (!block)
		return throw_errno(env, ENOMEM, "mmap", NULL);
	block->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block->base == MAP_FAILED) {
		free(block);
		return throw_errno(env, ENOMEM, "mmap", NULL);
	}
	block->size = size;
	block->link = link;
	block->next = link->blocks;
	link->blocks = block;
	if (napi_create_external_arraybuffer(env, block->base, size, block_finalize, block, &buffer) != napi_ok) {
		block_free(block);
		return throw_napi(env);
	}
	link->owners++;
	if (napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &bytes) != napi_ok)
		return throw_napi(env);
	*out = block;
	return bytes;
}

/* --- the two system calls of a request --- */

/*
 * Past the C library's wrappers: in a process with threads, as Node is, they make a cancellation point of each call.
 */
static long sys_read(int fd, void *base, size_t size)
{
	long n;

	do
		n = syscall(SYS_read, fd, base, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* 0 or WRITE_FAILED - errno. */
static long written(long n, size_t total)
{
	if (n < 0)
		return WRITE_FAILED - errno;
	return (size_t)n < total ? WRITE_FAILED - EIO : 0;
}

/* One stretch by write(2): the kernel looks up a page less, and copies no vector. */
static long sys_write(int fd, const void *base, size_t size)
{
	long n;

	do
		n = syscall(SYS_write, fd, base, size);
	while (n < 0 && errno == EINTR);
	return written(n, size);
}

static long sys_writev(int fd, const struct iovec *parts, int count)
{
	size_t total = 0;
	long n;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	do
		n = syscall(SYS_writev, fd, parts, count);
	while (n < 0 && errno == EINTR);
	return written(n, total);
}

static long next_request(struct link *link)
{
	if (!link->request)
		return -EFAULT;
	return sys_read(link->fd, link->request->base, link->request->size);
}

/* The link of a function, and the arguments that it was called with. NULL: an exception is pending. */
static struct link *link_of(napi_env env, napi_callback_info info, size_t argc, napi_value *argv)
{
	void *data;

	if (napi_get_cb_info(env, info, argc ? &argc : NULL, argv, NULL, &data) != napi_ok) {
		throw_napi(env);
		return NULL;
	}
	return data;
}

/* take(): bytes of the next request, or -errno */
static napi_value link_take(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);

	return link ? number(env, next_request(link)) : NULL;
}

/* How long the message in the reply's memory says that it is, less the bytes that come from elsewhere; or 0. */
static size_t front_length(const struct link *link, size_t elsewhere)
{
	uint32_t length = *(const uint32_t *)link->reply->base; /* struct fuse_out_header */

	return length >= elsewhere && length - elsewhere <= REPLY_SIZE ? length - elsewhere : 0;
}

static napi_value wrong_length(napi_env env)
{
	napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the reply does not have the length that it says");
	return NULL;
}

/* answer(): writes the reply, then does what take() does; WRITE_FAILED - errno when the write failed */
static napi_value link_answer(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);
	size_t length;
	long result;

	if (!link)
		return NULL;
	length = front_length(link, 0);
	if (!length)
		return wrong_length(env);
	result = sys_write(link->fd, link->reply->base, length);
	return number(env, result < 0 ? result : next_request(link));
}

/* answerWith(bytes): as answer(), with the message's last bytes from elsewhere */
static napi_value link_answer_with(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct iovec parts[2];
	long result;

	if (!link || !arg_bytes(env, argument, "bytes", &parts[1]))
		return NULL;
	parts[0].iov_base = link->reply->base;
	parts[0].iov_len = front_length(link, parts[1].iov_len);
	if (!parts[0].iov_len)
		return wrong_length(env);
	result = sys_writev(link->fd, parts, 2);
	return number(env, result < 0 ? result : next_request(link));
}

/* allocate(size): memory that use() takes */
static napi_value link_allocate(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct block *block;
	unsigned int size;

	if (!link || !arg_u32(env, argument, "size", &size))
		return NULL;
	if (size == 0 || size > MAX_REQUEST) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a request takes 1 byte to 2 MiB");
		return NULL;
	}
	return block_new(env, link, size, &block);
}

/* use(request): where requests are read into from now on */
static napi_value link_use(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct link *link = link_of(env, info, 1, &argument);
	struct block *before, *block;
	struct iovec bytes;

	if (!link || !arg_bytes(env, argument, "request", &bytes))
		return NULL;
	for (block = link->blocks; block; block = block->next)
		if (block->base == bytes.iov_base && block->size == bytes.iov_len && block != link->reply)
			break;
	if (!block) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "request is not memory of this link");
		return NULL;
	}
	before = link->request;
	link->request = block;
	if (before && before != block && before->collected)
		block_free(before);
	return NULL;
}

/* --- waiting --- */

/*
 * All links of a thread, and its event loop, are waited for at once, in the loop's prepare phase, with poll(2): libuv's
 * own descriptor is one of those polled. A descriptor that is in libuv's epoll set instead costs each request a wake-up
 * of that set, whether somebody sleeps or not, and a turn of the whole loop when somebody does. uv_backend_fd() and
 * uv_backend_timeout() are made for those who wait in libuv's place; when anything but a request is due, the loop goes
 * on, and an idle handle keeps it from sleeping by itself.
 */
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
	long result = next_request(link);

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
			link->spinning = now - link->idle_since < link->spin_ns;
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
	bool served = false;
	int n;

	waiter->fds[0] = (struct pollfd){ .fd = uv_backend_fd(waiter->loop), .events = POLLIN };
	for (struct link *link = waiter->links; link; link = link->next) {
		link->place = link->ended ? 0 : count;
		if (!link->ended)
			waiter->fds[count++] = (struct pollfd){ .fd = link->fd, .events = POLLIN };
	}
	n = poll(waiter->fds, count, timeout);
	if (n < 0)
		return errno == EINTR;
	for (struct link *next, *link = waiter->links; link && n > 0; link = next) {
		bool ready = link->place && waiter->fds[link->place].revents;
		int64_t asleep = link->spin_ns ? now_ns() - link->idle_since : 0;

		link->owners++; /* it, and any other, may be stopped meanwhile */
		if (ready && !link->stopped && serve_if_any(waiter, link)) {
			served = true;
			link->spinning = link->spin_ns && asleep < link->spin_ns + WAKE_UP_NS;
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
		} else if (!spin(waiter) || now_ns() - checked > SPIN_SLICE_NS) {
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

static void link_stop(struct link *link)
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

/* start(callback, spin): calls back with the length of each request that comes to be waited for, or with -errno */
static napi_value link_start(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct link *link = link_of(env, info, ARRAY_SIZE(argv), argv);
	struct waiter *waiter;
	struct pollfd *fds;
	napi_valuetype type;
	unsigned int spin_us;

	if (!link || !arg_u32(env, argv[1], "spin", &spin_us))
		return NULL;
	if (napi_typeof(env, argv[0], &type) != napi_ok || type != napi_function) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "callback must be a function");
		return NULL;
	}
	if (link->callback || link->stopped) {
		napi_throw_error(env, "ERR_INVALID_STATE", "a link is started once");
		return NULL;
	}
	waiter = waiter_get(env);
	if (!waiter)
		return NULL;
	fds = realloc(waiter->fds, (waiter->count + 2) * sizeof(*fds));
	if (fds)
		waiter->fds = fds;
	if (!fds || napi_create_reference(env, argv[0], 1, &link->callback) != napi_ok) {
		if (!waiter->links)
			waiter_close(waiter);
		return throw_napi(env);
	}
	link->spin_ns = (int64_t)spin_us * 1000;
	link->next = waiter->links;
	link->owners++;
	waiter->links = link;
	waiter->count++;
	return NULL;
}

/* stop(): no callback comes after this */
static napi_value link_stop_method(napi_env env, napi_callback_info info)
{
	struct link *link = link_of(env, info, 0, NULL);

	if (link)
		link_stop(link);
	return NULL;
}

static void function_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	link_put(data);
}

static const struct function link_methods[] = {
	{ "take", link_take },
	{ "answer", link_answer },
	{ "answerWith", link_answer_with },
	{ "allocate", link_allocate },
	{ "use", link_use },
	{ "start", link_start },
	{ "stop", link_stop_method },
	{ NULL, NULL },
};

/* openLink(fd): the functions above, and `reply`, the memory of replies */
static napi_value open_link(napi_env env, napi_callback_info info)
{
	napi_value argument, self, member;
	size_t argc = 1;
	struct link *link;
	int fd;

	if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok)
		return throw_napi(env);
	if (!arg_int(env, argument, "fd", &fd))
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return throw_errno(env, ENOMEM, "openLink", NULL);
	link->env = env;
	link->fd = fd;
	link->owners = 1; /* this function, until it is done */
	member = block_new(env, link, REPLY_SIZE, &link->reply);
	if (!member)
		goto failed;
	if (napi_create_object(env, &self) != napi_ok ||
	    napi_set_named_property(env, self, "reply", member) != napi_ok)
		goto failed_napi;
	for (const struct function *row = link_methods; row->name; row++) {
		if (napi_create_function(env, row->name, NAPI_AUTO_LENGTH, row->call, link, &member) != napi_ok ||
		    napi_add_finalizer(env, member, link, function_finalize, NULL, NULL) != napi_ok)
			goto failed_napi;
		link->owners++;
		if (napi_set_named_property(env, self, row->name, member) != napi_ok)
			goto failed_napi;
	}
	link_put(link);
	return self;

failed_napi:
	throw_napi(env);
failed:
	link_put(link);
	return NULL;
}

const struct function link_functions[] = {
	{ "openLink", open_link },
	{ NULL, NULL },
};
