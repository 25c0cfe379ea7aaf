// SPDX-License-Identifier: Apache-2.0
#include "forced.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sense/probes.h"
#include "sense/sensor.h"

static bool has_backend(const struct hook *hook, enum wire_backend backend)
{
	size_t i;

	for (i = 0; i < hook->count; i++)
		if (hook->probes[i].backend == backend)
			return true;
	return false;
}

/* What this family's events can come from, by the sensor's own table. */
static bool family_has(enum wire_family family, enum wire_backend backend)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (sense_hooks[i].family == family &&
		    sense_hooks[i].makes_events &&
		    has_backend(&sense_hooks[i], backend))
			return true;
	return false;
}

static enum wire_backend backend_named(const char *name)
{
	enum wire_backend backend;

	for (backend = WIRE_BACKEND_NONE + 1; backend < WIRE_BACKEND_COUNT;
	     backend++)
		if (strcmp(name, sense_backend_name(backend)) == 0)
			return backend;
	return WIRE_BACKEND_NONE;
}

static int family_named(const char *name)
{
	enum wire_family family;

	for (family = 0; family < WIRE_FAM_COUNT; family++)
		if (strcmp(name, sense_family_name(family)) == 0)
			return (int)family;
	return -1;
}

/* All that was not named by any such word is switched off by the last. */
static int force_only(const char *name, uint8_t force[static WIRE_FAM_COUNT])
{
	static bool is_named[WIRE_FAM_COUNT];
	int named = family_named(name);
	enum wire_family family;

	if (named < 0)
		return 0;
	is_named[named] = true;
	for (family = 0; family < WIRE_FAM_COUNT; family++) {
		if (is_named[family] && force[family] == SENSOR_OFF)
			force[family] = 0;
		/* By these the harness knows whose a record is. */
		if (!is_named[family] && family != WIRE_FAM_FORK &&
		    family != WIRE_FAM_EXIT && family != WIRE_FAM_CGROUP)
			force[family] = SENSOR_OFF;
	}
	return 1;
}

/* One word: BACKEND or FAMILY=BACKEND. How many families it named. */
static int force_word(char *word, uint8_t force[static WIRE_FAM_COUNT])
{
	char *equals = strchr(word, '=');
	enum wire_backend backend = backend_named(equals ? equals + 1 : word);
	enum wire_family family;
	int named = 0;

	if (strncmp(word, "only=", 5) == 0)
		return force_only(word + 5, force);
	if (equals)
		*equals = '\0';
	for (family = 0; backend && family < WIRE_FAM_COUNT; family++) {
		if (equals ? strcmp(word, sense_family_name(family)) != 0
			   : !family_has(family, backend))
			continue;
		force[family] = (uint8_t)backend;
		named++;
	}
	return named;
}

void forced_by_env(uint8_t force[static WIRE_FAM_COUNT])
{
	const char *env = getenv("PICKET_TEST_BACKEND");
	char copy[256], *word, *rest = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", env ? env : "");
	for (word = strtok_r(copy, " ,", &rest); word;
	     word = strtok_r(NULL, " ,", &rest)) {
		if (force_word(word, force))
			continue;
		(void)fprintf(stderr,
			      "PICKET_TEST_BACKEND: nothing is called '%s'\n",
			      word);
		exit(2);
	}
}

void assert_forced(const struct wire_hdr *record, enum wire_family family)
{
	uint8_t force[WIRE_FAM_COUNT] = { 0 };

	forced_by_env(force);
	assert_non_null(record);
	if (force[family])
		assert_string_equal(sense_backend_name(record->backend),
				    sense_backend_name(force[family]));
}

static bool fits_any(const char *name, const char *patterns)
{
	char copy[1024], *pattern, *rest = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", patterns);
	for (pattern = strtok_r(copy, " ", &rest); pattern;
	     pattern = strtok_r(NULL, " ", &rest))
		if (fnmatch(pattern, name, 0) == 0)
			return true;
	return false;
}

/*
 * In place of cmocka's own (by the linker's --wrap): its filter is one pattern,
 * and each further one would load everything anew.
 */
int __wrap__cmocka_run_group_tests(const char *group,
				   const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup,
				   CMFixtureFunction teardown);
int __real__cmocka_run_group_tests(const char *group,
				   const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup,
				   CMFixtureFunction teardown);

int __wrap__cmocka_run_group_tests(const char *group,
				   const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup,
				   CMFixtureFunction teardown)
{
	const char *patterns = getenv("PICKET_TEST_FILTER");
	struct CMUnitTest *wanted = calloc(n, sizeof(*wanted));
	size_t i, kept = 0;
	int r;

	if (!wanted)
		return -1;
	for (i = 0; i < n; i++)
		if (tests[i].name && (!patterns || !*patterns ||
				      fits_any(tests[i].name, patterns)))
			wanted[kept++] = tests[i];
	r = __real__cmocka_run_group_tests(group, wanted, kept, setup,
					   teardown);
	free(wanted);
	return r;
}
