// SPDX-License-Identifier: Apache-2.0
#include "out/ship_health.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "out/collector.h"
#include "out/ship_status.h"
#include "out/state_lock.h"

bool ship_is_well(const char *state_dir, int64_t now_ns, struct buf *why)
{
	struct ship_status s;
	int64_t silent_ms;
	int r;

	if (!state_lock_is_held(state_dir)) {
		buf_addf(why, "no picket-ship works in state_dir '%s'",
			 state_dir);
		return false;
	}
	r = ship_status_load(state_dir, COLLECTOR_STATUS, &s);
	if (r < 0) {
		buf_addf(why, "cannot read its status in state_dir '%s': %s",
			 state_dir, strerrordesc_np(-r));
		return false;
	}
	/* Less than none where the clock was set back: it said so just now. */
	silent_ms = (now_ns - s.written_ns) / (int64_t)NS_PER_MS;
	if (silent_ms <= SHIP_SILENT_MAX_MS)
		return true;
	buf_addf(why,
		 "picket-ship in state_dir '%s' has said nothing for %" PRId64
		 " s",
		 state_dir, silent_ms / 1000);
	return false;
}
