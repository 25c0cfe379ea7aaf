/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of fields of proto/event.proto that are looked at while a message is
 * packed. protobuf-c has them in its descriptors alone, which are no constants:
 * tests/unit/test_fields.c holds these against those.
 */
#pragma once

enum {
	FIELD_EVENT_KIND = 3,
	FIELD_EVENT_IMAGE = 4,
	FIELD_EVENT_VERDICT = 5,
};

enum {
	FIELD_VERDICT_ANSWER = 1,
	FIELD_VERDICT_ALERT = 2,
};

enum {
	FIELD_AMENDMENT_EPOCH = 1,
	FIELD_AMENDMENT_SEQ = 2,
	FIELD_AMENDMENT_CONNECT = 10, /* what it says: this, or one after it */
	FIELD_AMENDMENT_WRITE = 11,
};
