#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The Debian package: built of the archive alone, nothing for lintian to find,
# the same twice, and what is in it is what `make install` installs. Speaks TAP.
set -u
. "$(dirname "$0")/common.bash"

echo "1..6"
one=$build/package/deb-one two=$build/package/deb-another-place
trap 'rm -rf "$one" "$two"' EXIT
build_there deb "$one"
result $? "package_builds_and_lintian_finds_nothing"
build_there deb "$two"
cmp "$one"/dist/*.tar.gz "$two"/dist/*.tar.gz
result $? "archives_of_one_commit_are_the_same"
cmp "$one"/deb/picket_*.deb "$two"/deb/picket_*.deb
result $? "packages_of_one_commit_are_the_same"
cmp "$one"/deb/picket_*.cdx.json "$two"/deb/picket_*.cdx.json &&
	node tests/package/valid_bom.js build/npm-bom "$one"/deb/picket_*.cdx.json
result $? "the_bill_of_materials_is_one_and_the_same"

deb=$(echo "$one"/deb/picket_*.deb)
root=$one/root
dpkg-deb -x "$deb" "$root"
lacking=$(for f in usr/bin/picket usr/bin/picket-ship etc/picket/agent.ini \
	etc/picket/policy.d/10-exec.ini lib/systemd/system/picket.service \
	lib/systemd/system/picket-ship.service usr/lib/sysusers.d/picket.conf \
	usr/lib/tmpfiles.d/picket.conf usr/share/man/man8/picket.8.gz \
	usr/share/man/man5/picket.ini.5.gz; do
	[ -e "$root/$f" ] || echo "# $f"
done)
[ -z "$lacking" ] || echo "$lacking"
[ -z "$lacking" ] && "$root/usr/bin/picket" check --strict \
	--config "$root/etc/picket/agent.ini" \
	--policy "$root/etc/picket/policy.d" >"$one/check.log"
status=$?
sed 's/^/# /' "$one/check.log"
result $status "all_of_it_is_there_and_its_policy_is_right"

# What an administrator may change is not overwritten.
diff <(dpkg-deb -I "$deb" conffiles | sort) \
	<(cd "$root" && find etc -type f | sed 's,^,/,' | sort)
result $? "what_is_in_etc_is_kept_at_an_upgrade"
