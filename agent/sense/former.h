/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of an agent that is no more and of programs that were replaced: to
 * be read to its end, then forgotten. Inside sense/ only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sense/account.h"
#include "sense/memory.h"
#include "sense/pins.h"
#include "sense/ring.h"

struct former {
	char name[PINS_NAME_MAX];
	bool is_readable;    /* its records and its account are of our layout */
	bool was_running;    /* its programs were attached when we came */
	bool was_whole;	     /* all of them, as far as can be known */
	unsigned links_gone; /* of those that were to stay attached */
	int counters;
	int written;
	uint64_t unreadable;	 /* records that only could be counted */
	struct ring *ring;	 /* NULL: it left none */
	struct account *account; /* where is_readable */
	struct memory memory; /* its agent's; may be none */
	unsigned cpus;
};

/* -errno: it can only be dropped. */
int former_open(const struct pins *p, const char *name, unsigned cpus,
		struct former *ret);
void former_close(struct former *f);

/* From here on another ring reports: what comes later is not read. */
void former_end(struct former *f);

/* Where its reader's journal has its last record; what cannot be had again. */
uint64_t former_resume(struct former *f, const struct sensor_journal *j);

/* As ring_read; 0: there is nothing left. */
int former_read(struct former *f, ring_fn fn, void *arg, size_t max);
