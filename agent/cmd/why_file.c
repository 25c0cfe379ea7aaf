// SPDX-License-Identifier: Apache-2.0
/*
 * The examiner is the agent's own. The database is made anew in memory, so
 * that it needs no right to read the agent's, and is what packages say now.
 */
#include "cmd/why_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/hex.h"
#include "conf/conf.h"
#include "proc/procfs.h"
#include "rules/names.h"
#include "trust/examine.h"
#include "trust/make.h"

#define SCRIPT_LINE 256

/* ---- which files -------------------------------------------------------- */

static int64_t in_ns(struct timespec t)
{
	return t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}

static void name_file(const char *path, struct why_found *f)
{
	struct stat st;

	if (!realpath(path, f->path)) {
		f->error = -errno;
		(void)snprintf(f->path, sizeof(f->path), "%s", path);
		return;
	}
	if (stat(f->path, &st) < 0) {
		f->error = -errno;
		return;
	}
	f->id = (struct file_id){
		.known = true,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns = in_ns(st.st_mtim),
		.ctime_ns = in_ns(st.st_ctim),
		.dev = procfs_kernel_dev(st.st_dev),
		.uid = st.st_uid,
		.gid = st.st_gid,
		.nlink = (uint32_t)st.st_nlink,
		.mode = (uint16_t)st.st_mode,
	};
}

/* "#! /bin/sh -e" → "/bin/sh"; false: it is no script. */
static bool interpreter_of(const char *path, char line[static SCRIPT_LINE],
			   const char **ret)
{
	cleanup_close int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, line, SCRIPT_LINE - 1);
	char *at;

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	at[strcspn(at, " \t")] = '\0';
	*ret = at;
	return at[0] == '/';
}

/* ---- what they are ------------------------------------------------------ */

static int open_dir(const char *path)
{
	return *path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int read_packages(const struct conf *conf, int root_fd,
			 struct trust_db **ret)
{
	cleanup_close int dpkg_fd = open_dir(conf->trust.dpkg_dir);
	cleanup_close int rpm_fd = open_dir(conf->trust.rpm_dir);
	cleanup_close int fd = memfd_create("picket-why", MFD_CLOEXEC);
	const struct trust_make m = {
		.sources = { root_fd, dpkg_fd, rpm_fd },
		.rpm = conf->trust.rpm,
		.rpm_dir = conf->trust.rpm_dir,
		.out_fd = fd,
	};
	struct trust_made made;

	if (fd < 0)
		return -errno;
	if (dpkg_fd < 0 && rpm_fd < 0)
		return -ENOENT;
	made = trust_make(&m);
	return made.result < 0 ? made.result : trust_db_open(fd, ret);
}

static void look_at(struct examiner *e, const struct trust_db *db,
		    struct why_found *f)
{
	struct examination x = { .path = slice_str(f->path), .id = f->id };
	uint32_t package;

	if (!f->path[0] || f->error)
		return;
	examine(e, &x);
	if (db) {
		x.facts.trust = (uint8_t)judge_trust(db, &x, &package);
		if (package != UINT32_MAX)
			(void)snprintf(f->package, sizeof(f->package), "%s",
				       trust_db_package(db, package));
	}
	f->facts = x.facts;
}

void why_files_look(const struct conf *conf, const char *path,
		    struct why_files *ret)
{
	cleanup_close int root_fd = open_dir("/");
	/* Devices are those of stat here: there is no record to compare. */
	const struct examiner_settings s = {
		.root_fd = root_fd,
		.mountinfo = "",
		.max_size = conf->trust.max_size,
	};
	char line[SCRIPT_LINE];
	struct examiner *e = NULL;
	struct trust_db *db = NULL;
	const char *interpreter;
	int r;

	*ret = (struct why_files){ 0 };
	name_file(path, &ret->exe);
	if (!ret->exe.error &&
	    interpreter_of(ret->exe.path, line, &interpreter)) {
		ret->script = ret->exe;
		ret->exe = (struct why_found){ 0 };
		name_file(interpreter, &ret->exe);
	}
	r = examiner_new(&s, &e);
	if (r < 0) {
		ret->exe.error = ret->script.error = r;
		return;
	}
	r = read_packages(conf, root_fd, &db);
	ret->exe.packages_error = ret->script.packages_error = r;
	look_at(e, db, &ret->exe);
	look_at(e, db, &ret->script);
	trust_db_close(db);
	examiner_free(e);
}

void why_files_apply(const struct why_files *f, struct image *img)
{
	img->exe.path = img->exe.fs_path = slice_str(f->exe.path);
	img->exe_file = f->exe.id;
	img->exe_facts = f->exe.facts;
	if (!f->script.path[0])
		return;
	img->flags |= IMAGE_F_SCRIPT;
	img->script = slice_str(f->script.path);
	img->script_file = f->script.id;
	img->script_facts = f->script.facts;
}

/* ---- in words ----------------------------------------------------------- */

static const char *trust_said(const struct why_found *f)
{
	switch ((enum trust_state)f->facts.trust) {
	case TRUST_PACKAGE:
		return "as its package installed it";
	case TRUST_UNPACKAGED:
		return "no package's";
	case TRUST_CHANGED:
		return "not what its package installed";
	case TRUST_WRITABLE:
		return "as its package installed it, but others can replace it";
	case TRUST_UNPROVED:
		return "its package has no digest of it that can be checked";
	case TRUST_UNKNOWN:
	case TRUST_STATE_COUNT:
		break;
	}
	return "what packages say of it is not known";
}

static void text_writers(struct buf *out, uint8_t writable)
{
	const char *between = "; to be replaced by: ";

	for (size_t i = 0; i < writable_words.n; i++) {
		if (!(writable >> i & 1) || !writable_words.words[i])
			continue;
		buf_addf(out, "%s%s", between, writable_words.words[i]);
		between = ", ";
	}
}

static void text_one(struct buf *out, const char *what,
		     const struct why_found *f)
{
	char hex[65];

	if (!f->path[0])
		return;
	buf_addf(out, "%-9s ", what);
	escape_text(out, slice_str(f->path));
	if (f->error) {
		buf_addf(out, ": not examined (%s), so what it is is unknown\n",
			 strerrordesc_np(-f->error));
		return;
	}
	buf_addf(out, ": %s", trust_said(f));
	if (f->package[0]) {
		buf_add_str(out, " (");
		escape_text(out, slice_str(f->package));
		buf_add_char(out, ')');
	}
	if (f->packages_error < 0)
		buf_addf(out, ": no packages could be read (%s)",
			 strerrordesc_np(-f->packages_error));
	text_writers(out, f->facts.writable);
	if (f->facts.hash == HASH_DONE)
		buf_addf(out, "\n          sha256 %s",
			 hex_print(f->facts.sha256, 32, hex));
	else
		buf_add_str(out, "; its content could not be read");
	buf_add_char(out, '\n');
}

void why_files_text(struct buf *out, const struct why_files *f)
{
	text_one(out, "program", &f->exe);
	text_one(out, "script", &f->script);
}

static void json_one(struct buf *out, const struct why_found *f)
{
	char hex[65];

	buf_add_str(out, "{\"path\":");
	escape_json(out, slice_str(f->path), NULL);
	if (f->error) {
		buf_add_str(out, ",\"not_examined\":");
		escape_json(out, slice_str(strerrordesc_np(-f->error)), NULL);
		buf_add_char(out, '}');
		return;
	}
	buf_addf(out, ",\"trust\":\"%s\"",
		 trust_words.words[f->facts.trust]
			 ? trust_words.words[f->facts.trust]
			 : "unknown");
	if (f->package[0]) {
		buf_add_str(out, ",\"package\":");
		escape_json(out, slice_str(f->package), NULL);
	}
	if (f->facts.hash == HASH_DONE)
		buf_addf(out, ",\"sha256\":\"%s\"",
			 hex_print(f->facts.sha256, 32, hex));
	buf_addf(out, ",\"writable\":%s}",
		 f->facts.writable ? "true" : "false");
}

void why_files_json(struct buf *out, const struct why_files *f)
{
	buf_add_str(out, "\"files\":[");
	json_one(out, &f->exe);
	if (f->script.path[0]) {
		buf_add_char(out, ',');
		json_one(out, &f->script);
	}
	buf_add_str(out, "],");
}
