/* SPDX-License-Identifier: Apache-2.0 */
/* Taking up a ring where the journal of its last reader ends. */
#pragma once

#include <stdint.h>

#include "sense/account.h"
#include "sense/ring.h"
#include "sense/sensor.h"

/*
 * Set the ring back to behind the last record that the journal has, count
 * those that will be read again as not received, and begin a new trail. How
 * many of the journal's frames cannot be made again.
 */
uint64_t resume_ring(struct ring *r, struct account *a, unsigned cpus,
		     const struct sensor_journal *j);

/*
 * Go on behind what another ring reports: records before `until` are counted as
 * received and read by nobody.
 */
void resume_drop(struct ring *r, struct account *a, uint64_t until);
