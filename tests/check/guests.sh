#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the stage vm does with a guest that is lost (tests/vm/machine.py).
# Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/check/guests.py
