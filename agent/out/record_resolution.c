// SPDX-License-Identifier: Apache-2.0
/* What was found out about files, and the verdict that waited for it. */
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

/* One file: what was found, and of what. */
struct part {
	Picket__V1__Finding finding;
	Picket__V1__File file;
	struct mended package;
};

static void add(struct part *p, const struct file_facts *facts,
		const struct file_id *id, const char *package,
		Picket__V1__Finding **ret_finding, Picket__V1__File **ret_file)
{
	if (!record_fill_finding(&p->finding, facts))
		return;
	p->finding.package = record_string(package, &p->package);
	*ret_finding = &p->finding;
	if (record_fill_file(&p->file, id, true))
		*ret_file = &p->file;
}

void record_pack_resolution(struct buf *out, uint32_t epoch, uint64_t seq,
			    const struct resolution *r, uint64_t boot_ns,
			    int64_t wall_ns)
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
	if (r->img) {
		add(&exe, &r->img->exe_facts, &r->img->exe_file, r->exe_package,
		    &resolution.exe, &resolution.exe_file);
		add(&script, &r->img->script_facts, &r->img->script_file,
		    r->script_package, &resolution.script,
		    &resolution.script_file);
	}
	picket__v1__amendment__init(&m);
	m.epoch = epoch;
	m.seq = seq;
	m.boot_ns = boot_ns;
	m.wall_ns = wall_ns;
	m.resolution = &resolution;
	pack_message(out, &m.base);
}
