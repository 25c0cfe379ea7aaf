// SPDX-License-Identifier: Apache-2.0
#include "sense/mending.h"

uint64_t mending_delay_ns(const struct mending *m)
{
	uint64_t delay = MENDING_FIRST_NS;
	uint32_t n;

	if (m->times <= 1)
		return 0;
	for (n = 2; n < m->times && delay < MENDING_LONGEST_NS; n++)
		delay *= 2;
	return delay < MENDING_LONGEST_NS ? delay : MENDING_LONGEST_NS;
}

static void put_off(struct mending *m, uint64_t now_ns)
{
	if (m->times < UINT32_MAX)
		m->times++;
	m->due_ns = now_ns + mending_delay_ns(m);
}

void mending_put_out(struct mending *m, uint64_t now_ns)
{
	if (m->back_ns && now_ns - m->back_ns >= MENDING_HELD_NS)
		m->times = 0;
	put_off(m, now_ns);
}

/* Whatever was the matter, it is not gone a moment later. */
void mending_failed(struct mending *m, uint64_t now_ns)
{
	put_off(m, now_ns);
}

void mending_done(struct mending *m, uint64_t now_ns)
{
	m->back_ns = now_ns;
}

bool mending_is_due(const struct mending *m, uint64_t now_ns)
{
	return now_ns >= m->due_ns;
}
