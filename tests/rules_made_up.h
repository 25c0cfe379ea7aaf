/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and events that are made up, from few enough words that they often
 * meet: a model of each rule, its text as a policy file has it, and scenes of
 * images and what they do. All of it follows from chance_state.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "rules/rules.h"

#define RULES	    40
#define EVENTS	    100
#define CONDS	    6
#define VALUES	    24
#define LINE	    6
/* Strings of a scene: of an image, of an event, and of what becomes of them. */
#define IMAGE_TEXTS 9
#define TEXTS	    120
#define EVENT_TEXTS 4

/* ---- chance ------------------------------------------------------------- */

static uint64_t chance_state;

static uint32_t chance(uint32_t n)
{
	/* splitmix64 */
	uint64_t z = chance_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static bool one_in(uint32_t n)
{
	return !chance(n);
}

/* ---- the model of a rule ------------------------------------------------ */

enum key {
	PATH,
	OLD_PATH,
	OP,
	DEST,
	PORT,
	PROTO,
	EXE,
	SCRIPT,
	ARGS,
	ENV,
	USER,
	GROUP,
	UNIT,
	CONTAINER,
	POD,
	CGROUP,
	ORIGIN,
	TTY,
	STDIO,
	STDOUT,
	TRUST,
	SHA256,
	WRITABLE,
	KEYS
};

static const char *const key_names[KEYS] = {
	"path",	  "old-path", "op",  "dest",  "port",	"proto", "exe",
	"script", "args",     "env", "user",  "group",	"unit",	 "container", "pod",
	"cgroup", "origin",   "tty", "stdio", "stdout",
	"trust", "sha256", "writable-by",
};

enum whose { SELF, PARENT, ANCESTOR };

struct mcond {
	enum key key;
	enum whose whose;
	bool negated;
	int n;
	char values[VALUES][100];
};

struct mrule {
	char name[16];
	enum { ALLOW, DENY, IGNORE } action;
	int severity;
	bool final;
	int except; /* index of a deny, or -1 */
	bool events[EVENT_KIND_COUNT];
	bool names_events;
	int n;
	struct mcond conds[CONDS];
};

static struct mrule rules[RULES];

/* ---- making up ---------------------------------------------------------- */

static const char *const words[] = {
	"a",
	"b",
	"ab",
	"aab",
	"etc",
	"cron.d",
	"usr",
	"bin",
	"x",
	"\xc3\xa9",
	"longer-name-of-17",
	"longer-name-of-18",
	"abcd",
	"abcdefgh",
	"\xff",
};
static const char *const globs[] = {
	"*",
	"?",
	"a*",
	"*b",
	"[ab]",
	"**",
	"**",
	"**b",
	"abcd*",
	"[!a]*",
	"longer-name-of-1?",
	"abcdefg*",
	"*a*b*",
	"?b",
	"\\x61b",
	"\\xff",
};
#define PICK(list) ((list)[chance(sizeof(list) / sizeof((list)[0]))])

static void make_path(char *to)
{
	int n = 1 + (int)chance(1 + chance(5));

	*to = '\0';
	while (n--) {
		strcat(to, "/");
		strcat(to, PICK(words));
	}
}

static void make_path_glob(char *to)
{
	int n = 1 + (int)chance(5);

	*to = '\0';
	while (n--) {
		strcat(to, "/");
		strcat(to, one_in(3) ? PICK(globs) : PICK(words));
	}
	if (one_in(3))
		strcat(to, "/**");
}

static void make_cidr(char *to)
{
	static const char *const cidrs[] = {
		"10.0.0.0/8",	  "10.0.0.0/9",	    "10.1.0.0/16",
		"10.1.2.0/24",	  "10.1.2.3",	    "10.1.2.2/31",
		"0.0.0.0/0",	  "192.168.0.0/16", "::/0",
		"2001:db8::/32",  "2001:db8::1",    "::ffff:10.1.0.0/112",
		"2001:db8::/127", "128.0.0.0/1",
	};

	strcpy(to, PICK(cidrs));
}

/* Digests of one byte, sixty-four digits. */
#define SUM4(x) #x #x #x #x
#define SUM16(x) SUM4(x) SUM4(x) SUM4(x) SUM4(x)
#define SUM(x)  SUM16(x) SUM16(x) SUM16(x) SUM16(x)

static void make_value(enum key key, char *to)
{
	static const char *const ops[] = { "open", "write", "rename", "link",
					   "unlink" };
	static const char *const ports[] = { "80",  "80-90",	  "0-65535",
					     "443", "1024-65535", "92-8080",
					     "0",   "82",	  "84-85" };
	static const char *const protos[] = { "tcp", "udp", "6", "132" };
	static const char *const ids[] = { "0", "root", "1", "1000", "1001" };
	static const char *const plain[] = {
		"a",	"*a*",		 "a=b",	      "a*",
		"?",	"nginx.service", "*.service", "-c",
		"/x/*", "[a-f]*",	 "abcdefgh*", "**",
		"",
	};
	static const char *const origins[] = { "memfd", "deleted", "package",
					       "image", "drift" };
	static const char *const trusts[] = { "package", "package", "changed",
					      "unpackaged" };
	static const char *const sums[] = { SUM(a), SUM(b) };
	static const char *const writers[] = { "others", "group", "user" };
	static const char *const answers[] = { "yes", "no" };
	static const char *const kinds[] = { "socket", "pipe", "tty", "file",
					     "closed" };
	switch (key) {
	case PATH:
	case OLD_PATH:
	case EXE:
	case SCRIPT:
	case CGROUP:
		make_path_glob(to);
		return;
	case OP:
		strcpy(to, PICK(ops));
		return;
	case DEST:
		make_cidr(to);
		return;
	case PORT:
		strcpy(to, PICK(ports));
		return;
	case PROTO:
		strcpy(to, PICK(protos));
		return;
	case USER:
	case GROUP:
		strcpy(to, PICK(ids));
		return;
	case ORIGIN:
		strcpy(to, PICK(origins));
		return;
	case TTY:
		strcpy(to, PICK(answers));
		return;
	case STDIO:
	case STDOUT:
		strcpy(to, PICK(kinds));
		return;
	case TRUST:
		strcpy(to, PICK(trusts));
		return;
	case SHA256:
		strcpy(to, PICK(sums));
		return;
	case WRITABLE:
		strcpy(to, PICK(writers));
		return;
	case ARGS:
	case ENV:
	case UNIT:
	case CONTAINER:
	case POD:
		do
			strcpy(to, PICK(plain));
		while (!*to);
		return;
	case KEYS:
		break;
	}
}

static bool is_of(enum key key, int kind)
{
	if (key <= OP)
		return kind == EVENT_WRITE;
	return key > PROTO || kind == EVENT_CONNECT;
}

static bool same_cond(const struct mcond *a, const struct mcond *b)
{
	return a->key == b->key && a->whose == b->whose &&
	       a->negated == b->negated;
}

static void make_cond(struct mrule *r, int kind)
{
	struct mcond *c = &r->conds[r->n];
	int i;

	memset(c, 0, sizeof(*c));
	do
		c->key = one_in(2) ? (kind == EVENT_WRITE ? PATH : EXE)
				   : (enum key)chance(KEYS);
	while (!is_of(c->key, kind));
	if (c->key > PROTO && one_in(3))
		c->whose = one_in(2) ? PARENT : ANCESTOR;
	c->negated = one_in(6);
	for (i = 0; i < r->n; i++) {
		if (same_cond(&r->conds[i], c))
			return;
	}
	c->n = one_in(8) ? VALUES : 1 + (int)chance(3);
	for (i = 0; i < c->n; i++)
		make_value(c->key, c->values[i]);
	r->n++;
}

static void make_rule(int i)
{
	static const int kinds[] = { EVENT_EXEC, EVENT_CONNECT, EVENT_WRITE };
	struct mrule *r = &rules[i];
	int n = 1 + (int)chance(5), kind = PICK(kinds), k, c;

	memset(r, 0, sizeof(*r));
	(void)snprintf(r->name, sizeof(r->name), "r%u-%d", chance(100), i);
	r->action = (int)chance(3);
	r->severity = 1 + (int)chance(4);
	r->final = one_in(4);
	r->except = -1;
	for (c = 0; c < i && r->action == ALLOW; c++) {
		if (rules[c].action == DENY && !rules[c].final && one_in(4))
			r->except = c;
	}
	while (n--)
		make_cond(r, kind);
	r->names_events = one_in(2);
	for (k = 0; k < EVENT_KIND_COUNT; k++) {
		r->events[k] = k == EVENT_EXEC || k == EVENT_CONNECT ||
			       k == EVENT_WRITE;
		for (c = 0; c < r->n; c++)
			r->events[k] &= is_of(r->conds[c].key, k);
	}
	if (r->names_events) {
		memset(r->events, 0, sizeof(r->events));
		r->events[kind] = true;
	}
}

static void print_rule(struct buf *b, const struct mrule *r)
{
	static const char *const actions[] = { "allow", "deny", "ignore" };
	static const char *const prefixes[] = { "", "parent-", "ancestor-" };
	int i, k;

	buf_addf(b, "[%s %s]\n", actions[r->action], r->name);
	if (r->action == DENY)
		buf_addf(b, "severity = %s\nfinal = %s\n",
			 severity_name((enum severity)r->severity),
			 r->final ? "yes" : "no");
	if (r->except >= 0)
		buf_addf(b, "excepts = %s\n", rules[r->except].name);
	for (k = 0; r->names_events && k < EVENT_KIND_COUNT; k++) {
		if (r->events[k])
			buf_addf(b, "event = %s\n",
				 k == EVENT_EXEC      ? "exec"
				 : k == EVENT_CONNECT ? "connect"
						      : "write");
	}
	for (i = 0; i < r->n; i++) {
		for (k = 0; k < r->conds[i].n; k++)
			buf_addf(b, "%s%s%s = %s\n",
				 r->conds[i].negated ? "not-" : "",
				 prefixes[r->conds[i].whose],
				 key_names[r->conds[i].key],
				 r->conds[i].values[k]);
	}
}

/* ---- making up events --------------------------------------------------- */

struct scene {
	struct event ev;
	struct image line[LINE];
	int n_line;
	struct image *img;
	char text[TEXTS][100];
	int n_text, n_lasting;
};

static struct slice keep(struct scene *s, const char *text, size_t n)
{
	char *to = s->text[s->n_text++];

	assert(s->n_text <= TEXTS);
	memcpy(to, text, n);
	return slice_of(to, n);
}

static struct file_path make_file(struct scene *s)
{
	struct file_path f = { 0 };
	char text[100];

	if (one_in(12))
		return f;
	make_path(text);
	f.path = keep(s, text, strlen(text));
	if (one_in(6)) {
		make_path(text);
		f.host_path = keep(s, text, strlen(text));
		if (one_in(2))
			f.fs_path = f.host_path;
	}
	if (one_in(8)) {
		/* The front is cut: perhaps in the middle of a component. */
		f.flags = one_in(2) ? PATH_F_TRUNCATED : PATH_F_UNRESOLVED;
		f.path.p++;
		f.path.n--;
	}
	if (one_in(8))
		f.flags |= PATH_F_DELETED;
	if (!f.host_path.n && one_in(8))
		f.flags |= PATH_F_FOREIGN;
	if (one_in(4))
		f.flags |= PATH_F_CLAIMED;
	return f;
}

static struct slice make_list(struct scene *s)
{
	static const char *const lists[] = {
		"a\0-c\0/x/y\0", "", "nginx\0", "a=b\0abcdefghi\0\0", "f\0x",
	};
	static const size_t sizes[] = { 10, 0, 6, 15, 3 };
	uint32_t i = chance(5);

	return keep(s, lists[i], sizes[i]);
}

static struct file_facts make_facts(void)
{
	static const uint8_t trusts[] = { TRUST_UNKNOWN, TRUST_PACKAGE,
					  TRUST_PACKAGE, TRUST_CHANGED,
					  TRUST_UNPACKAGED };
	struct file_facts f = { .known = true };

	f.trust = PICK(trusts);
	f.hash = one_in(4) ? HASH_GONE : HASH_DONE;
	f.writable = (uint8_t)chance(8);
	memset(f.sha256, one_in(2) ? 0xaa : 0xcc, sizeof(f.sha256));
	return f;
}

/*
 * Never twice the same: what is known of an image is remembered by it. So far
 * apart that what is remembered often has to give way.
 */
#define IDS_APART 128
static uint64_t image_ids;

static void make_image(struct scene *s, struct image *img)
{
	static const uint32_t ids[] = { 0, 1, 1000, 1001, 5 };
	char text[100];
	int i;

	*img = (struct image){ .id = image_ids += IDS_APART,
			       .proc.tgid = 100 + chance(100) };
	img->euid = PICK(ids);
	img->egid = PICK(ids);
	img->mnt_ns = chance(3);
	if (one_in(10)) {
		img->flags = IMAGE_F_UNKNOWN;
		return;
	}
	if (one_in(10))
		img->flags |= IMAGE_F_SNAPSHOT;
	if (one_in(10))
		img->flags |= IMAGE_F_ARGS_TRUNCATED | IMAGE_F_ENV_TRUNCATED;
	if (one_in(20))
		img->flags |= IMAGE_F_KTHREAD;
	img->exe = make_file(s);
	if (one_in(3)) {
		img->flags |= IMAGE_F_SCRIPT;
		make_path(text);
		img->script = keep(s, text, strlen(text));
	}
	img->args = make_list(s);
	img->env = make_list(s);
	if (!one_in(4)) {
		make_path(text);
		img->cgroup = keep(s, text, strlen(text));
		if (one_in(2))
			img->unit = keep(s, "nginx.service", 13);
		if (one_in(3))
			img->container = keep(s, "abcdefghij", 10);
		img->container_known = img->container.n && one_in(2);
		if (img->container_known && one_in(2))
			img->pod = keep(s, "a=b", 3);
	}
	img->exe_file.known = !one_in(4);
	img->exe_file.memfd = one_in(5);
	img->exe_file.nlink = !one_in(5);
	img->exe_file.overlay_lower = img->exe_file.known && one_in(3);
	img->exe_file.overlay_upper =
		img->exe_file.known && !img->exe_file.overlay_lower &&
		one_in(3);
	img->script_file.known = img->script.n && !one_in(3);
	if (!one_in(3))
		img->exe_facts = make_facts();
	if (!one_in(3))
		img->script_facts = make_facts();
	img->tty = one_in(2);
	for (i = 0; i < 3; i++)
		img->stdio[i].kind =
			one_in(2) ? STDIO_CLOSED
				  : (enum stdio_kind)chance(STDIO_KIND_COUNT);
}

static void make_connect(struct connect_info *c)
{
	static const char *const addrs[] = { "10.1.2.3",    "10.1.3.4",
					     "192.168.1.1", "8.8.8.8",
					     "2001:db8::1", "::1" };
	static const uint16_t ports[] = { 80,  81,   83, 85,   91,
					  443, 8080, 0,	 65535 };
	static const uint16_t protos[] = { 6, 17, 132, 262 };
	const char *addr = PICK(addrs);

	c->peer.addr.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	(void)inet_pton(c->peer.addr.family, addr, c->peer.addr.bytes);
	if (one_in(12))
		c->peer.addr.family = AF_UNIX;
	c->peer.port = PICK(ports);
	c->peer.protocol = PICK(protos);
}

/* The images of a scene, the one that acts first; it may be none. */
static void make_line(struct scene *s)
{
	int i, n = (int)chance(LINE + 1);

	s->n_text = 0;
	s->n_line = n;
	s->img = n ? &s->line[0] : NULL;
	for (i = 0; i < n; i++) {
		make_image(s, &s->line[i]);
		if (i + 1 == n) {
			if (one_in(2))
				s->line[i].proc.tgid = 1;
		} else if (one_in(3)) {
			s->line[i].prev = &s->line[i + 1];
			if (i + 2 < n)
				s->line[i].parent = &s->line[i + 2];
		} else {
			s->line[i].parent = &s->line[i + 1];
		}
	}
	/* A fork has its parent's program, and the very string. */
	for (i = n - 2; i >= 0; i--) {
		if (s->line[i].parent == &s->line[i + 1] && one_in(3))
			s->line[i].exe = s->line[i + 1].exe;
	}
	s->n_lasting = s->n_text;
}

static bool has_room(const struct scene *s, int n_texts)
{
	return s->n_lasting + n_texts <= TEXTS - EVENT_TEXTS;
}

/* A process is moved to another place. */
static void move_one(struct scene *s)
{
	struct image *img = s->img;

	while (img && img->parent && one_in(2))
		img = img->parent;
	if (!img || !has_room(s, 2))
		return;
	s->n_text = s->n_lasting;
	img->cgroup = keep(s, "/a/b", 4);
	img->unit = one_in(2) ? keep(s, "a=b", 3) : slice_of(NULL, 0);
	img->container = img->pod = slice_of(NULL, 0);
	img->container_known = false;
	s->n_lasting = s->n_text;
}

static void make_event(struct scene *s)
{
	static const enum write_op ops[] = { OP_OPEN, OP_WRITE, OP_RENAME,
					     OP_LINK, OP_UNLINK };
	static const enum event_kind kinds[] = { EVENT_EXEC, EVENT_CONNECT,
						 EVENT_WRITE };
	static const uint32_t ids[] = { 0, 1, 1000, 1001 };

	s->n_text = s->n_lasting;
	s->ev = (struct event){ .kind = PICK(kinds) };
	s->ev.actor.euid = PICK(ids);
	s->ev.actor.gid = one_in(2) ? 0 : 1000;
	s->ev.actor.none = one_in(20);
	s->ev.actor.mnt_ns = chance(3);
	if (s->ev.kind == EVENT_CONNECT)
		make_connect(&s->ev.connect);
	if (s->ev.kind == EVENT_WRITE) {
		s->ev.write.op = PICK(ops);
		s->ev.write.path = make_file(s);
		if (s->ev.write.op == OP_RENAME || s->ev.write.op == OP_LINK)
			s->ev.write.new_path = make_file(s);
	}
}
