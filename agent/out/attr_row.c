/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of messages as attributes, by table; and paths and files, which
 * look the same under different names for the file acted on and the program
 * that acts.
 */
#include "out/attr_row.h"

#include <inttypes.h>

#include "base/escape.h"

static void add_hex(struct attrs *a, const char *key, uint64_t v)
{
	attr_string(a, key,
		    slice_str(arena_printf(a->arena, "%016" PRIx64, v)));
}

void attr_rows(struct attrs *a, const struct row *rows, size_t n,
	       const void *message)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const void *p = (const char *)message + r->at;

		switch (r->type) {
		case ROW_U32:
			if (r->always || *(const uint32_t *)p)
				attr_int(a, r->key, *(const uint32_t *)p);
			break;
		case ROW_U64:
			if (r->always || *(const uint64_t *)p)
				attr_int(a, r->key,
					 (int64_t) * (const uint64_t *)p);
			break;
		case ROW_I64:
			if (r->always || *(const int64_t *)p)
				attr_int(a, r->key, *(const int64_t *)p);
			break;
		case ROW_BOOL:
			if (r->always || *(const protobuf_c_boolean *)p)
				attr_bool(a, r->key,
					  *(const protobuf_c_boolean *)p);
			break;
		case ROW_BYTES:
			if (r->always || ((const ProtobufCBinaryData *)p)->len)
				attr_string(
					a, r->key,
					attr_bytes(*(
						const ProtobufCBinaryData *)p));
			break;
		case ROW_HEX:
			add_hex(a, r->key, *(const uint64_t *)p);
			break;
		}
	}
}

void attr_list(struct attrs *a, const char *key, const ProtobufCBinaryData *v,
	       size_t n)
{
	struct slice *items;
	size_t i;

	if (!n)
		return;
	items = arena_take(a->arena, n * sizeof(*items));
	if (!items)
		return;
	for (i = 0; i < n; i++)
		items[i] = attr_bytes(v[i]);
	attr_strings(a, key, items, n);
}

const char *attr_outside_key(struct attrs *a, const char *prefix,
			     struct slice name)
{
	cleanup_buf struct buf text = BUF_INIT(8 * name.n + 2);

	escape_text(&text, name);
	buf_add_char(&text, '\0');
	if (text.failed) {
		a->arena->failed = true;
		return NULL;
	}
	return arena_join(a->arena, prefix, text.p);
}

#define FILE_ROWS(name, prefix, semconv, mtime)                                \
	static const struct row name[] = {                                     \
		{ semconv "size", ROW_U64, offsetof(Picket__V1__File, size),   \
		  true },                                                      \
		{ prefix "links", ROW_U32, offsetof(Picket__V1__File, links),  \
		  true },                                                      \
		{ prefix "generation", ROW_U32,                                \
		  offsetof(Picket__V1__File, generation), false },             \
		{ mtime, ROW_I64, offsetof(Picket__V1__File, mtime_ns),        \
		  false },                                                     \
		{ prefix "ctime_ns", ROW_I64,                                  \
		  offsetof(Picket__V1__File, ctime_ns), false },               \
		{ prefix "memfd", ROW_BOOL, offsetof(Picket__V1__File, memfd), \
		  false },                                                     \
		{ prefix "overlay_upper", ROW_BOOL,                            \
		  offsetof(Picket__V1__File, overlay_upper), false },          \
		{ prefix "overlay_lower", ROW_BOOL,                            \
		  offsetof(Picket__V1__File, overlay_lower), false },          \
	}

FILE_ROWS(file_rows, "picket.file.", "file.", "picket.file.mtime_ns");
FILE_ROWS(exe_rows, "picket.exe.", "picket.exe.", "picket.exe.mtime_ns");

/* Keys whose values are texts made of numbers. */
struct file_keys {
	const char *inode, *dev, *mode, *uid, *gid;
};

static const struct file_keys file_keys = {
	"file.inode",	 "picket.file.dev", "file.mode",
	"file.owner.id", "file.group.id",
};

static const struct file_keys exe_keys = {
	"picket.exe.inode", "picket.exe.dev", "picket.exe.mode",
	"picket.exe.uid",   "picket.exe.gid",
};

static void add_text_u64(struct attrs *a, const char *key, uint64_t v)
{
	attr_string(a, key, slice_str(arena_u64(a->arena, v)));
}

static void add_file(struct attrs *a, const struct file_keys *k,
		     const Picket__V1__File *f)
{
	add_text_u64(a, k->inode, f->inode);
	attr_string(a, k->dev,
		    slice_str(arena_printf(a->arena, "%u:%u", f->device >> 20,
					   f->device & 0xfffff)));
	attr_string(a, k->mode,
		    slice_str(arena_printf(a->arena, "%04o", f->mode & 07777)));
	add_text_u64(a, k->uid, f->uid);
	add_text_u64(a, k->gid, f->gid);
}

struct path_keys {
	const char *path, *fs_path, *host_path;
	const char *truncated, *unresolved, *deleted, *claimed;
	const char *foreign;
};

#define PATH_KEYS(path_key, prefix)                                          \
	{                                                                    \
		path_key, prefix "fs_path", prefix "host_path",              \
			prefix "truncated", prefix "unresolved",             \
			prefix "deleted", prefix "claimed", prefix "foreign" \
	}

static const struct path_keys file_path_keys =
	PATH_KEYS("file.path", "picket.file.");
static const struct path_keys new_path_keys =
	PATH_KEYS("picket.file.new.path", "picket.file.new.");
static const struct path_keys exe_path_keys =
	PATH_KEYS("process.executable.path", "picket.exe.");

static void add_path(struct attrs *a, const struct path_keys *k,
		     const Picket__V1__Path *p)
{
	attr_string(a, k->path, attr_bytes(p->path));
	if (p->fs_path.len)
		attr_string(a, k->fs_path, attr_bytes(p->fs_path));
	if (p->host_path.len)
		attr_string(a, k->host_path, attr_bytes(p->host_path));
	if (p->truncated)
		attr_bool(a, k->truncated, true);
	if (p->unresolved)
		attr_bool(a, k->unresolved, true);
	if (p->deleted)
		attr_bool(a, k->deleted, true);
	if (p->claimed)
		attr_bool(a, k->claimed, true);
	if (p->foreign)
		attr_bool(a, k->foreign, true);
}

void attr_file(struct attrs *a, const Picket__V1__File *f)
{
	add_file(a, &file_keys, f);
	ADD_ROWS(a, file_rows, f);
}

void attr_exe(struct attrs *a, const Picket__V1__File *f)
{
	add_file(a, &exe_keys, f);
	ADD_ROWS(a, exe_rows, f);
}

void attr_file_path(struct attrs *a, const Picket__V1__Path *p)
{
	add_path(a, &file_path_keys, p);
}

void attr_new_path(struct attrs *a, const Picket__V1__Path *p)
{
	add_path(a, &new_path_keys, p);
}

void attr_exe_path(struct attrs *a, const Picket__V1__Path *p)
{
	add_path(a, &exe_path_keys, p);
}
