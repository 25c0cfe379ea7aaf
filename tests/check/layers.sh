#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom. The table is the architecture; a new edge is a decision
# that is made here. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1

# folder: what its files may include with quotes. "dir/" is a folder of
# agent/, a name is that header (of include/, agent/ or generated).
declare -A may=(
	[base]="base/"
	[conf]="base/ conf/ limits.h"
	[store]="base/ store/ journal_format.h limits.h"
	[sense]="base/ sense/ event.h wire.h limits.h picket.skel.h wire_hash.h"
	[proc]="base/ proc/ event.h wire.h limits.h image_hash.h"
	[rules]="base/ rules/ event.h limits.h"
	[trust]="base/ trust/ event.h limits.h"
	# journal.h: dead letters are a journal of the shipper's own.
	[out]="base/ out/ event.h wire.h store/reader.h store/cursor.h store/journal.h journal_format.h limits.h event.pb-c.h otlp_logs.pb-c.h"
	# The daemon, and what commands share with it; cmd/ is for people alone.
	[app]="base/ conf/ store/ sense/ proc/ rules/ trust/ out/ app/ event.h wire.h limits.h journal_format.h event.pb-c.h"
	[cmd]="*"
)

# Libraries and who may use them: a glob over system headers, then files.
libraries=(
	"bpf/*|agent/sense/*"
	"curl/*|agent/out/*"
	"protobuf-c/*|agent/out/*"
	"ini.h|agent/base/ini.c"
	"libelf.h|agent/sense/*"
)

# Files that must do without what their folder may use, so that they can be
# fuzzed and tested alone.
declare -A without=(
	["agent/sense/decode.c"]="bpf/* picket.skel.h linux/bpf.h"
	["agent/sense/decode_name.c"]="bpf/* picket.skel.h linux/bpf.h"
	["agent/sense/decode_part.h"]="bpf/* picket.skel.h linux/bpf.h"
["agent/sense/decode.h"]="bpf/* picket.skel.h linux/bpf.h"
)

includes() # file -> the names it includes, in the given form
{
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*'"$2"'.*/\1/p' "$1"
}
quoted='"\([^"]*\)"'
system='<\([^>]*\)>'

matches() # name, globs...
{
	local name=$1 glob
	shift
	for glob in "$@"; do
		# shellcheck disable=SC2053
		[[ $name == $glob ]] && return 0
	done
	return 1
}

bad=0
complain()
{
	echo "# $1"
	bad=1
}

result() # number, name
{
	[ $bad = 0 ] && echo "ok $1 - $2" || echo "not ok $1 - $2"
	bad=0
}

echo "1..4"

set -f
for file in $(find agent -mindepth 2 -name '*.[ch]' | sort); do
	dir=$(basename "$(dirname "$file")")
	if [ -z "${may[$dir]:-}" ]; then
		complain "$file: folder $dir is not in the table"
		continue
	fi
	for name in $(includes "$file" "$quoted"); do
		# A name without a folder, not in the table, would be a sibling.
		globs=${may[$dir]//\/ //* }
		globs=${globs/%\//\/*}
		# shellcheck disable=SC2086
		matches "$name" $globs || complain "$file includes $name"
	done
done
result 1 "stages_include_only_what_the_design_allows"

for file in $(find agent include -name '*.[ch]' | sort); do
	for name in $(includes "$file" "$system"); do
		for row in "${libraries[@]}"; do
			matches "$name" "${row%|*}" || continue
			matches "$file" "${row#*|}" ||
				complain "$file includes <$name>"
		done
	done
done
result 2 "each_library_has_its_place"

for file in "${!without[@]}"; do
	if [ ! -e "$file" ]; then
		complain "$file is in the table and not there"
		continue
	fi
	for name in $(includes "$file" "$quoted") $(includes "$file" "$system"); do
		# shellcheck disable=SC2086
		! matches "$name" ${without[$file]} ||
			complain "$file includes $name"
	done
done
result 3 "decode_stands_without_libbpf"

# The sensor holds capabilities: it must not be able to speak to the network.
picket=${BUILD:-build}/picket
if ! needed=$(readelf -d "$picket" | grep NEEDED); then
	complain "$picket cannot be read"
elif grep -E 'libcurl|libssl|libnss|libnghttp' <<<"$needed" >/dev/null; then
	complain "$picket needs: $(tr -s '\n ' ' ' <<<"$needed")"
fi
result 4 "picket_links_no_network_library"
