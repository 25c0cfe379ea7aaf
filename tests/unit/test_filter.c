// SPDX-License-Identifier: Apache-2.0
/* out/filter: what a destination is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf_key.h"
#include "out/filter.h"
#include "out/names.h"

static char *none[] = { NULL };

static struct view event_of(Picket__V1__Event *ev, Picket__V1__Kind k)
{
	picket__v1__event__init(ev);
	ev->kind = k;
	return (struct view){ .event = ev };
}

static bool passes(const struct filter *f, Picket__V1__Kind k)
{
	Picket__V1__Event ev;
	struct view v = event_of(&ev, k);

	return filter_passes(f, &v);
}

static void without_a_list_every_kind_passes(void **state)
{
	struct filter f;
	int k;

	(void)state;
	filter_init(&f, none, false);
	/* One that is not known here, too. */
	for (k = 0; k < 80; k++)
		assert_true(passes(&f, (Picket__V1__Kind)k));
}

static void a_list_is_all_that_passes(void **state)
{
	char *kinds[] = { (char[]){ "connect" }, (char[]){ "agent" }, NULL };
	struct filter f;

	(void)state;
	filter_init(&f, kinds, false);
	assert_true(passes(&f, PICKET__V1__KIND__KIND_CONNECT));
	assert_true(passes(&f, PICKET__V1__KIND__KIND_AGENT));
	assert_false(passes(&f, PICKET__V1__KIND__KIND_EXEC));
	assert_false(passes(&f, PICKET__V1__KIND__KIND_WRITE));
	assert_false(passes(&f, (Picket__V1__Kind)63));
	assert_false(passes(&f, (Picket__V1__Kind)64));
	assert_false(passes(&f, (Picket__V1__Kind)-1));
}

static void every_kind_that_can_be_listed_is_one(void **state)
{
	const struct conf_key *k = conf_key_find("collector", "kinds", NULL);
	const char *const *name;
	unsigned n;

	(void)state;
	assert_non_null(k);
	for (name = k->choices; *name; name++) {
		for (n = 0; n < 64; n++) {
			if (!strcmp(name_kind((Picket__V1__Kind)n), *name))
				break;
		}
		if (n == 64)
			fail_msg("no event is of kind '%s'", *name);
	}
}

static void alerts_only_keeps_the_rest_back(void **state)
{
	Picket__V1__Verdict verdict;
	Picket__V1__Event ev;
	struct view v = event_of(&ev, PICKET__V1__KIND__KIND_EXEC);
	struct filter f;

	(void)state;
	picket__v1__verdict__init(&verdict);
	filter_init(&f, none, true);
	assert_false(filter_passes(&f, &v));
	ev.verdict = &verdict;
	assert_false(filter_passes(&f, &v));
	verdict.alert = true;
	assert_true(filter_passes(&f, &v));
	assert_true(filter_is_alert(&v));
}

static void amendments_go_with_their_events(void **state)
{
	char *kinds[] = { (char[]){ "write" }, NULL };
	Picket__V1__ConnectResult result = PICKET__V1__CONNECT_RESULT__INIT;
	Picket__V1__WriteTotals totals = PICKET__V1__WRITE_TOTALS__INIT;
	Picket__V1__Amendment a = PICKET__V1__AMENDMENT__INIT;
	struct view v = { .amendment = &a };
	struct filter by_kind, by_alert;

	(void)state;
	filter_init(&by_kind, kinds, false);
	filter_init(&by_alert, none, true);
	/* Of an event that is not known any more: by what it holds. */
	a.write = &totals;
	assert_true(filter_passes(&by_kind, &v));
	assert_false(filter_passes(&by_alert, &v));
	a.write = NULL;
	a.connect = &result;
	assert_false(filter_passes(&by_kind, &v));
	/* Of a known one: as that. */
	v.amended = (struct view_amended){
		.known = true,
		.alert = true,
		.kind = PICKET__V1__KIND__KIND_CONNECT,
	};
	assert_false(filter_passes(&by_kind, &v));
	assert_true(filter_passes(&by_alert, &v));
	v.amended.alert = false;
	assert_false(filter_passes(&by_alert, &v));
}

static void gaps_are_for_everybody(void **state)
{
	char *kinds[] = { (char[]){ "write" }, NULL };
	Picket__V1__Gap gap;
	struct view v = { .gap = &gap };
	struct filter f;

	(void)state;
	picket__v1__gap__init(&gap);
	filter_init(&f, kinds, true);
	assert_true(filter_passes(&f, &v));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_list_every_kind_passes),
		cmocka_unit_test(a_list_is_all_that_passes),
		cmocka_unit_test(every_kind_that_can_be_listed_is_one),
		cmocka_unit_test(alerts_only_keeps_the_rest_back),
		cmocka_unit_test(amendments_go_with_their_events),
		cmocka_unit_test(gaps_are_for_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
