/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records went ahead of their turn, so that they are not sent again in
 * it: numbers in a file of the state directory, "early". Numbers whose turn
 * has passed are forgotten.
 *
 * A line that is lost costs a record that is sent twice; one that is invented
 * would cost a record. So each has a checksum, and one that does not fit is
 * as if it were not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beyond this nothing goes early any more until some have passed. */
#define EARLY_SET_MAX 65536u

struct early_set;

struct early_name {
	uint32_t epoch;
	uint64_t seq;
};

/* What of another journal is there is forgotten. NULL is fine to close. */
int early_set_open(const char *dir, const uint8_t journal[static 16],
		   struct early_set **ret);
void early_set_close(struct early_set *s);

size_t early_set_room(const struct early_set *s);
bool early_set_has(const struct early_set *s, struct early_name name);

/*
 * Durable when it returns 0. Remembered in any case: what could not be
 * written is sent again only if the shipper ends before its turn. -ENOBUFS:
 * no room.
 */
int early_set_add(struct early_set *s, const struct early_name *names,
		  size_t n);

/* Everything up to here is done with. A failure only keeps the file longer. */
void early_set_pass(struct early_set *s, struct early_name name);

/* (epoch, seq) as an order: < 0, 0, > 0. */
int early_name_order(struct early_name a, struct early_name b);
