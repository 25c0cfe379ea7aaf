/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An incident as one HTML page: nothing is fetched, no script, readable
 * without colours and on paper. Every word is escape_html's.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "cmd/coverage_read.h"
#include "cmd/incident.h"

struct incident_page {
	const struct incident *in;
	const struct coverage *coverage; /* as of the record; NULL: unknown */
	const char *uid;		 /* of the record */
	const char *host;		 /* that the page is made on */
	int64_t now_ns;
};

/* out->failed: there was no memory, or no room. */
void incident_html(struct buf *out, const struct incident_page *page);
