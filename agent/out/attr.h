/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a list of named values, before any wire format: what OTLP
 * calls attributes. Names are OpenTelemetry's semantic conventions where they
 * have one, `picket.*` else. Names are unique within a list.
 *
 * A value that is not valid UTF-8 appears escaped under its name and exact,
 * as bytes, under NAME.bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "out/arena.h"
#include "out/view.h"

enum attr_type { ATTR_STRING, ATTR_INT, ATTR_BOOL, ATTR_BYTES, ATTR_STRINGS,
		 ATTR_BYTES_LIST };

struct attr {
	const char *key;
	enum attr_type type;
	union {
		struct slice bytes;	/* STRING (valid UTF-8), BYTES */
		int64_t number;		/* INT, BOOL */
		struct {
			const struct slice *items;
			size_t n_items;
		};			/* STRINGS, BYTES_LIST */
	};
};

/* More attributes than the largest record has; an environment may overflow. */
#define ATTRS_MAX 192
/* Members kept of one list: arguments that fit into a wire record. */
#define ATTR_ITEMS_MAX 4096

struct attrs {
	struct arena *arena;	/* owns what is not borrowed from the view */
	size_t n;
	uint32_t dropped;	/* did not fit */
	struct attr v[ATTRS_MAX];
};

void attrs_init(struct attrs *a, struct arena *arena);

/* Keys are kept, not copied. The caller sees to it that they are unique. */
void attr_int(struct attrs *a, const char *key, int64_t v);
void attr_bool(struct attrs *a, const char *key, bool v);
/* The bytes are borrowed. Empty ones are added all the same. */
void attr_string(struct attrs *a, const char *key, struct slice v);
void attr_strings(struct attrs *a, const char *key, const struct slice *items,
		  size_t n);
/* For names that come from outside: one that is there already is dropped. */
void attr_string_unique(struct attrs *a, const char *key, struct slice v);

/* Everything there is to say of a record; v and images must outlive a. */
void attrs_of_view(struct attrs *a, const struct view_images *images,
		   const struct view *v);

/* "picket.exec", "picket.connect.result", "picket.gap" … */
const char *attr_event_name(const struct view *v);
enum attr_level { ATTR_INFO, ATTR_LOW, ATTR_MEDIUM, ATTR_HIGH, ATTR_CRITICAL,
		  ATTR_LEVEL_COUNT };
enum attr_level attr_level(const struct view *v);
