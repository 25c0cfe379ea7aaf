/* SPDX-License-Identifier: Apache-2.0 */
/* out/fields: the numbers that are constants are those of the descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event.pb-c.h"
#include "out/fields.h"

static const struct {
	const ProtobufCMessageDescriptor *message;
	const char *name;
	uint32_t number;
} fields[] = {
	{ &picket__v1__event__descriptor, "kind", FIELD_EVENT_KIND },
	{ &picket__v1__event__descriptor, "image", FIELD_EVENT_IMAGE },
	{ &picket__v1__event__descriptor, "verdict", FIELD_EVENT_VERDICT },
	{ &picket__v1__verdict__descriptor, "answer", FIELD_VERDICT_ANSWER },
	{ &picket__v1__verdict__descriptor, "alert", FIELD_VERDICT_ALERT },
	{ &picket__v1__amendment__descriptor, "epoch", FIELD_AMENDMENT_EPOCH },
	{ &picket__v1__amendment__descriptor, "seq", FIELD_AMENDMENT_SEQ },
	{ &picket__v1__amendment__descriptor, "connect",
	  FIELD_AMENDMENT_CONNECT },
	{ &picket__v1__amendment__descriptor, "write", FIELD_AMENDMENT_WRITE },
};

static void numbers_are_those_of_the_messages(void **state)
{
	const ProtobufCFieldDescriptor *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		f = protobuf_c_message_descriptor_get_field_by_name(
			fields[i].message, fields[i].name);
		assert_non_null(f);
		assert_int_equal(f->id, fields[i].number);
	}
}

/* Of what an amendment may say, connect comes first and write next. */
static void what_an_amendment_says_begins_with_outcome_and_totals(void **state)
{
	const ProtobufCMessageDescriptor *a =
		&picket__v1__amendment__descriptor;
	unsigned i, between = 0;

	(void)state;
	for (i = 0; i < a->n_fields; i++) {
		if (a->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			assert_true(a->fields[i].id >= FIELD_AMENDMENT_CONNECT);
		between += a->fields[i].id >= FIELD_AMENDMENT_CONNECT &&
			   a->fields[i].id <= FIELD_AMENDMENT_WRITE;
	}
	assert_int_equal(between, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_messages),
		cmocka_unit_test(
			what_an_amendment_says_begins_with_outcome_and_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
