// SPDX-License-Identifier: Apache-2.0
/*
 * `picket why`: which rules were considered, what the nearest allow lacks, the
 * smallest edit that would have allowed it, and what else that would have let
 * through.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <stdio.h>

#include "app/settings.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/places.h"
#include "base/text.h"
#include "cmd/findings_read.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "cmd/query_opts.h"
#include "cmd/query_read.h"
#include "cmd/when.h"
#include "cmd/why_file.h"
#include "cmd/why_print.h"
#include "conf/conf.h"
#include "out/recall.h"
#include "out/text.h"
#include "rules/rules.h"

#define OUTPUT_MAX (16u << 20)
#define DAYS_NS	   ((int64_t)7 * 86400 * (int64_t)NS_PER_S)

struct settings {
	struct query_choice choice; /* first: see query_opts.h */
	const char *uid, *journal, *config, *policy;
	const char *exec, *parent, *unit;
	uint32_t user;
	bool has_user, json;
};

static int set_user(void *arg, const char *value)
{
	struct settings *s = arg;

	s->has_user = true;
	return text_u32(slice_str(value), &s->user);
}

static const struct opt_row rows[] = {
	{ .name = "exec",
	  .letter = 'e',
	  .metavar = "PATH",
	  .help = "no recorded event: what if this program were run",
	  .offset = offsetof(struct settings, exec) },
	{ .name = "parent",
	  .metavar = "PATH",
	  .help = "with --exec: by a process that runs this",
	  .offset = offsetof(struct settings, parent) },
	{ .name = "user",
	  .metavar = "UID",
	  .help = "with --exec: as this user (a number; without it root)",
	  .set = set_user,
	  .expects = "a number" },
	{ .name = "unit",
	  .metavar = "UNIT",
	  .help = "with --exec: in this systemd unit",
	  .offset = offsetof(struct settings, unit) },
	OPT_POLICY(settings,
		   "the policy to ask; without it the configured one"),
	OPT_CONFIG(settings, "agent.ini; without it " PLACE_CONFIG),
	{ .name = "since",
	  .letter = 's',
	  .metavar = "T",
	  .help = "how far back the edit's effect is looked for (7d)",
	  .set = query_set_from,
	  .expects = WHEN_EXPECTED },
	OPT_JOURNAL(settings, journal),
	OPT_JSON(settings, "one JSON object"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket why",
	.synopsis = "UID | --exec PATH [options]",
	.summary =
		"Say why an event got its verdict: the rules that speak of it, what the nearest\n"
		"allow rule lacks, the smallest edit that would allow it, and what else that\n"
		"edit would have allowed.",
	.rows = rows,
	.notes =
		"UID is the record's, as --json prints it. The policy is asked as it is now,\n"
		"by the code that decides; nothing is changed. A program is looked at as it\n"
		"lies there: its content, who may replace it, whose package it is.",
	.operand = "UID",
	.operand_offset = offsetof(struct settings, uid),
};

/* ---- the answer --------------------------------------------------------- */

struct asked {
	const struct settings *s;
	const char *policy;
	const struct conf *conf;
	const struct why_files *files; /* NULL: it is recorded */
	struct rule_options opt;
	struct rule_set *set;
	struct buf out;
	int error; /* met while the event was at hand */
};

/* The policy with the edit made; NULL in *ret: it would not do. */
static int edited(const struct asked *q, const struct why *w,
		  struct rule_set **ret)
{
	bool new_rule = w->edit == WHY_NEW_RULE;
	const struct rule_edit edit = {
		.file = new_rule ? NULL : w->nearest->file,
		.line = new_rule ? 0 : w->nearest->line,
		.text = w->text,
	};
	struct rule_error err;
	int r;

	*ret = NULL;
	r = rule_set_load_edited(q->policy, &edit, &q->opt, ret, &err);
	return r == -EINVAL ? 0 : r;
}

/* An edit is only offered when the deciding code says that it works. */
static int try_edit(struct asked *q, struct why *w, const struct event *ev,
		    const struct image *img, struct why_effect *e)
{
	int r;

	if (w->edit != WHY_ADD_VALUE && w->edit != WHY_NEW_RULE)
		return 0;
	r = edited(q, w, &e->after);
	if (r < 0)
		return r;
	if (!e->after ||
	    rule_set_match(e->after, ev, img).answer != ANSWER_ALLOWED) {
		w->edit = WHY_IMPOSSIBLE;
		w->why_not = "what is known of it is not sure enough for an "
			     "allow rule";
		return 0;
	}
	e->before = q->set;
	r = why_effect_read(e, q->s->journal, &q->s->choice.span);
	/* Without a journal there is no history, and still an answer. */
	if (r == -ENOENT && q->s->exec)
		return 0;
	return r;
}

static int answer(struct asked *q, const struct event *ev,
		  const struct image *img)
{
	struct why_effect effect = { 0 };
	struct rule_set *after;
	struct why w;
	bool measured;
	int r;

	r = why_ask(q->set, ev, img, &w);
	if (r < 0)
		return r;
	r = try_edit(q, &w, ev, img, &effect);
	after = effect.after;
	measured = effect.before;
	if (r >= 0 && q->s->json)
		why_json(&q->out, &w, measured ? &effect : NULL, q->files);
	else if (r >= 0)
		why_text(&q->out, &w, measured ? &effect : NULL, q->files);
	why_effect_done(&effect);
	rule_set_free(after);
	why_done(&w);
	return r;
}

/* ---- which event -------------------------------------------------------- */

/* A pending verdict is settled by then. */
#define FOUND_WITHIN_NS (10 * (int64_t)NS_PER_S)

static bool is_pending(const struct view *v)
{
	return v->event && v->event->verdict &&
	       v->event->verdict->answer == PICKET__V1__ANSWER__ANSWER_PENDING;
}

static struct span behind(int64_t wall_ns)
{
	return (struct span){ wall_ns, wall_ns + FOUND_WITHIN_NS };
}

/*
 * Where picket died meanwhile it is told wherever the next one began, and what
 * its parents were found to be stands there, too. Its own is looked for alone
 * and first: there is room for it, however much else became known. NULL:
 * nothing is told.
 */
static struct findings *found_late(const char *journal, const struct view *v)
{
	struct span then = behind(v->wall_ns), later;
	struct findings *f;
	int64_t told_ns;

	if (findings_new(&f) < 0)
		return NULL;
	if (findings_find(journal, v, f, &told_ns) == 1) {
		later = behind(told_ns);
		later.from_ns -= FOUND_WITHIN_NS;
		if (findings_add(journal, &then, f) >= 0 &&
		    findings_add(journal, &later, f) >= 0)
			return f;
	}
	findings_free(f);
	return NULL;
}

/* What the program was found to be stands behind the event, as a rule soon. */
static struct findings *found_behind(const char *journal, const struct view *v)
{
	const struct span span = behind(v->wall_ns);
	struct findings *f, *late;

	if (findings_read(journal, &span, &f) < 0)
		return NULL;
	if (!is_pending(v) || findings_verdict(f, v->epoch, v->seq))
		return f;
	late = found_late(journal, v);
	if (!late)
		return f;
	findings_free(f);
	return late;
}

static void on_found(void *arg, const struct view_images *images,
		     const struct view *v)
{
	const struct text_style style = { .with_date = true };
	struct asked *q = arg;
	const struct image *img;
	struct findings *findings;
	struct recall *recall;
	struct event ev;

	q->error = recall_new(&recall);
	if (q->error < 0)
		return;
	findings = found_behind(q->s->journal, v);
	if (findings)
		recall_use(recall, findings);
	q->error = recall_event(recall, images, v, &ev, &img);
	if (q->error == 0 || (q->error > 0 && ev.kind == EVENT_EXIT))
		q->error = -EOPNOTSUPP;
	if (q->error > 0) {
		if (!q->s->json) {
			text_line(&q->out, images, v, &style);
			buf_add_char(&q->out, '\n');
		}
		ev.time_ns = (uint64_t)(v->event->wall_ns - clock_offset_ns());
		q->error = answer(q, &ev, img);
	}
	recall_free(recall);
	findings_free(findings);
}

static int ask_recorded(struct asked *q)
{
	const struct query_name name = {
		.dir = q->s->journal,
		.uid = q->s->uid,
		.found = on_found,
		.arg = q,
	};
	int r = query_find(&name);

	if (r == -EINVAL)
		return opts_usage_error(command.name, "not a record's uid",
					q->s->uid, NULL);
	if (r == -ENOENT) {
		log_error("this record is not in the journal '%s' (any more)",
			  q->s->journal);
		return EXIT_CODE_FAILURE;
	}
	if (r < 0)
		return journal_dir_refuse(q->s->journal, r);
	if (q->error == -EOPNOTSUPP) {
		log_error("no rule speaks of such a record");
		return EXIT_CODE_FAILURE;
	}
	if (q->error < 0)
		log_error("cannot answer: %s", strerrordesc_np(-q->error));
	return q->error < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

static struct image made_up(const char *exe, uint32_t tgid,
			    struct image *parent, const struct settings *s)
{
	return (struct image){
		.id = tgid,
		.proc = { tgid, tgid },
		.parent = parent,
		.exe.path = slice_str(exe),
		.exe.fs_path = slice_str(exe),
		.uid = s->user,
		.euid = s->user,
		.suid = s->user,
		.login_uid = UINT32_MAX,
		.session_id = UINT32_MAX,
		.mnt_ns = 1,
		.cgroup = slice_str("/"),
		.unit = slice_str(s->unit ? s->unit : ""),
	};
}

static int ask_made_up(struct asked *q)
{
	const struct settings *s = q->s;
	static struct why_files files;
	struct image init = made_up("/sbin/init", 1, NULL, s);
	struct image parent =
		made_up(s->parent ? s->parent : "/sbin/init", 2, &init, s);
	struct image img = made_up(s->exec, 3, &parent, s);
	const struct event ev = {
		.kind = EVENT_EXEC,
		.time_ns = clock_boot_ns(),
		.actor = { .proc = img.proc,
			   .uid = s->user,
			   .euid = s->user,
			   .mnt_ns = 1 },
	};
	int r;

	if (s->exec[0] != '/')
		return opts_usage_error(command.name,
					"a program is named by its whole path, "
					"not",
					s->exec, NULL);
	why_files_look(q->conf, s->exec, &files);
	why_files_apply(&files, &img);
	q->files = &files;
	r = answer(q, &ev, &img);
	if (r >= 0)
		return EXIT_CODE_OK;
	log_error("cannot answer: %s", strerrordesc_np(-r));
	return EXIT_CODE_FAILURE;
}

static int why(const struct settings *s, const struct conf *conf)
{
	struct asked q = {
		.s = s,
		.conf = conf,
		.policy = s->policy ? s->policy : conf->rules.dir,
	};
	int code;

	settings_rule_options(conf, &q.opt);
	code = settings_load_rules(q.policy, conf, &q.set);
	if (code != EXIT_CODE_OK)
		return code;
	buf_init(&q.out, OUTPUT_MAX);
	code = s->exec ? ask_made_up(&q) : ask_recorded(&q);
	if (code == EXIT_CODE_OK &&
	    (q.out.failed || fwrite(q.out.p, 1, q.out.n, stdout) != q.out.n ||
	     fflush(stdout)))
		code = EXIT_CODE_FAILURE;
	buf_done(&q.out);
	rule_set_free(q.set);
	return code;
}

int cmd_why(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = { .choice = QUERY_CHOICE_INIT };
	struct conf conf = { 0 };
	int code;

	s.choice.span.from_ns = s.choice.now_ns - DAYS_NS;
	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	if (!s.uid == !s.exec)
		return opts_usage_error(
			command.name,
			s.uid ? "a record or a program, not both"
			      : "a record's UID or --exec PATH "
				"is needed",
			NULL, NULL);
	/* A policy that is given needs no configuration to be there. */
	if (s.policy && !s.config)
		code = conf_init(&conf) < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
	else
		code = settings_load(s.config ? s.config : PLACE_CONFIG, &conf);
	if (code == EXIT_CODE_OK && !s.journal)
		s.journal = journal_dir_find(s.config, &found);
	if (code == EXIT_CODE_OK)
		code = why(&s, &conf);
	conf_done(&conf);
	return code;
}
