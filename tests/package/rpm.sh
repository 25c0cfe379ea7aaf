#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The rpm: built of the archive alone, the same twice, with what `make install`
# installs and what an upgrade and an end need. Not installed anywhere: that
# wants a system of that kind. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=$(cd "${BUILD:-build}" && pwd)

n=0
result() # exit code, name
{
	n=$((n + 1))
	[ "$1" = 0 ] || printf 'not '
	echo "ok $n - $2"
}

build_there() # a directory of its own
{
	# Not the flags of the make that runs this test.
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s BUILD="$1" rpm 2>&1 |
		sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

echo "1..6"
one=$build/package/rpm-one two=$build/package/rpm-another-place
trap 'rm -rf "$one" "$two"' EXIT
build_there "$one"
result $? "package_builds"
build_there "$two"
cmp "$one"/rpm/RPMS/*/*.rpm "$two"/rpm/RPMS/*/*.rpm
result $? "packages_of_one_commit_are_the_same"
cmp "$one"/rpm/RPMS/*/*.cdx.json "$two"/rpm/RPMS/*/*.cdx.json &&
	node tests/package/valid_bom.js build/npm-bom "$one"/rpm/RPMS/*/*.cdx.json
result $? "the_bill_of_materials_is_one_and_the_same"

rpm=$(echo "$one"/rpm/RPMS/*/*.rpm)
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s BUILD="$build" \
	DESTDIR="$one/root" PREFIX=/usr install >/dev/null
# Fedora's rpmbuild compresses manual pages, Debian's does not.
diff <(cd "$one/root" && find . -type f | sed 's,^\.,,' | sort) \
	<(rpm -qlvp "$rpm" | awk '/^-/ { print $NF }' | sed 's,\.gz$,,' |
		grep -v -e /doc/ -e /licenses/ | sort) |
	grep '^[<>]' | sed 's/^/# /' | tee "$one/different"
[ ! -s "$one/different" ]
result $? "what_is_in_it_is_what_is_installed"

diff <(rpm -qp --configfiles "$rpm" | sort) \
	<(cd "$one/root" && find etc -type f | sed 's,^,/,' | sort)
result $? "what_is_in_etc_is_kept_at_an_upgrade"

scripts=$(rpm -qp --scripts "$rpm")
grep -q 'try-restart picket.service' <<<"$scripts" &&
	grep -q '^RestartKillSignal=SIGUSR2' "$one"/root/usr/lib/systemd/system/picket.service && grep -q 'disable --now' <<<"$scripts" &&
	grep -q 'systemd-sysusers' <<<"$scripts"
result $? "an_upgrade_hands_over_and_an_end_ends"
