#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make install` puts what a package needs under DESTDIR, and leaves a
# configuration that is there as it is. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=${BUILD:-build}

dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT

n=0
result() # exit code, name
{
	n=$((n + 1))
	[ "$1" = 0 ] || printf 'not '
	echo "ok $n - $2"
}

install_there()
{
	# Not the flags of the make that runs this test.
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
		make -s BUILD="$build" DESTDIR="$dest" PREFIX=/usr install 2>&1 |
		sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

echo "1..6"
install_there
result $? "make_install_succeeds"

listed()
{
	local f

	printf '%s\n' ./usr/bin/picket ./usr/bin/picket-ship \
		./etc/picket/agent.ini \
		./usr/share/bash-completion/completions/picket \
		./usr/share/zsh/site-functions/_picket \
		./usr/share/fish/vendor_completions.d/picket.fish \
		./usr/lib/systemd/system/picket.service \
		./usr/lib/systemd/system/picket-ship.service \
		./usr/lib/sysusers.d/picket.conf ./usr/lib/tmpfiles.d/picket.conf
	printf './usr/share/man/man5/%s.5\n' picket-journal picket-policy picket.ini
	printf './usr/share/man/man8/%s.8\n' picket picket-ship
	for f in packaging/policy.d/*.ini; do
		echo "./etc/picket/policy.d/${f##*/}"
	done
	for f in packaging/policy.d/*.ini packaging/policy.d-cluster/*.ini; do
		echo "./usr/share/picket/policy.d-cluster/${f##*/}"
	done | grep -v 32-configuration
}
different=$(diff <(cd "$dest" && find . -type f | sort) <(listed | sort))
[ -z "$different" ] || sed 's/^/# /' <<<"$different"
[ -z "$different" ]
result $? "what_is_installed_is_what_is_listed"

[ "$(stat -c %a "$dest/etc/picket/agent.ini" "$dest/usr/bin/picket" | tr '\n' ' ')" = "644 755 " ]
result $? "modes_are_ordinary"

echo "# changed" >>"$dest/etc/picket/agent.ini"
install_there && grep -q '^# changed' "$dest/etc/picket/agent.ini"
result $? "a_configuration_that_is_there_is_kept"

# Exit codes after which a new start is of no use are those of picket(8).
units=$dest/usr/lib/systemd/system
wrong=$(grep -L '^ExecStart=/usr/bin/picket' "$units"/*.service
	grep -h '^RestartPreventExitStatus=' "$units/picket.service" |
		grep -qx 'RestartPreventExitStatus=2 3 4 6' || echo picket.service)
[ -z "$wrong" ] || sed 's/^/# /' <<<"$wrong"
[ -z "$wrong" ]
result $? "units_name_the_programs_and_their_exit_codes"

# Both sets, by the program that reads them.
wrong=
for set in etc/picket/policy.d usr/share/picket/policy.d-cluster; do
	"$build/picket" check --config "$dest/etc/picket/agent.ini" \
		--policy "$dest/$set" --strict >"$dest/said" 2>&1 || wrong=$set
	[ -z "$wrong" ] || sed 's/^/# /' "$dest/said"
done
[ -z "$wrong" ]
result $? "both_policies_pass_the_strict_check"
