// SPDX-License-Identifier: Apache-2.0
#include "forced.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sense/probes.h"

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

/* One word: BACKEND or FAMILY=BACKEND. How many families it named. */
static int force_word(char *word, uint8_t force[static WIRE_FAM_COUNT])
{
	char *equals = strchr(word, '=');
	enum wire_backend backend = backend_named(equals ? equals + 1 : word);
	enum wire_family family;
	int named = 0;

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

/* cmocka asks no environment; each program would have to. */
__attribute__((constructor)) static void filter_by_env(void)
{
	const char *pattern = getenv("PICKET_TEST_FILTER");

	if (pattern && *pattern)
		cmocka_set_test_filter(pattern);
}
