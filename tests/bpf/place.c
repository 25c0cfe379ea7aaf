/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forced.h"

#define NAME "d\xc3\xbcrer/\xe2\x82\xac uro"

uint8_t place_backend(void)
{
	uint8_t force[WIRE_FAM_COUNT] = { 0 };

	forced_by_env(force);
	return force[WIRE_FAM_WRITE] ?: WIRE_BACKEND_TP_BTF;
}

bool by_calls(void)
{
	return place_backend() == WIRE_BACKEND_TP_BTF ||
	       place_backend() == WIRE_BACKEND_RAW_TP;
}

const char *place(void)
{
	static char dir[256];
	char up[256];

	if (!*dir) {
		(void)snprintf(up, sizeof(up), "%s/d\xc3\xbcrer", work_dir());
		(void)snprintf(dir, sizeof(dir), "%s/" NAME, work_dir());
		assert_int_equal(mkdir(up, 0755), 0);
		assert_int_equal(mkdir(dir, 0755), 0);
	}
	return dir;
}

const char *in_place(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", place(), name);
	return path;
}

int place_setup(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 8u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	char what[256] = "";
	struct seen *w;

	/* It must be there before the first child goes to it. */
	(void)place();
	forced_by_env(s.force);
	s.force[WIRE_FAM_WRITE] = place_backend();
	if (seen_try(&s, &w, what) < 0) {
		print_error("sensor_open: %s\n", what);
		return -1;
	}
	*state = w;
	return 0;
}
