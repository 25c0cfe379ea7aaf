# SPDX-License-Identifier: Apache-2.0
#
# What checks of documents have in common: results as TAP. To be sourced.
n=0
result() # name; what is wrong is on stdin
{
	local wrong

	n=$((n + 1))
	wrong=$(cat)
	if [ -n "$wrong" ]; then
		sed 's/^/# /' <<<"$wrong"
		printf 'not '
	fi
	echo "ok $n - $1"
}
