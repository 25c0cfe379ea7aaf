// SPDX-License-Identifier: Apache-2.0
/* Whether an unpacked message is what everybody downstream takes it for. */
#include "out/view_part.h"

static bool address_fits(const Picket__V1__Address *a)
{
	return a && (a->ip.len == 4 || a->ip.len == 16) && a->port <= 65535;
}

/* An end of a socket: by an address, or by its family without one. */
static bool end_fits(const Picket__V1__Address *a, uint32_t family)
{
	return a ? address_fits(a) : family != 0;
}

/* Its own member, with what belongs to that, and no other kind's. */
bool view_event_fits(const Picket__V1__Event *e)
{
	int members = !!e->exec + !!e->exit + !!e->connect + !!e->write +
		      !!e->agent + !!e->listen + !!e->load + !!e->tamper;

	switch (e->kind) {
	case PICKET__V1__KIND__KIND_EXEC:
		return members == 1 && e->exec;
	case PICKET__V1__KIND__KIND_EXIT:
		return members == 1 && e->exit;
	case PICKET__V1__KIND__KIND_CONNECT:
		return members == 1 && e->connect &&
		       end_fits(e->connect->peer, e->connect->family);
	case PICKET__V1__KIND__KIND_LISTEN:
		return members == 1 && e->listen &&
		       end_fits(e->listen->local, e->listen->family);
	case PICKET__V1__KIND__KIND_LOAD:
		return members == 1 && e->load;
	case PICKET__V1__KIND__KIND_TAMPER:
		return members == 1 && e->tamper;
	case PICKET__V1__KIND__KIND_WRITE:
		return members == 1 && e->write && e->write->path;
	case PICKET__V1__KIND__KIND_AGENT:
		return members == 1 && e->agent;
	case PICKET__V1__KIND__KIND_UNSPECIFIED:
	case _PICKET__V1__KIND_IS_INT_SIZE:
		return false;
	}
	return members == 0; /* of a newer picket: nothing known here */
}

bool view_amendment_fits(const Picket__V1__Amendment *a)
{
	if (a->resolution)
		return !a->connect && !a->write && !a->repeats &&
		       a->resolution->verdict;
	if (a->connect)
		return !a->write && !a->repeats &&
		       address_fits(a->connect->local) &&
		       address_fits(a->connect->peer);
	if (a->write)
		return !a->repeats;
	return true;
}
