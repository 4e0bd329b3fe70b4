/* SPDX-License-Identifier: MIT */
/*
 * The part of libuv that the addon calls, declared by hand because node-api-headers has no uv.h. Node exports
 * these symbols, and their binary interface is stable throughout libuv 1.x, which every Node since 12 contains
 * (libuv's docs, "Versioning"; values from its include/uv.h). Handles are opaque here: uv_handle_size() tells how
 * much memory one takes, uv_handle_set_data() where it belongs.
 */
#ifndef DEVLIFT_UV_POLL_H
#define DEVLIFT_UV_POLL_H

#include <stddef.h>

struct uv_loop_s;
typedef struct uv_handle uv_handle_t; /* a uv_poll_t, uv_idle_t and uv_prepare_t, too, are one of these for our purposes */

typedef void (*uv_poll_cb)(uv_handle_t *handle, int status, int events);
typedef void (*uv_close_cb)(uv_handle_t *handle);

typedef void (*uv_phase_cb)(uv_handle_t *handle);

/* enum uv_handle_type */
#define UV_IDLE 6
#define UV_POLL 8
#define UV_PREPARE 9

/* enum uv_poll_event: READABLE 1, WRITABLE 2, DISCONNECT 4, PRIORITIZED 8 */
#define UV_POLL_EVENTS 0xfu

size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
int uv_poll_init(struct uv_loop_s *loop, uv_handle_t *handle, int fd);
int uv_poll_start(uv_handle_t *handle, int events, uv_poll_cb cb);
int uv_idle_init(struct uv_loop_s *loop, uv_handle_t *handle);
int uv_idle_start(uv_handle_t *handle, uv_phase_cb cb);
int uv_idle_stop(uv_handle_t *handle);
int uv_prepare_init(struct uv_loop_s *loop, uv_handle_t *handle);
int uv_prepare_start(uv_handle_t *handle, uv_phase_cb cb);
int uv_backend_fd(const struct uv_loop_s *loop);
int uv_backend_timeout(const struct uv_loop_s *loop);
void uv_update_time(struct uv_loop_s *loop);
void uv_close(uv_handle_t *handle, uv_close_cb cb);
void uv_ref(uv_handle_t *handle);
void uv_unref(uv_handle_t *handle);
char *uv_err_name_r(int err, char *buf, size_t buflen);
char *uv_strerror_r(int err, char *buf, size_t buflen);

#endif
