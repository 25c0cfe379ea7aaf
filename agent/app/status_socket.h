/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/status.sock: how `picket status` asks the running agent. A client
 * sends one byte (enum status_form), gets the answer, and is cut off.
 * Answers are small enough for the socket's buffer: a client that does not
 * read cannot hold the agent up.
 */
#pragma once

#include "base/buf.h"

struct loop;
struct status_socket;

/* What is asked for, as it goes over the wire; others are as TEXT. */
enum status_form {
	STATUS_TEXT = 't',
	STATUS_JSON = 'j',
	STATUS_PROMETHEUS = 'p',
	STATUS_CHECK = 'c',
};

typedef void (*status_fn)(void *arg, enum status_form form, struct buf *out);

/* Listen in dir (its permissions are who may ask). */
int status_socket_open(const char *dir, struct loop *loop, status_fn fn,
		       void *arg, struct status_socket **ret);
/*
 * Is the name in dir still ours? If not (dir was removed and made again, or
 * another is in its place): listen there. Cheap when nothing has changed.
 */
int status_socket_follow(struct status_socket *s, const char *dir);
/* Stop listening and take the name away. NULL is fine. */
void status_socket_close(struct status_socket *s);

/*
 * The client's side. -ECONNREFUSED or -ENOENT: nobody runs on this journal;
 * -ETIMEDOUT: the agent is there and does not answer.
 */
int status_socket_ask(const char *dir, enum status_form form, struct buf *out);
