/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks across keys, and of texts that have a form. The one idea: each is a
 * function that says what is wrong, in a table with the key to blame, so that
 * the message has a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/slice.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/conf_key.h"
#include "limits.h"

/* NULL: fine. */
typedef const char *(*check_fn)(const struct conf *c);
typedef const char *(*check_each_fn)(const struct conf_collector *c);

static const char *ring_is_power_of_two(const struct conf *c)
{
	uint64_t n = c->sensor.ring_size;

	return n & (n - 1) ? "is not a power of two" : NULL;
}

static bool is_name_char(char c, bool first)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

static const char *env_is_names(const struct conf *c)
{
	char *const *word;
	const char *p;

	for (word = c->sensor.env.words; *word; word++) {
		for (p = *word; *p; p++) {
			if (!is_name_char(*p, p == *word))
				return "has a word that is not the name of a "
				       "variable";
		}
	}
	return NULL;
}

/* node_exporter reads no others. */
static const char *metrics_is_prom(const struct conf *c)
{
	const char *name = c->agent.metrics_file, *dot = strrchr(name, '.');

	if (*name && (!dot || strcmp(dot, ".prom") != 0))
		return "does not end in .prom";
	return NULL;
}

static const char *journal_holds_segments(const struct conf *c)
{
	uint64_t n = c->journal.max_size / c->journal.segment_size;

	if (n < 2)
		return "is less than twice segment_size";
	if (n > PICKET_SEGMENTS_FULL)
		return "is more than 4096 times segment_size";
	return NULL;
}

_Static_assert(PICKET_SEGMENTS_FULL == 4096, "the message above says 4096");

/* "host", "host:port", "[address]" or "[address]:port". */
static const char *check_port(struct slice authority)
{
	const char *end = authority.p + authority.n, *at;
	struct slice port;
	uint64_t n;

	at = memchr(authority.p, *authority.p == '[' ? ']' : ':', authority.n);
	if (*authority.p == '[') {
		if (!at)
			return "has no ']' behind its address";
		at = at + 1 < end ? at + 1 : NULL;
		if (at && *at != ':')
			return "has something behind the ']' that is no port";
	}
	if (!at)
		return NULL;
	port = slice_of(at + 1, (size_t)(end - at - 1));
	if (memchr(port.p, ':', port.n))
		return "has an IPv6 address without brackets in it";
	if (text_u64(port, &n) < 0 || !n || n > UINT16_MAX)
		return "has a port that is not a number from 1 to 65535";
	return NULL;
}

/* Scheme, host, no blanks, and no secrets in it. */
static const char *check_url(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };
	struct slice s = slice_str(url), scheme;
	size_t i, host = 0, end;

	if (!s.n)
		return NULL;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		scheme = slice_str(schemes[i]);
		if (slice_starts(s, scheme))
			host = scheme.n;
	}
	if (!host)
		return "does not begin with http:// or https://";
	for (i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return "has a blank or control character in it";
	}
	end = host + strcspn(url + host, "/?#");
	if (end == host || url[host] == ':')
		return "has no host";
	if (memchr(url + host, '@', end - host))
		return "has a user name or password in it; use token_file or "
		       "headers_file";
	return check_port(slice_of(url + host, end - host));
}

static const char *url_is_url(const struct conf_collector *c)
{
	if (c->name && !*c->url)
		return "is missing";
	return check_url(c->url);
}

static const char *proxy_is_url(const struct conf_collector *c)
{
	return check_url(c->proxy);
}

static const char *cert_has_key(const struct conf_collector *c)
{
	if (*c->cert_file && !*c->key_file)
		return "is given without key_file";
	if (*c->cert_file && *c->url &&
	    !slice_starts(slice_str(c->url), slice_str("https://")))
		return "is given, but url is not https://";
	return NULL;
}

static const char *crl_has_tls(const struct conf_collector *c)
{
	if (*c->crl_file && *c->url &&
	    !slice_starts(slice_str(c->url), slice_str("https://")))
		return "is given, but url is not https://";
	return NULL;
}

static const char *key_has_cert(const struct conf_collector *c)
{
	if (*c->key_file && !*c->cert_file)
		return "is given without cert_file";
	return NULL;
}

static const char *connect_is_within_timeout(const struct conf_collector *c)
{
	if (c->connect_timeout_ms > c->timeout_ms)
		return "is longer than timeout";
	return NULL;
}

static const char *retry_is_ordered(const struct conf_collector *c)
{
	if (c->retry_min_ms > c->retry_max_ms)
		return "is longer than retry_max";
	return NULL;
}

static const struct {
	const char *section, *key;
	check_fn check;
} checks[] = {
	{ "agent", "metrics_file", metrics_is_prom },
	{ "sensor", "ring_size", ring_is_power_of_two },
	{ "sensor", "env", env_is_names },
	{ "journal", "max_size", journal_holds_segments },
};

static const struct {
	const char *key;
	check_each_fn check;
} each[] = {
	{ "url", url_is_url },
	{ "proxy", proxy_is_url },
	{ "crl_file", crl_has_tls },
	{ "cert_file", cert_has_key },
	{ "key_file", key_has_cert },
	{ "connect_timeout", connect_is_within_timeout },
	{ "retry_min", retry_is_ordered },
};

static int blame_on(struct conf_blame *b, const char *section, const char *key,
		    const char *wrong)
{
	b->key = conf_key_find(section, key, NULL);
	(void)snprintf(b->what, sizeof(b->what), "%s", wrong);
	return -EINVAL;
}

static const struct conf_collector *collector_at(const struct conf *c,
						 size_t which)
{
	return which ? &c->named[which - 1] : &c->collector;
}

/* One file of a name has one writer. */
static bool shares_dir(const struct conf *c, size_t which)
{
	size_t i;

	for (i = 0; i < which; i++) {
		if (!strcmp(collector_at(c, i)->state_dir,
			    collector_at(c, which)->state_dir))
			return true;
	}
	return false;
}

/* picket-ship may write its own directory, and the journal must stay proof. */
static bool meets_journal(const char *state_dir, const char *journal)
{
	return path_is_within(state_dir, journal) ||
	       path_is_within(journal, state_dir);
}

static int check_collector(const struct conf *c, struct conf_blame *b)
{
	const struct conf_collector *it = collector_at(c, b->which);
	const char *wrong;
	size_t i;

	for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		wrong = each[i].check(it);
		if (wrong)
			return blame_on(b, "collector", each[i].key, wrong);
	}
	if (shares_dir(c, b->which))
		return blame_on(b, "collector", "state_dir",
				"is another collector's too");
	if (meets_journal(it->state_dir, c->journal.dir))
		return blame_on(b, "collector", "state_dir",
				"holds the journal, or is in it");
	return 0;
}

int conf_check(const struct conf *c, struct conf_blame *blame)
{
	const char *wrong;
	size_t i;
	int r = 0;

	blame->which = 0;
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		wrong = checks[i].check(c);
		if (wrong)
			return blame_on(blame, checks[i].section, checks[i].key,
					wrong);
	}
	for (i = 0; i <= c->n_named && r == 0; i++) {
		blame->which = i;
		r = check_collector(c, blame);
	}
	return r;
}
