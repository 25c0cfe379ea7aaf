/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/status.sock: how `picket status` and `picket reload` speak with the
 * running agent. A client sends one byte (enum status_form), gets the answer
 * at once or when it is there, and is cut off. Nothing here waits: what a
 * client does not read stays with it until newer clients need its place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct loop;
struct status_socket;

/* What is asked for, as it goes over the wire; others are as TEXT. */
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
	/* The other end as it connected, by the kernel's word. */
	pid_t pid;
	uid_t uid;
};

/* True: *out is the answer. False: status_socket_answer brings it later. */
typedef bool (*status_fn)(void *arg, const struct status_ask *ask,
			  struct buf *out);

/* Listen in dir (its permissions are who may ask). */
int status_socket_open(const char *dir, struct loop *loop, status_fn fn,
		       void *arg, struct status_socket **ret);
/*
 * Is the name in dir still ours? If not (dir was removed and made again, or
 * another is in its place): listen there. Cheap when nothing has changed.
 */
int status_socket_follow(struct status_socket *s, const char *dir);
/* The answer that was promised; a client that has left is no error. */
void status_socket_answer(struct status_socket *s, uint64_t client,
			  struct slice answer);
/* Stop listening and take the name away. NULL is fine. */
void status_socket_close(struct status_socket *s);

/*
 * The client's side. -ECONNREFUSED or -ENOENT: nobody runs on this journal;
 * -ETIMEDOUT: the agent is there and does not answer.
 */
int status_socket_ask(const char *dir, enum status_form form, struct buf *out);
