// SPDX-License-Identifier: Apache-2.0
#include "refused.h"

#include <fnmatch.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sense/probes.h"

/* What the sensor says when its trial of a kind has failed. */
static bool is_whole_kind(const char *why)
{
	return strstr(why, ": the kernel takes none: ") ||
	       strstr(why, ": none can be attached: ") ||
	       strstr(why, ": never run: ") ||
	       strstr(why, ": programs attach and never run");
}

static bool fits_reason(const char *pattern, const char *why)
{
	regex_t reason;
	bool fits;

	assert_int_equal(regcomp(&reason, pattern, REG_EXTENDED | REG_NOSUB),
			 0);
	fits = regexec(&reason, why, 0, NULL, 0) == 0;
	regfree(&reason);
	return fits;
}

/* FAMILY BACKEND REASON, the first two globs, the last a regular expression. */
static bool fits_row(char *row, enum wire_family family,
		     enum wire_backend backend, const char *why)
{
	char *rest = NULL, *f = strtok_r(row, " \t\n", &rest);
	char *b = strtok_r(NULL, " \t\n", &rest);
	char *reason = strtok_r(NULL, "\n", &rest);

	if (!f)
		return false;
	assert_non_null(reason);
	return fnmatch(f, sense_family_name(family), 0) == 0 &&
	       fnmatch(b, sense_backend_name(backend), 0) == 0 &&
	       fits_reason(reason + strspn(reason, " \t"), why);
}

bool refused_rightly(enum wire_family family, enum wire_backend backend,
		     const char *why)
{
	const char *path = getenv("PICKET_TEST_MAY_LACK");
	bool fits = false;
	char row[512];
	FILE *f;

	if (!path || !*path)
		return is_whole_kind(why);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!fits && fgets(row, sizeof(row), f))
		fits = fits_row(row, family, backend, why);
	(void)fclose(f);
	return fits;
}
