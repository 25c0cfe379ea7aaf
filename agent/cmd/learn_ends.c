// SPDX-License-Identifier: Apache-2.0
/*
 * Ends are sorted by protocol, port and address. Ports that a process is
 * unlikely to have chosen become a range; then those that lead to the same
 * hosts are told together.
 */
#include "cmd/learn_ends.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/learn_set.h"

/* More different ports than this are no choice of anybody's. */
#define PORTS_MAX     8u
/* The same of those that the kernel gives out. */
#define EPHEMERAL_MAX 2u
#define EPHEMERAL     32768u
#define NAMED_END     1024u
/* So many hosts of one network stand for the network. */
#define HOSTS_MIN     8u
/* More addresses than this are as good as any. */
#define DESTS_MAX     128u

struct range {
	uint16_t lo, hi;
};

struct end {
	uint32_t proto;
	struct range port;
	bool any; /* whatever the address */
	struct ip_addr addr;
	uint64_t count;
};

struct ends {
	void *seen; /* tsearch: struct end */
	size_t n_seen;
	struct learn_room *room; /* borrowed */
	bool listening;
	struct end *list; /* while rules are made */
	size_t n;
};

static int compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->port.lo != y->port.lo)
		return x->port.lo < y->port.lo ? -1 : 1;
	if (x->port.hi != y->port.hi)
		return x->port.hi < y->port.hi ? -1 : 1;
	if (x->any != y->any)
		return x->any ? -1 : 1;
	if (x->addr.family != y->addr.family)
		return x->addr.family < y->addr.family ? -1 : 1;
	return memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));
}

int ends_new(struct learn_room *room, bool listening, struct ends **ret)
{
	struct ends *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->room = room;
	e->listening = listening;
	*ret = e;
	return 0;
}

void ends_free(struct ends *e)
{
	learn_set_free(e);
}

static bool is_loopback(const struct ip_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->bytes[0] == 127
				    : !memcmp(a->bytes, one, sizeof(one));
}

static void fill_end(struct end *x, const struct ends *e,
		     const struct endpoint *end)
{
	x->proto = end->protocol;
	/* A multipath connection is TCP, to rules as well. */
	if (x->proto == IPPROTO_MPTCP)
		x->proto = IPPROTO_TCP;
	x->port = (struct range){ end->port, end->port };
	/* Where a service listens is this host, but for the loopback. */
	x->any = e->listening && !is_loopback(&end->addr);
	if (x->any)
		return;
	x->addr.family = end->addr.family;
	memcpy(x->addr.bytes, end->addr.bytes,
	       end->addr.family == AF_INET ? 4 : 16);
}

int ends_add(struct ends *e, const struct endpoint *end)
{
	struct end want = { .count = 1 }, *x, **at;

	fill_end(&want, e, end);
	at = tfind(&want, &e->seen, compare_ends);
	if (at) {
		(*at)->count++;
		return 0;
	}
	if (e->n_seen == LEARN_ENDS_MAX || !room_take(e->room, sizeof(*x)))
		return -ENOSPC;
	x = malloc(sizeof(*x));
	if (!x)
		return -ENOMEM;
	*x = want;
	if (!tsearch(x, &e->seen, compare_ends)) {
		free(x);
		return -ENOMEM;
	}
	e->n_seen++;
	return 0;
}

/* ---- ports -------------------------------------------------------------- */

static void gather(const void *at, VISIT which, void *arg)
{
	struct ends *e = arg;

	if (which != postorder && which != leaf)
		return;
	if (e->list)
		e->list[e->n] = **(struct end *const *)at;
	e->n++;
}

static int make_list(struct ends *e)
{
	e->n = 0;
	e->list = NULL;
	twalk_r(e->seen, gather, e);
	e->list = calloc(e->n + 1, sizeof(*e->list));
	if (!e->list)
		return -ENOMEM;
	e->n = 0;
	twalk_r(e->seen, gather, e);
	return 0;
}

/* One protocol's ports, list[from..to): those that are many, as a range. */
static void join_ports(struct ends *e, size_t from, size_t to)
{
	size_t high = 0, ephemeral = 0, most;
	uint16_t last = 0;
	struct range range;

	for (size_t i = from; i < to; i++) {
		uint16_t port = e->list[i].port.lo;

		if (port < NAMED_END || (i > from && port == last))
			continue;
		high++;
		ephemeral += port >= EPHEMERAL;
		last = port;
	}
	/* Whoever binds a port up there has been given it. */
	most = e->listening ? 0 : EPHEMERAL_MAX;
	if (high > PORTS_MAX && high > ephemeral)
		range = (struct range){ NAMED_END, UINT16_MAX };
	else if (ephemeral > most)
		range = (struct range){ EPHEMERAL, UINT16_MAX };
	else
		return;
	for (size_t i = from; i < to; i++)
		if (e->list[i].port.lo >= range.lo)
			e->list[i].port = range;
}

static void join_all_ports(struct ends *e)
{
	size_t from = 0, to;

	for (; from < e->n; from = to) {
		for (to = from;
		     to < e->n && e->list[to].proto == e->list[from].proto;
		     to++)
			;
		join_ports(e, from, to);
	}
	if (e->n)
		qsort(e->list, e->n, sizeof(*e->list), compare_ends);
}

/* ---- addresses ---------------------------------------------------------- */

static bool same_port(const struct end *a, const struct end *b)
{
	return a->proto == b->proto && a->port.lo == b->port.lo &&
	       a->port.hi == b->port.hi;
}

static bool same_net(const struct end *a, const struct end *b)
{
	return a->any == b->any && a->addr.family == b->addr.family &&
	       !memcmp(a->addr.bytes, b->addr.bytes,
		       a->addr.family == AF_INET ? 3 : 8);
}

static void add_address(struct buf *out, const char *key,
			const struct ip_addr *addr, unsigned len)
{
	uint8_t bytes[16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	unsigned whole = addr->family == AF_INET ? 32 : 128;

	memcpy(bytes, addr->bytes, len / 8);
	if (!inet_ntop(addr->family, bytes, text, sizeof(text)))
		return;
	buf_addf(out, "%s = %s", key, text);
	if (len != whole)
		buf_addf(out, "/%u", len);
	buf_add_char(out, '\n');
}

/* Those of one port, list[from..to), as lines; none: any address. */
static void add_addresses(const struct ends *e, size_t from, size_t to,
			  struct buf *out)
{
	const char *key = e->listening ? "address" : "dest";
	size_t i, k, lines = 0;

	for (i = from; i < to; i = k) {
		const struct end *x = &e->list[i];
		size_t hosts = 0;

		for (k = i; k < to && same_net(x, &e->list[k]); k++)
			hosts += k == i ||
				 memcmp(&e->list[k - 1].addr, &e->list[k].addr,
					sizeof(x->addr)) != 0;
		if (x->any) {
			buf_reset(out);
			return;
		}
		if (hosts >= HOSTS_MIN) {
			add_address(out, key, &x->addr,
				    x->addr.family == AF_INET ? 24 : 64);
			lines++;
			continue;
		}
		for (; i < k; i++) {
			if (i > from &&
			    !memcmp(&e->list[i - 1].addr, &e->list[i].addr,
				    sizeof(x->addr)))
				continue;
			add_address(out, key, &e->list[i].addr,
				    e->list[i].addr.family == AF_INET ? 32
								      : 128);
			lines++;
		}
	}
	if (lines > DESTS_MAX)
		buf_reset(out);
}

/* ---- rules -------------------------------------------------------------- */

struct bucket {
	const struct end *end; /* its protocol and port */
	uint64_t count;
	struct buf addresses;
	bool told;
};

static int fill_buckets(const struct ends *e, struct bucket *b, size_t *ret_n)
{
	size_t from = 0, to, n = 0;

	for (; from < e->n; from = to, n++) {
		b[n].end = &e->list[from];
		buf_init(&b[n].addresses, 1u << 20);
		for (to = from;
		     to < e->n && same_port(&e->list[from], &e->list[to]); to++)
			b[n].count += e->list[to].count;
		add_addresses(e, from, to, &b[n].addresses);
		if (b[n].addresses.failed)
			return -ENOMEM;
	}
	*ret_n = n;
	return 0;
}

static void add_proto(struct buf *out, uint32_t proto)
{
	if (proto == IPPROTO_TCP)
		buf_add_str(out, "proto = tcp\n");
	else if (proto == IPPROTO_UDP)
		buf_add_str(out, "proto = udp\n");
	else
		buf_addf(out, "proto = %u\n", proto);
}

static void add_port(struct buf *out, const struct range *port)
{
	buf_addf(out, "port = %u", port->lo);
	if (port->lo != port->hi)
		buf_addf(out, "-%u", port->hi);
	buf_add_char(out, '\n');
}

struct ends_call {
	ends_fn fn;
	void *arg;
};

/* b[at] and those behind it that differ by their port alone. */
static int tell(struct bucket *b, size_t at, size_t n,
		const struct ends_call *c)
{
	cleanup_buf struct buf lines = BUF_INIT(4u << 20);
	uint64_t count = 0;

	add_proto(&lines, b[at].end->proto);
	for (size_t i = at; i < n; i++) {
		if (b[i].end->proto != b[at].end->proto ||
		    !slice_eq(buf_slice(&b[i].addresses),
			      buf_slice(&b[at].addresses)))
			continue;
		b[i].told = true;
		count += b[i].count;
		add_port(&lines, &b[i].end->port);
	}
	buf_add_slice(&lines, buf_slice(&b[at].addresses));
	if (lines.failed)
		return -ENOMEM;
	return c->fn(c->arg, buf_slice(&lines), count);
}

int ends_rules(struct ends *e, ends_fn fn, void *arg)
{
	const struct ends_call call = { fn, arg };
	struct bucket *b = NULL;
	size_t n = 0, i;
	int r;

	r = make_list(e);
	if (r == 0) {
		join_all_ports(e);
		b = calloc(e->n + 1, sizeof(*b));
		r = b ? fill_buckets(e, b, &n) : -ENOMEM;
	}
	for (i = 0; i < n && r >= 0; i++)
		if (!b[i].told)
			r = tell(b, i, n, &call);
	for (i = 0; b && i < e->n; i++)
		buf_done(&b[i].addresses);
	free(b);
	free(e->list);
	e->list = NULL;
	return r < 0 ? r : 0;
}
