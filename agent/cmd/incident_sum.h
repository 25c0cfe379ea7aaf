/* SPDX-License-Identifier: Apache-2.0 */
/* An incident's records in sums: per destination, per file, per rule. */
#pragma once

#include "cmd/incident.h"

struct incident_sum {
	const char *key; /* of a record: the incident's */
	const struct incident_record *first, *last;
	uint64_t count, bytes;
	uint32_t alerts;
	Picket__V1__Severity worst; /* of the alerts */
};

/* The word that a record is summed under; NULL: it is not. */
typedef const char *(*incident_key)(const struct incident_record *rec);

const char *incident_destination(const struct incident_record *rec);
const char *incident_file(const struct incident_record *rec);
const char *incident_rule(const struct incident_record *rec);

/* Those with alerts first, then by count; free(*ret). -ENOMEM. */
int incident_sums(const struct incident *in, incident_key key,
		  struct incident_sum **ret, size_t *ret_n);
