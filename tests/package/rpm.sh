#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The rpm: built of the archive alone, the same twice, with what `make install`
# installs and what an upgrade and an end need. Not installed anywhere: that
# wants a system of that kind. Speaks TAP.
set -u
. "$(dirname "$0")/common.bash"

echo "1..8"
one=$build/package/rpm-one two=$build/package/rpm-another-place
trap 'rm -rf "$one" "$two"' EXIT
build_there rpm "$one"
result $? "package_builds"
build_there rpm "$two"
cmp "$one"/rpm/RPMS/*/*.rpm "$two"/rpm/RPMS/*/*.rpm
result $? "packages_of_one_commit_are_the_same"
cmp "$one"/rpm/RPMS/*/*.cdx.json "$two"/rpm/RPMS/*/*.cdx.json &&
	node tests/package/valid_bom.js build/npm-bom "$one"/rpm/RPMS/*/*.cdx.json
result $? "the_bill_of_materials_is_one_and_the_same"

rpm=$(echo "$one"/rpm/RPMS/*/*.rpm)
rpmlint -r packaging/rpm/picket.rpmlintrc "$rpm" packaging/rpm/picket.spec 2>&1 |
	grep ': [EW]: ' | found "rpmlint_finds_nothing_that_is_not_explained"
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

# Into a root with a database of its own, where systemctl and the like only say
# what they were asked: installed, installed over itself, erased.
tree=$one/there
mkdir -p "$tree/bin" "$tree/usr/bin" "$tree/tmp" "$tree/dev"
: >"$tree/dev/null"
cp "$(command -v busybox)" "$tree/bin/busybox"
# What that needs, and what the package's programs do.
{ ldd "$tree/bin/busybox"; ldd "$build/picket"; } 2>/dev/null |
	grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} "$tree"
for name in sh rm echo cat ls test '['; do ln -s busybox "$tree/bin/$name"; done
for name in systemctl systemd-sysusers systemd-tmpfiles; do
	printf '#!/bin/sh\necho %s "$@" >>/asked\n' $name >"$tree/usr/bin/$name"
	chmod +x "$tree/usr/bin/$name"
done
root=()
[ "$(id -u)" = 0 ] || root=(unshare --user --map-root-user)
asked() # what rpm is told, what must have been asked
{
	: >"$tree/asked"
	# What the package needs is not in there.
	"${root[@]}" rpm --root "$tree" --dbpath /var/lib/rpm --nodeps "${@:3}" "$1" ||
		return
	sed "s/^/# rpm $3: /" "$tree/asked"
	grep -q "$2" "$tree/asked"
}
asked "$rpm" 'preset picket.service' -i &&
	asked "$rpm" 'try-restart picket.service' -U --replacepkgs --replacefiles &&
	asked picket 'disable --now picket.service' -e &&
	[ ! -e "$tree/usr/bin/picket" ] && [ ! -e "$tree/etc/picket/agent.ini" ]
result $? "it_is_installed_upgraded_and_erased"
