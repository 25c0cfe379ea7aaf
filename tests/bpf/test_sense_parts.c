/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two threads that load programs have about as much to do: by what the
 * kernel says that it went through for each, not by our own table (parts.c).
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

#include "sense/parts.h"
#include "sense/sensor_impl.h"
#include "sense/skeleton.h"

/* Of a hundred; the dearest program alone is a third of all. */
#define SHARE_MOST 60

static uint64_t verified_for(const struct picket_bpf *skel)
{
	struct bpf_prog_info info;
	struct bpf_program *p;
	uint32_t n;
	uint64_t sum = 0;

	bpf_object__for_each_program(p, skel->obj)
	{
		if (bpf_program__fd(p) < 0)
			continue;
		info = (struct bpf_prog_info){ 0 };
		n = sizeof(info);
		assert_int_equal(
			bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &n),
			0);
		sum += info.verified_insns;
	}
	return sum;
}

static void both_threads_have_as_much_to_do(void **state)
{
	const struct sensor_settings settings = {
		.ring_bytes = 256u << 10,
		.window_ms = 1000,
	};
	char what[256] = "";
	struct sensor *s;
	uint64_t one, other, more;

	(void)state;
	assert_int_equal(sensor_open(&settings, &s, what), 0);
	assert_true(s->a.object_count > PARTS);
	/* The first has the maps. */
	one = verified_for(s->a.objects[1]);
	other = verified_for(s->a.objects[2]);
	more = one > other ? one : other;
	print_message("%llu and %llu instructions\n", (unsigned long long)one,
		      (unsigned long long)other);
	sensor_close(s);
	if (!more) {
		print_message("this kernel (before 5.16) does not say\n");
		skip();
	}
	assert_true(more * 100 <= (one + other) * SHARE_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_threads_have_as_much_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
