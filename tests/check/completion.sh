#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the shells offer is what picket has: each in its own shell. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=$(cd "${BUILD:-build}" && pwd)
completion=$PWD/packaging/completion
export PATH=$build:$PATH

n=0
expect() # name, words that must be there in any order; what came is on stdin
{
	local name=$1 got want

	n=$((n + 1))
	shift
	got=$(sort -u | tr '\n' ' ')
	want=$(printf '%s\n' "$@" | sort -u | tr '\n' ' ')
	if [ "$got" != "$want" ]; then
		printf 'not '
		printf '# got:  %s\n# want: %s\n' "$got" "$want" >&2
	fi
	echo "ok $n - $name"
}

in_bash() # the words of a line; the last is completed
{
	bash --norc -c '
		. "$1/picket.bash"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_picket
		printf "%s\n" "${COMPREPLY[@]}"' bash "$completion" "$@"
}

in_zsh()
{
	zsh -f -c '
		compadd() { print -l -- ${@:#--} }
		_files() { print -- files }
		dir=$1
		shift
		words=("$@") CURRENT=$#
		source $dir/_picket' zsh "$completion" "$@" |
		grep -e "^${*: -1}"
}

in_fish()
{
	fish --no-config -c "source $completion/picket.fish; complete -C '$*'"
}

echo "1..21"
for shell in bash zsh fish; do
	expect "${shell}_offers_commands" verify < <("in_$shell" picket ver)
	expect "${shell}_offers_options" --journal --json \
		< <("in_$shell" picket tail --j)
	expect "${shell}_offers_choices_and_not_what_stands_for_some" oldest now \
		< <("in_$shell" picket tail --from "")
	expect "${shell}_offers_the_words_of_a_list" allowed alert \
		< <("in_$shell" picket query --verdict al)
	expect "${shell}_offers_the_values_of_a_letter" listen load \
		< <("in_$shell" picket query -k l)
	expect "${shell}_offers_options_of_picket_ship" --health --help \
		< <("in_$shell" picket-ship --he)
	expect "${shell}_offers_its_further_options" --once \
		< <("in_$shell" picket-ship --health --on)
done
