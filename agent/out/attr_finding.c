// SPDX-License-Identifier: Apache-2.0
/* What was found out about the files of a process, as attributes. */
#include <stdio.h>

#include "base/hex.h"
#include "out/arena.h"
#include "out/attr_row.h"
#include "out/names.h"

struct keys {
	const char *trust, *hash, *sha256, *package;
};

static void add(struct attrs *a, const struct keys *k,
		const Picket__V1__Finding *f)
{
	char *hex;

	if (!f)
		return;
	attr_string(a, k->trust, slice_str(name_trust(f->trust)));
	attr_string(a, k->hash, slice_str(name_hash(f->hash)));
	if (*f->package)
		attr_string(a, k->package, slice_str(f->package));
	hex = f->sha256.len == 32 ? arena_take(a->arena, 65) : NULL;
	if (!hex)
		return;
	attr_string(a, k->sha256,
		    slice_str(hex_print(f->sha256.data, 32, hex)));
}

void attr_findings(struct attrs *a, const Picket__V1__Finding *exe,
		   const Picket__V1__Finding *script)
{
	static const struct keys exe_keys = { "picket.exe.trust",
					      "picket.exe.hash",
					      "process.executable.hash.sha256",
					      "picket.exe.package" };
	static const struct keys script_keys = { "picket.script.trust",
						 "picket.script.hash",
						 "picket.script.sha256",
						 "picket.script.package" };

	add(a, &exe_keys, exe);
	add(a, &script_keys, script);
}
