// SPDX-License-Identifier: Apache-2.0
/*
 * picket verify: is this journal what its writer left. The proof is
 * store/verify.h's; here it gets words, and an anchor to be kept elsewhere.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/opts.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "store/verify.h"

struct settings {
	const char *journal, *anchor, *write_anchor;
	bool json;
};

static const struct opt_row rows[] = {
	OPT_JOURNAL(settings, journal),
	{ .name = "anchor",
	  .letter = 'a',
	  .metavar = "FILE",
	  .help = "a seal that was kept elsewhere: history up to it\n"
		  "must be what it was then",
	  .offset = offsetof(struct settings, anchor) },
	{ .name = "write-anchor",
	  .letter = 'w',
	  .metavar = "FILE",
	  .help = "if nothing is found, write the newest seal there\n"
		  "for the next time",
	  .offset = offsetof(struct settings, write_anchor) },
	OPT_JSON(settings, "one JSON object per finding, and one at the end"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket verify",
	.synopsis = "[options]",
	.summary =
		"Check every frame, every number and the chain of seals of a journal, up to\n"
		"its last seal, and name what was edited, removed, reordered or truncated.",
	.rows = rows,
	.notes =
		"Whoever can write the journal can write all of it anew; an anchor that they\n"
		"cannot reach tells. It is a file of --write-anchor, or journal, epoch, sealed\n"
		"sequence and seal SHA-256 of any picket.manifest, as picket-journal(5) says.\n"
		"Exit status: 0 nothing was found, 1 something was, or it cannot be read.",
};

static const char *seal_sha(const struct anchor *a,
			    char buf[static 2 * JOURNAL_SHA_SIZE + 1])
{
	return hex_print(a->sha, sizeof(a->sha), buf);
}

static const char *journal_id(const struct anchor *a,
			      char buf[static 2 * JOURNAL_ID_SIZE + 1])
{
	return hex_print(a->journal, sizeof(a->journal), buf);
}

/* ---- text ---------------------------------------------------------------- */

static void print_finding(const struct verify_finding *f)
{
	printf("%s:", verify_kind_name(f->kind));
	if (f->segment)
		printf(" segment %" PRIu64 ",", f->segment);
	if (f->to > f->from)
		printf(" bytes %" PRIu64 "-%" PRIu64 ",", f->from, f->to - 1);
	else if (f->to)
		printf(" at byte %" PRIu64 ",", f->from);
	if (f->first_seq && f->first_seq == f->last_seq)
		printf(" number %" PRIu64 ",", f->first_seq);
	else if (f->first_seq && f->last_seq)
		printf(" numbers %" PRIu64 "-%" PRIu64 ",", f->first_seq,
		       f->last_seq);
	else if (f->first_seq)
		printf(" numbers from %" PRIu64 " on,", f->first_seq);
	printf(" %s\n", f->what);
}

static void print_text(const struct verify_result *v, bool anchored)
{
	char id[2 * JOURNAL_ID_SIZE + 1], sha[2 * JOURNAL_SHA_SIZE + 1];
	uint64_t shown = v->n_findings < VERIFY_FINDINGS_MAX
				 ? v->n_findings
				 : VERIFY_FINDINGS_MAX;
	uint64_t i;

	for (i = 0; i < shown; i++)
		print_finding(&v->findings[i]);
	if (shown < v->n_findings)
		printf("and %" PRIu64 " more\n", v->n_findings - shown);
	printf("%s: %" PRIu64 " segments, %" PRIu64 " frames, %" PRIu64
	       " seals\n",
	       v->n_findings ? "not good" : "good", v->segments, v->frames,
	       v->seals);
	if (v->has_seal && v->newest.seq >= v->first_seq)
		printf("sealed: numbers %" PRIu64 "-%" PRIu64 "%s\n",
		       v->first_seq, v->newest.seq,
		       v->trimmed ? "; what came before was trimmed" : "");
	if (v->unsealed)
		printf("behind the last seal: %" PRIu64
		       " records, not judged yet\n",
		       v->unsealed);
	if (v->has_seal && !v->closed && !v->anchor_found)
		printf("open: its writer has not closed it; whether more stood "
		       "at its end, only an anchor tells\n");
	if (anchored)
		printf("anchor: %s\n", v->anchor_found ? "holds" : "not found");
	if (v->has_seal)
		printf("newest seal: journal %s epoch %" PRIu32 " seq %" PRIu64
		       " sha256 %s\n",
		       journal_id(&v->newest, id), v->newest.epoch,
		       v->newest.seq, seal_sha(&v->newest, sha));
}

/* ---- JSON ---------------------------------------------------------------- */

static void print_json_finding(const struct verify_finding *f)
{
	printf("{\"kind\":\"finding\",\"found\":\"%s\"",
	       verify_kind_name(f->kind));
	if (f->segment)
		printf(",\"segment\":%" PRIu64, f->segment);
	if (f->to)
		printf(",\"from\":%" PRIu64 ",\"to\":%" PRIu64, f->from, f->to);
	if (f->first_seq)
		printf(",\"first_seq\":%" PRIu64, f->first_seq);
	if (f->first_seq && f->last_seq)
		printf(",\"last_seq\":%" PRIu64, f->last_seq);
	printf(",\"what\":\"%s\"}\n", f->what);
}

static void print_json(const struct verify_result *v, bool anchored)
{
	char id[2 * JOURNAL_ID_SIZE + 1], sha[2 * JOURNAL_SHA_SIZE + 1];
	uint64_t i;

	for (i = 0; i < v->n_findings && i < VERIFY_FINDINGS_MAX; i++)
		print_json_finding(&v->findings[i]);
	printf("{\"kind\":\"verified\",\"good\":%s,\"findings\":%" PRIu64
	       ",\"segments\":%" PRIu64 ",\"frames\":%" PRIu64
	       ",\"seals\":%" PRIu64 ",\"first_seq\":%" PRIu64
	       ",\"unsealed\":%" PRIu64 ",\"trimmed\":%s,\"closed\":%s",
	       v->n_findings ? "false" : "true", v->n_findings, v->segments,
	       v->frames, v->seals, v->first_seq, v->unsealed,
	       v->trimmed ? "true" : "false", v->closed ? "true" : "false");
	if (anchored)
		printf(",\"anchor_found\":%s",
		       v->anchor_found ? "true" : "false");
	printf(",\"journal\":\"%s\"", journal_id(&v->newest, id));
	if (v->has_seal)
		printf(",\"epoch\":%" PRIu32 ",\"sealed_seq\":%" PRIu64
		       ",\"seal_sha256\":\"%s\"",
		       v->newest.epoch, v->newest.seq,
		       seal_sha(&v->newest, sha));
	printf("}\n");
}

/* ---- the command --------------------------------------------------------- */

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)fprintf(stderr, "\rverified %3u %% of %" PRIu64 " MiB ",
		      (unsigned)(done / (total / 100 + 1)), total >> 20);
}

static int refuse_file(const char *what, const char *path, int error)
{
	cleanup_buf struct buf name = BUF_INIT(8192);

	escape_text(&name, slice_str(path));
	buf_add_char(&name, '\0');
	log_error("%s '%s': %s", what, name.p,
		  error == -EBADMSG  ? "not exactly an anchor, see "
				       "picket-journal(5)"
		  : error == -EINVAL ? "not a file"
				     : strerrordesc_np(-error));
	return error == -EBADMSG ? EXIT_CODE_USAGE : EXIT_CODE_FAILURE;
}

static int keep_anchor(const char *path, const struct verify_result *v)
{
	int r;

	if (v->n_findings || !v->has_seal) {
		log_warning("no anchor is written: %s",
			    v->n_findings ? "the journal is not good"
					  : "nothing is sealed yet");
		return EXIT_CODE_FAILURE;
	}
	r = anchor_save(path, &v->newest);
	return r < 0 ? refuse_file("cannot write the anchor", path, r)
		     : EXIT_CODE_OK;
}

static int judge(const struct settings *s, const struct verify_options *o)
{
	struct verify_result v;
	int r;

	r = verify(s->journal, o, &v);
	if (o->progress)
		(void)fputs("\r\033[K", stderr);
	if (r < 0)
		return journal_dir_refuse(s->journal, r);
	if (!v.segments && !v.n_findings) {
		log_error("there is no journal in '%s'", s->journal);
		return EXIT_CODE_FAILURE;
	}
	if (s->json)
		print_json(&v, o->anchor);
	else
		print_text(&v, o->anchor);
	r = v.n_findings ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
	if (s->write_anchor && keep_anchor(s->write_anchor, &v))
		r = EXIT_CODE_FAILURE;
	return r;
}

int cmd_verify(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = { 0 };
	struct verify_options o = { 0 };
	struct anchor anchor;
	int r;

	if (!opts_parse(&command, argc, argv, &s, &r))
		return r;
	if (!s.journal)
		s.journal = journal_dir_find(NULL, &found);
	if (s.anchor) {
		r = anchor_load(s.anchor, &anchor);
		if (r < 0)
			return refuse_file("cannot read the anchor", s.anchor,
					   r);
		o.anchor = &anchor;
	}
	if (isatty(STDERR_FILENO))
		o.progress = show_progress;
	r = judge(&s, &o);
	return fflush(stdout) == EOF ? EXIT_CODE_FAILURE : r;
}
