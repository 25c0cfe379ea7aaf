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

echo "1..7"
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
	grep -rn '[ =]/etc/picket\|/usr/local/bin/picket' "$at/share/picket" "$at/share/man"
	# What the programs themselves look for, unless they are told.
	cat "$at"/bin/picket{,-ship} | tr '\0' '\n' | grep -a '/etc/picket' |
		grep -av "$etc/picket/"
	grep -h '^Exec[A-Za-z]*=' "${units[@]}" | grep -o '/[^ ]*picket[^ ]*' |
		grep -v '^/sys/' | while read -r name; do
		[ -e "$root$name" ] || echo "a unit names $name"
	done
} | none
result $? "nothing_names_another_place"

for program in "picket check" picket-ship; do
	"$at"/bin/$program 2>&1 | grep -qF "$etc/picket/agent.ini" ||
		echo "$program looks elsewhere: $("$at"/bin/$program 2>&1)"
done | none
result $? "the_programs_look_for_their_configuration_there"

"$at/bin/picket" check --strict --config "$root$etc/picket/agent.ini" \
	--policy "$root$etc/picket/policy.d" >"$root/check" 2>&1
status=$?
[ $status = 0 ] || sed 's/^/# /' "$root/check"
result $status "its_configuration_is_right"

# What an administrator changed is not overwritten, nor is what was taken away
# put back; what an earlier version brought is.
conf=$root$etc/picket shipped=$at/share/picket
echo '# mine' >>"$conf/agent.ini"
echo '# mine' >>"$conf/policy.d/10-exec.ini"
rm "$conf/policy.d/12-shells.ini"
for old in "$conf" "$shipped"; do
	echo '# of before' >"$old/policy.d/15-load.ini"
done
echo '# of before' >"$shipped/policy.d/10-exec.ini"
install_there >/dev/null 2>"$root/said"
{
	[ "$(tail -n 1 "$conf/agent.ini")" = '# mine' ] || echo "agent.ini was overwritten"
	[ ! -e "$conf/agent.ini.new" ] || echo "a new agent.ini that is none"
	[ "$(tail -n 1 "$conf/policy.d/10-exec.ini")" = '# mine' ] ||
		echo "10-exec.ini was overwritten"
	cmp "$conf/policy.d/10-exec.ini.new" "$shipped/policy.d/10-exec.ini" 2>&1
	[ ! -e "$conf/policy.d/12-shells.ini" ] || echo "12-shells.ini is back"
	cmp "$conf/policy.d/15-load.ini" "$shipped/policy.d/15-load.ini" 2>&1
	grep -q 'of before' "$conf/policy.d/15-load.ini" && echo "15-load.ini is old"
	for name in 10-exec 12-shells; do
		grep -q "$name.ini' was" "$root/said" || echo "nothing is said of $name.ini"
	done
	"$at/bin/picket" check --config "$conf/agent.ini" --policy "$conf/policy.d" 2>&1 >/dev/null
} | found "an_edited_configuration_is_kept"

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
