// SPDX-License-Identifier: Apache-2.0
/*
 * picket support-bundle: one archive for whoever is to help. It says first
 * what goes in, and events are none of it.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/exit_codes.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "cmd/bundle.h"
#include "cmd/opt_rows.h"
#include "cmd/tar.h"
#include "conf/conf.h"
#include "out/gzip.h"

#define PIECE_MAX   (16u << 20)
#define ARCHIVE_MAX (64u << 20)

struct settings {
	const char *config, *journal, *output;
	bool list;
};

static const struct opt_row rows[] = {
	{ .name = "output",
	  .letter = 'o',
	  .metavar = "FILE",
	  .help = "the archive (picket-support-TIME.tar.gz)",
	  .offset = offsetof(struct settings, output) },
	{ .name = "list",
	  .letter = 'l',
	  .help = "only say what would be in it",
	  .offset = offsetof(struct settings, list) },
	OPT_CONFIG(settings, OPT_CONFIG_HELP),
	OPT_JOURNAL(settings, journal),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket support-bundle",
	.synopsis = "[options]",
	.summary =
		"Write what somebody needs who is to help with picket into one archive, and\n"
		"say what that is. No event of the journal is in it.",
	.rows = rows,
	.notes =
		"Of addresses only the hosts are left, of alerts in the log only their uids.\n"
		"Keys and tokens are never in the configuration: it names their files. Look at\n"
		"it before you send it: the policy and the log tell names of this host.",
};

static void list(void)
{
	const struct bundle_piece *p;

	for (p = bundle_pieces; p->name; p++)
		(void)printf("  %-12s  %s\n", p->name, p->what);
	(void)fflush(stdout);
}

static int add_pieces(const struct bundle_source *s, struct buf *archive)
{
	cleanup_buf struct buf piece = BUF_INIT(PIECE_MAX);
	const struct bundle_piece *p;
	char name[TAR_NAME_MAX + 1];
	int64_t now = (int64_t)time(NULL);
	int r = 0;

	for (p = bundle_pieces; p->name && r >= 0; p++) {
		buf_reset(&piece);
		p->gather(s, &piece);
		if (piece.failed) {
			buf_reset(&piece);
			buf_add_str(&piece, "it is too large\n");
		}
		(void)snprintf(name, sizeof(name), "picket-support/%s",
			       p->name);
		r = tar_add(archive, name, buf_slice(&piece), now);
	}
	return r < 0 ? r : tar_end(archive);
}

static int compress(const struct buf *archive, struct buf *out)
{
	struct gzip *gzip;
	int r = gzip_new(&gzip);

	if (r < 0)
		return r;
	r = gzip_pack(gzip, buf_slice(archive), out);
	gzip_free(gzip);
	return r;
}

/* Never over a file that is there: it may be the one already sent. */
static int put(const char *path, const struct buf *archive)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, archive->p, archive->n);
	if (r < 0)
		(void)unlink(path);
	return r;
}

static int write_bundle(const struct settings *s,
			const struct bundle_source *source)
{
	cleanup_buf struct buf archive = BUF_INIT(ARCHIVE_MAX);
	cleanup_buf struct buf packed = BUF_INIT(ARCHIVE_MAX);
	char name[64];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	(void)strftime(name, sizeof(name),
		       "picket-support-%Y%m%dT%H%M%SZ.tar.gz",
		       gmtime_r(&now, &tm));
	r = add_pieces(source, &archive);
	if (r >= 0)
		r = compress(&archive, &packed);
	if (r >= 0)
		r = put(s->output ? s->output : name, &packed);
	if (r < 0) {
		log_error("%s: %s", s->output ? s->output : name,
			  strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	(void)printf("%s\n", s->output ? s->output : name);
	return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

int cmd_support_bundle(int argc, char **argv)
{
	struct settings s = { .config = PLACE_CONFIG };
	struct conf_error error = { 0 };
	struct bundle_source source;
	struct conf conf = { 0 };
	int code, r;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	list();
	if (s.list)
		return EXIT_CODE_OK;
	/* A wrong one is a reason to ask for help. */
	r = conf_load(s.config, &conf, &error);
	if (r < 0 && error.line)
		log_warning("%s:%u: %s", error.file, error.line, error.what);
	else if (r < 0)
		log_warning("%s: %s", error.file, error.what);
	if (r < 0 && conf_init(&conf) < 0)
		return EXIT_CODE_FAILURE;
	source = (struct bundle_source){
		.config = s.config,
		.conf = &conf,
		.wrong = r < 0,
		.wrong_line = r < 0 ? error.line : 0,
		.journal = s.journal ? s.journal : conf.journal.dir,
	};
	code = write_bundle(&s, &source);
	conf_done(&conf);
	return code;
}
