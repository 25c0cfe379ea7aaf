/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule set from files to the end of its life. The one idea: all files are
 * read and checked before anything is built, and what is built never changes,
 * so a set is either whole or not there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/fs.h"
#include "rules/names.h"
#include "rules/parse.h"
#include "rules/redact.h"
#include "rules/strings.h"

struct loading {
	struct builder b;
	EVP_MD_CTX *hash;
	struct rule_error *err;
	const struct rule_edit *edit; /* NULL: none */
};

/* ---- errors ------------------------------------------------------------- */

static void put_text(char *to, size_t size, struct slice s)
{
	struct buf b = BUF_INIT(1u << 20);
	size_t n;

	escape_text(&b, s);
	n = b.failed ? 0 : b.n;
	/* Escaped text is UTF-8: cut before a character, not in it. */
	if (n >= size) {
		n = size - 1;
		while (n && ((unsigned char)b.p[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(to, b.p, n);
	to[n] = '\0';
	buf_done(&b);
}

static void put_error(struct rule_error *err, const char *file, unsigned line,
		      const char *what)
{
	put_text(err->file, sizeof(err->file), slice_str(file));
	err->line = line;
	(void)snprintf(err->what, sizeof(err->what), "%s", what);
}

/* r, with what it means in *err: for the file as a whole. */
static int fail_file(struct loading *l, const char *file, int r)
{
	put_error(l->err, file, 0,
		  r == -EFBIG ? "file is too large" : strerror(-r));
	return r;
}

/* ---- reading ------------------------------------------------------------ */

static int hash_part(struct loading *l, struct slice s)
{
	uint8_t n[8];
	unsigned i;

	for (i = 0; i < 8; i++)
		n[i] = (uint8_t)((uint64_t)s.n >> (8 * i));
	if (EVP_DigestUpdate(l->hash, n, sizeof(n)) != 1 ||
	    EVP_DigestUpdate(l->hash, s.p, s.n) != 1)
		return -ENOMEM;
	return 0;
}

/* The text with a line put in behind line n of it. */
static char *insert_line(struct slice text, unsigned n, const char *line,
			 size_t *ret_n)
{
	size_t at = 0, len = strlen(line);
	char *out = malloc(text.n + len + 2);

	if (!out)
		return NULL;
	for (; n && at < text.n; at++)
		n -= text.p[at] == '\n';
	memcpy(out, text.p, at);
	memcpy(out + at, line, len);
	out[at + len] = '\n';
	memcpy(out + at + len + 1, text.p + at, text.n - at);
	*ret_n = text.n + len + 1;
	return out;
}

static int read_text(struct loading *l, const char *file, struct slice text);

static int read_edited(struct loading *l, const char *file, struct slice text)
{
	const struct rule_edit *edit = l->edit;
	size_t n;
	cleanup_free char *edited =
		insert_line(text, edit->line, edit->text, &n);
	int r;

	if (!edited)
		return fail_file(l, file, -ENOMEM);
	l->edit = NULL;
	r = read_text(l, file, slice_of(edited, n));
	l->edit = edit;
	return r;
}

/* file: as errors name it; its last component goes into the hash. */
static int read_text(struct loading *l, const char *file, struct slice text)
{
	const char *slash = strrchr(file, '/');
	struct ini_error ini = { 0 };
	char **to;
	int r;

	if (l->edit && l->edit->file && !strcmp(l->edit->file, file))
		return read_edited(l, file, text);
	r = hash_part(l, slice_str(slash ? slash + 1 : file));
	if (r == 0)
		r = hash_part(l, text);
	if (r < 0)
		return fail_file(l, file, r);
	to = vec_add(&l->b.files, sizeof(*to));
	if (!to)
		return fail_file(l, file, -ENOMEM);
	*to = strdup(file);
	if (!*to) {
		l->b.files.n--;
		return fail_file(l, file, -ENOMEM);
	}
	r = parse_rules(&l->b, text, &ini);
	if (r == -EINVAL)
		put_error(l->err, file, ini.line, ini.what);
	else if (r < 0)
		(void)fail_file(l, file, r);
	return r;
}

static int read_file(struct loading *l, int dirfd, const char *name,
		     const char *file)
{
	cleanup_free char *text = NULL;
	struct stat st;
	size_t n = 0;
	int r;

	/* A pipe would be waited for, and with it all that reloads. */
	if (fstatat(dirfd, name, &st, 0) < 0)
		return fail_file(l, file, -errno);
	if (dirfd != AT_FDCWD && S_ISFIFO(st.st_mode)) {
		put_error(l->err, file, 0, "is a pipe");
		return -EINVAL;
	}
	r = fs_read_file(dirfd, name, INI_FILE_MAX, &text, &n);
	if (r < 0)
		return fail_file(l, file, r);
	return read_text(l, file, slice_of(text, n));
}

bool rule_files_is_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && !strcmp(name + n - 4, ".ini");
}

static int is_rule_file(const struct dirent *d)
{
	return rule_files_is_name(d->d_name);
}

int rule_files_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int behind;

	if (fd < 0)
		return -errno;
	behind = openat(fd, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (behind < 0)
		return fd;
	(void)close(fd);
	return behind;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	/* By bytes: what comes first must not depend on a locale. */
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(struct loading *l, int dirfd, const char *path)
{
	struct dirent **list = NULL;
	char *file = NULL;
	int n, i, r = 0;

	n = scandirat(dirfd, ".", &list, is_rule_file, compare_names);
	if (n < 0)
		return fail_file(l, path, -errno);
	if ((unsigned)n > RULE_FILES_MAX)
		r = fail_file(l, path, -E2BIG);
	for (i = 0; i < n; i++) {
		if (r == 0 &&
		    asprintf(&file, "%s/%s", path, list[i]->d_name) < 0)
			r = fail_file(l, path, -ENOMEM);
		if (r == 0) {
			r = read_file(l, dirfd, list[i]->d_name, file);
			free(file);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int read_path(struct loading *l, const char *path)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = rule_files_open(path);
	if (fd < 0)
		return fail_file(l, path, fd);
	if (fstat(fd, &st) < 0)
		return fail_file(l, path, -errno);
	if (S_ISDIR(st.st_mode))
		return read_dir(l, fd, path);
	return read_file(l, AT_FDCWD, path, path);
}

/* ---- ordering ----------------------------------------------------------- */

static int compare_strength(const void *a, const void *b)
{
	const struct rule *ra = a, *rb = b;

	if (ra->action != rb->action)
		return ra->action - rb->action;
	if (ra->severity != rb->severity)
		return rb->severity - ra->severity;
	return strcmp(ra->name, rb->name);
}

static int fail_except(struct loading *l, const struct except_line *e,
		       const char *why)
{
	const struct rule_note *note = l->b.notes.p;
	char **files = l->b.files.p;
	char what[sizeof(l->err->what)];

	(void)snprintf(what, sizeof(what), "excepts '%s': %s", e->name, why);
	put_error(l->err, files[note[e->rule].file], e->line, what);
	return -EINVAL;
}

/* Each `excepts` must name a deny that can be silenced. */
static int check_excepts(struct loading *l)
{
	const struct except_line *lines = l->b.excepts.p;
	const struct rule *rules = l->b.rules.p;
	struct rule *deny;
	size_t i;

	for (i = 0; i < l->b.excepts.n; i++) {
		deny = builder_find(&l->b, lines[i].name);
		if (!deny)
			return fail_except(l, &lines[i], "no such rule");
		if (deny->action != ACTION_DENY)
			return fail_except(l, &lines[i], "not a deny rule");
		if (deny->final)
			return fail_except(l, &lines[i],
					   "is final and takes no exception");
		if (!rules[lines[i].rule].expired)
			deny->is_excepted = true;
	}
	return 0;
}

/* Rules by strength, and what pointed at their old places put right. */
static int order_rules(struct loading *l, struct rule_set *set)
{
	const struct except_line *lines = l->b.excepts.p;
	const struct rule *before = l->b.rules.p;
	uint32_t *place = NULL;
	size_t i, n = l->b.rules.n;

	set->rules = aligned_alloc(sizeof(*set->rules),
				   (n + 1) * sizeof(*set->rules));
	set->by_place = calloc(n + 1, sizeof(*set->by_place));
	set->excepts = calloc(l->b.excepts.n + 1, sizeof(*set->excepts));
	place = calloc(n + 1, sizeof(*place));
	if (!set->rules || !set->by_place || !set->excepts || !place) {
		free(place);
		return -ENOMEM;
	}
	if (n)
		memcpy(set->rules, before, n * sizeof(*before));
	set->n_rules = (uint32_t)n;
	/* Hits are not counted yet: until they are, the old place is there. */
	for (i = 0; i < n; i++)
		set->rules[i].hits = i;
	qsort(set->rules, n, sizeof(*set->rules), compare_strength);
	for (i = 0; i < n; i++) {
		place[set->rules[i].hits] = (uint32_t)i;
		set->by_place[set->rules[i].hits] = (uint32_t)i;
		set->rules[i].hits = 0;
	}
	for (i = 0; i < l->b.excepts.n; i++)
		set->excepts[i] =
			place[builder_find(&l->b, lines[i].name) - before];
	free(place);
	return 0;
}

static int take_over(struct loading *l, struct rule_set *set)
{
	struct builder *b = &l->b;
	int r;

	r = order_rules(l, set);
	if (r < 0)
		return r;
	set->notes = vec_steal(&b->notes, sizeof(struct rule_note));
	set->n_conds = (uint32_t)b->conds.n;
	set->conds = vec_steal(&b->conds, sizeof(struct cond));
	set->n_patterns = (uint32_t)b->patterns.n;
	set->patterns = vec_steal(&b->patterns, sizeof(struct pattern *));
	set->numbers = vec_steal(&b->numbers, sizeof(uint64_t));
	set->cidrs = vec_steal(&b->cidrs, sizeof(struct cidr));
	set->n_files = (uint32_t)b->files.n;
	set->files = vec_steal(&b->files, sizeof(char *));
	r = redact_build(b, &set->redactor);
	if (r < 0)
		return r;
	set->strings = steal_ptr(b->strings);
	set->stats = calloc(set->n_rules + 1, sizeof(*set->stats));
	set->silenced = calloc(set->n_rules + 1, sizeof(*set->silenced));
	set->denies = calloc(set->n_rules + 1, sizeof(*set->denies));
	set->hashes = vec_steal(&b->hashes, sizeof(*set->hashes));
	set->maybes = calloc(set->n_rules + 1, sizeof(*set->maybes));
	if (!set->notes || !set->conds || !set->patterns || !set->numbers ||
	    !set->cidrs || !set->files || !set->stats || !set->silenced ||
	    !set->denies || !set->maybes || !set->hashes)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n_rules; i++)
		set->stats[i].since_wall_ns = set->opt.now_wall_ns;
	if (EVP_DigestFinal_ex(l->hash, set->hash, NULL) != 1)
		return -ENOMEM;
	return 0;
}

static int build_set(struct loading *l, const struct rule_options *opt,
		     struct rule_set **ret)
{
	struct rule_set *set;
	int r;

	r = check_excepts(l);
	if (r < 0)
		return r;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->opt = *opt;
	set->offset_ns = opt->now_wall_ns - (int64_t)clock_boot_ns();
	r = take_over(l, set);
	/* What only reading needed is gone before the index is built. */
	builder_done(&l->b);
	if (r == 0)
		r = rule_set_pack(set);
	if (r == 0)
		r = rule_set_compile(set);
	if (r < 0) {
		rule_set_free(set);
		return r;
	}
	*ret = set;
	return 0;
}

/* ---- the stage's door --------------------------------------------------- */

static int hash_more(void *arg, struct slice s)
{
	return hash_part(arg, s);
}

static int load_begin(struct loading *l, const struct rule_options *opt,
		      struct rule_error *err)
{
	*l = (struct loading){ .err = err, .b.now_wall_ns = opt->now_wall_ns };
	l->b.hash_part = hash_more;
	l->b.hash_arg = l;
	*err = (struct rule_error){ 0 };
	l->hash = EVP_MD_CTX_new();
	if (!l->hash || EVP_DigestInit_ex(l->hash, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return 0;
}

static void load_end(struct loading *l)
{
	builder_done(&l->b);
	EVP_MD_CTX_free(l->hash);
}

int rule_set_load(const char *path, const struct rule_options *opt,
		  struct rule_set **ret, struct rule_error *err)
{
	struct loading l;
	int r;

	r = load_begin(&l, opt, err);
	if (r == 0)
		r = read_path(&l, path);
	if (r == 0)
		r = build_set(&l, opt, ret);
	if (r < 0 && !err->what[0])
		(void)fail_file(&l, path, r);
	load_end(&l);
	return r;
}

int rule_set_load_edited(const char *path, const struct rule_edit *edit,
			 const struct rule_options *opt, struct rule_set **ret,
			 struct rule_error *err)
{
	struct loading l;
	int r;

	r = load_begin(&l, opt, err);
	l.edit = edit;
	if (r == 0)
		r = read_path(&l, path);
	if (r == 0 && !edit->file)
		r = read_text(&l, "edit", slice_str(edit->text));
	if (r == 0)
		r = build_set(&l, opt, ret);
	if (r < 0 && !err->what[0])
		(void)fail_file(&l, path, r);
	load_end(&l);
	return r;
}

int rule_set_load_text(const char *name, struct slice text,
		       const struct rule_options *opt, struct rule_set **ret,
		       struct rule_error *err)
{
	struct loading l;
	int r;

	r = load_begin(&l, opt, err);
	if (r == 0)
		r = read_text(&l, name, text);
	if (r == 0)
		r = build_set(&l, opt, ret);
	if (r < 0 && !err->what[0])
		(void)fail_file(&l, name, r);
	load_end(&l);
	return r;
}

void rule_set_free(struct rule_set *set)
{
	uint32_t i;

	if (!set)
		return;
	for (i = 0; i < EVENT_KIND_COUNT; i++)
		kind_index_done(&set->kind[i]);
	for (i = 0; i < set->n_conds; i++)
		cond_done(&set->conds[i]);
	for (i = 0; !set->pattern_block && i < set->n_patterns; i++)
		pattern_free(set->patterns[i]);
	free(set->pattern_block);
	for (i = 0; i < set->n_files; i++)
		free(set->files[i]);
	redactor_free(set->redactor);
	strings_free(set->strings);
	free(set->rules);
	free(set->by_place);
	free(set->notes);
	free(set->stats);
	free(set->conds);
	free(set->patterns);
	free(set->numbers);
	free(set->cidrs);
	free(set->excepts);
	free(set->files);
	free(set->silenced);
	free(set->denies);
	free(set->maybes);
	free(set->hashes);
	free(set);
}

size_t rule_set_count(const struct rule_set *set)
{
	return set->n_rules;
}

void rule_set_info(const struct rule_set *set, size_t i, struct rule_info *ret)
{
	const struct rule *rule = &set->rules[set->by_place[i]];
	const struct rule_note *note = &set->notes[i];
	const struct rule_stat *stat = &set->stats[set->by_place[i]];
	int64_t now = (int64_t)clock_boot_ns() + set->offset_ns;

	*ret = (struct rule_info){
		.name = rule->name,
		.file = set->files[note->file],
		.line = note->line,
		.action = action_words.words[rule->action],
		.severity = (enum severity)rule->severity,
		.tag = rule->tag,
		.final = rule->final,
		.owner = note->owner,
		.ticket = note->ticket,
		.reason = note->reason,
		.expires_wall_ns = rule->expires_ns,
		.text_hash = note->text_hash,
		.hits = stat->hits + rule->hits,
		.last_hit_wall_ns = stat->last_wall_ns,
		.since_wall_ns = stat->since_wall_ns,
		.sample_epoch = stat->epoch,
		.sample_seq = stat->seq,
		.expired = rule->expired || now >= rule->expires_ns,
	};
	if (rule->hits)
		ret->last_hit_wall_ns =
			(int64_t)rule->last_hit_ns + clock_offset_ns();
}

struct rule_needs rule_set_needs(const struct rule_set *set)
{
	struct rule_needs n = { 0 };
	uint32_t i;

	for (i = 0; i < set->n_conds; i++) {
		const struct cond *c = &set->conds[i];
		bool trust = c->subject == SUBJECT_TRUST ||
			     (c->subject == SUBJECT_ORIGIN &&
			      (c->mask >> ORIGIN_PACKAGE & 1));

		n.trust |= trust;
		n.facts |= trust || c->subject == SUBJECT_SHA256 ||
			   c->subject == SUBJECT_WRITABLE;
	}
	return n;
}

const uint8_t *rule_set_hash(const struct rule_set *set)
{
	return set->hash;
}

const struct redactor *rule_set_redactor(const struct rule_set *set)
{
	return set->redactor;
}
