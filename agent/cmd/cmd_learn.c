// SPDX-License-Identifier: Apache-2.0
/*
 * `picket learn`: a policy from the journal. What is written has been put to
 * the deciding code and to the lint before: rules that say nothing are taken
 * out, and how many of the events the policy allows with it is told.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/fs.h"
#include "base/ini.h"
#include "base/log.h"
#include "base/places.h"
#include "cmd/learn.h"
#include "cmd/learn_read.h"
#include "cmd/opt_rows.h"
#include "cmd/query_opts.h"
#include "conf/conf.h"
#include "rules/lint.h"
#include "rules/rules.h"

#define OUTPUT_MAX    (256u << 20)
#define LINT_ROUNDS   16
#define OWNER_LEARNED "learned"

struct settings {
	struct query_choice choice; /* first: see query_opts.h */
	const char *journal, *policy, *config, *merge, *output, *owner;
	bool excepts;
};

static const struct opt_row rows[] = {
	OPT_FROM("what happened since, such as 7d"),
	OPT_TO("and until then"),
	OPT_UNIT(query_set_unit),
	OPT_CONTAINER(query_set_container),
	OPT_EXE(query_set_exe, 'e'),
	{ .name = "merge",
	  .letter = 'm',
	  .metavar = "FILE",
	  .help = "begin with this policy file, as it is;\n"
		  "what it does not allow is added",
	  .offset = offsetof(struct settings, merge) },
	{ .name = "output",
	  .letter = 'o',
	  .metavar = "FILE",
	  .help = "write this file, whole or not at all; without it\n"
		  "standard output",
	  .offset = offsetof(struct settings, output) },
	{ .name = "excepts",
	  .help = "also except what deny rules say no to, if not final",
	  .offset = offsetof(struct settings, excepts) },
	{ .name = "owner",
	  .metavar = "NAME",
	  .help = "who answers for the rules (default " OWNER_LEARNED ")",
	  .offset = offsetof(struct settings, owner) },
	OPT_POLICY(settings,
		   "policy whose rules are not learned again; without\n"
		   "it the configured one"),
	OPT_CONFIG(settings, "agent.ini; without it " PLACE_CONFIG),
	OPT_JOURNAL(settings, journal),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket learn",
	.synopsis = "--from T [options]",
	.summary =
		"Write a policy file from the journal that allows what happened and is not\n"
		"allowed yet: for people to read, and to cut down, before it is used.",
	.rows = rows,
	.notes =
		"Rules are by program and unit, in containers by image and namespace where\n"
		"these were known, and for the operations that were seen; a service's also\n"
		"for its users and for who started it, if they are few. Versions, temporary\n"
		"names and ephemeral ports are generalised; a network stands for its hosts\n"
		"where there were many. What is kept is bounded: more than 8192 programs by\n"
		"place, or 16384 files or ends of one, are counted, and told. No program that\n"
		"others than root can replace is allowed; what is left out stands at the end\n"
		"as comments, and what was denied with it.\n"
		"Exit status: 0 written, 1 the journal cannot be read, 6 a policy is wrong.",
};

struct learning {
	const struct settings *s;
	const char *policy;
	struct rule_options opt;
	char *merge; /* the file's text; NULL: none */
	size_t merge_n;
	bool merge_is_in_policy;
	struct rule_set *base;
	struct learn *learn;
	struct learn_source source;
	struct learn_proof proof;
	size_t dropped;
};

/* ---- the policy at hand ------------------------------------------------- */

/* The file of the policy that is this one on the disk. */
static bool is_in_policy(const struct rule_set *set, const char *path)
{
	const char *last = NULL;
	struct rule_info info;
	struct stat a, b;

	if (stat(path, &a) < 0)
		return false;
	for (size_t i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		if (info.file == last)
			continue;
		last = info.file;
		if (stat(last, &b) == 0 && a.st_dev == b.st_dev &&
		    a.st_ino == b.st_ino)
			return true;
	}
	return false;
}

static int complain(const struct rule_error *e)
{
	if (e->line)
		log_error("%s:%u: %s", e->file, e->line, e->what);
	else
		log_error("%s: %s", e->file, e->what);
	return EXIT_CODE_CONFIG;
}

/* The policy with a text behind it, which is called so where it is wrong. */
static int load_with(const struct learning *l, const char *name,
		     const char *text, struct rule_set **ret)
{
	const struct rule_edit edit = { .text = text };
	struct rule_error err;

	if (rule_set_load_edited(l->policy, &edit, &l->opt, ret, &err) >= 0)
		return EXIT_CODE_OK;
	if (!strcmp(err.file, "edit"))
		(void)snprintf(err.file, sizeof(err.file), "%s", name);
	return complain(&err);
}

static int read_merge(struct learning *l)
{
	int r = fs_read_file(AT_FDCWD, l->s->merge, INI_FILE_MAX, &l->merge,
			     &l->merge_n);

	if (r < 0) {
		log_error("cannot read '%s': %s", l->s->merge,
			  strerrordesc_np(-r));
		return EXIT_CODE_CONFIG;
	}
	return EXIT_CODE_OK;
}

static int load_base(struct learning *l, const struct conf *conf)
{
	int code = settings_load_rules(l->policy, conf, &l->base);

	if (code == EXIT_CODE_OK && l->s->merge)
		code = read_merge(l);
	if (code != EXIT_CODE_OK)
		return code;
	l->merge_is_in_policy = l->merge && is_in_policy(l->base, l->s->merge);
	if (l->s->output && !l->merge_is_in_policy &&
	    is_in_policy(l->base, l->s->output)) {
		log_error("'%s' is part of the policy, so that what it allows "
			  "would be lost: add --merge",
			  l->s->output);
		return EXIT_CODE_USAGE;
	}
	if (!l->merge || l->merge_is_in_policy)
		return EXIT_CODE_OK;
	rule_set_free(l->base);
	l->base = NULL;
	return load_with(l, l->s->merge, l->merge, &l->base);
}

/* ---- what is learned ---------------------------------------------------- */

/* The rules that are new, behind those to be merged that are not there. */
static void add_rules(const struct learning *l, struct buf *out)
{
	if (l->merge && !l->merge_is_in_policy) {
		buf_add(out, l->merge, l->merge_n);
		buf_add_char(out, '\n');
	}
	learn_text(l->learn, out);
	buf_add_char(out, '\0');
}

static int drop_rule(void *arg, const struct lint *found)
{
	struct learning *l = arg;

	switch (found->kind) {
	case LINT_NEVER:
	case LINT_SHADOWED:
	case LINT_COVERED:
	case LINT_WRITABLE:
		l->dropped += learn_drop(l->learn, found->rule);
		return 0;
	case LINT_EXPIRED:
	case LINT_EXPIRES:
	case LINT_OWNER:
	case LINT_KIND_COUNT:
		break;
	}
	return 0;
}

/* Rules that say nothing go, until there is none; then what is left counts. */
static int settle(struct learning *l)
{
	const struct lint_options opt = { .now_wall_ns = l->opt.now_wall_ns };
	struct rule_set *set = NULL;
	size_t before;
	int code, r = 0;
	bool all;

	for (int i = 0; i < LINT_ROUNDS; i++) {
		cleanup_buf struct buf text = BUF_INIT(OUTPUT_MAX);

		add_rules(l, &text);
		if (text.failed)
			return EXIT_CODE_FAILURE;
		code = load_with(l, "what was learned", text.p, &set);
		if (code != EXIT_CODE_OK)
			return code;
		before = l->dropped;
		r = rule_set_lint(set, &opt, drop_rule, l, &all);
		if (r < 0 || l->dropped == before)
			break;
		rule_set_free(set);
		set = NULL;
	}
	if (r >= 0 && set)
		r = learn_prove(&l->source, set, &l->proof);
	rule_set_free(set);
	return r < 0 ? journal_dir_refuse(l->s->journal, r) : EXIT_CODE_OK;
}

/* ---- the file ----------------------------------------------------------- */

static void add_head(const struct learning *l, struct buf *out)
{
	const struct learn_counts *n = learn_counts(l->learn);
	char from[32], to[32];

	buf_addf(out,
		 "# Written by picket learn. Read it before you use it: it "
		 "allows what\n# happened, whether that was meant or not.\n");
	if (n->events)
		buf_addf(out, "# %" PRIu64 " events, %s to %s\n", n->events,
			 clock_print(n->first_ns, from),
			 clock_print(n->last_ns, to));
	buf_addf(out,
		 "# %" PRIu64 " allowed before, %" PRIu64
		 " learned in %zu rules, %" PRIu64 " denied, %" PRIu64
		 " not to be learned\n"
		 "# with these rules: %" PRIu64 " allowed, %" PRIu64
		 " denied, %" PRIu64 " unlisted\n",
		 n->known, n->learned, learn_rules(l->learn), n->denied,
		 n->refused, l->proof.allowed, l->proof.denied,
		 l->proof.unlisted);
	if (n->crowded)
		buf_addf(out,
			 "# %" PRIu64 " were more than is kept: they were not "
			 "looked into, whether\n# these rules allow them or "
			 "not; a unit or a shorter time is less\n",
			 n->crowded);
}

static void add_file(const struct learning *l, struct buf *out)
{
	if (l->merge) {
		buf_add(out, l->merge, l->merge_n);
		if (l->merge_n && l->merge[l->merge_n - 1] != '\n')
			buf_add_char(out, '\n');
		/* Nothing new: the file stays as it is, to the byte. */
		if (!learn_rules(l->learn))
			return;
		buf_add_char(out, '\n');
	}
	add_head(l, out);
	learn_text(l->learn, out);
	learn_refusals(l->learn, out);
}

static int write_file(const char *path, const struct buf *text)
{
	cleanup_free char *dir = strdup(path);
	cleanup_close int dirfd = -1;
	char *slash = dir ? strrchr(dir, '/') : NULL;
	const char *name = slash ? path + (slash - dir) + 1 : path;
	int r;

	if (!dir)
		return -ENOMEM;
	if (slash)
		slash[slash == dir] = '\0';
	dirfd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dirfd < 0 ? -errno
		      : fs_replace(dirfd, name, text->p, text->n, 0644);
	if (r < 0)
		log_error("cannot write '%s': %s", path, strerrordesc_np(-r));
	return r;
}

static int put_out(const struct learning *l)
{
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	const struct learn_counts *n = learn_counts(l->learn);

	add_file(l, &out);
	if (out.failed) {
		log_error("the policy would be larger than %u MiB",
			  OUTPUT_MAX >> 20);
		return EXIT_CODE_FAILURE;
	}
	if (l->s->output ? write_file(l->s->output, &out) < 0
			 : fwrite(out.p, 1, out.n, stdout) != out.n ||
				   fflush(stdout))
		return EXIT_CODE_FAILURE;
	log_notice("%" PRIu64 " events: %" PRIu64 " allowed before, %" PRIu64
		   " learned in %zu rules, %" PRIu64 " denied, %" PRIu64
		   " not to be learned; %" PRIu64 " stay unlisted",
		   n->events, n->known, n->learned, learn_rules(l->learn),
		   n->denied, n->refused, l->proof.unlisted);
	if (n->crowded)
		log_warning("%" PRIu64 " events were more than is kept and "
			    "were not looked into: choose a unit or a shorter "
			    "time",
			    n->crowded);
	return EXIT_CODE_OK;
}

/* ---- the command -------------------------------------------------------- */

static int run(struct learning *l, const struct conf *conf)
{
	struct learn_settings s = { .excepts = l->s->excepts,
				    .owner = l->s->owner };
	int code = load_base(l, conf), r;

	if (code != EXIT_CODE_OK)
		return code;
	s.base = l->base;
	r = learn_new(&s, &l->learn);
	if (r >= 0)
		r = learn_read(&l->source, l->learn);
	if (r >= 0)
		r = learn_finish(l->learn);
	if (r < 0)
		return journal_dir_refuse(l->s->journal, r);
	code = settle(l);
	return code == EXIT_CODE_OK ? put_out(l) : code;
}

static int learn(const struct settings *s, const struct conf *conf)
{
	struct learning l = {
		.s = s,
		.policy = s->policy ? s->policy : conf->rules.dir,
		.source = { s->journal, s->choice.span, &s->choice.match },
	};
	int code;

	settings_rule_options(conf, &l.opt);
	code = run(&l, conf);
	learn_free(l.learn);
	rule_set_free(l.base);
	free(l.merge);
	return code;
}

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == ';')
			return false;
	return true;
}

int cmd_learn(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = {
		.owner = OWNER_LEARNED,
		.choice = QUERY_CHOICE_INIT,
	};
	struct conf conf = { 0 };
	int code;

	if (!opts_parse(&command, argc, argv, &s, &code)) {
		query_match_done(&s.choice.match);
		return code;
	}
	if (s.choice.span.from_ns == INT64_MIN)
		code = opts_usage_error(command.name,
					"a time is needed, by option", "--from",
					NULL);
	else if (!*s.owner || !is_line(s.owner))
		code = opts_usage_error(command.name, "no owner's name",
					s.owner, NULL);
	/* A policy that is given needs no configuration to be there. */
	else if (s.policy && !s.config)
		code = conf_init(&conf) < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
	else
		code = settings_load(s.config ? s.config : PLACE_CONFIG, &conf);
	if (code == EXIT_CODE_OK && !s.journal)
		s.journal = journal_dir_find(s.config, &found);
	if (code == EXIT_CODE_OK)
		code = learn(&s, &conf);
	conf_done(&conf);
	query_match_done(&s.choice.match);
	return code;
}
