#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/run itself: nothing passes but what says so, and a second chance hides
# nothing. Small programs of each kind are run by it. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

program() # name; its text on stdin; it runs in a directory of its own
{
	{
		echo "mkdir -p $dir/$1.state && cd $dir/$1.state || exit 1"
		cat
	} >"$dir/$1.sh"
}

program steady <<<'echo 1..2; echo "ok 1 - one"; echo "ok 2 - two"'
program broken <<<'echo 1..2; echo "ok 1 - one"; echo "not ok 2 - two"'
program late <<'END'
echo 1..2
echo "ok 1 - one"
[ -e was ] || { touch was; echo "came too late" >&2; printf 'not '; }
echo "ok 2 - two"
END
program turns <<'END'
echo 1..2
[ -e was ] && printf 'not '
echo "ok 1 - one"
[ -e was ] || { touch was; printf 'not '; }
echo "ok 2 - two"
END
program dies <<'END'
echo 1..2
echo "ok 1 - one"
[ -e was ] || { touch was; kill -SEGV $$; }
echo "ok 2 - two"
END
program dies_always <<<'echo 1..1; echo "ok 1 - one"; kill -SEGV $$'
program dies_and_fails <<'END'
echo 1..2
echo "ok 1 - one"
[ -e was ] || { touch was; exit 0; }
echo "not ok 2 - two"
END
program silent <<<':'
program short <<<'echo 1..3; echo "ok 1 - one"'
program skips <<<'echo 1..1; echo "ok 1 - one # SKIP no luck"'
program slow <<<'echo 1..1; sleep 60; echo "ok 1 - one"'

n=0
expect() # name, exit code, last line, words of tests/run
{
	local name=$1 code=$2 last=$3 got

	n=$((n + 1))
	shift 3
	tests/run --log "$dir/log" "$@" >"$dir/out" 2>&1 </dev/null
	got=$?
	rm -rf "$dir"/*.state
	if [ "$got" != "$code" ] || [ "$(tail -n 1 "$dir/out")" != "$last" ]; then
		printf 'not '
		echo "# exit code $got" >&2
		sed 's/^/# /' "$dir/out" >&2
	fi
	echo "ok $n - $name"
}

says() # name, what must stand in the output, in that order; of the last run
{
	local name=$1 rest

	n=$((n + 1))
	shift
	rest=$(cat "$dir/out")
	for part; do
		case $rest in
		*"$part"*) rest=${rest#*"$part"} ;;
		*)
			printf 'not '
			printf '# not there, or not in that order: %s\n' "$part" >&2
			sed 's/^/# /' "$dir/out" >&2
			break
			;;
		esac
	done
	echo "ok $n - $name"
}

echo "1..21"
s=(--stage s)
expect what_passes_has_passed 0 "2 passed, 0 failed, 0 skipped" \
	"${s[@]}" "$dir/steady.sh"
expect what_fails_has_failed 1 "3 passed, 1 failed, 0 skipped" \
	"${s[@]}" "$dir/steady.sh" "$dir/broken.sh"
says it_is_named "FAILED s/broken:two"
expect death_is_a_failure 1 "1 passed, 1 failed, 0 skipped" \
	"${s[@]}" "$dir/dies.sh"
says of_what_it_died "FAILED s/dies: died of SIGSEGV"
expect no_plan_is_a_failure 1 "0 passed, 1 failed, 0 skipped" \
	"${s[@]}" "$dir/silent.sh"
expect tests_that_did_not_run_are_a_failure 1 "1 passed, 1 failed, 0 skipped" \
	"${s[@]}" "$dir/short.sh"
expect a_skip_that_nobody_allowed_is_a_failure 1 \
	"0 passed, 1 failed, 0 skipped" "${s[@]}" "$dir/skips.sh"
expect one_that_does_not_end_is_ended 1 "0 passed, 1 failed, 0 skipped" \
	--timeout 1 "${s[@]}" "$dir/slow.sh"
expect a_stage_of_nothing_is_a_failure 1 "0 passed, 1 failed, 0 skipped" \
	"${s[@]}"
expect a_test_that_is_late_fails_where_it_runs_once 1 \
	"1 passed, 1 failed, 0 skipped" "${s[@]}" "$dir/late.sh"

a=(--again --stage s)
expect it_passes_where_it_may_run_again 0 "4 passed, 0 failed, 0 skipped" \
	"${a[@]}" "$dir/late.sh" "$dir/steady.sh"
says and_is_told_with_what_it_said "ok     s/steady" "again  s/late" \
	"unsteady:" "FAILED s/late:two" "came too late" \
	"s:       4 passed, 0 failed, 0 skipped" "1 unsteady" "4 passed, 0 failed"
expect what_always_fails_has_failed_all_the_same 1 \
	"1 passed, 1 failed, 0 skipped" "${a[@]}" "$dir/broken.sh"
expect each_of_two_in_turn_is_unsteady 0 "2 passed, 0 failed, 0 skipped" \
	"${a[@]}" "$dir/turns.sh"
says and_both_are_told "unsteady:" "FAILED s/turns:two" "FAILED s/turns:one" \
	"2 unsteady"
expect one_death_is_unsteady 0 "2 passed, 0 failed, 0 skipped" \
	"${a[@]}" "$dir/dies.sh"
says and_told_as_a_death "unsteady:" "FAILED s/dies: died of SIGSEGV" \
	"1 unsteady"
expect two_deaths_are_a_failure 1 "1 passed, 1 failed, 0 skipped" \
	"${a[@]}" "$dir/dies_always.sh"
expect what_the_first_run_did_not_come_to_must_pass 1 \
	"1 passed, 1 failed, 0 skipped" "${a[@]}" "$dir/dies_and_fails.sh"
expect two_skips_are_a_failure 1 "0 passed, 1 failed, 0 skipped" \
	"${a[@]}" "$dir/skips.sh"
