/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys, and its search. The one idea: a key is a row. Nothing
 * else in the program knows a key's name, bounds or default; conf_value.c
 * knows how each type is read and printed.
 */
#include "conf/conf_key.h"

#include <string.h>

#include "base/places.h"
#include "conf/conf.h"

#define KIB    (1ull << 10)
#define MIB    (1ull << 20)
#define GIB    (1ull << 30)
#define TIB    (1ull << 40)
#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const char *const level_names[] = { "error", "warning", "notice",
					   "info",  "debug",   NULL };
static const char *const backend_names[] = { "auto",   "lsm",	 "fentry",
					     "kprobe", "tp_btf", "raw_tp",
					     "cgroup", "off",	 NULL };
/* Who ran what is what all else is told by: never off. */
static const char *const exec_backend_names[] = {
	"auto", "lsm", "fentry", "kprobe", "tp_btf", "raw_tp", "cgroup", NULL,
};
static const char *const unlisted_names[] = {
	[CONF_UNLISTED_RECORD] = "record",
	[CONF_UNLISTED_ALERT] = "alert",
	[CONF_UNLISTED_DROP] = "drop",
	NULL,
};
static const char *const format_names[] = {
	[CONF_FORMAT_OTLP] = "otlp",
	[CONF_FORMAT_PICKET] = "picket",
	NULL,
};

static const char *const kind_names[] = { "exec", "connect", "write",
					  "exit", "agent",   "listen",
					  "load", "tamper",  NULL };

#define AT(member)   .at = offsetof(struct conf, member)
#define EACH(member) .each = true, .at = offsetof(struct conf_collector, member)

const struct conf_key conf_keys[] = {
	{ "agent", "log_level", CONF_NAME, AT(agent.log_level),
	  .fallback = "info", .choices = level_names,
	  .help = "least important log lines that are written to stderr" },

	{ "agent", "metrics_file", CONF_PATH, AT(agent.metrics_file),
	  .fallback = "", .may_be_empty = true,
	  .rule = "named *.prom, in a directory of root's; empty: none",
	  .help = "metrics for the textfile collector of node_exporter" },

	{ "sensor", "exec", CONF_NAME, AT(sensor.exec), .fallback = "auto",
	  .choices = exec_backend_names,
	  .help = "kernel hook that sees programs start" },
	{ "sensor", "connect", CONF_NAME, AT(sensor.connect),
	  .fallback = "auto", .choices = backend_names,
	  .help = "kernel hook that sees outgoing connections" },
	{ "sensor", "write", CONF_NAME, AT(sensor.write), .fallback = "auto",
	  .choices = backend_names,
	  .help = "kernel hook that sees changes of files" },
	{ "sensor", "listen", CONF_NAME, AT(sensor.listen), .fallback = "auto",
	  .choices = backend_names,
	  .help = "kernel hook that sees ports and sockets opened" },
	{ "sensor", "load", CONF_NAME, AT(sensor.load), .fallback = "auto",
	  .choices = backend_names,
	  .help = "kernel hook that sees code loaded into a process or the "
		  "kernel" },
	{ "sensor", "tamper", CONF_NAME, AT(sensor.tamper), .fallback = "auto",
	  .choices = backend_names,
	  .help = "kernel hook that sees processes and picket interfered with" },
	{ "sensor", "ring_size", CONF_SIZE, AT(sensor.ring_size),
	  .fallback = "16M", .min = 256 * KIB, .max = GIB,
	  .rule = "a power of two",
	  .help = "memory between kernel and agent, for bursts" },
	{ "sensor", "write_window", CONF_DURATION, AT(sensor.write_window_ms),
	  .fallback = "30s", .min = SECOND, .max = HOUR,
	  .help = "repeated writes to a file are summed for this long" },
	{ "sensor", "unix_sockets", CONF_BOOL, AT(sensor.unix_sockets),
	  .fallback = "no", .help = "report connections to unix sockets too" },
	{ "sensor", "pin_dir", CONF_PATH, AT(sensor.pin_dir),
	  .fallback = "/sys/fs/bpf/picket", .may_be_empty = true,
	  .rule = "in a mounted bpf file system; empty: none",
	  .help = "directory of what goes on while picket does not run" },
	{ "sensor", "env", CONF_WORDS, AT(sensor.env),
	  .fallback = "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT BASH_ENV ENV "
		      "PYTHONPATH PYTHONSTARTUP PYTHONHOME PERL5LIB PERL5OPT "
		      "NODE_OPTIONS NODE_PATH RUBYOPT RUBYLIB "
		      "JAVA_TOOL_OPTIONS _JAVA_OPTIONS CLASSPATH GCONV_PATH",
	  .may_be_empty = true, .rule = "names of variables",
	  .help = "environment variables that an exec event keeps" },

	{ "canary", "interval", CONF_DURATION, AT(canary.interval_ms),
	  .fallback = "5m", .min = 0, .max = DAY, .rule = "0s: never",
	  .help = "how often picket sees whether it sees" },
	{ "canary", "deadline", CONF_DURATION, AT(canary.deadline_ms),
	  .fallback = "30s", .min = 100, .max = DAY,
	  .help = "what has not come through by then, or by the next one, is "
		  "missing" },

	{ "trust", "enabled", CONF_BOOL, AT(trust.enabled), .fallback = "yes",
	  .help = "find out what files are, where a rule asks for it" },
	{ "trust", "max_size", CONF_SIZE, AT(trust.max_size),
	  .fallback = "256M", .min = MIB, .max = TIB,
	  .help = "larger files are not read" },
	{ "trust", "rate", CONF_SIZE, AT(trust.rate), .fallback = "128M",
	  .min = 0, .max = TIB, .rule = "per second; 0: no limit",
	  .help = "how fast files are read" },
	{ "trust", "db", CONF_PATH, AT(trust.db),
	  .fallback = "/var/lib/picket/trust.db", .may_be_empty = true,
	  .rule = "empty: made anew at each start",
	  .help = "file with the digests of what packages installed" },
	{ "trust", "dpkg_dir", CONF_PATH, AT(trust.dpkg_dir),
	  .fallback = "/var/lib/dpkg",
	  .help = "directory of dpkg's database, if there is one" },
	{ "trust", "rpm_dir", CONF_PATH, AT(trust.rpm_dir),
	  .fallback = "/var/lib/rpm",
	  .help = "directory of rpm's database, if there is one" },
	{ "trust", "rpm", CONF_PATH, AT(trust.rpm), .fallback = "/usr/bin/rpm",
	  .may_be_empty = true, .rule = "empty: not asked",
	  .help = "program that prints rpm's database" },

	{ "process", "max_processes", CONF_NUMBER, AT(process.max_processes),
	  .fallback = "65536", .min = 1024, .max = 4194304,
	  .help = "processes known at a time, the recently dead included" },
	{ "process", "keep_dead", CONF_DURATION, AT(process.keep_dead_ms),
	  .fallback = "2m", .min = SECOND, .max = HOUR,
	  .help = "how long a dead process can still be named" },

	{ "rules", "dir", CONF_PATH, AT(rules.dir), .fallback = PLACE_POLICY,
	  .help = "directory of the policy's *.ini files" },
	{ "rules", "watch", CONF_BOOL, AT(rules.watch), .fallback = "no",
	  .help = "reload the policy by itself when its files have changed" },
	{ "rules", "shadow", CONF_PATH, AT(rules.shadow), .fallback = "",
	  .may_be_empty = true, .rule = "empty: none",
	  .help = "directory of a candidate policy that is asked, too, and "
		  "decides nothing" },
	{ "rules", "unlisted_exec", CONF_ENUM, AT(rules.unlisted_exec),
	  .fallback = "alert", .choices = unlisted_names,
	  .help = "what to do with an exec that no rule lists" },
	{ "rules", "unlisted_connect", CONF_ENUM, AT(rules.unlisted_connect),
	  .fallback = "record", .choices = unlisted_names,
	  .help = "what to do with a connection that no rule lists" },
	{ "rules", "unlisted_write", CONF_ENUM, AT(rules.unlisted_write),
	  .fallback = "record", .choices = unlisted_names,
	  .help = "what to do with a change of a file that no rule lists" },
	{ "rules", "unlisted_listen", CONF_ENUM, AT(rules.unlisted_listen),
	  .fallback = "record", .choices = unlisted_names,
	  .help = "what to do with a listening socket that no rule lists" },
	{ "rules", "unlisted_load", CONF_ENUM, AT(rules.unlisted_load),
	  .fallback = "record", .choices = unlisted_names,
	  .help = "what to do with loaded code that no rule lists" },
	{ "rules", "unlisted_tamper", CONF_ENUM, AT(rules.unlisted_tamper),
	  .fallback = "record", .choices = unlisted_names,
	  .help = "what to do with interference that no rule lists" },

	{ "alerts", "window", CONF_DURATION, AT(alerts.window_ms),
	  .fallback = "5m", .min = 0, .max = DAY, .rule = "0s: never summed",
	  .help = "alerts of one rule and program are summed for this long" },
	{ "alerts", "unlisted", CONF_DURATION, AT(alerts.unlisted_ms),
	  .fallback = "30d", .min = 0, .max = 365 * DAY,
	  .help = "the same program that no rule lists is not told again for "
		  "this long" },
	{ "alerts", "objects", CONF_NUMBER, AT(alerts.objects), .fallback = "8",
	  .min = 1, .max = 32,
	  .help = "of them pass so many about different files or peers" },
	{ "alerts", "subjects", CONF_NUMBER, AT(alerts.subjects),
	  .fallback = "4096", .min = 64, .max = 262144,
	  .help = "rules and programs that are summed at a time" },

	{ "alerts", "log", CONF_BOOL, AT(alerts.log), .fallback = "yes",
	  .help = "a line for each on standard error, the service's log" },

	{ "redact", "key_file", CONF_PATH, AT(redact.key_file),
	  .fallback = "/var/lib/picket/redact.key", .may_be_empty = true,
	  .rule = "nobody else may read it; empty: a new key at each start",
	  .help = "key of what stands for secrets; made if it is not there" },

	{ "journal", "dir", CONF_PATH, AT(journal.dir),
	  .fallback = "/var/lib/picket/journal",
	  .help = "directory of the journal" },
	{ "journal", "max_size", CONF_SIZE, AT(journal.max_size),
	  .fallback = "1G", .min = 4 * MIB, .max = 16 * TIB,
	  .rule = "2 to 4096 times segment_size",
	  .help = "disk space that the journal may take" },
	{ "journal", "segment_size", CONF_SIZE, AT(journal.segment_size),
	  .fallback = "16M", .min = MIB, .max = GIB,
	  .help = "size of one file of the journal" },
	{ "journal", "buffer_size", CONF_SIZE, AT(journal.buffer_size),
	  .fallback = "16M", .min = MIB, .max = GIB,
	  .help = "memory for what the disk has not taken yet" },
	{ "journal", "max_age", CONF_DURATION, AT(journal.max_age_ms),
	  .fallback = "30d", .min = 0, .max = 36500 * DAY,
	  .rule = "0s: no bound",
	  .help = "files of the journal older than this are removed" },
	{ "journal", "sync_interval", CONF_DURATION,
	  AT(journal.sync_interval_ms), .fallback = "1s", .min = 10,
	  .max = MINUTE,
	  .help = "at most this long until an event is on the disk" },

	{ "collector", "url", CONF_TEXT, EACH(url), .fallback = "",
	  .may_be_empty = true,
	  .rule = "http:// or https://; empty: nothing is shipped",
	  .help = "where picket-ship sends events" },
	{ "collector", "format", CONF_ENUM, EACH(format), .fallback = "otlp",
	  .choices = format_names,
	  .help = "what is posted: OpenTelemetry logs or picket.v1.Batch" },
	{ "collector", "kinds", CONF_WORDS, EACH(kinds), .fallback = "",
	  .choices = kind_names, .may_be_empty = true, .rule = "empty: all",
	  .help = "events that are sent; amendments go with their events" },
	{ "collector", "alerts_only", CONF_BOOL, EACH(alerts_only),
	  .fallback = "no", .help = "send only alerts, and what amends them" },
	{ "collector", "state_dir", CONF_PATH, EACH(state_dir),
	  .fallback = "/var/lib/picket/ship",
	  .help = "directory of the cursor, the status and dead letters" },
	{ "collector", "batch_records", CONF_NUMBER, EACH(batch_records),
	  .fallback = "2000", .min = 1, .max = 100000,
	  .help = "records in one request" },
	{ "collector", "batch_bytes", CONF_SIZE, EACH(batch_bytes),
	  .fallback = "1M", .min = 256 * KIB, .max = 4 * MIB,
	  .help = "bytes in one request, before compression" },
	{ "collector", "batch_age", CONF_DURATION, EACH(batch_age_ms),
	  .fallback = "1s", .min = 10, .max = HOUR,
	  .help = "a request that is not full is sent after this long" },
	{ "collector", "replay_rate", CONF_NUMBER, EACH(replay_rate),
	  .fallback = "0", .min = 0, .max = 1000000, .rule = "0: no limit",
	  .help = "records per second of a backlog; what is fresh is not held" },
	{ "collector", "timeout", CONF_DURATION, EACH(timeout_ms),
	  .fallback = "30s", .min = 100, .max = 10 * MINUTE,
	  .help = "for one request, answer included" },
	{ "collector", "connect_timeout", CONF_DURATION,
	  EACH(connect_timeout_ms), .fallback = "10s", .min = 100,
	  .max = 5 * MINUTE, .rule = "at most timeout",
	  .help = "for connecting, TLS included" },
	{ "collector", "retry_min", CONF_DURATION, EACH(retry_min_ms),
	  .fallback = "1s", .min = 10, .max = HOUR, .rule = "at most retry_max",
	  .help = "first pause after a failed request, doubled each time" },
	{ "collector", "retry_max", CONF_DURATION, EACH(retry_max_ms),
	  .fallback = "5m", .min = 10, .max = DAY,
	  .help = "longest pause between tries" },
	{ "collector", "gzip", CONF_BOOL, EACH(gzip), .fallback = "yes",
	  .help = "compress requests" },
	{ "collector", "ca_file", CONF_PATH, EACH(ca_file), .fallback = "",
	  .may_be_empty = true, .rule = "empty: the system's",
	  .help = "certificates that may sign the collector's and a proxy's, in PEM" },
	{ "collector", "crl_file", CONF_PATH, EACH(crl_file), .fallback = "",
	  .may_be_empty = true, .rule = "https:// only; empty: none is asked",
	  .help = "revocation lists of all who signed the collector's, in PEM" },
	{ "collector", "cert_file", CONF_PATH, EACH(cert_file), .fallback = "",
	  .may_be_empty = true, .rule = "with key_file and https:// only",
	  .help = "client certificate, in PEM" },
	{ "collector", "key_file", CONF_PATH, EACH(key_file), .fallback = "",
	  .may_be_empty = true, .rule = "with cert_file only",
	  .help = "key of the client certificate, in PEM" },
	{ "collector", "token_file", CONF_PATH, EACH(token_file),
	  .fallback = "", .may_be_empty = true,
	  .help = "file whose first line is sent as bearer token" },
	{ "collector", "headers_file", CONF_PATH, EACH(headers_file),
	  .fallback = "", .may_be_empty = true,
	  .help = "file of further 'Name: value' header lines" },
	{ "collector", "proxy", CONF_TEXT, EACH(proxy), .fallback = "",
	  .may_be_empty = true, .rule = "http:// or https://; empty: none",
	  .help = "HTTP proxy on the way to the collector" },
};

const size_t conf_keys_n = sizeof(conf_keys) / sizeof(conf_keys[0]);

const struct conf_key *conf_key_find(const char *section, const char *name,
				     bool *ret_section)
{
	bool known = false;
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, section) != 0)
			continue;
		known = true;
		if (name && strcmp(conf_keys[i].name, name) == 0)
			break;
	}
	if (ret_section)
		*ret_section = known;
	return i < conf_keys_n ? &conf_keys[i] : NULL;
}

void *conf_key_place(const struct conf_key *k, struct conf *c, size_t which)
{
	char *base = (char *)c;

	if (k->each)
		base = (char *)(which ? &c->named[which - 1] : &c->collector);
	return base + k->at;
}
