// SPDX-License-Identifier: Apache-2.0
/* out/response: what an answer means. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"
#include "out/response.h"
#include "out/response_head.h"

#define PROTOBUF "application/x-protobuf"
#define JSON	 "application/json"

static struct response read_answer(long status, const char *type,
				   struct slice body)
{
	struct response_in in = {
		.status = status,
		.error = "connection refused",
		.retry_after = "",
		.content_type = type,
		.body = body,
		.now_s = 784111777, /* Sun, 06 Nov 1994 08:49:37 GMT */
	};
	struct response r;

	response_read(&in, &r);
	return r;
}

static void statuses_are_sorted(void **state)
{
	static const struct {
		long status;
		enum response_verdict verdict;
		bool is_setup;
	} rows[] = {
		{ 200, RESPONSE_ACK, false },
		{ 201, RESPONSE_ACK, false },
		{ 202, RESPONSE_ACK, false },
		{ 204, RESPONSE_ACK, false },
		{ 299, RESPONSE_ACK, false },
		{ 0, RESPONSE_RETRY, false },
		{ 301, RESPONSE_RETRY, true },
		{ 307, RESPONSE_RETRY, true },
		{ 400, RESPONSE_REFUSED, false },
		{ 401, RESPONSE_RETRY, true },
		{ 403, RESPONSE_RETRY, true },
		{ 404, RESPONSE_RETRY, true },
		{ 407, RESPONSE_RETRY, true },
		{ 408, RESPONSE_RETRY, false },
		{ 413, RESPONSE_TOO_LARGE, false },
		{ 415, RESPONSE_RETRY, true },
		{ 422, RESPONSE_REFUSED, false },
		{ 429, RESPONSE_RETRY, false },
		{ 500, RESPONSE_REFUSED, false },
		{ 501, RESPONSE_REFUSED, false },
		{ 502, RESPONSE_RETRY, false },
		{ 503, RESPONSE_RETRY, false },
		{ 504, RESPONSE_RETRY, false },
		{ 505, RESPONSE_REFUSED, false },
		{ 999, RESPONSE_REFUSED, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct response r =
			read_answer(rows[i].status, "", slice_of("", 0));

		if (r.verdict != rows[i].verdict ||
		    r.is_setup != rows[i].is_setup)
			fail_msg("status %ld: verdict %d setup %d",
				 rows[i].status, r.verdict, r.is_setup);
	}
}

static void partial_success_is_read_in_both_encodings(void **state)
{
	static const struct {
		const char *type;
		struct slice body;
		uint64_t rejected;
		const char *text;
	} rows[] = {
#define BODY(literal) { literal, sizeof(literal) - 1 }
		{ PROTOBUF, BODY(""), 0, "" },
		{ PROTOBUF, BODY("\x0a\x00"), 0, "" },
		{ PROTOBUF, BODY("\x0a\x08\x08\x07\x12\x04ouch"), 7, "ouch" },
		{ PROTOBUF, BODY("\x0a\x06\x12\x04warn"), 0, "warn" },
		/* A field that is not known comes first. */
		{ PROTOBUF, BODY("\x7a\x01x\x0a\x03\x08\xac\x02"), 300, "" },
		/* Negative, cut off, a length past the end: as if nothing. */
		{ PROTOBUF,
		  BODY("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		  0, "" },
		{ PROTOBUF, BODY("\x0a\x08\x08\x07\x12\x09ouch"), 0, "" },
		{ PROTOBUF, BODY("\x0a\xff\xff\xff\xff\x0f"), 0, "" },
		{ PROTOBUF, BODY("<html>"), 0, "" },
		{ JSON, BODY("{}"), 0, "" },
		{ JSON, BODY("{\"partialSuccess\":{}}"), 0, "" },
		{ JSON, BODY("{\"partialSuccess\":null}"), 0, "" },
		{ JSON,
		  BODY(" { \"a\":[1,{\"b\":\"\\\"}\"}], \"partialSuccess\" : "
		       "{\"rejectedLogRecords\":\"12\",\"errorMessage\":"
		       "\"no \\\"x\\\"\"} } "),
		  12, "no \\\\\"x\\\\\"" },
		{ JSON,
		  BODY("{\"partial_success\":{\"rejected_log_records\":3}}"), 3,
		  "" },
		{ "", BODY("{\"partialSuccess\":{\"rejectedLogRecords\":4}}"),
		  4, "" },
		{ JSON,
		  BODY("{\"partialSuccess\":{\"rejectedLogRecords\":-4}}"), 0,
		  "" },
		{ JSON, BODY("{\"partialSuccess\":{\"rejectedLogRecords\":5"),
		  0, "" },
		{ "text/plain", BODY("thanks"), 0, "" },
#undef BODY
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct response r =
			read_answer(200, rows[i].type, rows[i].body);

		assert_int_equal(r.verdict, RESPONSE_ACK);
		if (r.rejected != rows[i].rejected ||
		    strcmp(r.text, rows[i].text) != 0)
			fail_msg("row %zu: %lu '%s'", i,
				 (unsigned long)r.rejected, r.text);
	}
}

static void refusal_is_quoted_on_one_escaped_line(void **state)
{
	struct response r;

	(void)state;
	r = read_answer(400, PROTOBUF,
			slice_of("\x08\x03\x12\x03"
				 "bad",
				 7));
	assert_string_equal(r.text, "status 400: bad");
	r = read_answer(400, JSON, slice_str("{\"message\":\"no\"}"));
	assert_string_equal(r.text, "status 400: no");
	r = read_answer(503, "text/html", slice_str("\x1b[2Ja\nb"));
	assert_string_equal(r.text, "status 503: \\x1b[2Ja\\nb");
	r = read_answer(0, "", slice_of("", 0));
	assert_string_equal(r.text, "connection refused");
}

static void long_refusal_is_cut_between_characters(void **state)
{
	char body[4096];
	struct response r;
	size_t i;

	(void)state;
	for (i = 0; i + 2 < sizeof(body); i += 3)
		memcpy(body + i, "\xe2\x82\xac", 3); /* euro signs */
	r = read_answer(500, "text/plain", slice_of(body, sizeof(body) - 1));
	assert_true(strlen(r.text) < sizeof(r.text));
	assert_true(utf8_valid(slice_str(r.text)));
	memset(body, 1, sizeof(body)); /* \x01, four bytes for one */
	r = read_answer(500, "text/plain", slice_of(body, sizeof(body)));
	assert_true(strlen(r.text) < sizeof(r.text));
}

static void json_that_is_too_deep_is_left_alone(void **state)
{
	char body[4096];
	struct response r;

	(void)state;
	memset(body, '[', sizeof(body));
	body[0] = '{';
	memcpy(body + 1, "\"a\":", 4);
	r = read_answer(200, JSON, slice_of(body, sizeof(body)));
	assert_int_equal(r.verdict, RESPONSE_ACK);
	assert_int_equal(r.rejected, 0);
}

static void retry_after_is_seconds_or_one_of_three_dates(void **state)
{
	static const struct {
		const char *value;
		int result;
		uint64_t ms;
	} rows[] = {
		{ "0", 0, 0 },
		{ "120", 0, 120000 },
		{ " 7 ", 0, 7000 },
		{ "99999999999999999999", 0, UINT32_MAX * 1000ull },
		{ "Sun, 06 Nov 1994 08:50:07 GMT", 0, 30000 },
		{ "Sunday, 06-Nov-94 08:50:07 GMT", 0, 30000 },
		{ "Sun Nov  6 08:50:07 1994", 0, 30000 },
		{ "Sun, 06 Nov 1994 08:49:00 GMT", 0, 0 },
		{ "Tue, 06 Nov 3994 08:49:37 GMT", 0, UINT32_MAX * 1000ull },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "soon", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 08:50:07", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 08:50:07 GMT+1", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 25:50:07 GMT", -EINVAL, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms = 4711;
		int r = response_retry_after(rows[i].value, 784111777, &ms);

		if (r != rows[i].result || ms != (r ? 4711 : rows[i].ms))
			fail_msg("'%s': %d %lu", rows[i].value, r,
				 (unsigned long)ms);
	}
}

static void retry_after_counts_only_where_it_is_tried_again(void **state)
{
	struct response_in in = {
		.status = 503,
		.error = "",
		.retry_after = "3",
		.content_type = "",
		.now_s = 0,
	};
	struct response r;

	(void)state;
	response_read(&in, &r);
	assert_true(r.has_retry_after);
	assert_int_equal(r.retry_after_ms, 3000);
	in.status = 400;
	response_read(&in, &r);
	assert_false(r.has_retry_after);
	assert_int_equal(r.retry_after_ms, 0);
	in.status = 429;
	in.retry_after = "later";
	response_read(&in, &r);
	assert_false(r.has_retry_after);
}

/* ---- header lines ----------------------------------------------------------- */

static bool say(struct response_head *h, const char *line)
{
	return response_head_line(h, slice_str(line));
}

static void head_is_whole_with_the_empty_line(void **state)
{
	struct response_head h;

	(void)state;
	response_head_begin(&h);
	assert_true(say(&h, "HTTP/1.1 503 Busy\r\n"));
	assert_true(say(&h, "retry-after:\t 7 \r\n"));
	assert_true(say(&h, "Content-Type: text/plain\r\n"));
	assert_false(h.is_whole);
	assert_true(say(&h, "\r\n"));
	assert_true(h.is_whole);
	assert_string_equal(h.retry_after, "7");
	assert_string_equal(h.content_type, "text/plain");
}

static void status_line_begins_anew(void **state)
{
	struct response_head h;
	size_t bytes;

	(void)state;
	response_head_begin(&h);
	assert_true(say(&h, "HTTP/1.1 103 Early Hints\r\n"));
	assert_true(say(&h, "Retry-After: 9\r\n"));
	assert_true(say(&h, "\r\n"));
	bytes = h.bytes;
	assert_true(say(&h, "HTTP/2 200\r\n"));
	assert_false(h.is_whole);
	assert_string_equal(h.retry_after, "");
	assert_true(h.bytes > bytes);
}

static void odd_lines_are_left_alone(void **state)
{
	static const struct slice lines[] = {
		{ "Retry-After", 11 },
		{ "Retry-After:", 12 },
		{ "Retry-After: \r\n", 15 },
		{ "Retry-After: 1\0002\r\n", 18 },
		{ "Retry-Afters: 1\r\n", 17 },
		{ " Retry-After: 1\r\n", 17 },
		{ "", 0 },
	};
	struct response_head h;
	char line[RESPONSE_VALUE_MAX + 32];
	size_t i;

	(void)state;
	response_head_begin(&h);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(response_head_line(&h, lines[i]));
		assert_string_equal(h.retry_after, "");
	}
	assert_false(h.is_whole);
	(void)snprintf(line, sizeof(line), "Retry-After: %0*d",
		       RESPONSE_VALUE_MAX, 1);
	assert_true(say(&h, line));
	assert_string_equal(h.retry_after, "");
	(void)snprintf(line, sizeof(line), "Retry-After: %0*d",
		       RESPONSE_VALUE_MAX - 1, 1);
	assert_true(say(&h, line));
	assert_int_equal(strlen(h.retry_after), RESPONSE_VALUE_MAX - 1);
}

static void head_has_an_end(void **state)
{
	struct response_head h;
	char line[1024];
	size_t i;

	(void)state;
	memset(line, 'x', sizeof(line));
	response_head_begin(&h);
	for (i = 0; i < RESPONSE_HEAD_MAX / sizeof(line); i++)
		assert_true(
			response_head_line(&h, slice_of(line, sizeof(line))));
	/* Not by beginning anew, either. */
	assert_false(say(&h, "HTTP/1.1 100 Continue\r\n"));
	assert_false(say(&h, "\n"));
	assert_false(h.is_whole);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_are_sorted),
		cmocka_unit_test(partial_success_is_read_in_both_encodings),
		cmocka_unit_test(refusal_is_quoted_on_one_escaped_line),
		cmocka_unit_test(long_refusal_is_cut_between_characters),
		cmocka_unit_test(json_that_is_too_deep_is_left_alone),
		cmocka_unit_test(retry_after_is_seconds_or_one_of_three_dates),
		cmocka_unit_test(
			retry_after_counts_only_where_it_is_tried_again),
		cmocka_unit_test(head_is_whole_with_the_empty_line),
		cmocka_unit_test(status_line_begins_anew),
		cmocka_unit_test(odd_lines_are_left_alone),
		cmocka_unit_test(head_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
