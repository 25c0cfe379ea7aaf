// SPDX-License-Identifier: Apache-2.0
/*
 * Who acted, in words: the process at the end of a short line of ancestors,
 * and where it runs.
 *
 * The idea is to spend columns on what tells processes apart: names are
 * those of executables (a process can call itself anything), neighbours of
 * the same name stand once, process 1, where every line ends, is left out, and
 * ancestors stand there only as far as the column reaches.
 */
#include "out/text_part.h"

#include <inttypes.h>

#include "base/escape.h"

#define LINE_MAX_NAMES	    4
/* How far up names are looked for: a line of shells must not hide its end. */
#define LINE_MAX_STEPS	    64
#define LINE_MAX_COLUMNS    30
#define NAME_MAX_BYTES	    24
#define UNIT_MAX_BYTES	    64
#define CONTAINER_MAX_BYTES 12
#define POD_MAX_BYTES	    64

static const char arrow[] = "→";

/* As many bytes of s as fit into max without cutting a character. */
static struct slice head(struct slice s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	while (n > max - 4 && (s.p[n] & 0xc0) == 0x80)
		n--;
	return slice_of(s.p, n);
}

void text_cut(struct buf *out, struct slice s, size_t max)
{
	struct slice kept = head(s, max);

	escape_text(out, kept);
	if (kept.n < s.n)
		buf_add_str(out, "…");
}

void text_cut_word(struct buf *out, struct slice s, size_t max)
{
	struct slice kept = head(s, max);

	escape_word(out, kept);
	if (kept.n < s.n)
		buf_add_str(out, "…");
}

static struct slice base_name(struct slice path)
{
	for (size_t i = path.n; i; i--)
		if (path.p[i - 1] == '/')
			return slice_of(path.p + i, path.n - i);
	return path;
}

/* What to call it; empty: not known. Only a kernel thread's comm is its own. */
static struct slice image_name(const Picket__V1__Image *img)
{
	if (img->kthread)
		return text_slice(img->comm);
	return img->exe ? base_name(text_slice(img->exe->path))
			: slice_of(NULL, 0);
}

/* A name with our own arrow in it must not look like two. */
static void add_name(struct buf *out, const Picket__V1__Image *img)
{
	struct slice name = image_name(img);
	const char *hit;

	if (!name.n) {
		buf_add_char(out, '?');
		return;
	}
	hit = memmem(name.p, name.n, arrow, strlen(arrow));
	if (!hit) {
		text_cut_word(out, name, NAME_MAX_BYTES);
		return;
	}
	text_cut(out, slice_of(name.p, (size_t)(hit - name.p)), NAME_MAX_BYTES);
	buf_add_str(out, "\\xe2\\x86\\x92");
	hit += strlen(arrow);
	name = slice_of(hit, name.n - (size_t)(hit - name.p));
	if (memmem(name.p, name.n, arrow, strlen(arrow)))
		buf_add_str(out, "…");
	else
		text_cut(out, name, NAME_MAX_BYTES);
}

static bool same_name(const Picket__V1__Image *a, const Picket__V1__Image *b)
{
	struct slice name = image_name(a);

	return name.n && slice_eq(name, image_name(b));
}

/* The nearest ancestor of another name; *ret_lost: there is one, not known. */
static const Picket__V1__Image *next_name(const struct view_images *images,
					  const Picket__V1__Image *img,
					  bool *ret_lost)
{
	const Picket__V1__Image *up = img;

	for (int n = 0; n < LINE_MAX_STEPS; n++) {
		uint64_t id = up->parent_id;

		if (!id)
			return NULL;
		up = view_image(images, id);
		if (!up) {
			*ret_lost = true;
			return NULL;
		}
		if (up->pid == 1)
			return NULL;
		if (!same_name(up, img))
			return up;
	}
	return NULL;
}

/* Columns that the names take, arrows and the number included, near enough. */
static size_t name_columns(const Picket__V1__Image *img)
{
	struct slice name = head(image_name(img), NAME_MAX_BYTES);
	size_t n = 1;

	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] & 0xc0) != 0x80)
			n++;
	return n;
}

void text_who(struct buf *out, const struct view_images *images,
	      const Picket__V1__Image *img)
{
	const Picket__V1__Image *line[LINE_MAX_NAMES], *up = img;
	size_t n = 0, width = sizeof("…→[123456]") - 5;
	bool lost = false;

	if (!img) {
		buf_add_char(out, '?');
		return;
	}
	while (up && n < LINE_MAX_NAMES) {
		width += name_columns(up);
		/* The process itself and its parent whatever they take. */
		if (n >= 2 && width > LINE_MAX_COLUMNS)
			break;
		line[n++] = up;
		up = next_name(images, up, &lost);
	}
	if (up || lost) {
		buf_add_str(out, up ? "…" : "?");
		buf_add_str(out, arrow);
	}
	while (n--) {
		add_name(out, line[n]);
		if (n)
			buf_add_str(out, arrow);
	}
	buf_addf(out, "[%" PRIu32 "]", img->pid);
}

/* " name=", without the blank where this is the first. */
static void add_member(struct buf *out, size_t begin, const char *name)
{
	buf_addf(out, "%s%s=", out->n > begin ? " " : "", name);
}

static void add_ids(struct buf *out, size_t begin, const struct view *v)
{
	const Picket__V1__Image *img = v->image;
	const Picket__V1__Actor *a = v->event ? v->event->actor : NULL;
	uint32_t uid, euid;

	if (!img && !a)
		return;
	uid = a ? a->uid : img->uid;
	euid = a ? a->euid : img->euid;
	if (uid || euid) {
		add_member(out, begin, "uid");
		buf_addf(out, "%" PRIu32, uid);
	}
	if (euid != uid) {
		add_member(out, begin, "euid");
		buf_addf(out, "%" PRIu32, euid);
	}
	/* Root by way of su or sudo: who it is all the same. */
	if (img && img->login && img->login->uid != uid) {
		add_member(out, begin, "login");
		buf_addf(out, "%" PRIu32, img->login->uid);
	}
}

/* What of a name a narrow column spends nothing on. */
static struct slice without_suffix(struct slice unit)
{
	static const char suffix[] = ".service";
	size_t n = sizeof(suffix) - 1;

	if (unit.n <= n || memcmp(unit.p + unit.n - n, suffix, n) != 0)
		return unit;
	return slice_of(unit.p, unit.n - n);
}

static void add_unit(struct buf *out, struct slice unit, size_t max)
{
	size_t from = out->n;

	text_cut_word(out, unit, UNIT_MAX_BYTES);
	if (!max || text_columns(slice_of(out->p + from, out->n - from)) <= max)
		return;
	out->n = from;
	text_cut_word(out, without_suffix(unit), UNIT_MAX_BYTES);
	if (text_columns(slice_of(out->p + from, out->n - from)) <= max)
		return;
	out->n = from +
		 text_head(slice_of(out->p + from, out->n - from), max - 1);
	buf_add_str(out, "…");
}

void text_where(struct buf *out, const Picket__V1__Image *img, size_t max)
{
	if (img && img->container.len)
		escape_word(out, head(text_slice(img->container),
				      CONTAINER_MAX_BYTES));
	else if (img && img->unit.len)
		add_unit(out, text_slice(img->unit), max);
	else
		buf_add_char(out, '-');
}

static void add_pod(struct buf *out, size_t begin, const Picket__V1__Image *img)
{
	if (!img || !img->pod.len)
		return;
	add_member(out, begin, "pod");
	text_cut_word(out, text_slice(img->pod_namespace), POD_MAX_BYTES);
	buf_add_char(out, '/');
	text_cut_word(out, text_slice(img->pod), POD_MAX_BYTES);
}

void text_context(struct buf *out, const struct view *v)
{
	size_t begin = out->n;

	add_ids(out, begin, v);
	add_pod(out, begin, v->image);
}

void text_context_where(struct buf *out, const struct view *v)
{
	const Picket__V1__Image *img = v->image;
	size_t begin = out->n;

	add_ids(out, begin, v);
	if (img && (img->container.len || img->unit.len)) {
		add_member(out, begin,
			   img->container.len ? "container" : "unit");
		text_where(out, img, 0);
	}
	add_pod(out, begin, img);
}
