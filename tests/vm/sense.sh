# SPDX-License-Identifier: Apache-2.0
# In the guest: every kernel-side test program, its TAP on the console. The one
# of the ring floods for tens of seconds on a real CPU: too long emulated.
for test in /t/test_sense_*; do
	name=${test#/t/test_sense_}
	[ "$name" = ring ] && continue
	echo "== $name"
	CMOCKA_MESSAGE_OUTPUT=TAP "$test" 2>&1
done
