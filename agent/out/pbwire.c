/* SPDX-License-Identifier: Apache-2.0 */
/* Varints, tags and lengths of protobuf, each checked against what is left. */
#include "out/pbwire.h"

#include <errno.h>

size_t wire_varint_size(uint64_t v)
{
	/* Seven bits a byte, and one byte for none. */
	return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

size_t wire_field_size(size_t n)
{
	return 1 + wire_varint_size(n) + n;
}

void wire_tag(struct buf *out, uint8_t tag, uint64_t n)
{
	char bytes[11];
	size_t at = 0;

	bytes[at++] = (char)tag;
	while (n >= 0x80) {
		bytes[at++] = (char)(n | 0x80);
		n >>= 7;
	}
	bytes[at++] = (char)n;
	buf_add(out, bytes, at);
}

void wire_fixed64(struct buf *out, uint8_t tag, uint64_t v)
{
	char bytes[9];
	size_t i;

	bytes[0] = (char)tag;
	for (i = 0; i < 8; i++)
		bytes[1 + i] = (char)(v >> (8 * i));
	buf_add(out, bytes, sizeof(bytes));
}

static int take_long(struct slice *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < 10 && i < s->n; i++) {
		uint64_t byte = (uint8_t)s->p[i];

		/* The tenth byte holds one bit. */
		if (i == 9 && byte > 1)
			return -EBADMSG;
		v |= (byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			s->p += i + 1;
			s->n -= i + 1;
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static inline int take_varint(struct slice *s, uint64_t *ret)
{
	/* Nearly all tags, lengths and numbers. */
	if (s->n && !(s->p[0] & 0x80)) {
		*ret = (uint8_t)s->p[0];
		s->p++;
		s->n--;
		return 0;
	}
	return take_long(s, ret);
}

static int take_fixed(struct slice *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (s->n < n)
		return -EBADMSG;
	for (i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)s->p[i] << (8 * i);
	s->p += n;
	s->n -= n;
	*ret = v;
	return 0;
}

int wire_next(struct slice *s, struct wire_field *ret)
{
	struct slice rest = *s;
	struct wire_field f = { 0 };
	uint64_t tag, n;
	int r;

	if (!rest.n)
		return 0;
	if (take_varint(&rest, &tag) < 0 || tag > UINT32_MAX || tag < 8)
		return -EBADMSG;
	f.number = (uint32_t)tag >> 3;
	f.type = tag & 7;
	switch (f.type) {
	case 0:
		r = take_varint(&rest, &f.value);
		break;
	case 1:
		r = take_fixed(&rest, 8, &f.value);
		break;
	case 2:
		r = take_varint(&rest, &n);
		if (r < 0)
			break;
		if (n > rest.n)
			return -EBADMSG;
		f.bytes = slice_of(rest.p, (size_t)n);
		rest.p += n;
		rest.n -= (size_t)n;
		break;
	case 5:
		r = take_fixed(&rest, 4, &f.value);
		break;
	default:
		r = -EBADMSG;
		break;
	}
	if (r < 0)
		return r;
	*s = rest;
	*ret = f;
	return 1;
}
