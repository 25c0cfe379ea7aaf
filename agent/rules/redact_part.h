/* SPDX-License-Identifier: Apache-2.0 */
/* What redact_parse.c makes and redact.c and redact_text.c read. */
#pragma once

#include "rules/literals.h"
#include "rules/pattern.h"
#include "rules/redact.h"
#include "rules/redact_clean.h"
#include "rules/str_index.h"

enum redact_form {
	REDACT_OPTION,
	REDACT_PREFIX,
	REDACT_PROGRAM,
	REDACT_ENV,
	REDACT_ASSIGNED,
	REDACT_AFTER,
	REDACT_URL,
	REDACT_FORM_COUNT,
};

struct redact_section {
	const char *name;
	struct slice until; /* empty: none */
	uint32_t file;
	unsigned line;
	uint16_t forms; /* 1 << enum redact_form it has */
	uint16_t given; /* keys that may be given once, and were */
};

/* One line of a section. */
struct redact_value {
	uint8_t section;
	uint8_t form;		 /* enum redact_form */
	struct slice text;	 /* of a literal, its escapes undone */
	struct pattern *pattern; /* of a glob; owned */
};

struct redactor {
	struct redact_section *sections;
	struct redact_value *values; /* owner of each literal and pattern */
	size_t n_sections, n_values;
	struct str_index *globs[REDACT_FORM_COUNT];
	struct literals *texts; /* NULL: none */
	uint64_t with_program;	/* 1 << section */
	/* Written while all else is read; NULL: nothing is remembered. */
	struct redact_clean *clean;
};

/*
 * One image on its way. A mark is a byte of the list that is not to be seen:
 * its section, counted from 1.
 */
struct redacting {
	const struct redactor *r;
	struct slice list;
	uint8_t *marks;
	bool cut;	   /* the list's last string may lack its end */
	uint64_t programs; /* 1 << section: one of its programs was named */
};

void redact_mark(struct redacting *w, size_t from, size_t to, unsigned section);

/* redact_text.c: what is in the text of list[from..to), wherever it stands. */
void redact_text(struct redacting *w, size_t from, size_t to);

/*
 * redact_words.c: one argument list, or one environment. What img runs counts
 * as a word before the first.
 */
void redact_args(struct redacting *w, const struct image *img);
void redact_env(struct redacting *w);
