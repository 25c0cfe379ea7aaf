# SPDX-License-Identifier: Apache-2.0
#
# What tests in shell have in common: results as TAP. To be sourced.
shopt -s lastpipe # found counts in the test's shell, not in one of its own
n=0

found() # name; what is wrong is on stdin, nothing if all is well
{
	local wrong

	wrong=$(cat)
	[ -z "$wrong" ] || sed 's/^/# /' <<<"$wrong"
	[ -z "$wrong" ]
	result $? "$1"
}

result() # exit status, name
{
	n=$((n + 1))
	[ "$1" = 0 ] || printf 'not '
	echo "ok $n - $2"
}
