/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status -> what to do is a table. Bodies matter little: a 2xx is an
 * acknowledgement whatever its body says (collectors answer protobuf, JSON,
 * text or nothing); the body only tells of partial success, which is counted
 * and never retried, and gives a refusal its words.
 */
#include "out/response.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/text.h"
#include "out/pbwire.h"
#include "out/response_json.h"

/* Words of the collector that are quoted. */
#define QUOTE_MAX 200

/* First row that fits; a status in no row is a refusal. */
static const struct {
	long first, last;
	enum response_verdict verdict;
	bool is_setup;
} rules[] = {
	/* An interim answer with no other behind it. */
	{ 100, 199, RESPONSE_RETRY, true },
	{ 200, 299, RESPONSE_ACK, false },
	/* Not followed: what answers is not the collector that was named. */
	{ 300, 399, RESPONSE_RETRY, true },
	{ 401, 401, RESPONSE_RETRY, true },  /* credentials */
	{ 402, 405, RESPONSE_RETRY, true },  /* payment, forbidden, path */
	{ 407, 407, RESPONSE_RETRY, true },  /* proxy credentials */
	{ 408, 408, RESPONSE_RETRY, false }, /* it was too slow for it */
	{ 413, 413, RESPONSE_TOO_LARGE, false },
	{ 415, 415, RESPONSE_RETRY, true }, /* another format is wanted */
	{ 421, 421, RESPONSE_RETRY, true }, /* wrong host */
	{ 425, 425, RESPONSE_RETRY, false },
	{ 426, 426, RESPONSE_RETRY, true }, /* other protocol */
	{ 429, 429, RESPONSE_RETRY, false },
	{ 502, 504, RESPONSE_RETRY, false },
	{ 511, 511, RESPONSE_RETRY, true }, /* a captive portal */
};

/* ---- Retry-After ------------------------------------------------------------ */

int response_retry_after(const char *value, int64_t now_s, uint64_t *ret_ms)
{
	static const char *const dates[] = {
		"%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
		"%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
		"%a %b %d %H:%M:%S %Y",	     /* asctime */
	};
	struct slice s = text_trim(slice_str(value));
	uint64_t seconds;
	size_t i;
	int r;

	r = text_u64(s, &seconds);
	if (r == -ERANGE || (r == 0 && seconds > UINT32_MAX))
		seconds = UINT32_MAX;
	if (r == 0 || r == -ERANGE) {
		*ret_ms = seconds * 1000;
		return 0;
	}
	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(s.p, dates[i], &tm);
		int64_t when;

		if (end != s.p + s.n)
			continue;
		when = timegm(&tm);
		if (when <= now_s)
			*ret_ms = 0;
		else if (when - now_s > UINT32_MAX)
			*ret_ms = UINT32_MAX * UINT64_C(1000);
		else
			*ret_ms = (uint64_t)(when - now_s) * 1000;
		return 0;
	}
	return -EINVAL;
}

/* ---- bodies ----------------------------------------------------------------- */

struct partial {
	uint64_t rejected;
	struct slice message;
};

/*
 * ExportLogsServiceResponse { partial_success = 1 }, which is
 * { rejected_log_records = 1, error_message = 2 }.
 */
static int read_partial_pb(struct slice body, struct partial *p)
{
	struct wire_field f;
	struct slice inner;
	int r;

	while ((r = wire_next(&body, &f)) > 0) {
		if (f.number != 1 || f.type != 2)
			continue;
		inner = f.bytes;
		while ((r = wire_next(&inner, &f)) > 0) {
			if (f.number == 1 && f.type == 0 &&
			    f.value <= INT64_MAX)
				p->rejected = f.value;
			else if (f.number == 2 && f.type == 2)
				p->message = f.bytes;
		}
		if (r < 0)
			return r;
	}
	return r;
}

/* google.rpc.Status { code = 1, message = 2 }: what OTLP errors carry. */
static int read_status_pb(struct slice body, struct partial *p)
{
	struct wire_field f;
	int r;

	while ((r = wire_next(&body, &f)) > 0) {
		if (f.number == 2 && f.type == 2)
			p->message = f.bytes;
	}
	return r;
}

static bool key_is(struct slice key, const char *camel, const char *snake)
{
	return slice_eq(key, slice_str(camel)) ||
	       slice_eq(key, slice_str(snake));
}

static bool partial_member(void *arg, struct slice key, struct json *j)
{
	struct partial *p = arg;
	struct slice digits;
	uint64_t n;

	if (key_is(key, "rejectedLogRecords", "rejected_log_records")) {
		struct json at = *j;

		if (json_number(&at, &digits) && text_u64(digits, &n) == 0)
			p->rejected = n;
	} else if (key_is(key, "errorMessage", "error_message")) {
		struct json at = *j;

		(void)json_string(&at, &p->message);
	}
	return json_skip(j);
}

static bool response_member(void *arg, struct slice key, struct json *j)
{
	if (key_is(key, "partialSuccess", "partial_success") &&
	    json_is_object(j))
		return json_object(j, partial_member, arg);
	return json_skip(j);
}

static bool status_member(void *arg, struct slice key, struct json *j)
{
	struct partial *p = arg;
	struct json at = *j;

	if (key_is(key, "message", "error"))
		(void)json_string(&at, &p->message);
	return json_skip(j);
}

static bool type_is(const char *content_type, const char *type)
{
	size_t n = strlen(type);

	return !strncasecmp(content_type, type, n) &&
	       (!content_type[n] || strchr("; \t", content_type[n]));
}

/* By its type where that is known, else by its first byte. */
static void read_body(const struct response_in *in, bool is_ack,
		      struct partial *p)
{
	struct json j = { .rest = in->body };

	if (!in->body.n)
		return;
	if (type_is(in->content_type, "application/x-protobuf")) {
		if ((is_ack ? read_partial_pb(in->body, p)
			    : read_status_pb(in->body, p)) < 0)
			*p = (struct partial){ 0 };
	} else if (json_is_object(&j)) {
		if (!json_object(&j, is_ack ? response_member : status_member,
				 p))
			*p = (struct partial){ 0 };
	}
	if (!p->message.n && !is_ack)
		p->message = in->body;
}

static void describe(const struct response_in *in, const struct partial *p,
		     struct response *ret)
{
	cleanup_buf struct buf text = BUF_INIT(8 * RESPONSE_TEXT_MAX);
	struct slice quote = p->message;
	size_t n;

	if (quote.n > QUOTE_MAX)
		quote.n = QUOTE_MAX;
	quote = text_trim(quote);
	if (!in->status)
		escape_text(&text, slice_str(in->error));
	else if (ret->verdict != RESPONSE_ACK)
		buf_addf(&text, "status %ld", in->status);
	if (quote.n) {
		if (text.n)
			buf_add_str(&text, ": ");
		escape_text(&text, quote);
	}
	n = text.n < sizeof(ret->text) ? text.n : sizeof(ret->text) - 1;
	/* Never end within a character. */
	while (n && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	if (n)
		memcpy(ret->text, text.p, n);
	ret->text[n] = '\0';
}

void response_read(const struct response_in *in, struct response *ret)
{
	struct partial p = { 0 };
	bool is_ack;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	ret->verdict = in->status ? RESPONSE_REFUSED : RESPONSE_RETRY;
	for (i = 0; in->status && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (in->status < rules[i].first || in->status > rules[i].last)
			continue;
		ret->verdict = rules[i].verdict;
		ret->is_setup = rules[i].is_setup;
		break;
	}
	is_ack = ret->verdict == RESPONSE_ACK;
	if (in->status)
		read_body(in, is_ack, &p);
	ret->rejected = is_ack ? p.rejected : 0;
	if (ret->verdict == RESPONSE_RETRY && *in->retry_after &&
	    response_retry_after(in->retry_after, in->now_s,
				 &ret->retry_after_ms) == 0)
		ret->has_retry_after = true;
	describe(in, &p, ret);
}
