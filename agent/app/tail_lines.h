/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal frames -> filtered and formatted lines on a descriptor: what `picket
 * tail` prints. Knows no loop and no reader; see tail_view.h for both.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"

struct query_match;
struct reader_frame;
struct tail_lines;
struct template;

/* Kinds of records: bits, by their place in tail_kind_names. */
#define TAIL_EXEC      0x01
#define TAIL_EXIT      0x02
#define TAIL_CONNECT   0x04
#define TAIL_WRITE     0x08
#define TAIL_LISTEN    0x10
#define TAIL_LOAD      0x20
#define TAIL_TAMPER    0x40
#define TAIL_AGENT     0x80 /* picket about itself */
/* JSON only: in text an amendment has the kind of its event. */
#define TAIL_AMENDMENT 0x100
#define TAIL_ALL       0x1ff
/* Without exits, of which every exec has one and few are of interest. */
#define TAIL_DEFAULT   (TAIL_ALL & ~TAIL_EXIT)

/* How many of the names: kinds that hooks see, kinds of events, all. */
#define TAIL_KINDS_SEEN	 7
#define TAIL_KINDS_EVENT 8
#define TAIL_KINDS	 9
extern const char *const tail_kind_names[TAIL_KINDS];

/* "exec,connect" -> TAIL_*, of the first n names; -EINVAL: unknown word. */
int tail_kinds_parse(const char *list, size_t n, unsigned *ret_kinds);
/* The bit of an event's kind; all bits for a kind that is not known here. */
unsigned tail_kind(Picket__V1__Kind kind);

/* Is this a terminal whose user wants colours? */
bool tail_wants_color(int fd);

struct tail_settings {
	int fd;		/* stays the caller's; where the lines go */
	unsigned kinds; /* TAIL_*; gaps are shown whatever is chosen */
	bool json;
	bool alerts_only; /* alerts, and what picket lost */
	bool patient;	  /* wait for a slow reader of fd */
	bool as_log;	  /* alerts only, as lines of a service's log */
	int64_t since_ns; /* wall time; earlier records are skipped */
	/* Borrowed while this lives. NULL: no filter, the usual line. */
	const struct query_match *match; /* kinds and verdicts are ignored */
	const struct template *template;
};

/* Colours are used where fd is a terminal and NO_COLOR is not set. */
int tail_lines_new(const struct tail_settings *s, struct tail_lines **ret);
void tail_lines_free(struct tail_lines *t);

/*
 * Take one frame, of any type, in the journal's order. Its line waits in memory
 * for tail_lines_flush; a patient one flushes itself at 64 KiB. -EBADMSG: the
 * payload cannot be decoded, there is no line; -ENOMEM.
 */
int tail_lines_take(struct tail_lines *t, const uint8_t *journal_id,
		    const struct reader_frame *frame);

/*
 * 0: everything is written; 1: the reader is slow, wait until tail_lines_fd is
 * writable; -EPIPE: the reader is gone; other -errno: writing failed. Skipped
 * lines are reported by a line once there is room again.
 */
int tail_lines_flush(struct tail_lines *t);
int tail_lines_fd(const struct tail_lines *t);
/* Flush before taking more, or lines may be skipped. */
bool tail_lines_full(const struct tail_lines *t);
