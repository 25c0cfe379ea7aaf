// SPDX-License-Identifier: Apache-2.0
/*
 * Points in time. The one idea: fields are taken off the front one by one,
 * each of a fixed number of digits, and at the end nothing may be left; then
 * the C library turns them into a time and back, and must say the same, so
 * there is no 30th of February and no hour that summer time leaves out.
 */
#include "cmd/when.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define NS ((int64_t)NS_PER_S)

static bool take_char(struct slice *s, const char *any)
{
	if (!s->n || !strchr(any, *s->p) || !*s->p)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool take_digits(struct slice *s, size_t n, int *ret)
{
	uint32_t v;

	if (s->n < n || text_u32(slice_of(s->p, n), &v) < 0)
		return false;
	s->p += n;
	s->n -= n;
	*ret = (int)v;
	return true;
}

static bool take_date(struct slice *s, struct tm *tm)
{
	struct slice rest = *s;
	int year, month, day;

	if (!take_digits(&rest, 4, &year) || !take_char(&rest, "-") ||
	    !take_digits(&rest, 2, &month) || !take_char(&rest, "-") ||
	    !take_digits(&rest, 2, &day))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	*s = rest;
	return true;
}

/* ".678": in ns, and how many ns its last digit stands for. */
static bool take_fraction(struct slice *s, int64_t *ret_ns, int64_t *ret_unit)
{
	int64_t ns = 0, unit = NS;
	int digit;

	while (unit > 1 && take_digits(s, 1, &digit)) {
		unit /= 10;
		ns += digit * unit;
	}
	*ret_ns = ns;
	*ret_unit = unit;
	return unit < NS;
}

struct parts {
	struct tm tm;
	int64_t ns, unit;
	bool has_zone;
	int64_t zone_s; /* to be taken off */
};

static bool take_time(struct slice *s, struct parts *p)
{
	if (!take_digits(s, 2, &p->tm.tm_hour) || !take_char(s, ":") ||
	    !take_digits(s, 2, &p->tm.tm_min))
		return false;
	if (!take_char(s, ":"))
		return true;
	if (!take_digits(s, 2, &p->tm.tm_sec))
		return false;
	return !take_char(s, ".") || take_fraction(s, &p->ns, &p->unit);
}

static bool take_zone(struct slice *s, struct parts *p)
{
	int hours, minutes, sign;

	if (!s->n)
		return true;
	p->has_zone = true;
	if (take_char(s, "Zz"))
		return true;
	sign = *s->p == '-' ? -1 : 1;
	if (!take_char(s, "+-") || !take_digits(s, 2, &hours) ||
	    !take_char(s, ":") || !take_digits(s, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	p->zone_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool same_fields(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon &&
	       a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour &&
	       a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

static int resolve(const struct parts *p, struct when *ret)
{
	struct tm tm = p->tm;
	int64_t s;

	tm.tm_isdst = -1;
	s = p->has_zone ? timegm(&tm) : mktime(&tm);
	if (!same_fields(&tm, &p->tm) || p->tm.tm_year < 70)
		return -EINVAL;
	s -= p->zone_s;
	/* Nanoseconds end in 2262: what is later is later than all there is. */
	if (s >= INT64_MAX / NS) {
		*ret = (struct when){ INT64_MAX, INT64_MAX };
		return 0;
	}
	ret->first_ns = s * NS + p->ns;
	ret->last_ns = ret->first_ns + p->unit - 1;
	return 0;
}

/* Absolute; without a date it is today's. */
static int parse_absolute(struct slice s, int64_t now_ns, struct when *ret)
{
	struct parts p = { .unit = NS };
	time_t now = (time_t)(now_ns / NS);
	struct tm today;
	bool has_date = take_date(&s, &p.tm);

	if (!has_date) {
		if (!localtime_r(&now, &today))
			return -EINVAL;
		p.tm.tm_year = today.tm_year;
		p.tm.tm_mon = today.tm_mon;
		p.tm.tm_mday = today.tm_mday;
	} else if (!s.n) {
		return resolve(&p, ret);
	} else if (!take_char(&s, "Tt ")) {
		return -EINVAL;
	}
	if (!take_time(&s, &p) || (has_date && !take_zone(&s, &p)) || s.n)
		return -EINVAL;
	return resolve(&p, ret);
}

int when_parse(struct slice text, int64_t now_ns, struct when *ret)
{
	static const char ago[] = " ago";
	struct slice s = text_trim(text);
	uint64_t ms;
	size_t n = sizeof(ago) - 1;

	if (slice_eq(s, slice_str("now"))) {
		*ret = (struct when){ now_ns, now_ns };
		return 0;
	}
	if (s.n > n && !memcmp(s.p + s.n - n, ago, n))
		s = text_trim(slice_of(s.p, s.n - n));
	if (text_duration(s, &ms) == 0) {
		/* Before 1970 there was no journal. */
		if (ms > (uint64_t)now_ns / NS_PER_MS)
			ms = (uint64_t)now_ns / NS_PER_MS;
		now_ns -= (int64_t)(ms * NS_PER_MS);
		*ret = (struct when){ now_ns, now_ns };
		return 0;
	}
	return parse_absolute(text_trim(text), now_ns, ret);
}
