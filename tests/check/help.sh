#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Help is read on a terminal of 80 columns and 24 lines, at night: -h of each
# command fits it with a line left for the prompt, --help is no wider, both name
# every option, and an option that is nearly right is told. Speaks TAP.
set -u
# What is at the end of a pipe counts the tests.
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=${BUILD:-build}
export LC_ALL=C.UTF-8

. tests/tap.bash

commands() { "$build/picket" -h | awk '/^  [a-z]/ { print $1 }'; }

each() # function, words for it: for picket, each command of it, picket-ship
{
	local command

	"$@" "$build/picket"
	"$@" "$build/picket-ship"
	for command in $(commands); do
		"$@" "$build/picket" "$command"
	done
}

too_large() # option, lines, command
{
	local option=$1 lines=$2 text

	shift 2
	text=$("$@" "$option") || echo "$* $option: status $?"
	[ "$(wc -l <<<"$text")" -le "$lines" ] ||
		echo "$* $option: $(wc -l <<<"$text") lines"
	[ -n "$text" ] || echo "$* $option: nothing"
	while IFS= read -r line; do
		[ ${#line} -le 80 ] || echo "$* $option: ${#line} columns: $line"
	done <<<"$text"
}

unnamed() # command: options that are listed and not told by -h
{
	local option text

	[ $# = 2 ] || return 0
	text=$("$@" -h)
	for option in $("$@" --list-options | awk '{ sub(/=.*/, "", $3); print $3 }'); do
		grep -qe "$option" <<<"$text" || echo "$* -h: no $option"
	done
}

not_led_back() # command: --jurnal is no option, --journal is
{
	local text

	"$@" -h | grep -qe --journal || return 0
	text=$("$@" --jurnal 2>&1)
	[ $? = 2 ] || echo "$* --jurnal: status is not 2"
	[[ $text == *"unknown option '--jurnal', did you mean '--journal'?"* ]] ||
		echo "$* --jurnal: $text"
}

echo "1..5"
[ "$(commands | wc -l)" -ge 13 ] || echo "commands: $(commands | xargs)" |
	found all_commands_are_asked
[ $n = 1 ] || : | found all_commands_are_asked
each too_large -h 23 | found short_help_fits_a_screen
each too_large --help 60 | found full_help_is_no_wider_than_a_screen
each unnamed | found short_help_names_each_option
each not_led_back | found an_option_that_is_nearly_right_is_told
