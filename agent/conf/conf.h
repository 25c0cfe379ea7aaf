/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.ini -> typed settings. The key table in conf_key.c is the reference;
 * packaging/agent.ini shows every key at its default (a test compares).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define CONF_WORDS_MAX 64

struct conf_words {
	char *words[CONF_WORDS_MAX + 1];	/* NULL-terminated; owned */
};

enum conf_unlisted { CONF_UNLISTED_RECORD, CONF_UNLISTED_ALERT,
		     CONF_UNLISTED_DROP };
enum conf_format { CONF_FORMAT_OTLP, CONF_FORMAT_PICKET };

/* One destination: what [collector] or [collector NAME] says. */
struct conf_collector {
	char *name;		/* NULL: [collector] itself; owned */
	char *url;		/* empty: nothing is shipped; owned, as all text */
	int format;		/* enum conf_format */
	struct conf_words kinds; /* of events; none: all */
	bool alerts_only;
	char *state_dir;	/* cursor, status, dead letters */
	uint64_t batch_records, batch_bytes, batch_age_ms;
	uint64_t replay_rate;	/* records/s of a backlog; 0: no limit */
	uint64_t timeout_ms, connect_timeout_ms;
	uint64_t retry_min_ms, retry_max_ms;
	bool gzip;
	char *ca_file, *crl_file, *cert_file, *key_file;
	char *token_file, *headers_file, *proxy;
};

#define CONF_NAMED_MAX 7	/* [collector NAME] sections */
#define CONF_NAME_MAX  32

struct conf {
	struct {
		char *log_level;
		char *metrics_file;	/* empty: none */
	} agent;
	struct {
		/* backend name or "auto" */
		char *exec, *connect, *write, *listen, *load, *tamper;
		uint64_t ring_size;
		uint64_t write_window_ms;
		bool unix_sockets;
		char *pin_dir;		/* empty: nothing is pinned */
		struct conf_words env;
	} sensor;
	struct {
		uint64_t interval_ms;	/* 0: off */
		uint64_t deadline_ms;
	} canary;
	struct {
		bool enabled;
		uint64_t max_size;	/* of a file that is read */
		uint64_t rate;		/* bytes per second; 0: no limit */
		char *db;		/* empty: kept in memory */
		char *dpkg_dir, *rpm_dir;
		char *rpm;		/* empty: not asked */
	} trust;
	struct {
		uint64_t max_processes;
		uint64_t keep_dead_ms;
	} process;
	struct {
		char *dir;
		bool watch;
		char *shadow;		/* empty: none */
		int unlisted_exec, unlisted_connect, unlisted_write;
		int unlisted_listen, unlisted_load, unlisted_tamper;
	} rules;
	struct {
		uint64_t window_ms;	/* 0: every alert passes */
		uint64_t unlisted_ms;	/* not again for a program */
		uint64_t objects, subjects;
		bool log;
	} alerts;
	struct {
		char *key_file;		/* empty: a new key at each start */
	} redact;
	struct {
		char *dir;
		uint64_t max_size, segment_size, buffer_size;
		uint64_t max_age_ms, sync_interval_ms;
	} journal;
	struct conf_collector collector;	/* [collector] */
	struct conf_collector named[CONF_NAMED_MAX];
	size_t n_named;
};

struct conf_error {
	char file[256];
	unsigned line;		/* 0: the file as a whole */
	char what[200];
};

/* All defaults. conf_done frees; a zeroed struct is fine to free. */
int conf_init(struct conf *c);
void conf_done(struct conf *c);

/* Defaults, then the file. -EINVAL or -errno with *err filled in. */
int conf_load(const char *path, struct conf *ret, struct conf_error *err);
int conf_load_text(const char *name, struct slice text, struct conf *ret,
		   struct conf_error *err);

/*
 * Destinations in their order, [collector] first if it has a url; NULL past
 * the last.
 */
const struct conf_collector *conf_destination(const struct conf *c, size_t i);

/*
 * The keys that the two say differently, "[section] key, [section] key"; how
 * many. Those of collectors are the shipper's and left out.
 */
#define CONF_VALUE_MAX (64u << 10)
size_t conf_diff(const struct conf *a, const struct conf *b, struct buf *out);

/* Every section and key as it stands, in the file's own form. */
void conf_print(struct buf *out, const struct conf *c);
