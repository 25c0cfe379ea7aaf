// SPDX-License-Identifier: Apache-2.0
/* out/pack: whatever is in a message, the bytes are those of the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "event.pb-c.h"
#include "out/pack.h"
#include "seed.h"

#define OUT_MAX	  (1u << 20)
#define LIST_MAX  5
#define DEPTH_MAX 4
/* More than two bytes of length say, and those of a long path. */
#define BYTES_MAX 20000

/* What one message is made of is given back at once. */
struct made {
	unsigned seed;
	void *parts[8192];
	size_t n;
};

static void *make(struct made *m, size_t n)
{
	void *p = calloc(1, n ? n : 1);

	assert_non_null(p);
	assert_true(m->n < sizeof(m->parts) / sizeof(m->parts[0]));
	m->parts[m->n++] = p;
	return p;
}

static void unmake(struct made *m)
{
	while (m->n)
		free(m->parts[--m->n]);
}

static bool one_in(struct made *m, int n)
{
	return rand_r(&m->seed) % n == 0;
}

/* Of any length in bits, so that each length of a varint comes. */
static uint64_t any_number(struct made *m)
{
	uint64_t v = (uint64_t)rand_r(&m->seed) << 33 ^
		     (uint64_t)rand_r(&m->seed) << 11 ^
		     (uint64_t)rand_r(&m->seed);

	return one_in(m, 3) ? 0 : v >> rand_r(&m->seed) % 64;
}

static size_t any_length(struct made *m)
{
	static const size_t edges[] = { 0, 1, 126, 127, 128, 129 };

	if (one_in(m, 200))
		return (size_t)rand_r(&m->seed) % BYTES_MAX;
	return one_in(m, 4) ? edges[rand_r(&m->seed) % 6]
			    : (size_t)rand_r(&m->seed) % 40;
}

static char *any_string(struct made *m, size_t n)
{
	char *s = make(m, n + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)('a' + rand_r(&m->seed) % 26);
	return s;
}

static void *any_message(struct made *m, const ProtobufCMessageDescriptor *d,
			 int depth);

static void fill(struct made *m, const ProtobufCFieldDescriptor *f, void *to,
		 int depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		*(void **)to = any_message(m, f->descriptor, depth + 1);
		break;
	case PROTOBUF_C_TYPE_STRING:
		*(char **)to = any_string(m, any_length(m));
		break;
	case PROTOBUF_C_TYPE_BYTES: {
		ProtobufCBinaryData *b = to;

		b->len = any_length(m);
		b->data = (uint8_t *)any_string(m, b->len);
		break;
	}
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)to = one_in(m, 2);
		break;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)to = (uint32_t)any_number(m);
		break;
	default:
		*(uint64_t *)to = any_number(m);
		break;
	}
}

static size_t size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return 4;
	default:
		return 8;
	}
}

static void fill_list(struct made *m, const ProtobufCFieldDescriptor *f,
		      char *message, int depth)
{
	size_t n = (size_t)rand_r(&m->seed) % LIST_MAX;
	char *list = make(m, n * size_of(f->type));

	for (size_t i = 0; i < n; i++)
		fill(m, f, list + i * size_of(f->type), depth);
	*(size_t *)(message + f->quantifier_offset) = n;
	*(char **)(message + f->offset) = list;
}

static void *any_message(struct made *m, const ProtobufCMessageDescriptor *d,
			 int depth)
{
	char *message = make(m, d->sizeof_message);
	bool is_full = one_in(m, 4);

	protobuf_c_message_init(d, message);
	for (unsigned i = 0; i < d->n_fields && depth < DEPTH_MAX; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (!is_full && !one_in(m, 3))
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			fill_list(m, f, message, depth);
		else
			fill(m, f, message + f->offset, depth);
	}
	return message;
}

static void assert_as_the_library(const ProtobufCMessage *message, size_t room)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	struct buf out = BUF_INIT(room ? room : OUT_MAX);
	uint8_t *want = malloc(n + 1);

	assert_non_null(want);
	protobuf_c_message_pack(message, want);
	buf_add_str(&out, "before");
	pack_message(&out, message);
	assert_false(out.failed);
	assert_int_equal(out.n, 6 + n);
	assert_memory_equal(out.p, "before", 6);
	assert_memory_equal(out.p + 6, want, n);
	buf_done(&out);
	free(want);
}

static void any_message_is_packed_as_the_library_does(void **state)
{
	static const ProtobufCMessageDescriptor *const all[] = {
		&picket__v1__event__descriptor,
		&picket__v1__image__descriptor,
		&picket__v1__amendment__descriptor,
		&picket__v1__batch__descriptor,
	};
	static struct made m;

	(void)state;
	m.seed = (unsigned)any_seed();
	for (int i = 0; i < 400; i++) {
		assert_as_the_library(any_message(&m, all[i % 4], i % 4 == 3),
				      0);
		unmake(&m);
	}
}

/* What fits to the byte is taken, and of what does not nothing is left. */
static void room_is_used_to_the_last_byte(void **state)
{
	Picket__V1__Image image = PICKET__V1__IMAGE__INIT;
	Picket__V1__Path path = PICKET__V1__PATH__INIT;
	struct buf out;
	size_t n;

	(void)state;
	image.id = 300;
	image.began_ns = 7;
	image.exe = &path;
	path.path.data = (uint8_t *)(uintptr_t) "/usr/bin/make";
	path.path.len = 13;
	path.fs_path_unknown = true;
	n = picket__v1__image__get_packed_size(&image);
	assert_as_the_library(&image.base, 6 + n);
	for (size_t room = 0; room < n; room++) {
		buf_init(&out, room);
		pack_message(&out, &image.base);
		assert_true(out.failed);
		assert_int_equal(out.n, 0);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_message_is_packed_as_the_library_does),
		cmocka_unit_test(room_is_used_to_the_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
