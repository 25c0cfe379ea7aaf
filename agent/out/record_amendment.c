// SPDX-License-Identifier: Apache-2.0
/*
 * Amendments -> packed protobuf: what became known of an event after it was
 * written. Each names its event by epoch and number.
 */
#include "out/pack.h"
#include "out/record.h"
#include "out/record_part.h"

bool record_fill_finding(Picket__V1__Finding *m, const struct file_facts *f)
{
	if (!f->known)
		return false;
	picket__v1__finding__init(m);
	m->trust = (Picket__V1__Trust)f->trust;
	m->hash = (Picket__V1__Hash)f->hash;
	m->writable = f->writable;
	if (f->hash == HASH_DONE)
		m->sha256 = record_bytes(
			slice_of((const char *)f->sha256, sizeof(f->sha256)));
	return true;
}

static void fill_amendment(Picket__V1__Amendment *m,
			   const struct record_amends *of)
{
	picket__v1__amendment__init(m);
	m->epoch = of->epoch;
	m->seq = of->seq;
	m->boot_ns = of->boot_ns;
	m->wall_ns = of->wall_ns;
}

void record_pack_connect_result(struct buf *out, const struct record_amends *of,
				const struct connect_result_info *r)
{
	Picket__V1__Amendment m;
	Picket__V1__ConnectResult result;
	Picket__V1__Address local, peer;

	picket__v1__connect_result__init(&result);
	record_fill_address(&local, &r->local, r->local_port);
	record_fill_address(&peer, &r->peer, r->peer_port);
	result.local = &local;
	result.peer = &peer;
	result.error = r->error;
	fill_amendment(&m, of);
	m.connect = &result;
	pack_message(out, &m.base);
}

void record_pack_write_totals(struct buf *out, const struct record_amends *of,
			      const struct write_totals *t)
{
	Picket__V1__Operation ops[OP_COUNT];
	Picket__V1__WriteTotals totals;
	Picket__V1__Amendment m;

	picket__v1__write_totals__init(&totals);
	totals.count = t->count;
	totals.bytes = t->bytes;
	totals.until_ns = t->until_ns;
	totals.operations = ops;
	for (int op = OP_NONE + 1; op < OP_COUNT; op++)
		if (t->ops & 1u << op)
			ops[totals.n_operations++] = (Picket__V1__Operation)op;
	fill_amendment(&m, of);
	m.write = &totals;
	pack_message(out, &m.base);
}

void record_pack_alert_repeats(struct buf *out, const struct record_amends *of,
			       const struct alert_repeats *t)
{
	Picket__V1__AlertRepeats repeats;
	Picket__V1__Amendment m;
	struct mended rule, tag;

	picket__v1__alert_repeats__init(&repeats);
	repeats.count = t->count;
	repeats.alerted = t->alerted;
	repeats.last_epoch = t->last_epoch;
	repeats.last_seq = t->last_seq;
	repeats.since_ns = t->since_ns;
	repeats.since_wall_ns = t->since_wall_ns;
	repeats.until_wall_ns = t->until_wall_ns;
	repeats.kind = record_kind(t->kind);
	repeats.severity = (Picket__V1__Severity)t->severity;
	repeats.rule = record_string(t->rule, &rule);
	repeats.tag = record_string(t->tag, &tag);
	fill_amendment(&m, of);
	m.repeats = &repeats;
	pack_message(out, &m.base);
}

/* One file: what was found out about it, and which file that was. */
struct part {
	Picket__V1__Finding finding;
	Picket__V1__File file, *has_file;
	struct mended package;
};

/* false: nothing was found out. */
static bool fill_part(struct part *p, const struct file_facts *facts,
		      const struct file_id *id, const char *package)
{
	if (!record_fill_finding(&p->finding, facts))
		return false;
	p->finding.package = record_string(package, &p->package);
	p->has_file = record_fill_file(&p->file, id, true) ? &p->file : NULL;
	return true;
}

static void fill_findings(Picket__V1__Resolution *m, const struct resolution *r,
			  struct part *exe, struct part *script)
{
	const struct image *img = r->img;

	if (!img)
		return;
	if (fill_part(exe, &img->exe_facts, &img->exe_file, r->exe_package)) {
		m->exe = &exe->finding;
		m->exe_file = exe->has_file;
	}
	if (fill_part(script, &img->script_facts, &img->script_file,
		      r->script_package)) {
		m->script = &script->finding;
		m->script_file = script->has_file;
	}
}

void record_pack_resolution(struct buf *out, const struct record_amends *of,
			    const struct resolution *r)
{
	Picket__V1__Resolution resolution;
	Picket__V1__Amendment m;
	Picket__V1__Verdict verdict;
	struct mended rule, tag;
	struct part exe, script;

	picket__v1__resolution__init(&resolution);
	record_fill_verdict(&verdict, r->verdict, &rule, &tag);
	resolution.verdict = &verdict;
	resolution.timed_out = r->timed_out;
	fill_findings(&resolution, r, &exe, &script);
	fill_amendment(&m, of);
	m.resolution = &resolution;
	pack_message(out, &m.base);
}
