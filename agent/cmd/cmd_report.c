// SPDX-License-Identifier: Apache-2.0
/*
 * picket report: an incident as a page to hand on. A reader of the journal
 * like any other.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/text.h"
#include "cmd/coverage_clock.h"
#include "cmd/coverage_read.h"
#include "cmd/incident_html.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"

#define PAGE_MAX   (96u << 20)
#define AROUND_MAX (366 * 24 * 3600000ull) /* ms */

struct settings {
	const char *output;
	struct incident_wish wish;
};

static int duration(const char *value, int64_t *ret_ns)
{
	uint64_t ms;

	if (text_duration(slice_str(value), &ms) < 0 || ms > AROUND_MAX)
		return -EINVAL;
	*ret_ns = (int64_t)(ms * NS_PER_MS);
	return 0;
}

static int set_before(void *arg, const char *value)
{
	return duration(value, &((struct settings *)arg)->wish.before_ns);
}

static int set_after(void *arg, const char *value)
{
	return duration(value, &((struct settings *)arg)->wish.after_ns);
}

static int set_up(void *arg, const char *value)
{
	uint32_t up;

	if (text_u32(slice_str(value), &up) < 0 || up > 64)
		return -EINVAL;
	((struct settings *)arg)->wish.up = (int)up;
	return 0;
}

static const struct opt_row rows[] = {
	{ .name = "output",
	  .letter = 'o',
	  .metavar = "FILE",
	  .help = "where the page goes; without it, or with '-', to\n"
		  "standard output, if that is no terminal",
	  .offset = offsetof(struct settings, output) },
	{ .name = "before",
	  .letter = 'b',
	  .metavar = "TIME",
	  .help = "tell from so long before the record on (15m)",
	  .set = set_before,
	  .expects = "a duration of at most 366d" },
	{ .name = "after",
	  .letter = 'a',
	  .metavar = "TIME",
	  .help = "and until so long after it (15m)",
	  .set = set_after,
	  .expects = "a duration of at most 366d" },
	{ .name = "up",
	  .metavar = "N",
	  .help = "let the tree begin so many parents up; without it,\n"
		  "as far up as it is one unit, container or session",
	  .set = set_up,
	  .expects = "a number of at most 64" },
	OPT_JOURNAL(settings, wish.journal),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket report",
	.synopsis = "[options] UID",
	.summary =
		"Write an incident as one HTML page: what happened round the record with this\n"
		"uid, the processes as a picture, what they did, what the policy said, and\n"
		"whether more could have been seen. Reads the journal only.",
	.rows = rows,
	.notes =
		"The uid of a record is in the output of --json and in what is shipped. The page\n"
		"fetches nothing and runs no script; it holds what processes were given as\n"
		"arguments, so hand it on with care.",
	.operand = "UID",
	.operand_offset = offsetof(struct settings, wish.uid),
};

/* ---- where it goes ------------------------------------------------------ */

static bool to_stdout(const struct settings *s)
{
	return !s->output || !strcmp(s->output, "-");
}

/* Into a file that is there whole or not at all. */
static int put_file(const char *path, const struct buf *page)
{
	char dir[4096], name[4096];
	cleanup_close int fd = -1;

	/* dirname and basename may change what they are given. */
	if ((size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(name, dir, sizeof(name));
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fs_replace(fd, basename(name), page->p, page->n, 0600);
}

static int put(const struct settings *s, const struct buf *page)
{
	int r;

	if (to_stdout(s)) {
		r = fs_write_all(STDOUT_FILENO, page->p, page->n);
		if (r == -EPIPE)
			return EXIT_CODE_OK;
		if (r < 0)
			log_error("standard output: %s", strerrordesc_np(-r));
	} else {
		r = put_file(s->output, page);
		if (r < 0)
			log_error("%s: %s", s->output, strerrordesc_np(-r));
	}
	return r < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* ---- the command -------------------------------------------------------- */

static int refuse(const struct settings *s, int r)
{
	switch (-r) {
	case EINVAL:
		return opts_usage_error(
			"picket report",
			"UID is not the uid of a record:", s->wish.uid, NULL);
	case ESRCH:
		log_error("the record with that uid has no process");
		return EXIT_CODE_FAILURE;
	case ENOENT:
		if (access(s->wish.journal, F_OK) == 0) {
			log_error("no event of this journal has that uid");
			return EXIT_CODE_FAILURE;
		}
		break;
	}
	return journal_dir_refuse(s->wish.journal, r);
}

static int write_page(const struct settings *s, const struct incident *in)
{
	cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
	const int64_t at_ns = in->records[in->subject].wall_ns;
	struct coverage coverage = { 0 };
	struct coverage_eras eras;
	char host[256] = "";
	struct incident_page p = {
		.in = in,
		.uid = s->wish.uid,
		.host = host,
		.now_ns = clock_wall_ns(),
	};

	(void)gethostname(host, sizeof(host) - 1);
	if (coverage_eras_of(s->wish.journal, at_ns, &eras) >= 0 && eras.n &&
	    coverage_read(s->wish.journal, at_ns, eras.numbers[eras.n - 1],
			  &coverage) >= 0)
		p.coverage = &coverage;
	incident_html(&page, &p);
	if (p.coverage)
		coverage_done(&coverage);
	if (page.failed) {
		log_error("the page has no room in memory: ask for less with "
			  "--before and --after");
		return EXIT_CODE_FAILURE;
	}
	return put(s, &page);
}

static int run(const struct settings *s)
{
	struct incident in;
	int r = incident_read(&s->wish, &in);

	if (r < 0) {
		r = refuse(s, r);
	} else if (in.subject == SIZE_MAX) {
		log_error("the record found no room among those before it: ask "
			  "for less with --before");
		r = EXIT_CODE_FAILURE;
	} else {
		r = write_page(s, &in);
	}
	incident_done(&in);
	return r;
}

int cmd_report(int argc, char **argv)
{
	const int64_t quarter = 15 * 60 * (int64_t)NS_PER_S;
	cleanup_free char *found = NULL;
	struct settings s = {
		.wish = {
			.up = -1,
			.before_ns = quarter,
			.after_ns = quarter,
		},
	};
	int code;

	(void)signal(SIGPIPE, SIG_IGN); /* the write says so */
	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	if (!s.wish.uid)
		return opts_usage_error("picket report",
					"which record? give its uid", NULL,
					NULL);
	if (to_stdout(&s) && isatty(STDOUT_FILENO))
		return opts_usage_error("picket report",
					"a page is nothing for a terminal: "
					"give --output FILE",
					NULL, NULL);
	if (!s.wish.journal)
		s.wish.journal = journal_dir_find(NULL, &found);
	return run(&s);
}
