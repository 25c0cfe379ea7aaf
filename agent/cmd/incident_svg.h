/* SPDX-License-Identifier: Apache-2.0 */
/* An incident's pictures, as SVG within HTML: no script, nothing fetched. */
#pragma once

#include "base/buf.h"
#include "cmd/incident.h"

/* The class that a page's style colours: "none", "low" … "critical". */
const char *incident_class(Picket__V1__Severity worst, bool alert);

/* The tree of processes. Returns how many of it are not drawn. */
uint32_t incident_svg_tree(struct buf *out, const struct incident *in);

/* Points in time, a lane for each kind of event. */
void incident_svg_time(struct buf *out, const struct incident *in);
