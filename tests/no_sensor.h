/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of the sensor, for tests of what comes behind it: a kernel that has
 * summed no writes, and nobody who asks what was kept. For one file of a test.
 */
#pragma once

#include <errno.h>

#include "sense/sensor.h"

bool sensor_has_written(const struct sensor *s,
			const struct wire_written_key *key, uint64_t since_ns)
{
	(void)s;
	(void)key;
	(void)since_ns;
	return false;
}

int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret)
{
	(void)s;
	(void)key;
	(void)ret;
	return -ENOENT;
}

void sensor_kept(struct sensor *s, uint32_t epoch, uint64_t seq)
{
	(void)s;
	(void)epoch;
	(void)seq;
}
