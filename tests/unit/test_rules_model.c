/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled rule set against a plain one: rules and events are made up
 * from few enough words that they often meet, every rule is tried on every
 * event by a loop that knows no index, and the verdicts must be the same.
 *
 * PICKET_TEST_SEED repeats a run, PICKET_TEST_PAIRS makes it longer.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "limits.h"
#include "naive_glob.h"
#include "rules/rules.h"

#define PAIRS	    400000u
#define RULES	    40
#define EVENTS	    100
#define CONDS	    6
#define VALUES	    24
#define LINE	    6
/* Strings of a scene: eight per image at most, four per event. */
#define TEXTS	    80
#define EVENT_TEXTS 4

/* ---- chance ------------------------------------------------------------------ */

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

/* ---- the model of a rule ------------------------------------------------------- */

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
	CGROUP,
	ORIGIN,
	TTY,
	STDIO,
	STDOUT,
	KEYS
};

static const char *const key_names[KEYS] = {
	"path",	  "old-path", "op",  "dest",  "port",	"proto", "exe",
	"script", "args",     "env", "user",  "group",	"unit",	 "container",
	"cgroup", "origin",   "tty", "stdio", "stdout",
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

/* ---- making up ----------------------------------------------------------------- */

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
	static const char *const origins[] = { "memfd", "deleted" };
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
	case ARGS:
	case ENV:
	case UNIT:
	case CONTAINER:
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

/* ---- making up events ------------------------------------------------------------ */

struct scene {
	struct event ev;
	struct image line[LINE];
	struct image *img;
	char text[TEXTS][100];
	int n_text, n_lasting;
};

static struct slice keep(struct scene *s, const char *text, size_t n)
{
	char *to = s->text[s->n_text++];

	assert_true(s->n_text <= TEXTS);
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
	}
	if (one_in(8)) {
		/* The front is cut: perhaps in the middle of a component. */
		f.flags = one_in(2) ? PATH_F_TRUNCATED : PATH_F_UNRESOLVED;
		f.path.p++;
		f.path.n--;
	}
	if (one_in(8))
		f.flags |= PATH_F_DELETED;
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

/* Never twice the same: what is known of an image is remembered by it. */
static uint64_t image_ids;

static void make_image(struct scene *s, struct image *img)
{
	static const uint32_t ids[] = { 0, 1, 1000, 1001, 5 };
	char text[100];
	int i;

	*img = (struct image){ .id = ++image_ids,
			       .proc.tgid = 100 + chance(100) };
	img->euid = PICK(ids);
	img->egid = PICK(ids);
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
	}
	img->exe_file.known = !one_in(4);
	img->exe_file.memfd = one_in(5);
	img->exe_file.nlink = !one_in(5);
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

	c->addr.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	(void)inet_pton(c->addr.family, addr, c->addr.bytes);
	if (one_in(12))
		c->addr.family = AF_UNIX;
	c->port = PICK(ports);
	c->protocol = PICK(protos);
}

/* The images of a scene, the one that acts first; it may be none. */
static void make_line(struct scene *s)
{
	int i, n = (int)chance(LINE + 1);

	s->n_text = 0;
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
	s->n_lasting = s->n_text;
}

/* A process is moved to another place. */
static void move_one(struct scene *s)
{
	struct image *img = s->img;

	while (img && img->parent && one_in(2))
		img = img->parent;
	if (!img || s->n_lasting + 2 > TEXTS - EVENT_TEXTS)
		return;
	s->n_text = s->n_lasting;
	img->cgroup = keep(s, "/a/b", 4);
	img->unit = one_in(2) ? keep(s, "a=b", 3) : slice_of(NULL, 0);
	img->container = slice_of(NULL, 0);
	s->n_lasting = s->n_text;
}

static void make_event(struct scene *s)
{
	static const enum write_op ops[] = { OP_OPEN, OP_WRITE, OP_RENAME,
					     OP_LINK, OP_UNLINK };
	static const enum event_kind kinds[] = { EVENT_EXEC, EVENT_CONNECT,
						 EVENT_WRITE };

	s->n_text = s->n_lasting;
	s->ev = (struct event){ .kind = PICK(kinds) };
	s->ev.actor.euid = one_in(2) ? 0 : 1000;
	s->ev.actor.gid = one_in(2) ? 0 : 1000;
	s->ev.actor.none = one_in(20);
	if (s->ev.kind == EVENT_CONNECT)
		make_connect(&s->ev.connect);
	if (s->ev.kind == EVENT_WRITE) {
		s->ev.write.op = PICK(ops);
		s->ev.write.path = make_file(s);
		if (s->ev.write.op == OP_RENAME || s->ev.write.op == OP_LINK)
			s->ev.write.new_path = make_file(s);
	}
}

/* ---- the plain matcher ------------------------------------------------------------ */

enum { NO, YES, UNKNOWN };

static bool any_glob(const struct mcond *c, struct slice s, bool path)
{
	int i;

	for (i = 0; i < c->n; i++) {
		if (naive_glob(c->values[i], s, path))
			return true;
	}
	return false;
}

static bool any_number(const struct mcond *c, uint32_t v)
{
	unsigned lo, hi;
	int i, n;

	for (i = 0; i < c->n; i++) {
		lo = !strcmp(c->values[i], "tcp")    ? 6
		     : !strcmp(c->values[i], "udp")  ? 17
		     : !strcmp(c->values[i], "root") ? 0
						     : UINT32_MAX;
		hi = lo;
		n = lo != UINT32_MAX ? 2
				     : sscanf(c->values[i], "%u-%u", &lo, &hi);
		if (n == 1)
			hi = lo;
		if (v >= lo && v <= hi)
			return true;
	}
	return false;
}

static bool any_word(const struct mcond *c, const char *word)
{
	int i;

	for (i = 0; i < c->n; i++) {
		if (!strcmp(c->values[i], word))
			return true;
	}
	return false;
}

static int bit_of(const uint8_t *p, int i)
{
	return p[i / 8] >> (7 - i % 8) & 1;
}

static bool in_cidr(const char *text, const struct ip_addr *a)
{
	char name[64];
	uint8_t range[16] = { 0 }, *r = range;
	char *slash;
	int len, i, family;

	strcpy(name, text);
	slash = strchr(name, '/');
	if (slash)
		*slash = '\0';
	family = strchr(name, ':') ? AF_INET6 : AF_INET;
	(void)inet_pton(family, name, range);
	len = slash ? atoi(slash + 1) : family == AF_INET ? 32 : 128;
	if (!strncmp(name, "::ffff:", 7)) {
		family = AF_INET;
		r += 12;
		len -= 96;
	}
	for (i = 0; i < len && family == a->family; i++) {
		if (bit_of(r, i) != bit_of(a->bytes, i))
			return false;
	}
	return family == a->family;
}

static struct slice from_slash(struct slice s)
{
	while (s.n && *s.p != '/') {
		s.p++;
		s.n--;
	}
	return s;
}

static int plain_file(const struct mcond *c, const struct file_path *f,
		      bool sure, bool container)
{
	bool cut = f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
	struct slice path = f->path, host = f->host_path;

	if (sure) {
		if (cut || !path.n)
			return UNKNOWN;
		if (!host.n)
			return any_glob(c, path, true);
		return any_glob(c, host, true) ||
		       (container && any_glob(c, path, true));
	}
	if (cut) {
		path = from_slash(path);
		host = from_slash(host);
	}
	if ((path.n && any_glob(c, path, true)) ||
	    (host.n && any_glob(c, host, true)))
		return YES;
	return cut || !f->path.n ? UNKNOWN : NO;
}

static int plain_path(const struct mcond *c, const struct write_info *w,
		      bool sure, bool container)
{
	bool two = w->op == OP_RENAME || w->op == OP_LINK;
	int a = plain_file(c, &w->path, sure, container);
	int b = two ? plain_file(c, &w->new_path, sure, container) : a;
	int wins = sure ? NO : YES;

	if (c->key == OLD_PATH)
		return two ? a : NO;
	if (a == wins || b == wins)
		return wins;
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : !wins;
}

static int plain_list(const struct mcond *c, struct slice list, bool cut,
		      bool sure)
{
	size_t i, begin = 0;

	for (i = 0; i <= list.n; i++) {
		bool end = i == list.n;

		if (!(end ? i > begin : !list.p[i]))
			continue;
		if (!(sure && cut && i + 1 >= list.n) &&
		    any_glob(c, slice_of(list.p + begin, i - begin), false))
			return YES;
		begin = i + 1;
	}
	return cut ? UNKNOWN : NO;
}

static int plain_stdio(const struct mcond *c, const struct image *img)
{
	static const char *const kinds[] = { "closed", "file", "pipe",
					     "socket", "tty",  "null",
					     "device", "other" };
	int i;

	if ((img->flags & IMAGE_F_SNAPSHOT) && !img->stdio[0].kind &&
	    !img->stdio[1].kind && !img->stdio[2].kind)
		return UNKNOWN;
	for (i = c->key == STDOUT; i < (c->key == STDOUT ? 2 : 3); i++) {
		if (any_word(c, kinds[img->stdio[i].kind]))
			return YES;
	}
	return NO;
}

static int plain_origin(const struct mcond *c, const struct image *img)
{
	bool known = img->exe_file.known;
	bool deleted = (img->exe.flags & PATH_F_DELETED) ||
		       (known && !img->exe_file.nlink);

	if (img->flags & IMAGE_F_KTHREAD)
		return NO;
	if (!known && !img->exe.path.n)
		return UNKNOWN;
	if (known && img->exe_file.memfd)
		return any_word(c, "memfd");
	return deleted && any_word(c, "deleted");
}

/* What can be asked of any image that is there. */
static int plain_image(const struct mcond *c, const struct image *img,
		       bool sure, bool container)
{
	struct slice s = c->key == UNIT	       ? img->unit
			 : c->key == CONTAINER ? img->container
					       : img->cgroup;

	if (c->key == USER)
		return any_number(c, img->euid);
	if (img->flags & IMAGE_F_UNKNOWN)
		return c->key == UNIT || c->key == CONTAINER || c->key == CGROUP
			       ? (s.n ? any_glob(c, s, c->key == CGROUP)
				      : UNKNOWN)
			       : UNKNOWN;
	switch ((int)c->key) {
	case EXE:
		if (!img->exe.path.n && (img->flags & IMAGE_F_KTHREAD))
			return NO;
		return plain_file(c, &img->exe, sure, container);
	case SCRIPT:
		if (img->script.n)
			return any_glob(c, img->script, true);
		return img->flags & IMAGE_F_SNAPSHOT ? UNKNOWN : NO;
	case ARGS:
		return plain_list(c, img->args,
				  img->flags & IMAGE_F_ARGS_TRUNCATED, sure);
	case ENV:
		return plain_list(c, img->env,
				  img->flags & IMAGE_F_ENV_TRUNCATED, sure);
	case GROUP:
		return any_number(c, img->egid);
	case UNIT:
	case CONTAINER:
	case CGROUP:
		if (s.n)
			return any_glob(c, s, c->key == CGROUP);
		return img->cgroup.n ? NO : UNKNOWN;
	case ORIGIN:
		return plain_origin(c, img);
	case TTY:
		return any_word(c, img->tty ? "yes" : "no");
	default:
		return plain_stdio(c, img);
	}
}

static int plain_event(const struct mcond *c, const struct event *ev, bool sure,
		       bool container)
{
	const struct connect_info *cn = &ev->connect;
	int i;

	switch ((int)c->key) {
	case PATH:
	case OLD_PATH:
		return plain_path(c, &ev->write, sure, container);
	case OP:
		return any_word(c, write_op_name(ev->write.op));
	case PORT:
		return any_number(c, cn->port);
	case PROTO:
		return any_number(c, cn->protocol) ||
		       (cn->protocol == 262 && any_number(c, 6));
	default:
		if (cn->addr.family == AF_UNIX)
			return UNKNOWN;
		for (i = 0; i < c->n; i++) {
			if (in_cidr(c->values[i], &cn->addr))
				return YES;
		}
		return NO;
	}
}

static int plain_self(const struct mcond *c, const struct event *ev,
		      const struct image *img, bool sure, bool container)
{
	if (c->key == USER || c->key == GROUP) {
		if (ev->actor.none)
			return UNKNOWN;
		return any_number(c, c->key == USER ? ev->actor.euid
						    : ev->actor.gid);
	}
	return img ? plain_image(c, img, sure, container) : UNKNOWN;
}

static const struct image *before(const struct image *img)
{
	return img->prev ? img->prev : img->parent;
}

static int plain_ancestors(const struct mcond *c, const struct image *img,
			   bool sure, bool container)
{
	bool unknown = !img;
	int r;

	while (img && before(img)) {
		img = before(img);
		r = plain_image(c, img, sure, container);
		if (r == YES)
			return YES;
		unknown |= r == UNKNOWN;
	}
	if (img && img->proc.tgid != 1 && !(img->flags & IMAGE_F_KTHREAD))
		unknown = true;
	return unknown ? UNKNOWN : NO;
}

static bool joint_holds(const struct mrule *r, const struct image *img,
			bool container)
{
	bool all = true, any = false;
	int i;

	for (i = 0; i < r->n; i++)
		any |= r->conds[i].whose == ANCESTOR && !r->conds[i].negated;
	if (!any)
		return true;
	for (img = img ? before(img) : NULL; img; img = before(img)) {
		all = true;
		for (i = 0; i < r->n; i++) {
			if (r->conds[i].whose == ANCESTOR &&
			    !r->conds[i].negated)
				all &= plain_image(&r->conds[i], img,
						   r->action != DENY,
						   container) == YES;
		}
		if (all)
			return true;
	}
	return false;
}

static bool plain_holds(const struct mrule *r, const struct event *ev,
			const struct image *img)
{
	bool strict = r->action != DENY, container = false;
	int i, t;

	for (i = 0; i < r->n; i++)
		container |= r->conds[i].key == CONTAINER &&
			     !r->conds[i].negated && r->conds[i].whose == SELF;
	for (i = 0; i < r->n; i++) {
		const struct mcond *c = &r->conds[i];
		bool sure = strict != c->negated;

		if (c->key <= PROTO)
			t = plain_event(c, ev, sure, container);
		else if (c->whose == SELF)
			t = plain_self(c, ev, img, sure, container);
		else if (c->whose == PARENT)
			t = img && img->parent ? plain_image(c, img->parent,
							     sure, container)
					       : UNKNOWN;
		else if (c->negated)
			t = plain_ancestors(c, img, sure, container);
		else
			continue;
		if (c->negated ? (strict ? t != NO : t == YES) : t != YES)
			return false;
	}
	return joint_holds(r, img, container);
}

static bool is_stronger(const struct mrule *a, const struct mrule *b)
{
	static const int order[] = { [DENY] = 0, [IGNORE] = 1, [ALLOW] = 2 };

	if (!b || order[a->action] != order[b->action])
		return !b || order[a->action] < order[b->action];
	if (a->action == DENY && a->severity != b->severity)
		return a->severity > b->severity;
	return strcmp(a->name, b->name) < 0;
}

static const struct mrule *plain_match(const struct event *ev,
				       const struct image *img)
{
	bool holds[RULES], silenced[RULES] = { false };
	const struct mrule *best = NULL;
	int i;

	for (i = 0; i < RULES; i++) {
		holds[i] = rules[i].events[ev->kind] &&
			   plain_holds(&rules[i], ev, img);
		if (holds[i] && rules[i].except >= 0)
			silenced[rules[i].except] = true;
	}
	for (i = 0; i < RULES; i++) {
		if (holds[i] && !silenced[i] && is_stronger(&rules[i], best))
			best = &rules[i];
	}
	return best;
}

/* ---- the comparison ---------------------------------------------------------------- */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct rule_set *compile(struct buf *text)
{
	struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;
	int i;

	buf_reset(text);
	for (i = 0; i < RULES; i++)
		print_rule(text, &rules[i]);
	assert_false(text->failed);
	if (rule_set_load_text("model.ini", buf_slice(text), &opt, &set, &err) <
	    0)
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

static void compare(struct rule_set *set, uint64_t seed, uint64_t *ret_hits)
{
	static const enum answer answers[] = { [ALLOW] = ANSWER_ALLOWED,
					       [DENY] = ANSWER_DENIED,
					       [IGNORE] = ANSWER_IGNORED };
	static struct scene scene;
	const struct mrule *want;
	struct verdict got;
	int i;

	for (i = 0; i < EVENTS; i++) {
		/* What acts once more may meet what was remembered of it. */
		if (!i || one_in(3))
			make_line(&scene);
		else if (one_in(3))
			move_one(&scene);
		make_event(&scene);
		want = plain_match(&scene.ev, scene.img);
		got = rule_set_match(set, &scene.ev, scene.img);
		if (strcmp(want ? want->name : "none",
			   got.rule ? got.rule : "none"))
			fail_msg("seed %" PRIu64 ", event %d: %s, not %s", seed,
				 i, got.rule ? got.rule : "none",
				 want ? want->name : "none");
		assert_int_equal(got.answer, want ? answers[want->action]
						  : ANSWER_UNLISTED);
		assert_int_equal(got.alert, want && want->action == DENY);
		if (want && want->action == DENY)
			assert_int_equal(got.severity, want->severity);
		*ret_hits += !!want;
	}
}

static void compiled_and_plain_matcher_agree(void **state)
{
	uint64_t pairs = from_environment("PICKET_TEST_PAIRS", PAIRS);
	uint64_t seed = from_environment("PICKET_TEST_SEED",
					 (uint64_t)time(NULL) * 1000);
	uint64_t done, hits = 0;
	struct buf text = BUF_INIT(4u << 20);
	int i;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (done = 0; done < pairs; done += RULES * EVENTS, seed++) {
		struct rule_set *set;

		chance_state = seed;
		for (i = 0; i < RULES; i++)
			make_rule(i);
		set = compile(&text);
		compare(set, seed, &hits);
		rule_set_free(set);
	}
	print_message("# %" PRIu64 " pairs, a rule decided %" PRIu64
		      " of %" PRIu64 " events\n",
		      done, hits, done / RULES);
	/* Rules and events that never meet would prove nothing. */
	assert_true(hits > done / RULES / 10);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_and_plain_matcher_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
