// SPDX-License-Identifier: Apache-2.0
/*
 * The pieces of a JSON line. The one idea: the writer keeps no state; whether
 * a comma is due stands in the last byte written, since no value ends in an
 * opening bracket.
 */
#include "out/json_part.h"

#include "base/hex.h"
#include "out/names.h"

#include <stdio.h>

#include "base/escape.h"

#define NAME_MAX_BYTES 48

static struct slice slice_of_data(ProtobufCBinaryData b)
{
	return slice_of((const char *)b.data, b.len);
}

/* By hand, as all below: a line has a hundred members, and printf shows. */
static void add_key(struct buf *out, const char *name, const char *suffix)
{
	char last = out->n ? out->p[out->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_add_char(out, ',');
	if (!name)
		return;
	buf_add_char(out, '"');
	buf_add_str(out, name);
	buf_add_str(out, suffix);
	buf_add(out, "\":", 2);
}

static void add_u64(struct buf *out, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(out, digits + n, sizeof(digits) - n);
}

static void add_i64(struct buf *out, int64_t v)
{
	if (v < 0)
		buf_add_char(out, '-');
	add_u64(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_open(struct buf *out, const char *name, char bracket)
{
	add_key(out, name, "");
	buf_add_char(out, bracket);
}

void json_close(struct buf *out, char bracket)
{
	buf_add_char(out, bracket);
}

void json_str(struct buf *out, const char *name, const char *value)
{
	add_key(out, name, "");
	escape_json(out, slice_str(value), NULL);
}

void json_u64(struct buf *out, const char *name, uint64_t value)
{
	add_key(out, name, "");
	add_u64(out, value);
}

void json_i64(struct buf *out, const char *name, int64_t value)
{
	add_key(out, name, "");
	add_i64(out, value);
}

void json_hex(struct buf *out, const char *name, uint64_t value)
{
	static const char digits[] = "0123456789abcdef";
	char hex[16];

	for (size_t i = 0; i < sizeof(hex); i++)
		hex[i] = digits[value >> (60 - 4 * i) & 15];
	add_key(out, name, "");
	buf_add_char(out, '"');
	buf_add(out, hex, sizeof(hex));
	buf_add_char(out, '"');
}

void json_true(struct buf *out, const char *name, bool value)
{
	if (!value)
		return;
	add_key(out, name, "");
	buf_add_str(out, "true");
}

void json_device(struct buf *out, const char *name, uint32_t device)
{
	add_key(out, name, "");
	buf_add_char(out, '"');
	add_u64(out, device >> 20);
	buf_add_char(out, ':');
	add_u64(out, device & 0xfffff);
	buf_add_char(out, '"');
}

static void add_base64(struct buf *out, struct slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		uint32_t bits = 0;
		char group[4];

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 |
			       (k < n ? (unsigned char)s.p[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			group[k] =
				k > n ? '=' : digits[bits >> (18 - 6 * k) & 63];
		buf_add(out, group, sizeof(group));
	}
	buf_add_char(out, '"');
}

void json_bytes(struct buf *out, const char *name, struct slice value)
{
	bool lossy = false;

	if (!value.n)
		return;
	add_key(out, name, "");
	escape_json(out, value, &lossy);
	if (lossy) {
		add_key(out, name, "_b64");
		add_base64(out, value);
	}
}

void json_byte_list(struct buf *out, const char *name,
		    const ProtobufCBinaryData *items, size_t n)
{
	bool lossy = false;

	if (!n)
		return;
	json_open(out, name, '[');
	for (size_t i = 0; i < n; i++) {
		add_key(out, NULL, "");
		escape_json(out, slice_of_data(items[i]), &lossy);
	}
	json_close(out, ']');
	if (!lossy)
		return;
	add_key(out, name, "_b64");
	buf_add_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		add_key(out, NULL, "");
		add_base64(out, slice_of_data(items[i]));
	}
	json_close(out, ']');
}

static void json_path_flags(struct buf *out, const char *name,
			    const Picket__V1__Path *p)
{
	const struct {
		bool holds;
		const char *name;
	} flags[] = {
		{ p->claimed, "claimed" },
		{ p->deleted, "deleted" },
		{ p->foreign, "foreign" },
		{ p->truncated, "truncated" },
		{ p->unresolved, "unresolved" },
		{ p->fs_path_unknown, "fs_unknown" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!flags[i].holds)
			continue;
		if (!any)
			json_open(out, name, '[');
		any = true;
		json_str(out, NULL, flags[i].name);
	}
	if (any)
		json_close(out, ']');
}

void json_path(struct buf *out, const char *name, const Picket__V1__Path *p)
{
	char sub[NAME_MAX_BYTES];

	if (!p)
		return;
	json_bytes(out, name, slice_of_data(p->path));
	(void)snprintf(sub, sizeof(sub), "%s_fs", name);
	json_bytes(out, sub, slice_of_data(p->fs_path));
	(void)snprintf(sub, sizeof(sub), "%s_host", name);
	json_bytes(out, sub, slice_of_data(p->host_path));
	(void)snprintf(sub, sizeof(sub), "%s_flags", name);
	json_path_flags(out, sub, p);
}

void json_file(struct buf *out, const char *name, const Picket__V1__File *f)
{
	if (!f)
		return;
	json_open(out, name, '{');
	json_u64(out, "inode", f->inode);
	json_device(out, "device", f->device);
	json_u64(out, "generation", f->generation);
	json_u64(out, "mode", f->mode);
	json_u64(out, "uid", f->uid);
	json_u64(out, "gid", f->gid);
	json_u64(out, "links", f->links);
	json_u64(out, "size", f->size);
	if (f->mtime_ns || f->ctime_ns) {
		json_i64(out, "mtime_ns", f->mtime_ns);
		json_i64(out, "ctime_ns", f->ctime_ns);
	}
	json_true(out, "memfd", f->memfd);
	if (f->overlay_upper || f->overlay_lower)
		json_str(out, "overlay", f->overlay_upper ? "upper" : "lower");
	json_close(out, '}');
}

void json_base64(struct buf *out, const char *name, ProtobufCBinaryData value)
{
	if (!value.len)
		return;
	add_key(out, name, "");
	add_base64(out, slice_of_data(value));
}

static void add_facts(struct buf *out, const Picket__V1__Finding *f)
{
	static const char *const who[] = { "others", "group", "user" };
	char hex[65];

	json_str(out, "trust", name_trust(f->trust));
	json_str(out, "hash", name_hash(f->hash));
	if (f->sha256.len == 32) {
		json_str(out, "sha256", hex_print(f->sha256.data, 32, hex));
	}
	if (*f->package)
		json_bytes(out, "package", slice_str(f->package));
	if (!f->writable)
		return;
	json_open(out, "writable_by", '[');
	for (int i = 0; i < 3; i++)
		if (f->writable >> i & 1)
			json_str(out, NULL, who[i]);
	json_close(out, ']');
}

void json_finding(struct buf *out, const char *name,
		  const Picket__V1__Finding *f)
{
	if (!f)
		return;
	json_open(out, name, '{');
	add_facts(out, f);
	json_close(out, '}');
}
