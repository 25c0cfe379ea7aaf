/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the sensor share: sensor.c, what it is to the agent,
 * and sensor_past.c, what earlier agents left for it. Nobody else includes
 * this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sense/account.h"
#include "sense/attach.h"
#include "sense/calls.h"
#include "sense/former.h"
#include "sense/handover.h"
#include "sense/memory.h"
#include "sense/pins.h"
#include "sense/sensor.h"

#define FORMERS_MAX 8

struct sensor {
	struct attachment a;
	struct calls_found calls; /* of this kernel */
	uint8_t force[WIRE_FAM_COUNT]; /* as in the settings */
	struct ring *ring;
	uint64_t ring_bytes;
	unsigned cpus;
	struct wire_counters *percpu; /* room for one lookup */

	struct pins *pins; /* NULL: nothing is pinned, see trouble */
	char trouble[256]; /* why; empty: it was not asked for */
	char name[PINS_NAME_MAX];
	struct account *account;
	int account_fd;	 /* its map, where it is pinned; -1 */
	struct memory memory; /* for the agent, where it is pinned */
	int memory_fd;	      /* its map; -1 */
	struct memory summed; /* see WIRE_SUMMED_SLOT */
	bool is_pinned;	 /* and so is the account */
	bool is_astray;	 /* the pins cannot be put right: see trouble */
	struct pins_mark mark;
	bool is_racy; /* the mark was made too soon to tell */
	struct wire_control self; /* as the programs were told */
	bool is_adopted; /* the programs were running when we came */
	bool is_kept;	 /* they are to run on when we go */

	struct former formers[FORMERS_MAX];
	size_t former_count;
	size_t former_at; /* those before are read */
	uint64_t past_end; /* of our own ring, when we came */
	struct handover handover;

	/* What sensor_read is handing out. */
	struct ring *reading;
	struct account *reading_account;
	sensor_fn fn;
	void *arg;
};

/*
 * Take the pin directory, and what is of use in it. -EWOULDBLOCK: a living
 * agent holds it. Without a directory it is all well, and s->trouble says why.
 */
int past_open(struct sensor *s, const struct sensor_settings *settings,
	      char what[static 256]);
/* Take over what runs; false: nothing does, or not as we would have it. */
bool past_adopt(struct sensor *s);
/* Whether pins of other builds, or of a dead agent's, are there. */
bool past_has_others(const struct sensor *s);
/* Pin what was attached; failing that, s->trouble says why. */
int past_pin(struct sensor *s);
/* Our ring is there: end what others left running. */
int past_take_over(struct sensor *s);
void past_close(struct sensor *s);

/* The pins are as they should be: what is changed from now on is not ours. */
void care_mark_pins(struct sensor *s);
