/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal frames -> lines on a descriptor, chosen and formatted: what
 * `picket tail` prints. Knows no loop and no reader; see tail_view.h for both.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"

struct query_match;
struct reader_frame;
struct tail_lines;
struct template;

/* Kinds, by the name that stands in the line: bits by place in the table. */
#define TAIL_EXEC      0x01
#define TAIL_EXIT      0x02
#define TAIL_CONNECT   0x04
#define TAIL_WRITE     0x08
#define TAIL_LISTEN    0x10
#define TAIL_LOAD      0x20
#define TAIL_TAMPER    0x40
#define TAIL_AGENT     0x80 /* picket about itself */
/* JSON only: in text an amendment is of the kind of the event it amends. */
#define TAIL_AMENDMENT 0x100
#define TAIL_ALL       0x1ff
/* For people: every exec has an exit, and few of them say anything. */
#define TAIL_DEFAULT   (TAIL_ALL & ~TAIL_EXIT)

/* The first of them alone: what hooks tell of, and what is an event. */
#define TAIL_KINDS_SEEN	 7
#define TAIL_KINDS_EVENT 8
#define TAIL_KINDS	 9
extern const char *const tail_kind_names[TAIL_KINDS];

/* "exec,connect" of the first n -> TAIL_*; -EINVAL: another word. */
int tail_kinds_parse(const char *list, size_t n, unsigned *ret_kinds);
/* The bit of an event's kind; one that is not known here has all bits. */
unsigned tail_kind(Picket__V1__Kind kind);

/* Is this a terminal whose user wants colours? */
bool tail_wants_color(int fd);

struct tail_settings {
	int fd;		/* stays the caller's; where the lines go */
	unsigned kinds; /* TAIL_*; gaps are shown whatever is chosen */
	bool json;
	bool alerts_only; /* and what picket lost */
	bool patient;	  /* wait for a slow reader of fd */
	bool as_log;	  /* alerts alone, as lines of a service's log */
	int64_t since_ns; /* wall clock: what was before is not shown */
	/* The caller's, as long as this lives; NULL: as there is no such. */
	const struct query_match
		*match; /* its kinds and verdicts are not asked */
	const struct template *template; /* else the usual line */
};

/* Colours are used where fd is a terminal and NO_COLOR is not set. */
int tail_lines_new(const struct tail_settings *s, struct tail_lines **ret);
void tail_lines_free(struct tail_lines *t);

/*
 * One frame, of any type, in the journal's order. Its line waits in memory
 * for tail_lines_flush, the patient kind at most until there are 64 KiB.
 * -EBADMSG: a payload that cannot be understood, no line; else -ENOMEM.
 */
int tail_lines_take(struct tail_lines *t, const uint8_t *journal_id,
		    const struct reader_frame *frame);

/*
 * 0: all is out; 1: the reader is slow, wait until the descriptor of
 * tail_lines_fd is writable; -EPIPE: nobody reads any more; other -errno.
 * Lines that had no room are told of in a line once there is room again.
 */
int tail_lines_flush(struct tail_lines *t);
int tail_lines_fd(const struct tail_lines *t);
/* A flush is due before more is taken, or lines may have no room. */
bool tail_lines_full(const struct tail_lines *t);
