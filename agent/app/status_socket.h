/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/status.sock: how `picket status` and `picket reload` talk to the running
 * agent. A client sends one byte (enum status_form), gets its answer at once or
 * later, and is disconnected. Nothing here blocks: the answer of a client that
 * does not read is kept until newer clients need its place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct loop;
struct status_socket;

/* The request byte; an unknown one counts as STATUS_TEXT. */
enum status_form {
	STATUS_TEXT = 't',
	STATUS_JSON = 'j',
	STATUS_PROMETHEUS = 'p',
	STATUS_CHECK = 'c',
	STATUS_RULES = 'u',
	STATUS_RULES_JSON = 'U',
	/* The answer's first byte is an exit code's digit (app/reload.h). */
	STATUS_RELOAD = 'r',
	STATUS_RELOAD_JSON = 'R',
};

struct status_ask {
	enum status_form form;
	uint64_t client; /* names it for status_socket_answer; never reused */
	/* Who connected, as the kernel reports it. */
	pid_t pid;
	uid_t uid;
};

/* True: *out is the answer. False: status_socket_answer will follow. */
typedef bool (*status_fn)(void *arg, const struct status_ask *ask,
			  struct buf *out);

/* Listen in dir, whose permissions decide who may connect. -errno. */
int status_socket_open(const char *dir, struct loop *loop, status_fn fn,
		       void *arg, struct status_socket **ret);
/*
 * If dir was removed and made again, or replaced: listen in the new one. Cheap
 * when nothing has changed. -errno.
 */
int status_socket_follow(struct status_socket *s, const char *dir);
/* Answer a client later; one that has left is no error. */
void status_socket_answer(struct status_socket *s, uint64_t client,
			  struct slice answer);
/* Stop listening and remove the socket. NULL is fine. */
void status_socket_close(struct status_socket *s);

/*
 * The client's side. -ECONNREFUSED or -ENOENT: no agent runs on this journal;
 * -ETIMEDOUT: one runs and does not answer.
 */
int status_socket_ask(const char *dir, enum status_form form, struct buf *out);
