/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a destination against the files they name. Credentials come
 * only from files; what they hold goes into headers, so a byte that could end
 * a header line is refused here and not left to the HTTP library.
 */
#include "out/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define URL_MAX	     4096

int collector_url(const struct collector *c, struct buf *out)
{
	const char *host = strstr(c->url, "://");
	size_t n;

	if (!host)
		return -EINVAL;
	host += 3;
	n = strcspn(host, "/?#");
	if (!n)
		return -EINVAL;
	if (strlen(c->url) > URL_MAX)
		return -ENAMETOOLONG;
	buf_add_str(out, c->url);
	if (c->format == COLLECTOR_OTLP && (!host[n] || !strcmp(host + n, "/")))
		buf_add_str(out, host[n] ? "v1/logs" : "/v1/logs");
	buf_add_char(out, '\0');
	return out->failed ? -ENAMETOOLONG : 0;
}

/* ---- headers ---------------------------------------------------------------- */

void collector_headers_done(struct collector_headers *h)
{
	while (h->n) {
		char *line = h->lines[--h->n];

		/* Tokens and keys should not linger on the heap. */
		explicit_bzero(line, strlen(line));
		free(line);
	}
}

/* tchar of RFC 9110. */
static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* What describes the body or the connection is ours to say. */
static const char *const ours[] = {
	"content-type",
	"content-length",
	"content-encoding",
	"transfer-encoding",
	"connection",
	"expect",
	"te",
	"upgrade",
	"trailer",
};

static bool is_ours(struct slice name)
{
	size_t i;

	for (i = 0; i < COUNT(ours); i++) {
		if (strlen(ours[i]) == name.n &&
		    !strncasecmp(ours[i], name.p, name.n))
			return true;
	}
	return false;
}

static bool is_value(struct slice v)
{
	size_t i;

	for (i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int add_header(struct collector_headers *h, struct slice name,
		      struct slice value)
{
	char *line;

	if (h->n == COLLECTOR_HEADERS_MAX)
		return -EINVAL;
	/* curl drops "Name:"; "Name;" is how it is told of an empty value. */
	if (asprintf(&line, value.n ? "%.*s: %.*s" : "%.*s;%.*s", (int)name.n,
		     name.p, (int)value.n, value.p) < 0)
		return -ENOMEM;
	h->lines[h->n++] = line;
	return 0;
}

static int parse_header(struct slice line, struct collector_headers *h)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;
	size_t i;

	if (!colon)
		return -EINVAL;
	name = slice_of(line.p, (size_t)(colon - line.p));
	value = text_trim(slice_of(colon + 1, line.n - name.n - 1));
	if (!name.n || is_ours(name) || !is_value(value))
		return -EINVAL;
	for (i = 0; i < name.n; i++) {
		if (!is_name_char(name.p[i]))
			return -EINVAL;
	}
	return add_header(h, name, value);
}

int collector_headers_parse(struct slice text, struct collector_headers *h,
			    unsigned *ret_line)
{
	unsigned number = 0;
	int r;

	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct slice line = slice_of(text.p, n);

		number++;
		text.p += n + (end != NULL);
		text.n -= n + (end != NULL);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!text_trim(line).n || line.p[0] == '#')
			continue;
		r = parse_header(line, h);
		if (r < 0) {
			*ret_line = number;
			return r;
		}
	}
	return 0;
}

static void cleanup_secret_fn(struct slice *s)
{
	if (!s->p)
		return;
	explicit_bzero((void *)(uintptr_t)s->p, s->n);
	free((void *)(uintptr_t)s->p);
}

static int read_secret(const char *path, struct slice *ret, char *what)
{
	char *p;
	size_t n;
	int r;

	r = fs_read_regular(path, COLLECTOR_FILE_MAX, &p, &n);
	if (r < 0) {
		(void)snprintf(what, 256, "cannot read '%.180s': %s", path,
			       r == -EINVAL ? "not a file" : strerror(-r));
		return r;
	}
	*ret = slice_of(p, n);
	return 0;
}

static int read_token(const struct collector *c, struct collector_headers *h,
		      char *what)
{
	__attribute__((cleanup(cleanup_secret_fn))) struct slice text = { 0 };
	const char *end;
	struct slice token;
	char *line;
	size_t i;
	int r;

	r = read_secret(c->token_file, &text, what);
	if (r < 0)
		return r;
	end = memchr(text.p, '\n', text.n);
	token = slice_of(text.p, end ? (size_t)(end - text.p) : text.n);
	if (token.n && token.p[token.n - 1] == '\r')
		token.n--;
	token = text_trim(token);
	/* b64token of RFC 6750 and whatever else is visible. */
	for (i = 0; i < token.n && token.p[i] > ' ' && token.p[i] < 0x7f; i++)
		;
	if (!token.n || i < token.n) {
		(void)snprintf(what, 256,
			       "no token in the first line of '%.180s'",
			       c->token_file);
		return -EINVAL;
	}
	if (asprintf(&line, "Authorization: Bearer %.*s", (int)token.n,
		     token.p) < 0)
		return -ENOMEM;
	h->lines[h->n++] = line;
	return 0;
}

int collector_headers_read(const struct collector *c,
			   struct collector_headers *h, char what[static 256])
{
	__attribute__((cleanup(cleanup_secret_fn))) struct slice text = { 0 };
	unsigned line;
	int r;

	if (*c->token_file) {
		r = read_token(c, h, what);
		if (r < 0)
			return r;
	}
	if (!*c->headers_file)
		return 0;
	r = read_secret(c->headers_file, &text, what);
	if (r < 0)
		return r;
	r = collector_headers_parse(text, h, &line);
	if (r == -EINVAL)
		(void)snprintf(what, 256,
			       "%.180s:%u: not a header line of "
			       "the form 'Name: value'",
			       c->headers_file, line);
	else if (r < 0)
		(void)snprintf(what, 256, "%s", strerror(-r));
	return r;
}

/* ---- files ------------------------------------------------------------------ */

struct file {
	const char *key, *path;
	bool is_secret;
};

#define FILES_N 6

static void list_files(const struct collector *c, struct file list[FILES_N])
{
	list[0] = (struct file){ "ca_file", c->ca_file, false };
	list[1] = (struct file){ "cert_file", c->cert_file, false };
	list[2] = (struct file){ "key_file", c->key_file, true };
	list[3] = (struct file){ "token_file", c->token_file, true };
	list[4] = (struct file){ "headers_file", c->headers_file, true };
	list[5] = (struct file){ "crl_file", c->crl_file, false };
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

uint64_t collector_stamp(const struct collector *c)
{
	struct file list[FILES_N];
	uint64_t h = 1;
	struct stat st;
	size_t i;

	list_files(c, list);
	for (i = 0; i < FILES_N; i++) {
		if (!*list[i].path || stat(list[i].path, &st) < 0) {
			h = mix(h, i);
			continue;
		}
		h = mix(h, st.st_dev);
		h = mix(h, st.st_ino);
		h = mix(h, (uint64_t)st.st_size);
		h = mix(h, (uint64_t)st.st_mtim.tv_sec);
		h = mix(h, (uint64_t)st.st_mtim.tv_nsec);
		/* Whoever sets the time of a file does not set this one. */
		h = mix(h, (uint64_t)st.st_ctim.tv_sec);
		h = mix(h, (uint64_t)st.st_ctim.tv_nsec);
	}
	return h;
}

static int check_file(const struct file *f, collector_warn_fn fn, void *arg,
		      char *what)
{
	cleanup_close int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[256];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;

		(void)snprintf(what, 256, "%s: cannot read '%.180s': %s",
			       f->key, f->path, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)snprintf(what, 256, "%s: '%.180s' is not a file", f->key,
			       f->path);
		return -EINVAL;
	}
	if (f->is_secret && (st.st_mode & (S_IROTH | S_IWOTH))) {
		(void)snprintf(line, sizeof(line),
			       "%s: '%.180s' can be %s by everyone", f->key,
			       f->path,
			       st.st_mode & S_IROTH ? "read" : "written");
		fn(arg, line);
	}
	return 0;
}

int collector_check_files(const struct collector *c, collector_warn_fn fn,
			  void *arg, char what[static 256])
{
	struct file list[FILES_N];
	size_t i;
	int r;

	list_files(c, list);
	for (i = 0; i < FILES_N; i++) {
		if (!*list[i].path)
			continue;
		r = check_file(&list[i], fn, arg, what);
		if (r < 0)
			return r;
	}
	return 0;
}
