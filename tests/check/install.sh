#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make install` below a prefix of its own: all of it is there, nothing in it
# names another place, systemd takes the units, and what it says of their
# sandboxes is printed and bounded. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=$(cd "${BUILD:-build}" && pwd)

. tests/tap.bash

# Each line a complaint: none must come.
none()
{
	sed 's/^/# /' | tee "$root/complaints"
	[ ! -s "$root/complaints" ]
}

echo "1..6"
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
prefix=/opt/picket etc=/srv/etc
install_there()
{
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s BUILD="$build" \
		DESTDIR="$root" PREFIX=$prefix SYSCONFDIR=$etc install
}
install_there >"$root/said" 2>&1
status=$?
[ $status = 0 ] || sed 's/^/# /' "$root/said"
rm "$root/said"
result $status "it_installs"

at=$root$prefix
units=("$at"/lib/systemd/system/picket{,-ship}.service)
for f in "${units[@]}" "$at"/bin/picket{,-ship} "$root$etc/picket/agent.ini" \
	"$at"/lib/{sysusers,tmpfiles}.d/picket.conf \
	"$at"/share/man/man8/picket{,-ship}.8 \
	"$at"/share/man/man5/picket{.ini,-policy,-journal}.5 \
	"$at"/share/bash-completion/completions/picket{,-ship} \
	"$at/share/zsh/site-functions/_picket" \
	"$at"/share/fish/vendor_completions.d/picket{,-ship}.fish; do
	[ -s "$f" ] || echo "lacks $f"
done | none
result $? "all_of_it_is_there"

# What a unit runs and reads, and the programs that the policy excepts.
{
	grep -n '@[A-Z]*@\|[ =]/etc/picket' "${units[@]}"
	grep -rn '[ =]/etc/picket\|/usr/local/bin/picket' "$root$etc"
	find "$root" -type f ! -path "$at/*" ! -path "$root$etc/*" ! -name complaints
	grep -h '^Exec[A-Za-z]*=' "${units[@]}" | grep -o '/[^ ]*picket[^ ]*' |
		grep -v '^/sys/' | while read -r name; do
		[ -e "$root$name" ] || echo "a unit names $name"
	done
} | none
result $? "nothing_names_another_place"

"$at/bin/picket" check --strict --config "$root$etc/picket/agent.ini" \
	--policy "$root$etc/picket/policy.d" >"$root/check" 2>&1
status=$?
[ $status = 0 ] || sed 's/^/# /' "$root/check"
result $status "its_configuration_is_right"

# What an administrator changed is not overwritten.
echo '# mine' >>"$root$etc/picket/agent.ini"
install_there >/dev/null 2>&1 && grep -q '^# mine' "$root$etc/picket/agent.ini"
result $? "an_edited_configuration_is_kept"

bounded() # unit, at most
{
	local level
	level=$(systemd-analyze security --offline=true --no-pager "$1" |
		sed -n 's/.*Overall exposure level for [^ ]*: \([0-9.]*\).*/\1/p')
	echo "# $(basename "$1"): exposure $level, at most $2"
	awk -v is="$level" -v most="$2" 'BEGIN { exit !(is != "" && is <= most) }'
}
bounded "${units[0]}" 2.5
one=$?
bounded "${units[1]}" 1.5 && [ $one = 0 ]
result $? "the_sandboxes_are_tight"
