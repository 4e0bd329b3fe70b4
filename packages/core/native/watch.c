// SPDX-License-Identifier: MIT
/*
 * Watch: readiness of one descriptor on the event loop of the thread that made it, through uv_poll.
 *
 * A struct watch has two owners, the JavaScript object until it is collected and libuv until the close callback;
 * the last one frees it. The close is asked for by close(), or by the environment when it is torn down, which then
 * waits for the close callback (an asynchronous cleanup hook). Between the two nothing but the close callback runs.
 */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>

#include "uv_poll.h"

struct watch {
	napi_env env;
	uv_handle_t *poll;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	int owners;
	bool closing;
};

static void watch_put(struct watch *w)
{
	if (--w->owners == 0)
		free(w);
}

static void watch_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	watch_put(data);
}

static void on_close(uv_handle_t *poll)
{
	struct watch *w = uv_handle_get_data(poll);

	if (w->callback)
		napi_delete_reference(w->env, w->callback);
	if (w->context)
		napi_async_destroy(w->env, w->context);
	if (w->hook)
		napi_remove_async_cleanup_hook(w->hook); /* w->env may be gone from here on */
	free(poll);
	watch_put(w);
}

static void watch_close(struct watch *w)
{
	if (w->closing)
		return;
	w->closing = true;
	uv_close(w->poll, on_close);
}

static void on_teardown(napi_async_cleanup_hook_handle hook, void *data)
{
	(void)hook;
	watch_close(data);
}

/* A handler that throws must end in 'uncaughtException': there is no JavaScript below us that could catch it. */
static void call_back(struct watch *w, int result)
{
	napi_value callback, global, argument, error;
	napi_status status;

	if (napi_get_reference_value(w->env, w->callback, &callback) != napi_ok ||
	    napi_get_global(w->env, &global) != napi_ok ||
	    napi_create_int32(w->env, result, &argument) != napi_ok)
		return;

	/* Runs process.nextTick() and microtasks before it returns. */
	status = napi_make_callback(w->env, w->context, global, callback, 1, &argument, NULL);
	if (status == napi_pending_exception && napi_get_and_clear_last_exception(w->env, &error) == napi_ok)
		napi_fatal_exception(w->env, error);
}

static void on_poll(uv_handle_t *poll, int status, int events)
{
	struct watch *w = uv_handle_get_data(poll);
	napi_handle_scope scope;

	if (napi_open_handle_scope(w->env, &scope) != napi_ok)
		return;
	call_back(w, status < 0 ? status : events);
	napi_close_handle_scope(w->env, scope);
}

static bool arg_events(napi_env env, napi_value value, int *out)
{
	unsigned int events;

	if (!arg_u32(env, value, "events", &events))
		return false;
	if (events & ~UV_POLL_EVENTS) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "events has unknown bits");
		return false;
	}
	*out = (int)events;
	return true;
}

/* Makes a struct watch with an idle handle for @fd, owned by libuv alone. Returns -errno. */
static int watch_open(napi_env env, int fd, struct watch **out)
{
	struct uv_loop_s *loop;
	struct watch *w;
	int err = -ENOMEM;

	w = calloc(1, sizeof(*w));
	if (!w)
		return err;
	w->poll = malloc(uv_handle_size(UV_POLL));
	if (!w->poll)
		goto free_watch;
	err = -EINVAL;
	if (napi_get_uv_event_loop(env, &loop) != napi_ok)
		goto free_poll;
	err = uv_poll_init(loop, w->poll, fd);
	if (err)
		goto free_poll;

	uv_handle_set_data(w->poll, w);
	w->env = env;
	w->owners = 1;
	*out = w;
	return 0;

free_poll:
	free(w->poll);
free_watch:
	free(w);
	return err;
}

/* Ties @w to its JavaScript object, its callback and the life of the environment. */
static bool watch_bind(struct watch *w, napi_value self, napi_value callback)
{
	napi_value name;

	if (napi_create_reference(w->env, callback, 1, &w->callback) != napi_ok ||
	    napi_create_string_utf8(w->env, "DEVLIFT_WATCH", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_async_init(w->env, NULL, name, &w->context) != napi_ok ||
	    napi_add_async_cleanup_hook(w->env, on_teardown, w, &w->hook) != napi_ok ||
	    napi_wrap(w->env, self, w, watch_finalize, NULL, NULL) != napi_ok)
		return false;
	w->owners++;
	return true;
}

/* new Watch(fd, events, callback) */
static napi_value watch_new(napi_env env, napi_callback_info info)
{
	napi_value argv[3], self, target;
	size_t argc = ARRAY_SIZE(argv);
	napi_valuetype type;
	struct watch *w;
	int fd, events, err;

	if (napi_get_cb_info(env, info, &argc, argv, &self, NULL) != napi_ok ||
	    napi_get_new_target(env, info, &target) != napi_ok || napi_typeof(env, argv[2], &type) != napi_ok)
		return throw_napi(env);
	if (!target) {
		napi_throw_type_error(env, "ERR_CONSTRUCT_CALL_REQUIRED", "Watch must be called with new");
		return NULL;
	}
	if (!arg_int(env, argv[0], "fd", &fd) || !arg_events(env, argv[1], &events))
		return NULL;
	if (type != napi_function) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "callback must be a function");
		return NULL;
	}

	err = watch_open(env, fd, &w);
	if (err)
		return throw_errno(env, -err, "uv_poll_init", NULL);
	if (!watch_bind(w, self, argv[2])) {
		watch_close(w);
		return throw_napi(env);
	}
	err = uv_poll_start(w->poll, events, on_poll);
	if (err) {
		watch_close(w);
		return throw_errno(env, -err, "uv_poll_start", NULL);
	}
	return self;
}

/* The watch behind a method's receiver, whose class the engine has checked; NULL with an exception pending. */
static struct watch *watch_of(napi_env env, napi_callback_info info, napi_value *argument)
{
	size_t argc = 1;
	napi_value self;
	void *data;

	if (napi_get_cb_info(env, info, &argc, argument, &self, NULL) != napi_ok ||
	    napi_unwrap(env, self, &data) != napi_ok) {
		throw_napi(env);
		return NULL;
	}
	return data;
}

/* update(events): 0 or -errno; 0 events pauses */
static napi_value watch_update(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct watch *w = watch_of(env, info, &argument);
	int events;

	if (!w || !arg_events(env, argument, &events))
		return NULL;
	return number(env, w->closing ? -EBADF : uv_poll_start(w->poll, events, on_poll));
}

static napi_value watch_close_method(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct watch *w = watch_of(env, info, &argument);

	if (w)
		watch_close(w);
	return NULL;
}

static napi_value watch_ref(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct watch *w = watch_of(env, info, &argument);

	if (w && !w->closing)
		uv_ref(w->poll);
	return NULL;
}

static napi_value watch_unref(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct watch *w = watch_of(env, info, &argument);

	if (w && !w->closing)
		uv_unref(w->poll);
	return NULL;
}

napi_status watch_init(napi_env env, napi_value exports)
{
	const napi_property_descriptor methods[] = {
		{ .utf8name = "update", .method = watch_update },
		{ .utf8name = "close", .method = watch_close_method },
		{ .utf8name = "ref", .method = watch_ref },
		{ .utf8name = "unref", .method = watch_unref },
	};
	napi_value constructor;
	napi_status status;

	status = napi_define_class(env, "Watch", NAPI_AUTO_LENGTH, watch_new, NULL, ARRAY_SIZE(methods), methods,
				   &constructor);
	if (status != napi_ok)
		return status;
	return napi_set_named_property(env, exports, "Watch", constructor);
}
