# SPDX-License-Identifier: Apache-2.0
#
# What the tests of packages begin with: results as TAP, and a build of one's
# own. To be sourced; $build is where things are built.
cd "${SRC:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1
build=$(cd "${BUILD:-build}" && pwd)

. tests/tap.bash

build_there() # kind of package, a directory of its own
{
	# Not the flags of the make that runs this test.
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s BUILD="$2" "$1" 2>&1 |
		sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}
