// SPDX-License-Identifier: Apache-2.0
/*
 * Which events are the canary's. The idea: only what is certainly one of its
 * acts is taken for it, because its mark lets consumers leave it out, and its
 * verdict raises no alert. Whatever else that process did is an event like
 * any other.
 */
#include "app/canary.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"

static const char *const stage_names[CANARY_STAGES] = {
	[CANARY_EXEC] = "exec",
	[CANARY_CONNECT] = "connect",
	[CANARY_WRITE] = "write",
	[CANARY_SEALED] = "journal",
	[CANARY_ACKNOWLEDGED] = "collector",
};

const char *canary_stage_name(enum canary_stage s)
{
	return s < CANARY_STAGES ? stage_names[s] : "none";
}

void canary_begin(struct canary *c, uint64_t now_ns)
{
	uint8_t bytes[(HELPER_NONCE_MAX - 1) / 2];

	/* At start-up it may not be ready: then the clock must do. */
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(bytes)) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, &now_ns, sizeof(now_ns));
	}
	(void)hex_print(bytes, sizeof(bytes), c->nonce);
	c->flies = true;
	c->sent_ns = now_ns;
	c->proc = (struct proc_key){ 0 };
	c->last_seq = 0;
	memset(c->reached_ns, 0, sizeof(c->reached_ns));
}

/* The third argument is this round's nonce. */
static bool has_nonce(const struct canary *c, struct slice args)
{
	size_t n = sizeof(c->nonce); /* with its zero */

	return args.n > n && !memcmp(args.p + args.n - n, c->nonce, n) &&
	       !args.p[args.n - n - 1];
}

static bool is_its_exec(struct canary *c, const struct event *ev,
			const struct image *img)
{
	if (!img || !img->parent ||
	    img->parent->proc.tgid != (uint32_t)c->helper ||
	    !has_nonce(c, img->args))
		return false;
	c->proc = ev->actor.proc;
	return true;
}

static bool is_its_connect(const struct event *ev)
{
	const struct endpoint *peer = &ev->connect.peer;

	return !ev->connect.is_send && !ev->connect.is_socket &&
	       peer->port == CANARY_PORT && peer->addr.family == AF_INET &&
	       !memcmp(peer->addr.bytes, "\x7f\0\0\1", 4);
}

static bool is_its_write(const struct canary *c, const struct event *ev)
{
	struct slice name = ev->write.path.path;
	static const char prefix[] = "/memfd:" CANARY_PREFIX;
	size_t n = sizeof(prefix) - 1;

	return ev->write.file.memfd && slice_starts(name, slice_str(prefix)) &&
	       slice_starts(slice_of(name.p + n, name.n - n),
			    slice_str(c->nonce));
}

/* Its libraries: files of root's that nobody else can write. */
static bool is_its_load(const struct event *ev)
{
	const struct file_id *f = &ev->load.file;

	return ev->load.op == LOAD_MMAP && f->known && !f->uid && !f->memfd &&
	       !(f->mode & 022);
}

bool canary_is(struct canary *c, const struct event *ev,
	       const struct image *img)
{
	if (!c->flies)
		return false;
	if (ev->kind == EVENT_EXEC)
		return is_its_exec(c, ev, img);
	if (!c->proc.tgid || !proc_key_eq(c->proc, ev->actor.proc))
		return false;
	switch (ev->kind) {
	case EVENT_CONNECT:
		return is_its_connect(ev);
	case EVENT_WRITE:
		return is_its_write(c, ev);
	case EVENT_LOAD:
		return is_its_load(ev);
	case EVENT_EXIT:
		return true;
	default:
		return false;
	}
}

void canary_kept(struct canary *c, const struct event *ev, uint64_t seq)
{
	static const enum canary_stage stages[EVENT_KIND_COUNT] = {
		[EVENT_CONNECT] = CANARY_CONNECT,
		[EVENT_WRITE] = CANARY_WRITE,
	};
	enum canary_stage s = stages[ev->kind];

	if (s == CANARY_EXEC && ev->kind != EVENT_EXEC)
		return;
	if (!c->reached_ns[s])
		c->reached_ns[s] = ev->time_ns;
	if (seq > c->last_seq)
		c->last_seq = seq;
}

void canary_progress(struct canary *c, const struct canary_progress *p,
		     uint64_t now_ns)
{
	if (!c->flies || canary_lacks(c, p->has_done) < CANARY_SEALED)
		return;
	if (!c->reached_ns[CANARY_SEALED] && p->sealed_seq >= c->last_seq) {
		c->reached_ns[CANARY_SEALED] = now_ns;
		c->complete_ns = now_ns;
		c->latency_ns = now_ns - c->sent_ns;
		c->rounds++;
	}
	if (c->reached_ns[CANARY_SEALED] && p->has_done &&
	    !c->reached_ns[CANARY_ACKNOWLEDGED] && p->done_seq >= c->last_seq) {
		c->reached_ns[CANARY_ACKNOWLEDGED] = now_ns;
		c->acknowledged_ns = now_ns;
	}
}

enum canary_stage canary_lacks(const struct canary *c, bool has_done)
{
	int s;

	for (s = 0; s < CANARY_STAGES; s++) {
		if (s == CANARY_ACKNOWLEDGED && !has_done)
			continue;
		if (!c->reached_ns[s])
			return (enum canary_stage)s;
	}
	return CANARY_STAGES;
}
