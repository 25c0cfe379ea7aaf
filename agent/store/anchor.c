/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors as files. The one idea: nothing is an anchor but what we write. */
#include "store/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hex.h"
#include "store/dir.h"
#include "store/lines.h"

#define ANCHOR_TEXT_MAX 256
#define ANCHOR_MODE	0640

static int parse(struct slice text, struct anchor *ret)
{
	struct anchor a = { 0 };
	uint64_t n;

	if (line_take_u64(&text, "picket-anchor", &n) < 0 || n != 1 ||
	    line_take_hex(&text, "journal", a.journal, sizeof(a.journal)) < 0)
		return -EBADMSG;
	if (line_take_u64(&text, "epoch", &n) < 0 || n > UINT32_MAX)
		return -EBADMSG;
	a.epoch = (uint32_t)n;
	if (line_take_u64(&text, "seq", &a.seq) < 0 ||
	    a.seq >= JOURNAL_SEQ_MAX ||
	    line_take_hex(&text, "sha256", a.sha, sizeof(a.sha)) < 0 || text.n)
		return -EBADMSG;
	*ret = a;
	return 0;
}

int anchor_load(const char *path, struct anchor *ret)
{
	cleanup_free char *text = NULL;
	size_t n;
	int r;

	r = fs_read_regular(path, ANCHOR_TEXT_MAX, &text, &n);
	if (r == -EFBIG)
		return -EBADMSG;
	return r < 0 ? r : parse(slice_of(text, n), ret);
}

int anchor_save(const char *path, const struct anchor *a)
{
	char text[ANCHOR_TEXT_MAX], id[2 * JOURNAL_ID_SIZE + 1];
	char sha[2 * JOURNAL_SHA_SIZE + 1];
	const char *name = strrchr(path, '/');
	cleanup_free char *dir = NULL;
	cleanup_close int dirfd = -1;
	struct stat st;
	int n;

	/* "/name" is in "/", "name" in ".". */
	dir = name ? strndup(path, (size_t)(name - path) + 1) : strdup(".");
	if (!dir)
		return -ENOMEM;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	name = name ? name + 1 : path;
	/* Never put a file in the place of /dev/null, or of where a link leads. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST;
	n = snprintf(text, sizeof(text),
		     "picket-anchor 1\njournal %s\nepoch %" PRIu32
		     "\nseq %" PRIu64 "\nsha256 %s\n",
		     id_print(a->journal, id), a->epoch, a->seq,
		     hex_print(a->sha, sizeof(a->sha), sha));
	return fs_replace(dirfd, name, text, (size_t)n, ANCHOR_MODE);
}
