/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests as text and as picket.v1.Manifest; out/otlp.c has them as log
 * records.
 */
#include "out/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "event.pb-c.h"
#include "out/tally.h"

static const char *const reason_names[MANIFEST_REASON_COUNT] = {
	[MANIFEST_SENT] = "sent",
	[MANIFEST_DEAD_LETTER] = "dead letter",
	[MANIFEST_UNREADABLE] = "unreadable",
	[MANIFEST_FILTERED] = "filtered",
	[MANIFEST_EARLY] = "sent early",
};

const char *manifest_reason_name(enum manifest_reason r)
{
	return r < MANIFEST_REASON_COUNT ? reason_names[r] : "unknown";
}

const char *manifest_uid(const struct manifest *m,
			 char buf[static MANIFEST_UID_MAX])
{
	char hex[2 * sizeof(m->journal) + 1];

	(void)hex_print(m->journal, sizeof(m->journal), hex);
	(void)snprintf(buf, MANIFEST_UID_MAX,
		       "%s.%" PRIu32 ".%" PRIu64 "-%" PRIu64 ".%s", hex,
		       m->epoch, m->first_seq, m->last_seq,
		       m->is_early ? "early" : "manifest");
	return buf;
}

void manifest_body(struct buf *out, const struct manifest *m)
{
	if (m->is_early) {
		buf_addf(out,
			 "manifest of %" PRIu64 " alert%s sent early, %" PRIu64
			 "-%" PRIu64,
			 m->count, m->count == 1 ? "" : "s", m->first_seq,
			 m->last_seq);
		return;
	}
	buf_addf(out,
		 "manifest of %" PRIu64 "-%" PRIu64 ": %" PRIu64 " record%s",
		 m->first_seq, m->last_seq, m->count, m->count == 1 ? "" : "s");
	if (m->n_withheld)
		buf_addf(out, ", %zu range%s withheld", m->n_withheld,
			 m->n_withheld == 1 ? "" : "s");
}

const char *manifest_range_text(const struct manifest_range *r,
				char buf[static MANIFEST_RANGE_MAX])
{
	(void)snprintf(buf, MANIFEST_RANGE_MAX, "%" PRIu64 "-%" PRIu64 " %s",
		       r->first, r->last, manifest_reason_name(r->reason));
	return buf;
}

void manifest_pack(struct buf *out, const struct manifest *m)
{
	Picket__V1__Manifest pb = PICKET__V1__MANIFEST__INIT;
	cleanup_free Picket__V1__Withheld *ranges = NULL;
	cleanup_free Picket__V1__Withheld **list = NULL;
	cleanup_free uint8_t *copy = NULL;
	size_t i;
	void *at;

	/* A copy, for protobuf-c has no const bytes. */
	copy = malloc(sizeof(m->journal) + sizeof(m->seal_sha256));
	ranges = calloc(m->n_withheld + 1, sizeof(*ranges));
	list = calloc(m->n_withheld + 1, sizeof(*list));
	if (!copy || !ranges || !list) {
		out->failed = true;
		return;
	}
	memcpy(copy, m->journal, sizeof(m->journal));
	memcpy(copy + sizeof(m->journal), m->seal_sha256,
	       sizeof(m->seal_sha256));
	pb.journal.data = copy;
	pb.journal.len = sizeof(m->journal);
	pb.epoch = m->epoch;
	pb.first_seq = m->first_seq;
	pb.last_seq = m->last_seq;
	pb.count = m->count;
	pb.early = m->is_early;
	if (m->tally) {
		pb.lost_kernel = m->tally->lost_kernel;
		pb.lost_journal = m->tally->lost_journal;
	}
	if (m->tally && m->tally->has_policy) {
		pb.policy_sha256.data = (uint8_t *)(uintptr_t)m->tally->policy;
		pb.policy_sha256.len = sizeof(m->tally->policy);
	}
	pb.sealed_seq = m->sealed_seq;
	pb.seal_sha256.data = copy + sizeof(m->journal);
	pb.seal_sha256.len = sizeof(m->seal_sha256);
	for (i = 0; i < m->n_withheld; i++) {
		picket__v1__withheld__init(&ranges[i]);
		ranges[i].first_seq = m->withheld[i].first;
		ranges[i].last_seq = m->withheld[i].last;
		ranges[i].reason = (char *)(uintptr_t)manifest_reason_name(
			m->withheld[i].reason);
		list[i] = &ranges[i];
	}
	pb.withheld = list;
	pb.n_withheld = m->n_withheld;
	at = buf_extend(out, picket__v1__manifest__get_packed_size(&pb));
	if (at)
		picket__v1__manifest__pack(&pb, at);
}
