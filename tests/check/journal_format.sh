#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The journal's format is written down three times: in the header, in the
# manual, and as a reader in Python that shares no code with ours. They must
# say the same. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
header=include/journal_format.h
manual=packaging/man/picket-journal.5

. tests/tap.bash

# "SECTION OFFSET SIZE" for each row of a table.
rows_of_header()
{
	awk '/^ \* [A-Z][A-Z ]+$/ { section = $2 }
		/^ \* FRAME \(/ { section = "FRAME" }
		section ~ /^(SEGMENT|FRAME|SEAL)$/ && /^ \*\t[0-9]+\t[0-9]+\t/ &&
			$3 != 512 {
			print section, $2, $3 }' "$header"
}

rows_of_manual()
{
	awk '/^\.Sh / { section = $2; sub(/^SEALS$/, "SEAL", section) }
		section ~ /^(SEGMENT|FRAME|SEAL)$/ && /^\.It [0-9]+ Ta [0-9]+ Ta / {
			print section, $2, $4 }' "$manual"
}

numbered_types_of_header()
{
	sed -n 's/^\tJOURNAL_\([A-Z]*\) = \([1-5]\),.*/\2 \L\1/p' "$header" |
		grep -v _ | head -5
}

# The lines of `state`, as an example has them.
state_of()
{
	sed -n "/^$2picket-journal 1\$/,/^$2crc /s/^$2//p" "$1"
}

echo "1..6"

{
	[ "$(rows_of_header | wc -l)" -gt 25 ] || echo "no tables in $header"
	diff <(rows_of_header) <(rows_of_manual)
} | found "the_manual_has_the_offsets_and_sizes_of_the_header"

diff <(numbered_types_of_header) \
	<(sed -n 's/^\.It \([1-5]\), \([a-z]*\)$/\1 \2/p' "$manual") |
	found "the_manual_has_the_types_of_the_header"

for number in "$(sed -n 's/^#define JOURNAL_PAYLOAD_MAX (\([0-9]*\)u << 10)/\1/p' \
	"$header")"; do
	grep -q "at most $((number << 10))\$" "$manual" ||
		echo "the manual does not say $((number << 10))"
done | found "the_manual_has_the_bound_of_a_payload"

{
	[ "$(state_of "$header" ' \*\t' | wc -l)" -eq 8 ] ||
		echo "no state in $header"
	diff <(state_of "$header" ' \*\t') <(state_of "$manual" '')
} | found "the_manual_has_the_state_of_the_header"

diff <(python3 tests/journal_check.py --example) \
	<(sed -n 's/^ \*\t\( *[0-9]* \( [0-9a-f][0-9a-f]\)*\)$/\1/p' "$header") |
	found "the_example_is_what_another_writer_makes"

if command -v man >/dev/null; then
	LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$manual" 2>&1 >/dev/null
fi | found "the_manual_renders_without_warnings"
