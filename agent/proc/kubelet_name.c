/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One directory, read to its end or to a bound: a kubelet runs some hundred
 * containers, and keeps the names of a few that ended. A pod that mounts
 * /var/log may put names there, too: what is in doubt is nobody's name.
 */
#include "proc/kubelet_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ID_HEX	  64u
#define NAMES_MAX 4096
#define POD_MAX	  253u /* a DNS name */
#define LABEL_MAX 63u

static const struct slice log_end = { ".log", 4 };

/* The kubelet cuts what would not fit a file's name of 255 bytes. */
#define FRONT_MAX (255u - 1 - ID_HEX - 4)

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A DNS label; or, with dots, labels. */
static bool is_name(struct slice s, size_t max, bool has_dots)
{
	size_t i;

	if (!s.n || s.n > max || !is_plain(s.p[0]) || !is_plain(s.p[s.n - 1]))
		return false;
	for (i = 1; i < s.n; i++) {
		if (is_plain(s.p[i]) || s.p[i] == '-')
			continue;
		if (!has_dots || s.p[i] != '.' || s.p[i - 1] == '.')
			return false;
	}
	return true;
}

static struct slice cut_word(struct slice *rest)
{
	const char *mark = rest->n ? memchr(rest->p, '_', rest->n) : NULL;
	struct slice word = *rest;

	if (mark)
		word.n = (size_t)(mark - rest->p);
	*rest = mark ? slice_of(mark + 1, rest->n - word.n - 1)
		     : slice_of("", 0);
	return word;
}

/* POD_NAMESPACE_CONTAINER; a pod's name holds no underscore, nor the others. */
static int parse_front(struct slice front, struct kubelet_name *ret)
{
	struct slice rest;
	bool is_cut = front.n == FRONT_MAX;

	if (front.n > FRONT_MAX)
		return -EBADMSG;
	memcpy(ret->bytes, front.p, front.n);
	rest = slice_of(ret->bytes, front.n);
	ret->pod = cut_word(&rest);
	ret->pod_namespace = cut_word(&rest);
	ret->container = is_cut ? slice_of("", 0) : rest;
	/* Behind the namespace comes its mark: so it is whole. */
	if (!is_name(ret->pod, POD_MAX, true) ||
	    !is_name(ret->pod_namespace, LABEL_MAX, false) ||
	    ret->pod.n + 1 + ret->pod_namespace.n == front.n)
		return -EBADMSG;
	return is_cut || is_name(ret->container, LABEL_MAX, false) ? 0
								   : -EBADMSG;
}

int kubelet_name_parse(struct slice file, struct slice id,
		       struct kubelet_name *ret)
{
	size_t behind = 1 + ID_HEX + log_end.n;
	const char *at;

	if (id.n != ID_HEX || file.n <= behind)
		return -ENOENT;
	at = file.p + file.n - behind;
	if (*at != '-' || memcmp(at + 1, id.p, ID_HEX) ||
	    memcmp(at + 1 + ID_HEX, log_end.p, log_end.n))
		return -ENOENT;
	return parse_front(slice_of(file.p, file.n - behind), ret);
}

static DIR *open_names(const char *root)
{
	char path[512];
	int fd, n;
	DIR *dir;

	n = snprintf(path, sizeof(path), "%s/var/log/containers", root);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	return dir;
}

/* To the end of the directory: a second name would make both doubtful. */
static int look_through(DIR *dir, struct slice id, struct kubelet_name *ret)
{
	struct kubelet_name other;
	const struct dirent *e;
	int found = -ENOENT, n = 0, r;

	while ((e = readdir(dir))) {
		if (n++ == NAMES_MAX)
			return found < 0 ? -EMFILE : found;
		r = kubelet_name_parse(slice_str(e->d_name), id,
				       found < 0 ? ret : &other);
		if (r == -ENOENT)
			continue;
		if (r < 0 || found == 0)
			return -EBADMSG;
		found = 0;
	}
	return found;
}

int kubelet_name_find(const char *root, struct slice id,
		      struct kubelet_name *ret)
{
	DIR *dir;
	int r;

	if (id.n != ID_HEX)
		return -ENOENT;
	dir = open_names(root);
	if (!dir)
		return -errno;
	r = look_through(dir, id, ret);
	(void)closedir(dir);
	return r;
}
