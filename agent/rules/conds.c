/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of policy files: one table says which keys there are, what they
 * ask for, and how their values are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/text.h"
#include "rules/accounts.h"
#include "rules/hash.h"
#include "rules/names.h"
#include "rules/parse.h"

#define ACCOUNTS_FILE_MAX (16u << 20)

struct reading {
	struct builder *b;
	unsigned line;
	const char *key; /* as written */
	struct slice text;
	struct value *to;
};

typedef int (*read_fn)(const struct reading *rd);

static int refuse(const struct reading *rd, const char *why)
{
	return ini_fail(rd->b->err, rd->line, "%s '%s': %s", rd->key,
			rd->text.p, why);
}

/* ---- values ------------------------------------------------------------- */

/* The same text as a pattern once more is the same pattern. */
static int intern_pattern(const struct reading *rd, enum pattern_kind kind)
{
	struct builder *b = rd->b;
	struct pattern **all, **slot, *p;
	const char *why = "";
	uint64_t seed;
	uint32_t *id;
	int r;

	for (seed = kind;; seed += 2) {
		id = keymap_put(&b->pattern_ids, hash_bytes(seed, rd->text));
		if (!id)
			return -ENOMEM;
		all = b->patterns.p;
		if (!*id)
			break;
		if (all[*id - 1]->kind == kind &&
		    slice_eq(pattern_text(all[*id - 1]), rd->text)) {
			rd->to->pattern = *id - 1;
			return 0;
		}
	}
	r = pattern_new(kind, rd->text, &p, &why);
	if (r == -EINVAL)
		return refuse(rd, why);
	if (r < 0)
		return r;
	slot = vec_add(&b->patterns, sizeof(*slot));
	if (!slot) {
		pattern_free(p);
		return -ENOMEM;
	}
	*slot = p;
	*id = (uint32_t)b->patterns.n;
	rd->to->pattern = *id - 1;
	return 0;
}

static int read_path(const struct reading *rd)
{
	rd->to->form = FORM_PATTERNS;
	return intern_pattern(rd, PATTERN_PATH);
}

static int read_plain(const struct reading *rd)
{
	rd->to->form = FORM_PATTERNS;
	return intern_pattern(rd, PATTERN_PLAIN);
}

static int read_word(const struct reading *rd, const struct word_list *words,
		     const char *why)
{
	int i = word_find(words, rd->text);

	if (i < 0)
		return refuse(rd, why);
	rd->to->form = FORM_MASK;
	rd->to->bit = 1u << i;
	return 0;
}

static int read_op(const struct reading *rd)
{
	return read_word(rd, &op_words,
			 "not one of open write truncate rename unlink link "
			 "symlink chmod chown utime xattr mknod mkdir rmdir "
			 "chattr mmap");
}

static int read_load(const struct reading *rd)
{
	return read_word(rd, &load_words, "not one of library, module, bpf");
}

static int read_tamper(const struct reading *rd)
{
	return read_word(rd, &tamper_words,
			 "not one of signal, ptrace, memory, bpf");
}

static int read_stdio(const struct reading *rd)
{
	return read_word(rd, &stdio_words,
			 "not one of closed file pipe socket tty null device "
			 "other");
}

static int read_origin(const struct reading *rd)
{
	return read_word(rd, &origin_words,
			 "not one of package, image, drift, memfd, deleted");
}

static int read_trust(const struct reading *rd)
{
	return read_word(rd, &trust_words,
			 "not one of package, unpackaged, changed, writable, "
			 "unproved");
}

static int read_writable(const struct reading *rd)
{
	return read_word(rd, &writable_words, "not one of others, group, user");
}

static int read_digest(const struct reading *rd)
{
	if (!digest_parse(rd->text, rd->to->sha256))
		return refuse(rd, "not a SHA-256 of 64 hexadecimal digits");
	rd->to->form = FORM_HASHES;
	return 0;
}

/* The value's own place is taken by the list's last one. */
static int read_digest_list(const struct reading *rd)
{
	struct builder *b = rd->b;
	struct value *values;
	int r = digest_list_take(b, rd->text.p, rd->to);

	if (r < 0)
		return r;
	values = b->values.p;
	*rd->to = values[--b->values.n];
	return 0;
}

static int read_bool(const struct reading *rd)
{
	bool yes;

	if (text_bool(rd->text, &yes) < 0)
		return refuse(rd, "neither yes nor no");
	rd->to->form = FORM_MASK;
	rd->to->bit = 1u << yes;
	return 0;
}

static void put_range(const struct reading *rd, uint32_t lo, uint32_t hi)
{
	rd->to->form = FORM_NUMBERS;
	rd->to->range = (uint64_t)lo << 32 | hi;
}

static int read_dest(const struct reading *rd)
{
	const char *why = "";

	if (cidr_parse(rd->text, &rd->to->cidr, &why) < 0)
		return refuse(rd, why);
	rd->to->form = FORM_CIDRS;
	return 0;
}

static int read_port(const struct reading *rd)
{
	const char *dash = memchr(rd->text.p, '-', rd->text.n);
	size_t n = dash ? (size_t)(dash - rd->text.p) : rd->text.n;
	uint32_t lo, hi;

	if (text_u32(slice_of(rd->text.p, n), &lo) < 0)
		return refuse(rd, "not a port or range such as 8080-8089");
	hi = lo;
	if (dash && text_u32(slice_of(dash + 1, rd->text.n - n - 1), &hi) < 0)
		return refuse(rd, "not a port or range such as 8080-8089");
	if (lo > 65535 || hi > 65535)
		return refuse(rd, "ports end at 65535");
	if (lo > hi)
		return refuse(rd, "range runs backwards");
	put_range(rd, lo, hi);
	return 0;
}

static int read_proto(const struct reading *rd)
{
	static const struct {
		const char *name;
		uint32_t number;
	} known[] = { { "tcp", 6 },
		      { "udp", 17 },
		      { "icmp", 1 },
		      { "icmpv6", 58 },
		      { "sctp", 132 } };
	uint32_t number;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_eq(rd->text, slice_str(known[i].name))) {
			put_range(rd, known[i].number, known[i].number);
			return 0;
		}
	}
	if (text_u32(rd->text, &number) < 0 || number > 65535)
		return refuse(rd, "not tcp, udp, icmp, icmpv6, sctp or a "
				  "number up to 65535");
	put_range(rd, number, number);
	return 0;
}

static int read_account(const struct reading *rd, const char *path, char **text,
			size_t *n)
{
	uint32_t id;
	int r;

	if (text_u32(rd->text, &id) == 0) {
		put_range(rd, id, id);
		return 0;
	}
	if (!*text) {
		r = fs_read_file(AT_FDCWD, path, ACCOUNTS_FILE_MAX, text, n);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return refuse(rd, "the host's list cannot be read");
	}
	if (account_find(slice_of(*text, *n), rd->text, &id) < 0)
		return refuse(rd, "not a number, and no such name on this "
				  "host");
	put_range(rd, id, id);
	return 0;
}

static int read_user(const struct reading *rd)
{
	return read_account(rd, "/etc/passwd", &rd->b->passwd,
			    &rd->b->passwd_n);
}

static int read_group(const struct reading *rd)
{
	return read_account(rd, "/etc/group", &rd->b->group, &rd->b->group_n);
}

/* ---- keys --------------------------------------------------------------- */

#define WRITES	 (1u << EVENT_WRITE)
#define CONNECTS (1u << EVENT_CONNECT)
#define LISTENS	 (1u << EVENT_LISTEN)
#define LOADS	 (1u << EVENT_LOAD)
#define TAMPERS	 (1u << EVENT_TAMPER)
#define ALL	 RULE_KINDS

/* of_process: also with parent- and ancestor-, and of every event. */
#define PROCESS_KEY(name, reader, what)                             \
	{                                                           \
		.key = (name), .read = (reader), .subject = (what), \
		.kinds = ALL, .of_process = true                    \
	}
#define EVENT_KEY(name, reader, what, events)                       \
	{                                                           \
		.key = (name), .read = (reader), .subject = (what), \
		.kinds = (events)                                   \
	}

static const struct cond_key {
	const char *key;
	read_fn read;
	uint8_t subject;
	uint8_t who;
	uint16_t kinds;
	bool of_process;
} cond_keys[] = {
	EVENT_KEY("path", read_path, SUBJECT_PATH, WRITES),
	EVENT_KEY("old-path", read_path, SUBJECT_OLD_PATH, WRITES),
	EVENT_KEY("op", read_op, SUBJECT_OP, WRITES),
	EVENT_KEY("dest", read_dest, SUBJECT_DEST, CONNECTS),
	EVENT_KEY("address", read_dest, SUBJECT_ADDRESS, LISTENS),
	EVENT_KEY("port", read_port, SUBJECT_PORT, CONNECTS | LISTENS),
	EVENT_KEY("proto", read_proto, SUBJECT_PROTO, CONNECTS | LISTENS),
	EVENT_KEY("socket", read_plain, SUBJECT_SOCKET, CONNECTS | LISTENS),
	EVENT_KEY("load", read_load, SUBJECT_LOAD, LOADS),
	EVENT_KEY("loaded", read_path, SUBJECT_LOADED, LOADS),
	EVENT_KEY("name", read_plain, SUBJECT_NAME, LOADS),
	EVENT_KEY("tamper", read_tamper, SUBJECT_TAMPER, TAMPERS),
	EVENT_KEY("target", read_path, SUBJECT_TARGET, TAMPERS),
	EVENT_KEY("of-picket", read_bool, SUBJECT_OF_PICKET, TAMPERS),
	PROCESS_KEY("exe", read_path, SUBJECT_EXE),
	PROCESS_KEY("script", read_path, SUBJECT_SCRIPT),
	PROCESS_KEY("args", read_plain, SUBJECT_ARGS),
	PROCESS_KEY("env", read_plain, SUBJECT_ENV),
	PROCESS_KEY("user", read_user, SUBJECT_USER),
	PROCESS_KEY("group", read_group, SUBJECT_GROUP),
	PROCESS_KEY("unit", read_plain, SUBJECT_UNIT),
	PROCESS_KEY("container", read_plain, SUBJECT_CONTAINER),
	PROCESS_KEY("image", read_plain, SUBJECT_IMAGE),
	PROCESS_KEY("pod", read_plain, SUBJECT_POD),
	PROCESS_KEY("namespace", read_plain, SUBJECT_NAMESPACE),
	PROCESS_KEY("cgroup", read_path, SUBJECT_CGROUP),
	PROCESS_KEY("origin", read_origin, SUBJECT_ORIGIN),
	PROCESS_KEY("writable-by", read_writable, SUBJECT_WRITABLE),
	PROCESS_KEY("sha256", read_digest, SUBJECT_SHA256),
	PROCESS_KEY("sha256-file", read_digest_list, SUBJECT_SHA256),
	PROCESS_KEY("trust", read_trust, SUBJECT_TRUST),
	PROCESS_KEY("tty", read_bool, SUBJECT_TTY),
	PROCESS_KEY("stdio", read_stdio, SUBJECT_STDIO),
	PROCESS_KEY("stdin", read_stdio, SUBJECT_STDIN),
	PROCESS_KEY("stdout", read_stdio, SUBJECT_STDOUT),
	PROCESS_KEY("stderr", read_stdio, SUBJECT_STDERR),
	{ .key = "parent",
	  .read = read_path,
	  .subject = SUBJECT_EXE,
	  .who = WHO_PARENT,
	  .kinds = ALL },
	{ .key = "ancestor",
	  .read = read_path,
	  .subject = SUBJECT_EXE,
	  .who = WHO_ANCESTOR,
	  .kinds = ALL },
};

/* Of the language, but they need what this version cannot find out. */
static const char *const later_keys[] = {
	"domain",
};

static const struct cond_key *find_key(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(cond_keys) / sizeof(cond_keys[0]); i++) {
		if (!strcmp(cond_keys[i].key, key))
			return &cond_keys[i];
	}
	return NULL;
}

const char *cond_key_name(enum subject subject, enum who who)
{
	static const char *const prefixes[] = {
		[WHO_SELF] = "",
		[WHO_PARENT] = "parent-",
		[WHO_ANCESTOR] = "ancestor-",
	};
	static char name[32];
	size_t i;

	for (i = 0; i < sizeof(cond_keys) / sizeof(cond_keys[0]); i++) {
		if (cond_keys[i].subject != subject || cond_keys[i].who)
			continue;
		(void)snprintf(name, sizeof(name), "%s%s", prefixes[who],
			       cond_keys[i].key);
		return name;
	}
	return "?";
}

static const char *skip_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? NULL : s + n;
}

/* Fills in what the key says of the value. */
static int take_name(struct builder *b, const struct reading *rd,
		     read_fn *ret_reader)
{
	const char *name = skip_prefix(rd->key, "not-"), *rest;
	const struct cond_key *k;
	uint8_t who = WHO_SELF;
	size_t i;

	rd->to->negated = name;
	if (!name)
		name = rd->key;
	k = find_key(name);
	if (!k && (rest = skip_prefix(name, "parent-")))
		who = WHO_PARENT;
	else if (!k && (rest = skip_prefix(name, "ancestor-")))
		who = WHO_ANCESTOR;
	if (who != WHO_SELF) {
		k = find_key(rest);
		if (k && !k->of_process)
			k = NULL;
	}
	if (k) {
		rd->to->subject = k->subject;
		rd->to->who = who != WHO_SELF ? who : k->who;
		rd->to->kinds = k->kinds;
		*ret_reader = k->read;
		return 0;
	}
	for (i = 0; i < sizeof(later_keys) / sizeof(later_keys[0]); i++) {
		if (!strcmp(later_keys[i], name))
			return ini_fail(b->err, rd->line,
					"'%s' comes with DNS names, which this "
					"version does not see: use dest",
					rd->key);
	}
	return ini_fail(b->err, rd->line, "unknown key '%s'", rd->key);
}

int cond_take(struct builder *b, unsigned line, const char *key,
	      const char *value)
{
	struct value v = { .line = line };
	struct reading rd = {
		.b = b,
		.line = line,
		.key = key,
		.text = slice_str(value),
		.to = &v,
	};
	struct value *to;
	read_fn reader = NULL;
	int r;

	r = take_name(b, &rd, &reader);
	if (r < 0)
		return r;
	if (b->values.n == RULE_VALUES_MAX)
		return ini_fail(b->err, line, "more than %u values in one rule",
				RULE_VALUES_MAX);
	r = reader(&rd);
	if (r < 0)
		return r;
	to = vec_add(&b->values, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = v;
	return 0;
}
