/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report tells of: the process of one record, those it came of and
 * those that came of it, and what each did within a span of time. Read from
 * the journal once, bounded; all words in it are escape_text's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cmd/forest.h"
#include "store/spans.h"

#define INCIDENT_RECORDS_MAX 100000u
#define INCIDENT_BYTES_MAX   (128u << 20)
#define INCIDENT_NOTES_MAX   256u

struct incident_process {
	char *name;	  /* of its executable, without directories */
	char *exe, *args; /* args: as words, without the first; may be cut */
	char *unit, *container; /* "": none */
	uint32_t pid, uid;
	bool snapshot; /* ran before picket did */
	uint32_t records, alerts;
	Picket__V1__Severity worst; /* of the alerts */
};

struct incident_record {
	uint64_t seq;
	uint32_t epoch, process; /* index of the forest's node */
	int64_t wall_ns;
	Picket__V1__Kind kind;
	Picket__V1__Answer answer;
	Picket__V1__Severity severity;
	bool alert;
	uint64_t count, bytes; /* of a write, repeats included */
	char *what;	       /* the sentence, without who */
	char *object;	       /* a path or a destination; "": neither */
	char *rule, *tag;      /* "": none */
	char *later;	       /* what amendments say; "": nothing */
	char *json;
};

/* A gap, or what picket said of itself: for those who trust silence. */
struct incident_note {
	int64_t wall_ns; /* 0: not known */
	char *text;
};

struct incident {
	struct forest forest;		 /* of struct incident_process */
	struct incident_record *records; /* in the journal's order */
	size_t n, cap;
	struct incident_note *notes;
	size_t n_notes;
	size_t bytes; /* of all words */
	uint64_t dropped, dropped_notes, bad;
	bool trimmed; /* the span began before the journal does */
	struct span span;
	size_t subject; /* of records; SIZE_MAX: it is none of them */
};

struct incident_wish {
	const char *journal, *uid;
	int up; /* steps to the root; negative: as far as it is one unit's */
	int64_t before_ns, after_ns; /* of the record */
};

/*
 * -EINVAL: uid is not a name; -ENOENT: no such event, or no journal; -ESRCH:
 * it has no process; else -errno of reading. *ret: incident_done it always.
 */
int incident_read(const struct incident_wish *wish, struct incident *ret);
void incident_done(struct incident *in);

static inline const struct incident_process *incident_process(
	const struct incident *in, uint32_t node)
{
	return in->forest.nodes[node].of;
}
